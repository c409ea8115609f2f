//! Asks the budget for room before a request that Google bills, and records what became of it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures::TryStreamExt;
use tokio::sync::{Mutex, Notify};

use super::Worker;
use super::job::{Job, Stage};
use super::machine::Event;
use super::prepare::page_of;
use super::realtime::Obstacle;
use super::spool::Results;
use super::upstream::misplaced;
use super::worker::Done;
use crate::accounts::spending::{PageCosts, PaidRequest, Rates, Spent};
use crate::error::Result;
use crate::jobs::{Admission, Unanswered};
use crate::metrics::answers_paid;
use crate::model::wire::JobError;
use crate::model::{BlockedReason, PageSet};
use coldbrew_gemini::jsonl::Outcome;

const OVER_QUOTA: &str = "Your quota was used up before this page was read. Nothing was charged for it; read it again when there is quota left.";

/// The requests that a realtime job has under way.
#[derive(Default)]
pub(super) struct Round {
    /// Nothing new is begun.
    halted: AtomicBool,
    under_way: AtomicUsize,
    /// Pages are admitted one after the other.
    turn: Mutex<()>,
    /// One of them is over.
    over: Notify,
}

impl Round {
    pub(super) fn is_halted(&self) -> bool {
        self.halted.load(Ordering::Relaxed)
    }

    pub(super) fn halt(&self) {
        self.halted.store(true, Ordering::Relaxed);
    }

    /// A request that was admitted is over, and what it held is free.
    pub(super) fn ended(&self) {
        self.under_way.fetch_sub(1, Ordering::Relaxed);
        self.over.notify_one();
    }
}

impl Worker {
    /// What the pages of the job's document may cost.
    pub(super) async fn costs(&self, job: &Job) -> Result<PageCosts> {
        let upload = self.ports.uploads.upload(&job.account_id, &job.upload_hash).await?;
        let page_tokens = upload.map(|upload| upload.page_tokens).unwrap_or_default();
        let rates = Rates::new(&self.policy.models, job.recipe.model(), job.mode, self.clock.today());
        Ok(PageCosts::new(page_tokens, self.policy.pricing, self.policy.models.get(job.recipe.model()), rates))
    }

    /// Admits the one create of an attempt, for all pages that are left.
    pub(super) async fn record_attempt(&self, job: &Job) -> Result<Done> {
        let Stage::Submit { attempt, .. } = job.stage else { return Ok(Done::Event(misplaced())) };
        let (costs, left) = (self.costs(job).await?, self.pages_left(job).await?);
        let request = PaidRequest {
            id: job.batch_name(attempt),
            page: None,
            expected: left.iter().map(|page| costs.expected(page)).sum(),
            most: left.iter().map(|page| costs.most(page)).sum(),
            tokens_most: 0,
        };
        Ok(match self.ports.spending.admit(job, &request, &self.policy.budget, self.clock.now()).await? {
            Admission::Admitted => Done::Event(Event::AttemptRecorded { key: self.ports.google.fingerprint() }),
            Admission::OverBudget | Admission::OverQuota => Done::Event(over_budget()),
            Admission::Superseded => Done::Superseded,
        })
    }

    /// Admits a request for one page. It waits for what other requests of the job hold. `None`: nothing new is to begin.
    pub(super) async fn admit_page(
        &self,
        job: &Job,
        page: u32,
        costs: &PageCosts,
        round: &Round,
    ) -> Result<Option<PaidRequest>, Obstacle> {
        let request = PaidRequest {
            id: self.ids.id(),
            page: Some(page),
            expected: costs.expected(page),
            most: costs.most(page),
            tokens_most: costs.tokens_most(page),
        };
        let _turn = round.turn.lock().await;
        while !round.is_halted() {
            // Before it is asked: what ends meanwhile is notified afterwards.
            let is_alone = round.under_way.load(Ordering::Relaxed) == 0;
            let obstacle = match self.ports.spending.admit(job, &request, &self.policy.budget, self.clock.now()).await?
            {
                Admission::Admitted => {
                    round.under_way.fetch_add(1, Ordering::Relaxed);
                    return Ok(Some(request));
                }
                Admission::Superseded => return Err(Obstacle::Superseded),
                Admission::OverBudget => Obstacle::OverBudget,
                Admission::OverQuota => Obstacle::Closed(JobError::new("quota_exceeded", OVER_QUOTA)),
            };
            if is_alone {
                return Err(obstacle);
            }
            round.over.notified().await;
        }
        Ok(None)
    }

    /// Records what the answer for a page cost, before it is used.
    pub(super) async fn pay_page(&self, job: &Job, request: &PaidRequest, spent: Spent) -> Result<()> {
        answers_paid(spent.usage, spent.micro_dollars, job.mode);
        self.ports.spending.settle(job, &request.id, request.page, &spent, self.clock.now()).await
    }

    /// Records what a batch cost, whatever its lines are worth.
    pub(super) async fn pay_batch(&self, job: &Job, attempt: u32, results: Results) -> Result<()> {
        let spent = tally(&self.costs(job).await?, &self.pages_left(job).await?, results).await?;
        answers_paid(spent.usage, spent.micro_dollars, job.mode);
        self.ports.spending.settle(job, &job.batch_name(attempt), None, &spent, self.clock.now()).await
    }

    /// Ends what is held for all requests of a realtime job. An earlier holder sent them, and their answers are lost.
    pub(super) async fn close_requests(&self, job: &Job) -> Result<()> {
        self.ports.spending.close(job, None, Unanswered::Billed, self.clock.now()).await
    }
}

/// The job waits for the budget.
pub(super) const fn over_budget() -> Event {
    Event::Blocked { by: BlockedReason::Spending, retry_after_ms: None }
}

/// All answers of a batch together. A line that comes twice is one answer; one without a page was answered and billed all the same. Pages
/// of which no line says anything may have been billed: they count at their most.
async fn tally(costs: &PageCosts, asked: &PageSet, results: Results) -> Result<Spent> {
    let (mut spent, mut heard, mut lines) = (Spent::default(), BTreeSet::new(), results.lines);
    while let Some(line) = lines.try_next().await? {
        let page = line.key.as_deref().and_then(page_of);
        let is_first = page.is_none_or(|page| !heard.contains(&page));
        match line.outcome {
            Outcome::Response(answer) if is_first => {
                spent = spent.plus(costs.rates.spent(&answer, costs.most(page.unwrap_or(u32::MAX))));
            }
            Outcome::Response(_) | Outcome::Error(_) => {}
            Outcome::Unrecognised(_) => continue,
        }
        heard.extend(page);
    }
    let silent = asked.iter().filter(|page| !heard.contains(page));
    let micro_dollars = silent.map(|page| costs.most(page)).sum();
    Ok(spent.plus(Spent { micro_dollars, ..Spent::default() }))
}
