//! The port of retention: expired guests, uploads and credentials.

use async_trait::async_trait;

use crate::error::Result;
use crate::model::UnixMs;
use crate::uploads::FigurePlaces;

/// See the module.
#[async_trait]
pub trait Expiry: Send + Sync {
    /// Guests who have made nothing and opened no page since `before`, at most `limit`. Guests with active jobs are not idle.
    async fn idle_guests(&self, before: UnixMs, limit: u32) -> Result<Vec<String>>;

    /// Accounts that were deleted before `before`, and that were not forgotten since, at most `limit`.
    async fn gone_accounts(&self, before: UnixMs, limit: u32) -> Result<Vec<String>>;

    /// Forgets that there was such an account: nothing is left of it.
    async fn forget_gone_account(&self, account_id: &str) -> Result<()>;

    /// Contents that nothing has referred to since `before`, as account and content hash, at most `limit`.
    async fn stale_uploads(&self, before: UnixMs, limit: u32) -> Result<Vec<(String, String)>>;

    /// Deletes the uploads, page results and figures of a content, if nothing has referred to it since `before`. Returns its figures,
    /// whose pictures can be deleted now; `None`: something refers to it.
    async fn forget_upload(&self, account_id: &str, content_hash: &str, before: UnixMs)
    -> Result<Option<FigurePlaces>>;

    /// Forgets credentials and links that have expired, answers begun before `before`, and what was gone by then.
    async fn forget_expired(&self, before: UnixMs, now: UnixMs) -> Result<()>;
}
