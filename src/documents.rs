//! Documents as people use them: lists, reader, search, pages as they were, exports, deletion.
//!
//! [`Library`] has a method for each, and each method names the account that asks. Nothing here asks Gemini:
//! `crate::jobs` does. Work on texts runs beside the event loop, in fair turns: [`Renderer`].
//!
//! `reading` opens a document at a place, `draft` reads one whose job still runs, and `export` writes one as a file. The ports are
//! [`Documents`] and [`JobViews`].

mod draft;
mod export;
mod job_views;
mod originals;
mod reading;
mod rendering;
mod search;
mod store;
mod text_limit;

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;

use crate::accounts::Account;
use crate::accounts::Caller;
use crate::changes::Changes;
use crate::clock::{Clock, IdGenerator};
use crate::error::{Error, Result};
use crate::extract::EngineShares;
use crate::markdown::{FigureId, Outline};
use crate::model::wire::{DocumentList, DocumentSummary, JobView, LibraryListing, OutlineEntry};
use crate::model::{ApiError, ErrorCode};
use crate::uploads::{Blobs, Uploads, delete_content, figure_key, upload_key};
use coldbrew_pdf::Engine;

pub use draft::Drafts;
pub use export::{Body, Exported, content_disposition};
pub use job_views::JobViews;
pub use originals::{Originals, PageKey};
pub use rendering::{Renderer, RenderingLimits};
pub use store::{Deletion, Documents, NewDocument, Source, Unread};
pub use text_limit::TextLimit;

/// Documents of one list answer, unless fewer are asked for.
pub const LIST_MAX: u32 = 200;
/// Documents that a search looks for before it says that there are older ones.
const LISTING_MIN: usize = 50;
/// Pages that the reader asks for at a time.
pub const READER_PAGES: u32 = 20;

/// The documents of all accounts; every call names the one that asks.
#[derive(Clone)]
pub struct Library {
    pub documents: Arc<dyn Documents>,
    pub jobs: Arc<dyn JobViews>,
    pub uploads: Arc<dyn Uploads>,
    pub blobs: Arc<dyn Blobs>,
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
    /// The newest job for this content of the account.
    pub async fn job(&self, account: &Account, content_hash: &str) -> Result<JobView> {
        let found = self.jobs.latest(&account.id, content_hash).await?;
        Ok(found.ok_or_else(|| ApiError::not_found("batch"))?)
    }

    /// The account's job of that id.
    pub async fn extraction(&self, account: &Account, id: &str) -> Result<JobView> {
        let found = self.jobs.job(&account.id, id).await?;
        Ok(found.ok_or_else(|| ApiError::not_found("extraction"))?)
    }

    /// Takes what failed of this content off the account's lists.
    pub async fn dismiss(&self, account: &Account, content_hash: &str) -> Result<()> {
        self.jobs.dismiss(&account.id, content_hash).await
    }

    /// The account's documents after `cursor`, newest first.
    pub async fn list(&self, account: &Account, cursor: Option<&str>, limit: u32) -> Result<DocumentList> {
        let limit = limit.clamp(1, LIST_MAX);
        let mut documents = self.documents.documents(&account.id, cursor, limit + 1).await?;
        let more = documents.len() > limit as usize;
        documents.truncate(limit as usize);
        let next_cursor = documents.last().filter(|_| more).map(|last| last.id.clone());
        Ok(DocumentList { documents, next_cursor })
    }

    /// What the account's lists show of what has `query` in its title: jobs that are not done and the newest documents, or some of those
    /// that are older than `before`.
    pub async fn listing(&self, account: &Account, query: &str, before: Option<String>) -> Result<LibraryListing> {
        let query = query.trim().to_lowercase();
        let matches = |title: &str| title.to_lowercase().contains(&query);
        let mut jobs = match before {
            None => self.jobs.open_jobs(&account.id).await?,
            Some(_) => Vec::new(),
        };
        jobs.retain(|job| matches(&job.title));
        let mut listing = LibraryListing { jobs, documents: Vec::new(), older: before };
        // SQLite cannot fold the case of every alphabet, so titles are compared here.
        loop {
            let list = self.list(account, listing.older.as_deref(), LIST_MAX).await?;
            listing.documents.extend(list.documents.into_iter().filter(|document| matches(&document.title)));
            listing.older = list.next_cursor;
            if listing.older.is_none() || listing.documents.len() >= LISTING_MIN {
                return Ok(listing);
            }
        }
    }

    /// What is known of a document without its pages.
    pub async fn summary(&self, account: &Account, id: &str) -> Result<DocumentSummary> {
        let found = self.documents.document(&account.id, id).await?;
        Ok(found.ok_or_else(|| ApiError::not_found("document"))?)
    }

    /// The document's headings, as many ranks of them as make a list that a person can take in.
    pub async fn outline(&self, caller: &Caller, id: &str) -> Result<Vec<OutlineEntry>> {
        if let Some(outline) = self.documents.outline(&caller.account.id, id).await? {
            return Ok(outline.into_entries());
        }
        // The document was stored before outlines were.
        let outline = self.outline_of_pages(caller, id).await?;
        self.documents.keep_outline(&caller.account.id, id, &outline).await?;
        Ok(outline.into_entries())
    }

    async fn outline_of_pages(&self, caller: &Caller, id: &str) -> Result<Outline> {
        let (mut outline, mut next) = (Outline::default(), 0);
        loop {
            let pages = self.documents.pages(&caller.account.id, id, next, READER_PAGES).await?;
            let Some(last) = pages.last() else { return Ok(outline) };
            next = last.index + 1;
            let add = move || {
                pages.iter().for_each(|page| outline.add(page));
                outline
            };
            outline = self.renderer.run(caller, add).await?;
        }
    }

    /// The picture of a figure of the account's, a PNG file.
    pub async fn figure(&self, account: &Account, figure: &FigureId) -> Result<PathBuf> {
        let found = self.blobs.open(&figure_key(&account.id, figure)).await?;
        Ok(found.ok_or_else(|| ApiError::not_found("image"))?)
    }

    /// A page of a document as it was, a WebP or JPEG file; `page` counts from 0.
    pub async fn original(&self, caller: &Caller, id: &str, page: u32) -> Result<Bytes> {
        let account = &caller.account;
        let source = self.documents.source(&account.id, id).await?.ok_or_else(|| ApiError::not_found("document"))?;
        if !self.documents.page_indices(&account.id, id).await?.contains(&page) {
            return Err(ApiError::not_found("page").into());
        }
        let Some(file) = self.blobs.open(&upload_key(&account.id, &source.content_hash)).await? else {
            let words = "The file of this document is not kept any more, so its pages cannot be shown as they were.";
            return Err(Error::refused(ErrorCode::OriginalGone, words));
        };
        let key = PageKey { account_id: account.id.clone(), content_hash: source.content_hash, page };
        self.originals.picture(&file, &key, &self.shares.of_caller(caller)).await
    }

    /// Deletes a document, its figures and its file when no other document needs them. What it cost stays on record.
    pub async fn delete(&self, account: &Account, id: &str) -> Result<()> {
        let deletion = self.documents.delete_document(&account.id, id).await?;
        // Which content it was of does not matter to those who list documents.
        self.changes.tell(&account.id, "*");
        match deletion {
            Deletion::NotFound => Err(ApiError::not_found("document").into()),
            Deletion::Deleted => Ok(()),
            Deletion::DeletedLast { content_hash, figures } => {
                let deletion = delete_content(&*self.blobs, &account.id, &content_hash, &figures).boxed();
                self.uploads.unless_kept(&account.id, &content_hash, deletion).await
            }
        }
    }
}
