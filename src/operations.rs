//! Operation of a server: the doctor, the audit, gauges, the clock, and the copy of the embedded database.
//!
//! [`doctor`] examines everything that the server depends on, and changes nothing. [`audit`] compares stored sums and rows. [`Metrics`]
//! answers `/metrics`. [`DatabaseClock`] shows the database's time, and moves the due times of jobs if it is set back. The
//! ports are [`Operations`] and [`DatabaseTime`].
//!
//! No caller's request uses this module, except for `/metrics`. The commands that change data are in `crate::serve`.

pub mod audit;
mod clock;
pub mod doctor;
mod gauges;
pub mod models;

use std::path::Path;

use async_trait::async_trait;

use crate::error::Result;
use crate::model::{BlockedReason, JobStatus, Mode, UnixMs};

pub use clock::{DatabaseClock, DatabaseTime, OFFSET_MS_MAX};
pub use gauges::Metrics;

/// What a check of a dependency of this process found.
#[derive(Clone, Debug)]
pub struct Dependency {
    pub name: &'static str,
    /// Without it this process can serve nothing. Without others it serves most requests.
    pub is_needed: bool,
    /// A problem is a sentence for the operator.
    pub state: Result<(), String>,
}

/// An active job, as gauges count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuedJob {
    pub mode: Mode,
    /// Preparing, pending or running.
    pub status: JobStatus,
    pub submitted_at: UnixMs,
    /// When it needs a worker. For a job that waits for its batch: the time until which its worker keeps up with polls, if that is later.
    pub due_at: UnixMs,
    pub lease_until: UnixMs,
    /// Why the job waits, if something blocks it.
    pub blocked_by: Option<BlockedReason>,
}

/// The port of operation: the queue and backups.
///
/// # Errors
/// A method fails as unavailable or internal if the store cannot carry it out.
#[async_trait]
pub trait Operations: Send + Sync {
    /// Every active job.
    async fn queue(&self) -> Result<Vec<QueuedJob>>;

    /// Writes a consistent copy of the embedded database to a new file, while the database is in use.
    ///
    /// # Errors
    /// Internal for PostgreSQL, which has tools of its own.
    async fn copy_to(&self, file: &Path) -> Result<()>;
}
