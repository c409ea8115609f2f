//! What jobs left at Google, until it is cleaned up.

use async_trait::async_trait;

use super::Leftover;
use crate::error::Result;
use crate::model::UnixMs;

/// See the module. Records are made by [`crate::accounts::Accounts::delete_account`] and [`crate::jobs::Jobs::advance`].
#[async_trait]
pub trait Leftovers: Send + Sync {
    /// Takes up what has been due longest. Nobody else gets it before `until`.
    async fn next_leftover(&self, now: UnixMs, until: UnixMs) -> Result<Option<Leftover>>;

    /// Keeps it, as it is now, for another look.
    async fn put_off(&self, leftover: &Leftover) -> Result<()>;

    /// Forgets it.
    async fn strike_off(&self, leftover: &Leftover) -> Result<()>;
}
