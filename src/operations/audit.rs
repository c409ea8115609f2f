//! The port of the audit: states of the records that must never occur. `doctor` makes a sentence of each finding.

use async_trait::async_trait;

use crate::error::Result;
use crate::model::UnixMs;

/// Audits the records of all accounts. It reads no text of a document.
///
/// # Errors
/// A method fails as unavailable or internal if the store cannot carry it out.
#[async_trait]
pub trait Audit: Send + Sync {
    /// Every state found that must never occur.
    async fn audit(&self, now: UnixMs) -> Result<Vec<AuditFinding>>;

    /// The keys of all files that uploads refer to, without those of pending uploads: they may not be stored.
    async fn upload_keys(&self) -> Result<Vec<String>>;
}

/// One difference, and the record that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditFinding {
    pub kind: DiscrepancyKind,
    /// The id of the job, document or account.
    pub id: String,
}

/// The kind of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiscrepancyKind {
    /// Quota is reserved for a job that is not active, or does not exist.
    ReservationWithoutJob,
    /// An active job has no reservation.
    JobWithoutReservation,
    /// The upload of an active job is gone.
    JobWithoutUpload,
    /// A job has been due for more than five minutes, and no worker has claimed it.
    JobForgotten,
    /// A job that failed or expired was charged for pages.
    FailedJobCharged,
    /// The price of a document is not the sum of its charges.
    PriceNotCharged,
    /// Money is held for a job that is not active, or does not exist.
    MoneyHeldWithoutJob,
    /// A document has no pages.
    DocumentWithoutPages,
    /// The stored bytes of an account are not the sum of its rows.
    StorageMiscounted,
    /// Files of an account could not be deleted for about an hour.
    FilesNotPurged,
}
