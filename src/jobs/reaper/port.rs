//! The port of the reaper: orphaned resources on record.

use async_trait::async_trait;

use super::OrphanedResource;
use crate::error::Result;

/// The orphaned resources on record. They are due by the database's time, as jobs are.
/// [`crate::accounts::Accounts::delete_account`] and [`crate::jobs::Jobs::advance`] record them.
///
/// # Errors
/// A method fails as unavailable or internal if the store cannot carry it out.
#[async_trait]
pub trait OrphanedResources: Send + Sync {
    /// Claims the resource that has been due longest. No other reaper gets it within `lease_ms`.
    async fn claim_orphan(&self, lease_ms: i64) -> Result<Option<OrphanedResource>>;

    /// Stores the count of quiet checks. The resource is due again after its `wait_ms`.
    async fn postpone_orphan(&self, orphan: &OrphanedResource) -> Result<()>;

    /// Removes the record.
    async fn remove_orphan(&self, orphan: &OrphanedResource) -> Result<()>;
}
