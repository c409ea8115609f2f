//! The plain text of a document that a job is to fill: there as soon as somebody wants to read it, at the address that the finished
//! document will have, and for nothing. It ends with its job.
//!
//! Pages that are asked for are read at once, and all others behind that. Which pages are there is all that is known of it: whoever
//! needs one that is not reads it, so a reading that breaks off leaves nothing that is half done.

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

const NO_TEXT: &str = "This page has no text of its own. It comes with the finished document.";

/// Drafts that this process is reading to their ends, by their documents. Clones share them.
#[derive(Clone)]
pub struct Drafts {
    /// How long somebody who needs every page waits for them.
    pub patience: Duration,
    under_way: Arc<Mutex<HashMap<String, PendingDraft>>>,
}

/// Ends when every page is there, for all who wait for it.
type PendingDraft = Shared<BoxFuture<'static, Result<(), ApiError>>>;

impl Default for Drafts {
    fn default() -> Self {
        Self { patience: Duration::from_secs(120), under_way: Arc::default() }
    }
}

impl Drafts {
    fn under_way(&self) -> MutexGuard<'_, HashMap<String, PendingDraft>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Library {
    /// Begins the draft of the document that this job is to fill, if the job still goes on. It has no page yet.
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

    /// Reads those of these pages that the draft has not, and has the others read behind that.
    pub(super) async fn read_draft(&self, caller: &Caller, job: &JobView, pages: &PageSet) -> Result<()> {
        let missing = self.missing_pages(&caller.account, job).await?;
        let now: PageSet = missing.iter().filter(|&index| pages.contains(index)).collect();
        self.read_into_draft(caller, job, &now, Priority::Interactive).await?;
        if now != missing {
            drop(self.reading_of(caller, job));
        }
        Ok(())
    }

    /// What is known of a document with all its pages: a draft is read to its end first.
    ///
    /// # Errors
    /// If that takes too long to wait for. It goes on all the same.
    pub(super) async fn whole(&self, caller: &Caller, id: &str) -> Result<DocumentSummary> {
        let account = &caller.account;
        let found = self.summary(account, id).await?;
        let job = if found.is_draft { self.jobs.filling(&account.id, id).await? } else { None };
        let Some(job) = job else { return Ok(found) };
        let reading = self.reading_of(caller, &job);
        tokio::time::timeout(self.drafts.patience, reading).await.map_err(|_| still_being_read())??;
        self.summary(account, id).await
    }

    /// The reading of all pages that the draft has not. It goes on whether or not somebody waits.
    fn reading_of(&self, caller: &Caller, job: &JobView) -> PendingDraft {
        let begin = || {
            let (library, caller, job) = (self.clone(), caller.clone(), job.clone());
            let reading = tokio::spawn(async move {
                let done = library.read_rest(&caller, &job).await;
                library.drafts.under_way().remove(&job.draft_id);
                done.map_err(Error::public)
            });
            let done = |ended| match ended {
                Ok(done) => done,
                Err(error) => Err(Error::internal(error).public()),
            };
            reading.map(done).boxed().shared()
        };
        self.drafts.under_way().entry(job.draft_id.clone()).or_insert_with(begin).clone()
    }

    async fn read_rest(&self, caller: &Caller, job: &JobView) -> Result<()> {
        let account = &caller.account;
        let missing = self.missing_pages(account, job).await?;
        self.read_into_draft(caller, job, &missing, Priority::Background).await?;
        if !missing.is_empty() {
            // There is an outline to be seen now.
            self.changes.tell(&account.id, &job.content_hash);
        }
        Ok(())
    }

    async fn missing_pages(&self, account: &Account, job: &JobView) -> Result<PageSet> {
        let there: PageSet = self.documents.page_indices(&account.id, &job.draft_id).await?.into_iter().collect();
        Ok(job.pages.iter().filter(|&index| !there.contains(index)).collect())
    }

    /// Reads pages and stores them some at a time, so that nothing that is stored waits for a page.
    async fn read_into_draft(&self, caller: &Caller, job: &JobView, pages: &PageSet, priority: Priority) -> Result<()> {
        let account = &caller.account;
        if pages.is_empty() {
            return Ok(());
        }
        let mut read = self.plain_pages(caller, job, pages, priority).await?.try_chunks(READER_PAGES as usize);
        while let Some(pages) = read.try_next().await.map_err(|broken| broken.1)? {
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
    let words = "The text of this document is still being read. Please try again in a moment.";
    Error::refused(ErrorCode::Unavailable, words)
}
