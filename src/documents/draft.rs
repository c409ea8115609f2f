//! Drafts: the file's own text of a document whose job is active. A draft is free, and ends with its job.
//!
//! A draft begins when a reader opens it, at the address that the finished document will have. Requested pages are extracted first, the
//! others in the background. The stored pages are its only state: an extraction that fails is continued by the next request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, Shared};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};

use super::{Library, READER_PAGES};
use crate::accounts::Account;
use crate::accounts::Caller;
use crate::documents::NewDocument;
use crate::error::{Error, Result};
use crate::extract::text_pages;
use crate::model::wire::{DocumentSummary, JobView, Page};
use crate::model::{ApiError, ErrorCode, Mode, PageSet, format_of};
use crate::uploads::upload_key;
use coldbrew_pdf::Priority;

const NO_TEXT: &str = "This page has no text of its own. Its text comes with the finished document.";

/// The drafts that this process is completing, by the ids of their documents. Clones share them.
#[derive(Clone)]
pub struct Drafts {
    /// How long a request that needs every page waits for them.
    pub patience: Duration,
    pending: Arc<Mutex<HashMap<String, PendingDraft>>>,
}

/// Completes when every page is stored. All waiting requests share it.
type PendingDraft = Shared<BoxFuture<'static, Result<(), ApiError>>>;

impl Default for Drafts {
    fn default() -> Self {
        Self { patience: Duration::from_secs(120), pending: Arc::default() }
    }
}

impl Drafts {
    fn pending(&self) -> MutexGuard<'_, HashMap<String, PendingDraft>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Library {
    /// Begins the draft of this job's document, without pages, if the job is still active.
    pub(super) async fn begin_draft(&self, account: &Account, job: &JobView) -> Result<()> {
        let document = NewDocument {
            id: job.draft_id.clone(),
            account_id: account.id.clone(),
            upload_hash: job.upload_hash.clone(),
            content_hash: job.content_hash.clone(),
            title: job.title.clone(),
            mode: Mode::Text,
            pages: job.pages.clone(),
        };
        self.documents.begin_draft(&document, self.clock.now()).await.map(|_| ())
    }

    /// Extracts the missing ones of `pages`, and starts the extraction of all other missing pages in the background.
    pub(super) async fn read_draft(&self, caller: &Caller, job: &JobView, pages: &PageSet) -> Result<()> {
        let missing = self.missing_pages(&caller.account, job).await?;
        let now: PageSet = missing.iter().filter(|&index| pages.contains(index)).collect();
        self.read_into_draft(caller, job, &now, Priority::Interactive).await?;
        if now != missing {
            drop(self.pending_draft(caller, job));
        }
        Ok(())
    }

    /// A document without its pages, all of which are stored: a draft is completed first.
    ///
    /// # Errors
    /// `not_found` if there is no such document. `unavailable` if completing it takes too long; it continues in the background.
    pub(super) async fn completed(&self, caller: &Caller, id: &str) -> Result<DocumentSummary> {
        let account = &caller.account;
        let found = self.summary(account, id).await?;
        let job = if found.is_draft { self.jobs.filling(&account.id, id).await? } else { None };
        let Some(job) = job else { return Ok(found) };
        let pending = self.pending_draft(caller, &job);
        tokio::time::timeout(self.drafts.patience, pending).await.map_err(|_| still_being_read())??;
        self.summary(account, id).await
    }

    /// The extraction of all missing pages. It continues if no request waits for it.
    fn pending_draft(&self, caller: &Caller, job: &JobView) -> PendingDraft {
        let begin = || {
            let (library, caller, job) = (self.clone(), caller.clone(), job.clone());
            let task = tokio::spawn(async move {
                let done = library.read_rest(&caller, &job).await;
                library.drafts.pending().remove(&job.draft_id);
                done.map_err(Error::public)
            });
            let done = |ended| match ended {
                Ok(done) => done,
                Err(error) => Err(Error::internal(error).public()),
            };
            task.map(done).boxed().shared()
        };
        self.drafts.pending().entry(job.draft_id.clone()).or_insert_with(begin).clone()
    }

    async fn read_rest(&self, caller: &Caller, job: &JobView) -> Result<()> {
        let account = &caller.account;
        let missing = self.missing_pages(account, job).await?;
        self.read_into_draft(caller, job, &missing, Priority::Background).await?;
        if !missing.is_empty() {
            // Open readers can now show an outline.
            self.changes.tell(&account.id, &job.content_hash);
        }
        Ok(())
    }

    async fn missing_pages(&self, account: &Account, job: &JobView) -> Result<PageSet> {
        let there: PageSet = self.documents.page_indices(&account.id, &job.draft_id).await?.into_iter().collect();
        Ok(job.pages.iter().filter(|&index| !there.contains(index)).collect())
    }

    /// Extracts pages and stores them in chunks, so that no transaction is open while a page is extracted.
    async fn read_into_draft(&self, caller: &Caller, job: &JobView, pages: &PageSet, priority: Priority) -> Result<()> {
        let account = &caller.account;
        if pages.is_empty() {
            return Ok(());
        }
        let mut read = self.plain_pages(caller, job, pages, priority).await?.try_chunks(READER_PAGES as usize);
        while let Some(pages) = read.try_next().await.map_err(|failed| failed.1)? {
            if !self.documents.extend_draft(&account.id, &job.draft_id, &pages).await? {
                break;
            }
        }
        Ok(())
    }

    async fn plain_pages<'a>(
        &self,
        caller: &Caller,
        job: &JobView,
        pages: &'a PageSet,
        priority: Priority,
    ) -> Result<BoxStream<'a, Result<Page>>> {
        let (account, requester) = (&caller.account, self.shares.of_caller(caller));
        let upload = self.uploads.upload(&account.id, &job.upload_hash).await?;
        let limit = upload.as_ref().map(|upload| self.text_limit.of(upload)).unwrap_or_default();
        let limit = limit.less(self.documents.text_bytes(&account.id, &job.draft_id).await?);
        let format = upload.and_then(|upload| format_of(&upload.metadata.content_type)).filter(|format| format.free);
        let file = self.blobs.open(&upload_key(&account.id, &job.content_hash)).await?;
        let without_text = |index| Page { index, markdown: String::new(), failure: None, note: None };
        let read = match (format, file) {
            (Some(format), Some(file)) => text_pages(&self.engine, &file, format, pages, priority, &requester).await?,
            _ => stream::iter(pages.iter().map(without_text).map(Ok)).boxed(),
        };
        let plain = |page: Page| {
            let failure = page.markdown.trim().is_empty().then(|| NO_TEXT.to_owned());
            Page { failure, note: None, ..page }
        };
        Ok(limit.keep(read).map_ok(plain).boxed())
    }
}

fn still_being_read() -> Error {
    let message = "The text of this document is still being read. Try again in a moment.";
    Error::refused(ErrorCode::Unavailable, message)
}
