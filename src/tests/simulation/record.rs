//! The connection of a simulated process to the database: a transaction may be late, may not happen, or may happen without an answer.

use std::collections::BTreeMap;

use async_trait::async_trait;
use coldbrew::accounts::Account;
use coldbrew::accounts::Allowance;
use coldbrew::accounts::spending::{Answers, Budget, DaySpending, PaidRequest, Spent};
use coldbrew::documents::JobViews;
use coldbrew::error::{Error, Result};
use coldbrew::extract::PageResult;
use coldbrew::jobs::machine::Lane;
use coldbrew::jobs::{Acceptance, Completion, Jobs, OrphanedResources, PollingJobs, Roster};
use coldbrew::jobs::{Admission, Spending, Unanswered};
use coldbrew::jobs::{Job, OrphanedResource, PageAttempt, PageAttempts, PaidAnswer};
use coldbrew::model::wire::JobView;
use coldbrew::model::{PageSet, UnixMs};
use coldbrew::operations::DatabaseTime;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt, TryStreamExt};

use super::odds::Odds;
use super::timeline::{Delivery, Fate, Timeline};
use crate::support::memory::Memory;

/// How long a process waits for the database.
const TIMEOUT_MS: i64 = 12_000;

/// The connection of one process to the database.
pub struct Connection {
    pub memory: Memory,
    pub timeline: Timeline,
    pub odds: Odds,
    pub name: String,
}

impl Connection {
    /// One transaction. The store in memory takes no time; the way there and back does.
    async fn transact<T: Send + 'static>(
        &self,
        what: &'static str,
        act: impl Fn(&Memory) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let lost = self.timeline.happens(self.odds.loss() / 2.0);
        let fate = match lost.then(|| self.timeline.happens(0.5)) {
            None => Fate::Arrives,
            Some(true) => Fate::RequestLost,
            Some(false) => Fate::AnswerLost,
        };
        let long_ms = if self.timeline.happens(self.odds.loss()) { 10_000 } else { 30 };
        let delivery = Delivery {
            request_ms: self.timeline.pick(1..long_ms),
            answer_ms: self.timeline.pick(1..long_ms),
            fate,
            timeout_ms: TIMEOUT_MS,
        };
        let (memory, timeline) = (self.memory.clone(), self.timeline.clone());
        let effect = move || {
            memory.records().time = Some(UnixMs(timeline.now_ms()));
            act(&memory)
        };
        let answer = self.timeline.call(delivery, effect).await;
        if !matches!((what, fate), ("claim" | "renew" | "waiting" | "attend" | "roster", Fate::Arrives)) {
            self.timeline.log(|| format!("{}: {what} {fate:?}", self.name));
        }
        answer.unwrap_or_else(|| Err(Error::unavailable("no answer from the database")))
    }
}

/// The answer of the store in memory, which never waits.
fn now<T>(answer: impl Future<Output = T>) -> T {
    answer.now_or_never().unwrap()
}

#[async_trait]
impl PageAttempts for Connection {
    async fn record_attempts(&self, job: &Job, attempts: &[PageAttempt], at: UnixMs) -> Result<bool> {
        let (job, attempts) = (job.clone(), attempts.to_vec());
        self.transact("record attempts", move |memory| now(memory.record_attempts(&job, &attempts, at))).await
    }

    async fn page_attempts(&self, job: &Job) -> Result<BTreeMap<u32, Vec<PageAttempt>>> {
        let job = job.clone();
        self.transact("attempts", move |memory| now(memory.page_attempts(&job))).await
    }
}

#[async_trait]
impl Jobs for Connection {
    async fn accept(
        &self,
        job: &Job,
        reserve: u64,
        account: &Account,
        quota: u64,
        allowance: &Allowance,
    ) -> Result<Acceptance> {
        let (job, account, allowance) = (job.clone(), account.clone(), *allowance);
        self.transact("accept", move |memory| now(memory.accept(&job, reserve, &account, quota, &allowance))).await
    }

    async fn claim(&self, worker: &str, lane: Lane, max: usize, lease_ms: i64) -> Result<Vec<Job>> {
        let worker = worker.to_owned();
        let claimed = self.transact("claim", move |memory| now(memory.claim(&worker, lane, max, lease_ms))).await;
        if claimed.is_err() {
            // Jobs may have been claimed without an answer. To other workers, that looks like a crash.
            self.timeline.crash();
        }
        claimed
    }

    async fn adopt(&self, worker: &str, job_id: &str, fence: i64, lease_ms: i64) -> Result<Option<Job>> {
        let (worker, job_id) = (worker.to_owned(), job_id.to_owned());
        self.transact("adopt", move |memory| now(memory.adopt(&worker, &job_id, fence, lease_ms))).await
    }

    async fn renew(&self, job: &Job, lease_ms: i64) -> Result<bool> {
        let job = job.clone();
        self.transact("renew", move |memory| now(memory.renew(&job, lease_ms))).await
    }

    async fn release(&self, job: &Job, wait_ms: Option<i64>) -> Result<()> {
        let job = job.clone();
        self.transact("release", move |memory| now(memory.release(&job, wait_ms))).await
    }

    async fn advance(&self, job: &Job, wait_ms: i64, left: Option<&OrphanedResource>, at: UnixMs) -> Result<bool> {
        let (job, left) = (job.clone(), left.cloned());
        self.timeline.log(|| format!("{}: {} -> {:?} due {wait_ms}", self.name, job.id, job.stage));
        self.transact("advance", move |memory| now(memory.advance(&job, wait_ms, left.as_ref(), at))).await
    }

    async fn record_pages(&self, job: &Job, pages: &[PageResult], paid: &[PaidAnswer], at: UnixMs) -> Result<bool> {
        let (job, pages, paid) = (job.clone(), pages.to_vec(), paid.to_vec());
        self.transact("record pages", move |memory| now(memory.record_pages(&job, &pages, &paid, at))).await
    }

    async fn finished_pages(&self, job: &Job) -> Result<PageSet> {
        let job = job.clone();
        self.transact("finished pages", move |memory| now(memory.finished_pages(&job))).await
    }

    async fn complete(&self, done: &Job, results: BoxStream<'_, Result<PageResult>>, at: UnixMs) -> Result<Completion> {
        let results: Vec<PageResult> = results.try_collect().await?;
        let done = done.clone();
        self.transact("complete", move |memory| {
            let results = stream::iter(results.clone()).map(Ok).boxed();
            now(memory.complete(&done, results, at))
        })
        .await
    }

    async fn active_ids(&self) -> Result<Vec<String>> {
        self.memory.active_ids().await
    }
}

#[async_trait]
impl PollingJobs for Connection {
    async fn waiting(&self) -> Result<Vec<(String, i64)>> {
        self.transact("waiting", |memory| now(memory.waiting())).await
    }

    async fn load(&self, ids: &[String]) -> Result<Vec<Job>> {
        let ids = ids.to_vec();
        self.transact("load", move |memory| now(memory.load(&ids))).await
    }

    async fn claim_waiting(&self, worker: &str, job_id: &str, fence: i64, lease_ms: i64) -> Result<Option<Job>> {
        let (worker, job_id) = (worker.to_owned(), job_id.to_owned());
        let claim = move |memory: &Memory| now(memory.claim_waiting(&worker, &job_id, fence, lease_ms));
        let claimed = self.transact("claim waiting", claim).await;
        if claimed.is_err() {
            // As with any claim.
            self.timeline.crash();
        }
        claimed
    }

    async fn attend(&self, worker: &str, behind_ms: Option<i64>, lease_ms: i64) -> Result<()> {
        let worker = worker.to_owned();
        self.transact("attend", move |memory| now(memory.attend(&worker, behind_ms, lease_ms))).await
    }

    async fn roster(&self, lease_ms: i64) -> Result<Roster> {
        self.transact("roster", move |memory| now(memory.roster(lease_ms))).await
    }

    async fn leave(&self, worker: &str) -> Result<()> {
        let worker = worker.to_owned();
        self.transact("leave", move |memory| now(memory.leave(&worker))).await
    }
}

#[async_trait]
impl JobViews for Connection {
    async fn latest(&self, account_id: &str, content_hash: &str) -> Result<Option<JobView>> {
        self.memory.latest(account_id, content_hash).await
    }

    async fn job(&self, account_id: &str, id: &str) -> Result<Option<JobView>> {
        self.memory.job(account_id, id).await
    }

    async fn filling(&self, account_id: &str, document_id: &str) -> Result<Option<JobView>> {
        self.memory.filling(account_id, document_id).await
    }

    async fn open_jobs(&self, account_id: &str) -> Result<Vec<JobView>> {
        self.memory.open_jobs(account_id).await
    }

    async fn dismiss(&self, account_id: &str, content_hash: &str) -> Result<()> {
        self.memory.dismiss(account_id, content_hash).await
    }
}

#[async_trait]
impl OrphanedResources for Connection {
    async fn claim_orphan(&self, lease_ms: i64) -> Result<Option<OrphanedResource>> {
        self.transact("claim orphan", move |memory| now(memory.claim_orphan(lease_ms))).await
    }

    async fn postpone_orphan(&self, orphan: &OrphanedResource) -> Result<()> {
        let orphan = orphan.clone();
        self.transact("postpone orphan", move |memory| now(memory.postpone_orphan(&orphan))).await
    }

    async fn remove_orphan(&self, orphan: &OrphanedResource) -> Result<()> {
        let orphan = orphan.clone();
        self.transact("remove orphan", move |memory| now(memory.remove_orphan(&orphan))).await
    }
}

#[async_trait]
impl DatabaseTime for Connection {
    async fn database_time(&self) -> Result<UnixMs> {
        self.transact("time", move |memory| now(memory.database_time())).await
    }

    async fn clock_went_back(&self, by_ms: i64) -> Result<()> {
        self.memory.clock_went_back(by_ms).await
    }
}

#[async_trait]
impl Spending for Connection {
    async fn admit(&self, job: &Job, request: &PaidRequest, budget: &Budget, at: UnixMs) -> Result<Admission> {
        let (job, request, budget) = (job.clone(), request.clone(), *budget);
        self.transact("admit", move |memory| now(memory.admit(&job, &request, &budget, at))).await
    }

    async fn settle(&self, job: &Job, id: &str, page: Option<u32>, spent: &Spent, at: UnixMs) -> Result<()> {
        let (job, id, spent) = (job.clone(), id.to_owned(), *spent);
        self.transact("settle", move |memory| now(memory.settle(&job, &id, page, &spent, at))).await
    }

    async fn close(&self, job: &Job, id: Option<&str>, unanswered: Unanswered, at: UnixMs) -> Result<()> {
        let (job, id) = (job.clone(), id.map(str::to_owned));
        self.transact("close", move |memory| now(memory.close(&job, id.as_deref(), unanswered, at))).await
    }

    async fn wake_waiting(&self) -> Result<()> {
        self.memory.wake_waiting().await
    }

    async fn spent_on(&self, day: i64) -> Result<DaySpending> {
        self.memory.spent_on(day).await
    }

    async fn answers_on(&self, account_id: &str, day: i64) -> Result<Answers> {
        self.memory.answers_on(account_id, day).await
    }
}
