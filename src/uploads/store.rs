//! The port of uploads: what was measured of each file, and which of its pages were read before.

use async_trait::async_trait;
use futures::future::BoxFuture;

use crate::accounts::Allowance;
use crate::error::Result;
use crate::model::wire::Metadata;
use crate::model::{PageSet, UnixMs};

/// A file that was opened, measured and kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Names this upload.
    pub hash: String,
    pub account_id: String,
    /// Names this content within the account.
    pub content_hash: String,
    pub metadata: Metadata,
    /// Size of the file that is kept, in bytes. An image is kept as a PDF.
    pub kept_bytes: u64,
    /// Each page's realtime price if it is not cached, in token equivalents.
    pub page_tokens: Vec<u32>,
}

/// Uploads, and the AI results that make pages free.
#[async_trait]
pub trait Uploads: Send + Sync {
    /// Records an upload. Its file is kept after that: from then on nobody takes the content for one that can be forgotten.
    ///
    /// # Errors
    /// `limit_reached`, if its file is more than the allowance has room for.
    async fn insert_upload(&self, upload: &Upload, allowance: &Allowance, now: UnixMs) -> Result<()>;

    /// Takes back an upload whose file could not be kept.
    async fn remove_upload(&self, upload: &Upload) -> Result<()>;

    /// Deletes files of a content, unless there is an upload of it again; meanwhile there will be none.
    async fn unless_kept(
        &self,
        account_id: &str,
        content_hash: &str,
        deletion: BoxFuture<'_, Result<()>>,
    ) -> Result<()>;

    /// The account's upload of that hash.
    async fn upload(&self, account_id: &str, hash: &str) -> Result<Option<Upload>>;

    /// Pages of this content that were read before with the same recipe.
    async fn cached_pages(&self, account_id: &str, content_hash: &str, recipe: &str) -> Result<PageSet>;
}
