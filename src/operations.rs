//! What an operator looks at: the doctor, the audit, gauges, and the copy of the embedded database.
//!
//! [`doctor`] examines everything the server depends on and changes nothing. [`books`] is the audit of the records. [`Metrics`] answers
//! `/metrics`. [`watch_clock`] moves what jobs wait for when the clock is set back. The port is [`Operations`].
//!
//! Nothing here is part of a caller's request. What an operator changes on the command line is in `crate::serve`.

pub mod audit;
mod clock;
pub mod doctor;
mod gauges;

use std::path::Path;

use async_trait::async_trait;

use crate::error::Result;
use crate::model::{BlockedReason, JobStatus, Mode, UnixMs};

pub use clock::watch_clock;
pub use gauges::Metrics;

/// A job that is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuedJob {
    pub mode: Mode,
    /// One of an active job.
    pub status: JobStatus,
    pub submitted_at: UnixMs,
    pub due_at: UnixMs,
    pub lease_until: UnixMs,
    /// What is in its way.
    pub blocked_by: Option<BlockedReason>,
}

/// See the module.
#[async_trait]
pub trait Operations: Send + Sync {
    /// Every job that is not over.
    async fn queue(&self) -> Result<Vec<QueuedJob>>;

    /// The clock went back by so many milliseconds, to `now`: what jobs wait for, and until when they are held, moves with it.
    async fn clock_went_back(&self, now: UnixMs, by_ms: i64) -> Result<()>;

    /// Writes a consistent copy of the embedded database to a new file, while it is in use. Refused for a database server,
    /// which has its own tools.
    async fn copy_to(&self, file: &Path) -> Result<()>;
}
