//! The ledger of what Gemini costs, and what is held for requests that are under way.

use async_trait::async_trait;

use super::Job;
use crate::accounts::spending::{Answers, Budget, DaySpending, PaidRequest, Spent};
use crate::error::Result;
use crate::model::UnixMs;

/// What [`Spending::admit`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The most that the request can cost is held for it, on this day.
    Admitted,
    /// A ceiling has no room for it.
    OverBudget,
    /// The job's reservation is used up, and the account's quota has no room for more.
    OverQuota,
    /// The claim was lost, or the job is gone.
    Superseded,
}

/// What is known of requests that end without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// Google bills nothing for them.
    Free,
    /// Google may bill them: they are recorded at the most that they can cost.
    Billed,
}

/// Each request that Google bills is admitted here before it is sent, and recorded here before its answer is used. Both happen once for
/// each id of a request, however often they are tried, and count on the UTC day of the admission. The ledger only grows.
///
/// Only the holder of a job's newest claim changes anything.
#[async_trait]
pub trait Spending: Send + Sync {
    /// Holds the most that a request can cost, if every ceiling has room for it. For a page, the account's quota must have room as well.
    /// This is one step among those of all servers.
    async fn admit(&self, job: &Job, request: &PaidRequest, budget: &Budget, now: UnixMs) -> Result<Admission>;

    /// Records what the answers to the request of that id cost, in the place of what was held for it. `page`: `None` for a batch.
    async fn settle(&self, job: &Job, id: &str, page: Option<u32>, spent: &Spent, now: UnixMs) -> Result<()>;

    /// Ends what is held for a request of the job without an answer; without an `id`, for all that the job has under way.
    async fn close(&self, job: &Job, id: Option<&str>, unanswered: Unanswered, now: UnixMs) -> Result<()>;

    /// Makes every job due that waits for the budget.
    async fn wake_waiting(&self, now: UnixMs) -> Result<()>;

    /// What was spent and is held on that UTC day.
    async fn spent_on(&self, day: i64) -> Result<DaySpending>;

    /// What the account was answered on that UTC day.
    async fn answers_on(&self, account_id: &str, day: i64) -> Result<Answers>;
}
