//! Runs suspected jobs in processes of their own, so that a crash that a request causes is not counted against a job.
//!
//! A claim that ends with its process counts as a crash of the job. In a server that also answers requests, a request may be the reason.
//! So a job with several such claims continues in a process that answers no requests. Only crashes of that process can set the job aside.

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::{Job, Worker};
use crate::error::Result;

/// Holds a claimed job in another process.
#[async_trait]
pub trait Isolation: Send + Sync {
    /// Has a new process adopt the claim and hold the job, until the job has to wait or ends, or `stop` comes. The new process hands the
    /// claim back when this one ends, for whatever reason.
    ///
    /// # Errors
    /// The process could not be started, or it crashed.
    async fn hold(&self, job: &Job, stop: CancellationToken) -> Result<()>;
}

impl Worker {
    /// Holds a suspected job: in another process if there is isolation, otherwise in this one.
    pub(super) async fn hold_suspected(&self, job: Job, stop: CancellationToken) {
        let Some(isolation) = &self.ports.isolation else { return self.hold(job, stop).await };
        if let Err(error) = isolation.hold(&job, stop).await {
            tracing::warn!(job = %job.id, %error, "process of a suspected job failed");
        }
        // The other process cannot reach the event streams of this one.
        self.ports.changes.tell(&job.account_id, &job.content_hash);
        self.ports.bell.notify_one();
    }

    /// Takes over a claim that another process made, and holds its job. `fence` is the number of that claim.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn adopt(&self, job_id: &str, fence: i64, stop: CancellationToken) -> Result<()> {
        if let Some(job) = self.ports.jobs.adopt(&self.name, job_id, fence, self.lease_ms()).await? {
            self.hold(job, stop).await;
        }
        Ok(())
    }
}
