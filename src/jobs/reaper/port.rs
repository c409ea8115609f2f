//! What jobs left at Google, until it is cleaned up.

use async_trait::async_trait;

use super::OrphanedResource;
use crate::error::Result;
use crate::model::UnixMs;

/// See the module. Records are made by [`crate::accounts::Accounts::delete_account`] and [`crate::jobs::Jobs::advance`].
#[async_trait]
pub trait OrphanedResources: Send + Sync {
    /// Takes up what has been due longest. Nobody else gets it before `until`.
    async fn claim_orphan(&self, now: UnixMs, until: UnixMs) -> Result<Option<OrphanedResource>>;

    /// Keeps it, as it is now, for another look.
    async fn postpone_orphan(&self, orphan: &OrphanedResource) -> Result<()>;

    /// Forgets it.
    async fn remove_orphan(&self, orphan: &OrphanedResource) -> Result<()>;
}
