//! Documents as people use them: lists, reader, search, original pages, exports, deletion.
//!
//! [`Library`] has a method for each, and each method takes the account that asks. Only `crate::jobs` sends requests to Gemini.
//! CPU-bound work on texts runs on blocking threads, in fair turns: [`Renderer`].
//!
//! `reading` opens a document at a page, `book` derives its structure over its pages (`structure`), `draft` extracts the plain text of one whose job is active, and `export` writes one as a file.
//! The ports are [`Documents`] and [`JobViews`].

mod book;
mod draft;
mod export;
mod job_views;
mod originals;
mod reading;
mod rendering;
mod search;
mod store;
pub mod structure;
mod text_limit;

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use crate::accounts::Account;
use crate::accounts::Caller;
use crate::changes::Changes;
use crate::clock::{Clock, IdGenerator};
use crate::error::{Error, Result};
use crate::extract::EngineShares;
use crate::markdown::FigureId;
use crate::model::wire::{DocumentList, DocumentSummary, JobView, LibraryListing};
use crate::model::{ApiError, ErrorCode};
use crate::uploads::{Blobs, Figures, Uploads, figure_key, upload_key};
use coldbrew_pdf::Engine;

pub use draft::Drafts;
pub use export::{Body, Exported, content_disposition};
pub use job_views::JobViews;
pub use originals::{Originals, PageKey};
pub use rendering::{Renderer, RenderingLimits};
pub use store::{Documents, NewDocument, Source, Unread};
pub use text_limit::TextLimit;

/// The most documents in one page of a list.
pub const LIST_MAX: u32 = 200;
/// A listing ends, with a cursor, once it has this many documents.
const LISTING_MIN: usize = 50;
/// Pages that the reader loads at once.
pub const READER_PAGES: u32 = 20;

/// The documents of all accounts. Every method takes the account that asks.
#[derive(Clone)]
pub struct Library {
    pub documents: Arc<dyn Documents>,
    pub jobs: Arc<dyn JobViews>,
    pub uploads: Arc<dyn Uploads>,
    pub blobs: Arc<dyn Blobs>,
    pub figures: Arc<dyn Figures>,
    pub engine: Engine,
    pub shares: EngineShares,
    pub originals: Originals,
    pub drafts: Drafts,
    pub renderer: Renderer,
    pub text_limit: TextLimit,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdGenerator>,
    pub changes: Changes,
}

impl Library {
    /// The account's newest job for this content.
    ///
    /// # Errors
    /// `not_found` if there is none.
    pub async fn job(&self, account: &Account, content_hash: &str) -> Result<JobView> {
        let found = self.jobs.latest(&account.id, content_hash).await?;
        Ok(found.ok_or_else(|| ApiError::not_found("batch"))?)
    }

    /// The account's job with this id.
    ///
    /// # Errors
    /// `not_found` if there is none.
    pub async fn extraction(&self, account: &Account, id: &str) -> Result<JobView> {
        let found = self.jobs.job(&account.id, id).await?;
        Ok(found.ok_or_else(|| ApiError::not_found("extraction"))?)
    }

    /// Removes the failed jobs for this content from the account's lists.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn dismiss(&self, account: &Account, content_hash: &str) -> Result<()> {
        self.jobs.dismiss(&account.id, content_hash).await
    }

    /// The account's documents after `cursor`, newest first. `limit` is clamped to 1..=[`LIST_MAX`].
    ///
    /// # Errors
    /// Those of the database.
    pub async fn list(&self, account: &Account, cursor: Option<&str>, limit: u32) -> Result<DocumentList> {
        let limit = limit.clamp(1, LIST_MAX);
        let mut documents = self.documents.documents(&account.id, cursor, limit + 1).await?;
        let more = documents.len() > limit as usize;
        documents.truncate(limit as usize);
        let next_cursor = documents.last().filter(|_| more).map(|last| last.id.clone());
        Ok(DocumentList { documents, next_cursor })
    }

    /// The account's jobs and documents with `query` in their titles. Without `before`: open jobs and the newest documents. With it: only
    /// documents after that cursor.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn listing(&self, account: &Account, query: &str, before: Option<String>) -> Result<LibraryListing> {
        let query = query.trim().to_lowercase();
        let matches = |title: &str| title.to_lowercase().contains(&query);
        let mut jobs = match before {
            None => self.jobs.open_jobs(&account.id).await?,
            Some(_) => Vec::new(),
        };
        jobs.retain(|job| matches(&job.title));
        let mut listing = LibraryListing { jobs, documents: Vec::new(), older: before };
        // Titles are compared here because SQLite's `lower` folds ASCII only
        // (<https://database.guide/how-sqlite-lower-works/>, read 2026-11-30).
        loop {
            let list = self.list(account, listing.older.as_deref(), LIST_MAX).await?;
            listing.documents.extend(list.documents.into_iter().filter(|document| matches(&document.title)));
            listing.older = list.next_cursor;
            if listing.older.is_none() || listing.documents.len() >= LISTING_MIN {
                return Ok(listing);
            }
        }
    }

    /// A document without its pages.
    ///
    /// # Errors
    /// `not_found` if the account has no such document.
    pub async fn summary(&self, account: &Account, id: &str) -> Result<DocumentSummary> {
        let found = self.documents.document(&account.id, id).await?;
        Ok(found.ok_or_else(|| ApiError::not_found("document"))?)
    }

    /// The path of a figure's picture, a PNG file.
    ///
    /// # Errors
    /// `not_found` if the account has no such figure.
    pub async fn figure(&self, account: &Account, figure: &FigureId) -> Result<PathBuf> {
        if !self.uploads.has_content(&account.id, &figure.content_hash).await? {
            return Err(ApiError::not_found("image").into());
        }
        let found = self.blobs.open(&figure_key(&account.id, figure)).await?;
        Ok(found.ok_or_else(|| ApiError::not_found("image"))?)
    }

    /// A page of a document's original file as a WebP or JPEG picture. `page` counts from 0.
    ///
    /// # Errors
    /// `not_found` if there is no such document or page, `original_gone` if its file was deleted, and those of [`Originals::picture`].
    pub async fn original(&self, caller: &Caller, id: &str, page: u32) -> Result<Bytes> {
        let account = &caller.account;
        let source = self.documents.source(&account.id, id).await?.ok_or_else(|| ApiError::not_found("document"))?;
        if !self.documents.page_indices(&account.id, id).await?.contains(&page) {
            return Err(ApiError::not_found("page").into());
        }
        let Some(file) = self.blobs.open(&upload_key(&account.id, &source.content_hash)).await? else {
            let message = "The file of this document was deleted, so the original pages cannot be shown.";
            return Err(Error::refused(ErrorCode::OriginalGone, message));
        };
        let key = PageKey { account_id: account.id.clone(), content_hash: source.content_hash, page };
        self.originals.picture(&file, &key, &self.shares.of_caller(caller)).await
    }

    /// Deletes a document. Its figures and file are purged soon if no other document needs them. Its receipt is kept.
    ///
    /// # Errors
    /// `not_found` if the account has no such document.
    pub async fn delete(&self, account: &Account, id: &str) -> Result<()> {
        let is_deleted = self.documents.delete_document(&account.id, id, self.clock.now()).await?;
        // Open lists reload on any change, so the content is not named.
        self.changes.tell(&account.id, "*");
        if is_deleted { Ok(()) } else { Err(ApiError::not_found("document").into()) }
    }
}
