//! The port of the reaper: orphaned resources on record.

use async_trait::async_trait;

use super::OrphanedResource;
use crate::error::Result;
use crate::model::UnixMs;

/// The orphaned resources on record. [`crate::accounts::Accounts::delete_account`] and [`crate::jobs::Jobs::advance`] record them.
///
/// # Errors
/// A method fails as unavailable or internal if the store cannot carry it out.
#[async_trait]
pub trait OrphanedResources: Send + Sync {
    /// Claims the resource that has been due longest. No other reaper gets it before `until`.
    async fn claim_orphan(&self, now: UnixMs, until: UnixMs) -> Result<Option<OrphanedResource>>;

    /// Stores when the resource is due again, and its count of quiet checks.
    async fn postpone_orphan(&self, orphan: &OrphanedResource) -> Result<()>;

    /// Removes the record.
    async fn remove_orphan(&self, orphan: &OrphanedResource) -> Result<()>;
}
