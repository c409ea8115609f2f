//! The port of documents: each with its pages.

use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::accounts::Allowance;
use crate::error::Result;
use crate::markdown::Outline;
use crate::model::wire::{DocumentSummary, Page};
use crate::model::{Mode, PageSet, UnixMs};
use crate::uploads::FigurePlaces;

/// A document to be stored as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDocument {
    pub id: String,
    pub account_id: String,
    pub upload_hash: String,
    pub content_hash: String,
    pub title: String,
    pub mode: Mode,
    /// Which pages of its file it is made of.
    pub pages: PageSet,
}

/// Documents, each with its pages. A draft is found by its id alone: no list has it, and nothing of it can be read again.
#[async_trait]
pub trait Documents: Send + Sync {
    /// The account's document of the same content, pages, mode and title: the one with the fewest failed pages, and of those the newest.
    async fn same_document(&self, document: &NewDocument) -> Result<Option<String>>;

    /// Stores a document with these pages, none of which is held longer than it takes to store it. Returns its id, or that of
    /// [`Self::same_document`], and then stores nothing.
    ///
    /// # Errors
    /// `limit_reached`, if the allowance has no room for another document or for its text.
    async fn insert_document(
        &self,
        document: &NewDocument,
        pages: BoxStream<'_, Result<Page>>,
        allowance: &Allowance,
        now: UnixMs,
    ) -> Result<String>;

    /// Begins a draft of the document that an active job is to fill, which ends with that job; does nothing if there is one.
    /// `false`: there is no such job any more.
    async fn begin_draft(&self, document: &NewDocument, now: UnixMs) -> Result<bool>;

    /// Adds to a draft of the account's those of these pages that it has not. `false`: there is no such draft any more.
    async fn extend_draft(&self, account_id: &str, id: &str, pages: &[Page]) -> Result<bool>;

    /// Makes a document of pages that were all read before. Returns its id, or that of [`Self::same_document`] if no page of it failed.
    ///
    /// # Errors
    /// `limit_reached`, if the allowance has no room for another document or for its text.
    async fn insert_from_cache(
        &self,
        document: &NewDocument,
        recipe: &str,
        allowance: &Allowance,
        now: UnixMs,
    ) -> Result<String>;

    /// The account's documents after `cursor`, newest first, at most `limit`.
    async fn documents(&self, account_id: &str, cursor: Option<&str>, limit: u32) -> Result<Vec<DocumentSummary>>;

    async fn document(&self, account_id: &str, id: &str) -> Result<Option<DocumentSummary>>;

    /// What is needed to read the failed pages of the account's document again.
    async fn unread(&self, account_id: &str, id: &str) -> Result<Option<Unread>>;

    /// Pages of the account's document, from page `first` of its file on, at most `limit`.
    async fn pages(&self, account_id: &str, id: &str, first: u32, limit: u32) -> Result<Vec<Page>>;

    /// Which pages of its file the account's document has, in order.
    async fn page_indices(&self, account_id: &str, id: &str) -> Result<Vec<u32>>;

    /// How many bytes the text of the account's document takes, its rows included; 0 if there is no such document.
    async fn text_bytes(&self, account_id: &str, id: &str) -> Result<u64>;

    /// What the account's document was made from.
    async fn source(&self, account_id: &str, id: &str) -> Result<Option<Source>>;

    /// The outline that was stored with the document's pages. `None`: the document is older than stored outlines, or there is none.
    async fn outline(&self, account_id: &str, id: &str) -> Result<Option<Outline>>;

    /// Stores the outline of the account's document, unless there is one.
    async fn keep_outline(&self, account_id: &str, id: &str, outline: &Outline) -> Result<()>;

    /// Deletes a document. Returns the content whose file and results nothing refers to any more, if that is so.
    async fn delete_document(&self, account_id: &str, id: &str) -> Result<Deletion>;
}

/// What a document was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub upload_hash: String,
    pub content_hash: String,
}

/// The failed pages of a document, and where they came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    pub upload_hash: String,
    pub title: String,
    pub pages: PageSet,
}

/// What [`Documents::delete_document`] did.
#[derive(Clone, Debug, PartialEq)]
pub enum Deletion {
    NotFound,
    Deleted,
    /// Nothing refers to this content any more: its file can go too.
    DeletedLast {
        content_hash: String,
        figures: FigurePlaces,
    },
}
