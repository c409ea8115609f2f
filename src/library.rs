//! Documents as people use them: lists, the reader's pages as safe HTML, deletion.

mod figures;
mod markdown;
mod outline;

use std::path::PathBuf;
use std::sync::Arc;

use crate::changes::Changes;
use crate::error::Result;
use crate::model::ApiError;
use crate::model::wire::{Document, DocumentList, DocumentSummary, OutlineEntry, PageView, Shelf};
use crate::store::{Account, Blobs, Deletion, Documents, Jobs, figure_key, upload_key};

pub use markdown::safe_html;

/// Documents of one list answer, unless fewer are asked for.
pub const LIST_MAX: u32 = 200;
/// Documents that a search looks for before it says that there are older ones.
const SHELF_MIN: usize = 50;
/// Pages that the reader asks for at a time.
pub const READER_PAGES: u32 = 20;

/// The documents of all accounts; every call names the one that asks.
#[derive(Clone)]
pub struct Library {
    pub documents: Arc<dyn Documents>,
    pub jobs: Arc<dyn Jobs>,
    pub blobs: Arc<dyn Blobs>,
    pub changes: Changes,
}

impl Library {
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
    pub async fn shelf(&self, account: &Account, query: &str, before: Option<String>) -> Result<Shelf> {
        let query = query.trim().to_lowercase();
        let matches = |title: &str| title.to_lowercase().contains(&query);
        let mut jobs = match before {
            None => self.jobs.open_jobs(&account.id).await?,
            Some(_) => Vec::new(),
        };
        jobs.retain(|job| matches(&job.title));
        let mut shelf = Shelf { jobs, documents: Vec::new(), older: before };
        // SQLite cannot fold the case of every alphabet, so titles are compared here.
        loop {
            let list = self.list(account, shelf.older.as_deref(), LIST_MAX).await?;
            shelf.documents.extend(list.documents.into_iter().filter(|document| matches(&document.title)));
            shelf.older = list.next_cursor;
            if shelf.older.is_none() || shelf.documents.len() >= SHELF_MIN {
                return Ok(shelf);
            }
        }
    }

    /// What is known of a document without its pages.
    pub async fn summary(&self, account: &Account, id: &str) -> Result<DocumentSummary> {
        let found = self.documents.document(&account.id, id).await?;
        Ok(found.ok_or_else(|| ApiError::not_found("document"))?)
    }

    /// A document with all its pages.
    pub async fn document(&self, account: &Account, id: &str) -> Result<Document> {
        let summary = self.summary(account, id).await?;
        let content = self.documents.pages(&account.id, id, 0, summary.pages).await?;
        Ok(Document { summary, content })
    }

    /// Pages of a document for the reader, from its `skip`th on.
    pub async fn page_views(&self, account: &Account, id: &str, skip: u32) -> Result<Vec<PageView>> {
        let pages = self.documents.pages(&account.id, id, skip, READER_PAGES).await?;
        let view = |page: crate::model::wire::Page| PageView {
            index: page.index,
            html: safe_html(&page.markdown, page.index),
            failure: page.failure,
            note: page.note,
        };
        Ok(pages.into_iter().map(view).collect())
    }

    /// The document's headings, as many ranks of them as make a list that a person can take in.
    pub async fn outline(&self, account: &Account, id: &str) -> Result<Vec<OutlineEntry>> {
        let pages = self.documents.headed_pages(&account.id, id).await?;
        Ok(outline::of(pages))
    }

    /// The picture of a figure of the account's, a PNG file.
    pub async fn figure(&self, account: &Account, content_hash: &str, page: u32, index: usize) -> Result<PathBuf> {
        let is_hash = content_hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        let key = figure_key(&account.id, content_hash, page, index);
        let found = if is_hash { self.blobs.open(&key).await? } else { None };
        Ok(found.ok_or_else(|| ApiError::not_found("image"))?)
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
                for (page, figures) in figures {
                    for index in 0..figures.len() {
                        self.blobs.delete(&figure_key(&account.id, &content_hash, page, index)).await?;
                    }
                }
                self.blobs.delete(&upload_key(&account.id, &content_hash)).await
            }
        }
    }
}
