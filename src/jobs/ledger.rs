//! The port of the spending ledger: what Gemini cost, and what is held for requests under way.

use async_trait::async_trait;

use super::Job;
use crate::accounts::spending::{Answers, Budget, DaySpending, PaidRequest, Spent};
use crate::error::Result;
use crate::model::UnixMs;

/// How long Google counts the tokens of a batch that was cancelled or failed, in milliseconds (docs/GEMINI.md, "Enqueued tokens").
pub const QUEUED_AFTER_END_MS: i64 = 48 * 3_600_000;

/// What [`Spending::admit`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The request may be sent. The most that it can cost is held on the UTC day of the admission.
    Admitted,
    /// A spending ceiling has no room for the request.
    OverBudget,
    /// Google's batch queue has no room for the batch.
    QueueFull,
    /// The job's reservation is used up, and the account's quota has no room for more.
    OverQuota,
    /// The claim was lost, or the job is gone.
    Superseded,
}

/// What the answers to a request cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaidAnswer {
    /// The id of the admitted request.
    pub request_id: String,
    /// `None`: the request was a batch.
    pub page: Option<u32>,
    pub spent: Spent,
}

/// How requests that end without an answer are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// Google bills nothing for them, so nothing is recorded.
    Free,
    /// Google may bill them, so they are recorded at the most that they can cost.
    Billed,
}

/// The spending ledger. Each request that Google bills is admitted before it is sent, and recorded before its answer is used. An answer for
/// a page is recorded in the transaction that stores the page ([`Jobs::record_pages`](super::Jobs::record_pages)).
///
/// Admitting or recording the same request id again counts once, on the UTC day of the admission. Rows of the ledger are never changed.
/// Only the holder of a job's newest claim changes anything: calls of other holders have no effect. Days count from 1970-01-01.
///
/// # Errors
/// A method fails as unavailable or internal if the store cannot carry it out. It then changed nothing, or its answer was lost.
#[async_trait]
pub trait Spending: Send + Sync {
    /// Holds the most that a request can cost, if every ceiling of the account has room for it. For a page, the job's reservation or the
    /// account's quota must have room as well; for a batch, Google's queue. Batches are in the queue until they are settled or closed, and
    /// for [`QUEUED_AFTER_END_MS`] more if Google billed them without an answer. Admissions of all servers happen one after the other.
    async fn admit(&self, job: &Job, request: &PaidRequest, budget: &Budget, now: UnixMs) -> Result<Admission>;

    /// Records what the answers to the request of that id cost, and releases what was held for it. `page`: `None` for a batch.
    async fn settle(&self, job: &Job, id: &str, page: Option<u32>, spent: &Spent, now: UnixMs) -> Result<()>;

    /// Releases what is held for a request of the job that ended without an answer. Without an `id`: for all requests of the job.
    async fn close(&self, job: &Job, id: Option<&str>, unanswered: Unanswered, now: UnixMs) -> Result<()>;

    /// Makes every job due that waits for the spending ceiling.
    async fn wake_waiting(&self) -> Result<()>;

    /// What was spent and what is held on a UTC day.
    async fn spent_on(&self, day: i64) -> Result<DaySpending>;

    /// How many answers the account got on a UTC day.
    async fn answers_on(&self, account_id: &str, day: i64) -> Result<Answers>;
}
