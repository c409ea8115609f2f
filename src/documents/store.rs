//! The port of documents and their pages.

use async_trait::async_trait;
use futures::stream::BoxStream;

use super::structure::StoredStructure;
use crate::accounts::Allowance;
use crate::error::Result;
use crate::markdown::Outline;
use crate::model::wire::{DocumentSummary, Page};
use crate::model::{Mode, PageSet, UnixMs};

/// A document to be stored, without its pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDocument {
    pub id: String,
    pub account_id: String,
    pub upload_hash: String,
    pub content_hash: String,
    pub title: String,
    pub mode: Mode,
    /// The pages of its file that it consists of.
    pub pages: PageSet,
}

/// Documents and their pages. A draft is found by its id only: lists leave it out, and its pages cannot be retried.
///
/// # Errors
/// Every method fails with `unavailable` if the database cannot be reached.
#[async_trait]
pub trait Documents: Send + Sync {
    /// The id of the account's document with the same content, pages, mode and title. Of several, the newest of those with the fewest
    /// failed pages.
    async fn same_document(&self, document: &NewDocument) -> Result<Option<String>>;

    /// Streams a document with these pages into the store, and returns its id. If there is [`Self::same_document`], stores nothing and
    /// returns the id of that one.
    ///
    /// # Errors
    /// `limit_reached` if the allowance has no room for another document or for its text.
    async fn insert_document(
        &self,
        document: &NewDocument,
        pages: BoxStream<'_, Result<Page>>,
        allowance: &Allowance,
        now: UnixMs,
    ) -> Result<String>;

    /// Begins a draft of an active job's document, unless there is one. It ends with that job. `false`: the job is not active any more.
    async fn begin_draft(&self, document: &NewDocument, now: UnixMs) -> Result<bool>;

    /// Adds the pages that the account's draft does not have. `false`: the draft has ended.
    async fn extend_draft(&self, account_id: &str, id: &str, pages: &[Page]) -> Result<bool>;

    /// Stores a document from cached results of `recipe`, which must exist for all its pages. Returns its id, or that of
    /// [`Self::same_document`] if no page of that one failed.
    ///
    /// # Errors
    /// `limit_reached` if the allowance has no room for another document or for its text.
    async fn insert_from_cache(
        &self,
        document: &NewDocument,
        recipe: &str,
        allowance: &Allowance,
        now: UnixMs,
    ) -> Result<String>;

    /// The account's documents after `cursor`, newest first, at most `limit`.
    async fn documents(&self, account_id: &str, cursor: Option<&str>, limit: u32) -> Result<Vec<DocumentSummary>>;

    /// The account's document without its pages.
    async fn document(&self, account_id: &str, id: &str) -> Result<Option<DocumentSummary>>;

    /// The failed pages of the account's document, to be retried.
    async fn unread(&self, account_id: &str, id: &str) -> Result<Option<Unread>>;

    /// At most `limit` pages of the account's document, in order, from page `first` of its file on. Pages count from 0.
    async fn pages(&self, account_id: &str, id: &str, first: u32, limit: u32) -> Result<Vec<Page>>;

    /// The indices of the pages of the account's document, in order.
    async fn page_indices(&self, account_id: &str, id: &str) -> Result<Vec<u32>>;

    /// The size of the text of the account's document in bytes, its rows included; 0 if there is no such document.
    async fn text_bytes(&self, account_id: &str, id: &str) -> Result<u64>;

    /// The file that the account's document was made from.
    async fn source(&self, account_id: &str, id: &str) -> Result<Option<Source>>;

    /// The outline of the account's draft. `None`: there is no such draft.
    async fn outline(&self, account_id: &str, id: &str) -> Result<Option<Outline>>;

    /// The stored structure of the account's document. `None`: none was derived since its pages changed last.
    async fn structure(&self, account_id: &str, id: &str) -> Result<Option<StoredStructure>>;

    /// Stores the structure of the account's document in place of an older one, if the document still is as `of` says. A draft has none.
    async fn keep_structure(&self, account_id: &str, of: &DocumentSummary, found: &StoredStructure) -> Result<()>;

    /// Deletes a document. If nothing else refers to its content, deletes its cached results too, and records the purge of its files.
    /// `false`: there is no such document.
    async fn delete_document(&self, account_id: &str, id: &str, now: UnixMs) -> Result<bool>;
}

/// The file that a document was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub upload_hash: String,
    pub content_hash: String,
}

/// The failed pages of a document, with the file that they are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    pub upload_hash: String,
    pub title: String,
    pub pages: PageSet,
}
