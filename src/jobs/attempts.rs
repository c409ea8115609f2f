//! The port of attempts: the answers for a page that are not final, and why.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::Job;
use crate::error::Result;
use crate::extract::{Attempt, PageOutcome};
use crate::model::UnixMs;

/// An answer for a page that is not final.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageAttempt {
    /// Counts from 0.
    pub page: u32,
    pub attempt: Attempt,
    /// The name of the recipe of this one request.
    pub recipe: String,
    /// What the page becomes if no other way gives a final answer; `None`: the answer cannot be used.
    pub outcome: Option<PageOutcome>,
}

/// Stores attempts. They are deleted with their job.
///
/// # Errors
/// A method fails as unavailable or internal if the store cannot carry it out. It then changed nothing, or its answer was lost.
#[async_trait]
pub trait PageAttempts: Send + Sync {
    /// Stores attempts, each once for its page and way. It counts as progress. `false`: the claim was lost, and nothing changed.
    async fn record_attempts(&self, job: &Job, attempts: &[PageAttempt], now: UnixMs) -> Result<bool>;

    /// All attempts of the job by page, in the order in which they were made.
    async fn page_attempts(&self, job: &Job) -> Result<BTreeMap<u32, Vec<PageAttempt>>>;
}
