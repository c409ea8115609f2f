//! The port of uploads: the measures of each file, and which of its pages were read before.

use async_trait::async_trait;

use crate::accounts::Allowance;
use crate::error::Result;
use crate::model::wire::Metadata;
use crate::model::{PageSet, UnixMs};

/// A file that was opened, measured and stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Identifies this upload.
    pub hash: String,
    pub account_id: String,
    /// Identifies this content within the account.
    pub content_hash: String,
    pub metadata: Metadata,
    /// The size of the stored file in bytes. An image is stored as a PDF.
    pub kept_bytes: u64,
    /// The realtime price of each page without a cached result, in token equivalents.
    pub page_tokens: Vec<u32>,
}

/// Stores uploads, and finds the AI results that make pages free.
///
/// # Errors
/// Every method fails with `unavailable` if the store cannot be reached, and with `internal` if the store fails otherwise.
#[async_trait]
pub trait Uploads: Send + Sync {
    /// Records an upload as pending. Call it before storing the file: the file of a recorded content is not purged. `false`: a server is
    /// deleting the files of this content, which takes seconds.
    ///
    /// # Errors
    /// `limit_reached` if the allowance is too small for the file.
    async fn insert_upload(&self, upload: &Upload, allowance: &Allowance, now: UnixMs) -> Result<bool>;

    /// Records that the file of an upload is stored, so that its caller can be told of it. `false`: the upload was deleted meanwhile, and
    /// its file is purged.
    async fn finish_upload(&self, upload: &Upload, now: UnixMs) -> Result<bool>;

    /// Removes a pending upload, whose file may be stored or not. The file is purged, unless something else uses this content.
    async fn remove_upload(&self, upload: &Upload, now: UnixMs) -> Result<()>;

    /// The account's upload with this hash.
    async fn upload(&self, account_id: &str, hash: &str) -> Result<Option<Upload>>;

    /// Whether the account has an upload of this content. It has none after the last document of the content was deleted, even if files are
    /// not purged yet.
    async fn has_content(&self, account_id: &str, content_hash: &str) -> Result<bool>;

    /// The pages of this content that were read before with this recipe.
    async fn cached_pages(&self, account_id: &str, content_hash: &str, recipe: &str) -> Result<PageSet>;
}
