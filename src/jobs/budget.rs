//! Admits each request that Google bills before it is sent, and records what it cost.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::TryStreamExt;
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

use super::Worker;
use super::job::{Job, Stage};
use super::machine::Event;
use super::prepare::page_of;
use super::realtime::{Group, Obstacle};
use super::spool::Results;
use super::upstream::wrong_stage;
use super::worker::Done;
use crate::accounts::spending::{PageCosts, PaidRequest, Rates, Spent};
use crate::error::Result;
use crate::jobs::{Admission, Unanswered};
use crate::metrics::answers_paid;
use crate::model::wire::JobError;
use crate::model::{BlockedReason, PageSet};
use coldbrew_gemini::jsonl::Outcome;

const OVER_QUOTA: &str = "Your quota was used up before this page was read. You were not charged for it. \
                          Read it again when you have quota left.";

/// One round of a realtime job: the requests that it has under way.
pub(super) struct Round {
    /// Cancelled when no more requests begin.
    halted: CancellationToken,
    under_way: AtomicUsize,
    /// Held while a page is admitted: one page at a time.
    turn: Mutex<()>,
    /// Notified when a request has ended.
    over: Notify,
    /// The pages that are not recorded yet.
    pub(super) finished: Group,
}

impl Round {
    /// A round that `stop` halts too.
    pub(super) fn new(stop: &CancellationToken) -> Self {
        let (turn, over, finished) = (Mutex::default(), Notify::default(), Group::default());
        Self { halted: stop.child_token(), under_way: AtomicUsize::new(0), turn, over, finished }
    }

    pub(super) fn is_halted(&self) -> bool {
        self.halted.is_cancelled()
    }

    pub(super) fn halt(&self) {
        self.halted.cancel();
    }

    /// The value of `future`; `None`: the round was halted first.
    pub(super) async fn unless_halted<F: Future>(&self, future: F) -> Option<F::Output> {
        self.halted.run_until_cancelled(future).await
    }

    /// Counts the end of an admitted request. What it held is released by then.
    pub(super) fn ended(&self) {
        self.under_way.fetch_sub(1, Ordering::Relaxed);
        self.over.notify_one();
    }
}

impl Worker {
    /// The costs of the pages of the job's document.
    pub(super) async fn costs(&self, job: &Job) -> Result<PageCosts> {
        self.costs_of(job, job.recipe.model()).await
    }

    /// The same, if another model is asked.
    pub(super) async fn costs_of(&self, job: &Job, model: &str) -> Result<PageCosts> {
        let upload = self.ports.uploads.upload(&job.account_id, &job.upload_hash).await?;
        let page_tokens = upload.map(|upload| upload.page_tokens).unwrap_or_default();
        let (models, today) = (&self.policy.models, self.clock.today());
        let rates = Rates::new(models, model, job.mode, today);
        Ok(PageCosts::new(page_tokens, self.policy.pricing, models.answering(model, today), rates))
    }

    /// Admits the one create of an attempt, at the cost of all remaining pages.
    pub(super) async fn record_attempt(&self, job: &Job) -> Result<Done> {
        let Stage::Submit { attempt, .. } = job.stage else { return Ok(Done::Event(wrong_stage())) };
        let (costs, left) = (self.costs(job).await?, self.part_pages(job).await?);
        let request = PaidRequest {
            id: job.batch_name(attempt),
            page: None,
            expected: left.iter().map(|page| costs.expected(page)).sum(),
            most: left.iter().map(|page| costs.most(page)).sum(),
            tokens_most: 0,
            enqueued_tokens: left.iter().map(|page| costs.input_tokens(page)).sum(),
        };
        Ok(match self.ports.spending.admit(job, &request, &self.policy.budget, self.clock.now()).await? {
            Admission::Admitted => Done::Event(Event::AttemptRecorded { key: self.ports.google.fingerprint() }),
            Admission::OverBudget | Admission::OverQuota => Done::Event(over_budget()),
            Admission::QueueFull => Done::Event(Event::Blocked { by: BlockedReason::QueueFull, retry_after_ms: None }),
            Admission::Superseded => Done::Superseded,
        })
    }

    /// Admits a request for one page. Without room it waits until another request of the job has ended. `None`: the round was halted.
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
            enqueued_tokens: 0,
        };
        let _turn = round.turn.lock().await;
        while !round.is_halted() {
            // Read before the admission, so that a request that ends during it is not missed: its notification comes afterwards.
            let is_alone = round.under_way.load(Ordering::Relaxed) == 0;
            let obstacle = match self.ports.spending.admit(job, &request, &self.policy.budget, self.clock.now()).await?
            {
                Admission::Admitted => {
                    round.under_way.fetch_add(1, Ordering::Relaxed);
                    return Ok(Some(request));
                }
                Admission::Superseded => return Err(Obstacle::Superseded),
                Admission::OverBudget | Admission::QueueFull => Obstacle::OverBudget,
                Admission::OverQuota => Obstacle::Closed(JobError::new("quota_exceeded", OVER_QUOTA)),
            };
            if is_alone {
                return Err(obstacle);
            }
            round.over.notified().await;
        }
        Ok(None)
    }

    /// The remaining pages of the current batch.
    pub(super) async fn part_pages(&self, job: &Job) -> Result<PageSet> {
        let left = self.pages_left(job).await?;
        let Some(part) = &job.part else { return Ok(left) };
        Ok(left.iter().filter(|&page| part.pages.contains(page)).collect())
    }

    /// Records what a batch cost, whether or not its lines can be used.
    pub(super) async fn settle_batch(&self, job: &Job, attempt: u32, results: Results) -> Result<()> {
        let spent = tally(&self.costs(job).await?, &self.part_pages(job).await?, results).await?;
        answers_paid(spent.usage, spent.micro_dollars, job.mode);
        self.ports.spending.settle(job, &job.batch_name(attempt), None, &spent, self.clock.now()).await
    }

    /// Records all requests that an earlier holder of a realtime job sent as billed: their answers are lost.
    pub(super) async fn close_requests(&self, job: &Job) -> Result<()> {
        self.ports.spending.close(job, None, Unanswered::Billed, self.clock.now()).await
    }
}

/// The job waits for the spending ceiling.
pub(super) const fn over_budget() -> Event {
    Event::Blocked { by: BlockedReason::Spending, retry_after_ms: None }
}

/// What all answers of a batch cost together. A repeated line counts once. A line without a page counts, because Google billed its answer.
/// A page without a line counts at the most that it can cost, because Google may have billed it.
async fn tally(costs: &PageCosts, asked: &PageSet, results: Results) -> Result<Spent> {
    let (mut spent, mut answered, mut lines) = (Spent::default(), BTreeSet::new(), results.lines);
    while let Some(line) = lines.try_next().await? {
        let page = line.key.as_deref().and_then(page_of);
        let is_first = page.is_none_or(|page| !answered.contains(&page));
        match line.outcome {
            Outcome::Response(answer) if is_first => {
                spent = spent.plus(costs.rates.spent(&answer, costs.most(page.unwrap_or(u32::MAX))));
            }
            Outcome::Response(_) | Outcome::Error(_) => {}
            Outcome::Unrecognised(_) => continue,
        }
        answered.extend(page);
    }
    let unanswered = asked.iter().filter(|page| !answered.contains(page));
    let micro_dollars = unanswered.map(|page| costs.most(page)).sum();
    Ok(spent.plus(Spent { micro_dollars, ..Spent::default() }))
}
