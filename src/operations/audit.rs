//! The records as an auditor sees them. `doctor` puts what is found here into words.

use async_trait::async_trait;

use crate::error::Result;
use crate::model::UnixMs;

/// All accounts' records, and nothing of what documents say.
#[async_trait]
pub trait Audit: Send + Sync {
    /// Everything that can never be true and is.
    async fn audit(&self, now: UnixMs) -> Result<Vec<AuditFinding>>;

    /// The keys of all files that uploads refer to.
    async fn upload_keys(&self) -> Result<Vec<String>>;
}

/// A contradiction in the books, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditFinding {
    pub kind: DiscrepancyKind,
    /// The id of the job, document or account.
    pub id: String,
}

/// What contradicts itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiscrepancyKind {
    /// A job is over, or was never there, and its reservation still holds quota.
    ReservationWithoutJob,
    /// A job is active and reserved nothing.
    JobWithoutReservation,
    /// A job is active and its upload is gone.
    JobWithoutUpload,
    /// A job has been due for minutes and nobody works on it.
    JobForgotten,
    /// A job that failed was charged for pages.
    FailedJobCharged,
    /// A document's price is not the sum of what was charged for it.
    PriceNotCharged,
    /// A job is over, or was never there, and the budget still holds money for it.
    MoneyHeldWithoutJob,
    /// A document has no pages.
    DocumentWithoutPages,
    /// What an account stores is not the sum of its rows.
    StorageMiscounted,
}
