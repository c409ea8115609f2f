//! The port of retention: expired guests, uploads and credentials.

use async_trait::async_trait;

use crate::error::Result;
use crate::model::UnixMs;
use crate::uploads::FigurePlaces;

/// Finds and deletes what has expired.
///
/// # Errors
/// A method fails as unavailable or internal if the store cannot carry it out.
#[async_trait]
pub trait Expiry: Send + Sync {
    /// The ids of guests who have submitted nothing and opened no page since `before`, at most `limit`. Guests with active jobs are not
    /// idle.
    async fn idle_guests(&self, before: UnixMs, limit: u32) -> Result<Vec<String>>;

    /// The ids of accounts that were deleted before `before` and are still recorded as deleted, at most `limit`.
    async fn gone_accounts(&self, before: UnixMs, limit: u32) -> Result<Vec<String>>;

    /// Deletes the record of a deleted account: no file of it is left.
    async fn forget_gone_account(&self, account_id: &str) -> Result<()>;

    /// Contents that no document or job has referred to since `before`, as account and content hash, at most `limit`.
    async fn stale_uploads(&self, before: UnixMs, limit: u32) -> Result<Vec<(String, String)>>;

    /// Deletes the uploads, page results and figures of a content, unless a document or job has referred to it since `before`. Returns its
    /// figures, whose pictures the caller deletes. `None`: it is referred to.
    async fn forget_upload(&self, account_id: &str, content_hash: &str, before: UnixMs)
    -> Result<Option<FigurePlaces>>;

    /// Deletes credentials and links that expired by `now`, and answers to requests with an `Idempotency-Key` and records of deleted contents that
    /// are older than `before`.
    async fn forget_expired(&self, before: UnixMs, now: UnixMs) -> Result<()>;
}
