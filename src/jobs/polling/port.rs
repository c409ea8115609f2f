//! The port of polling: the jobs that wait for their batch, and the workers that share them.

use async_trait::async_trait;

use crate::error::Result;
use crate::jobs::Job;

/// The workers that share the polls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// The names of the live workers, in order.
    pub workers: Vec<String>,
    /// How long ago the last poll may have been due that no worker has made, in milliseconds. At most 0 while workers keep up.
    pub unattended_ms: i64,
}

/// Jobs at the stage `Polling`, and the live workers. Nothing here changes what callers see of a job.
///
/// The store computes every instant by its own clock.
///
/// # Errors
/// A method fails as unavailable or internal if the store cannot carry it out. It then changed nothing, or its answer was lost.
#[async_trait]
pub trait PollingJobs: Send + Sync {
    /// The jobs that wait for their batch and that no worker holds: id and fencing token, in the order of their ids.
    async fn waiting(&self) -> Result<Vec<(String, i64)>>;

    /// The waiting jobs with these ids. Those that have moved on, and those that this version cannot read, are missing.
    async fn load(&self, ids: &[String]) -> Result<Vec<Job>>;

    /// Claims a waiting job, whether or not it is due, as [`claim`](crate::jobs::Jobs::claim) does. `None`: it has another fencing token,
    /// or another worker holds it.
    async fn claim_waiting(&self, worker: &str, job_id: &str, fence: i64, lease_ms: i64) -> Result<Option<Job>>;

    /// Keeps the worker in the roster for `lease_ms`. `behind_ms`: how long ago the oldest poll of its part was due; `None`: its part is not
    /// known yet, or empty.
    async fn attend(&self, worker: &str, behind_ms: Option<i64>, lease_ms: i64) -> Result<()>;

    /// The live workers. An entry that lies more than two leases ahead was written before the clock was set back, and is left out.
    async fn roster(&self, lease_ms: i64) -> Result<Roster>;

    /// Removes the worker from the live ones.
    async fn leave(&self, worker: &str) -> Result<()>;
}
