//! The port of retention: expired guests, uploads and credentials.

use async_trait::async_trait;

use crate::error::Result;
use crate::model::UnixMs;
use crate::uploads::Upload;

/// Finds and deletes what has expired.
///
/// # Errors
/// A method fails as unavailable or internal if the store cannot carry it out.
#[async_trait]
pub trait Expiry: Send + Sync {
    /// The ids of guests who have submitted nothing and opened no page since `before`, at most `limit`. Guests with active jobs are not
    /// idle.
    async fn idle_guests(&self, before: UnixMs, limit: u32) -> Result<Vec<String>>;

    /// Makes [purges](super::Purge) of what servers of the version before recorded in tables of their own.
    async fn adopt_purges(&self) -> Result<()>;

    /// Uploads from before `before` whose files were not stored, or whose callers were not told of them, at most `limit`.
    async fn pending_uploads(&self, before: UnixMs, limit: u32) -> Result<Vec<Upload>>;

    /// Contents that no document or job has referred to since `before`, as account and content hash, at most `limit`.
    async fn stale_uploads(&self, before: UnixMs, limit: u32) -> Result<Vec<(String, String)>>;

    /// Deletes the uploads, page results and figures of a content, and records the purge of its files, unless a document or job has referred
    /// to it since `before`. `false`: it is referred to.
    async fn forget_upload(&self, account_id: &str, content_hash: &str, before: UnixMs, now: UnixMs) -> Result<bool>;

    /// Deletes credentials and links that expired by `now`, and answers to requests with an `Idempotency-Key` and records of deleted contents that
    /// are older than `before`.
    async fn forget_expired(&self, before: UnixMs, now: UnixMs) -> Result<()>;
}
