//! Submission: checks a request, estimates its tokens, and records the job with its reservation before the answer.

mod reread;

use std::sync::Arc;

use futures::TryStreamExt;
use tokio::sync::Notify;

use super::DiskSpool;
use super::job::{Job, JobIds};
use crate::accounts::spending::{Budget, PageCosts, Rates};
use crate::accounts::{AccessPolicy, Allowances, Caller};
use crate::accounts::{Account, Storage};
use crate::changes::Changes;
use crate::clock::{Clock, IdGenerator};
use crate::documents::TextLimit;
use crate::documents::{Documents, NewDocument, Unread};
use crate::error::{Error, Result};
use crate::extract::{EngineShares, Recipe, text_pages};
use crate::jobs::Spending;
use crate::jobs::{Acceptance, Jobs};
use crate::model::wire::{BatchTicket, DocumentTicket, RealtimeTicket, Submission, Submitted};
use crate::model::{ApiError, ErrorCode, Format, Mode, PageSet, Pricing, Quote, count_words, format_of};
use crate::uploads::{Blobs, Upload, Uploads, upload_key};
use coldbrew_gemini::models::Models;
use coldbrew_pdf::{Engine, Priority};

/// The ports that submissions use.
#[derive(Clone)]
pub struct SubmissionPorts {
    pub uploads: Arc<dyn Uploads>,
    pub jobs: Arc<dyn Jobs>,
    pub spending: Arc<dyn Spending>,
    pub documents: Arc<dyn Documents>,
    pub storage: Arc<dyn Storage>,
    pub blobs: Arc<dyn Blobs>,
    pub engine: Engine,
    pub spool: DiskSpool,
    pub changes: Changes,
    /// Notified when a job is accepted.
    pub bell: Arc<Notify>,
}

/// The limits and prices that decide whether a submission is accepted.
#[derive(Clone)]
pub struct SubmissionPolicy {
    pub recipe: Recipe,
    pub models: Models,
    pub pricing: Pricing,
    pub budget: Budget,
    pub allowances: Allowances,
    pub access: AccessPolicy,
    pub shares: EngineShares,
    pub text_limit: TextLimit,
}

/// Accepts submissions. Cheap to clone.
#[derive(Clone)]
pub struct Submissions {
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdGenerator>,
    pub ports: SubmissionPorts,
    pub policy: SubmissionPolicy,
}

/// The failed pages of a document, and the upload that they are read from.
struct FailedPages {
    upload: Upload,
    title: String,
    pages: PageSet,
    /// Those of `pages` that no AI mode has read since.
    uncached: PageSet,
}

impl Submissions {
    /// Extracts the requested pages: at once in text mode or if all were read before, otherwise by a job that is recorded when this
    /// returns.
    ///
    /// # Errors
    /// `not_found` if there is no such upload. Refused if mode and format do not match, or pages, allowance, quota or spending ceiling do
    /// not permit it. `batch_in_progress` if the content has an active job with other pages or another mode.
    pub async fn submit(&self, caller: &Caller, wish: Submission) -> Result<Submitted> {
        let account = &caller.account;
        let upload = self.ports.uploads.upload(&account.id, &wish.hash).await?;
        let upload = upload.ok_or_else(|| ApiError::not_found("upload"))?;
        let format = format_of(&upload.metadata.content_type).ok_or_else(|| ApiError::not_found("upload"))?;
        let mode = mode_of(&wish, format)?;
        let pages = selection(&wish, upload.metadata.total_pages)?;
        let title = chosen_title(wish.title.as_deref(), &upload.metadata.title);
        if mode != Mode::Text {
            self.admit_ai(account).await?;
        }
        if mode == Mode::Text {
            return self.read_text(caller, &upload, format, pages, title).await.map(Submitted::Document);
        }
        let uncached = self.uncached(&upload, &pages).await?;
        if uncached.is_empty() {
            return self.reuse(account, &upload, pages, title, mode).await.map(Submitted::Document);
        }
        let job = self.new_job(caller, &upload, pages, &uncached, title, mode);
        self.enqueue(caller, job, &upload, &uncached).await
    }

    /// Records a job that reads the failed pages of a document again, into that document.
    ///
    /// # Errors
    /// `not_found` if there is no such document, or its upload is gone. `invalid_pages` if no page failed. Otherwise as [`Self::submit`].
    pub async fn retry(&self, caller: &Caller, document_id: &str, mode: Mode) -> Result<Submitted> {
        self.admit_ai(&caller.account).await?;
        let FailedPages { upload, title, pages, uncached } = self.failed_pages(&caller.account, document_id).await?;
        let job = self.new_job(caller, &upload, pages, &uncached, title, mode);
        let job = Job { document_id: document_id.to_owned(), ..job };
        self.enqueue(caller, job, &upload, &uncached).await
    }

    /// Submits the newest job for this content again, as a batch or in realtime. If that job read pages of a document again, this one does
    /// too.
    ///
    /// # Errors
    /// `not_found` if there is no job for this content. Otherwise as [`Self::submit`].
    pub async fn try_again(&self, caller: &Caller, content_hash: &str, batch: bool) -> Result<Submitted> {
        let account = &caller.account;
        let newest = self.ports.jobs.latest(&account.id, content_hash).await?;
        let job = newest.ok_or_else(|| ApiError::not_found("batch"))?;
        if self.ports.documents.unread(&account.id, &job.draft_id).await?.is_some() {
            let mode = if batch { Mode::Batch } else { Mode::Realtime };
            if job.rereads {
                let pages: Vec<u32> = job.pages.iter().collect();
                return self.reread(caller, &job.draft_id, &pages, mode).await;
            }
            return self.retry(caller, &job.draft_id, mode).await;
        }
        let wish = Submission {
            hash: job.upload_hash,
            title: Some(job.title),
            pages: Some(job.pages.iter().collect()),
            ai_transform: true,
            batch_mode: batch,
        };
        self.submit(caller, wish).await
    }

    /// Checks that this account may have pages read by AI now.
    async fn admit_ai(&self, account: &Account) -> Result<()> {
        self.policy.access.admit_ai(account)?;
        self.slow_down(account).await
    }

    /// Refuses a second document at a time to an account if most of its answers today were refused or empty: Google bills those as well.
    async fn slow_down(&self, account: &Account) -> Result<()> {
        if !self.ports.spending.answers_on(&account.id, self.clock.now().day()).await?.slow_down()
            || self.ports.storage.account_usage(&account.id).await?.active_jobs == 0
        {
            return Ok(());
        }
        let words = "Most of your pages could not be read today, so your documents are read one at a time. \
                     Wait until the current one is done.";
        Err(Error::refused(ErrorCode::LimitReached, words))
    }

    /// The price of reading the failed pages of a document again.
    ///
    /// # Errors
    /// `not_found` if there is no such document, or its upload is gone. `invalid_pages` if no page failed.
    pub async fn retry_quote(&self, account: &Account, document_id: &str) -> Result<Quote> {
        let FailedPages { upload, uncached, .. } = self.failed_pages(account, document_id).await?;
        Ok(self.policy.pricing.quote(&upload.page_tokens, &uncached))
    }

    async fn failed_pages(&self, account: &Account, document_id: &str) -> Result<FailedPages> {
        let (Unread { title, pages, .. }, upload) = self.source_of(account, document_id).await?;
        if pages.is_empty() {
            return Err(Error::refused(ErrorCode::InvalidPages, "This document has no failed pages."));
        }
        let uncached = self.uncached(&upload, &pages).await?;
        Ok(FailedPages { upload, title, pages, uncached })
    }

    /// A document with its failed pages, and the upload that it was made from.
    async fn source_of(&self, account: &Account, document_id: &str) -> Result<(Unread, Upload)> {
        let unread = self.ports.documents.unread(&account.id, document_id).await?;
        let unread = unread.ok_or_else(|| ApiError::not_found("document"))?;
        let upload = self.ports.uploads.upload(&account.id, &unread.upload_hash).await?;
        Ok((unread, upload.ok_or_else(|| ApiError::not_found("upload"))?))
    }

    /// Those of the pages that no AI mode has read before.
    async fn uncached(&self, upload: &Upload, pages: &PageSet) -> Result<PageSet> {
        let cached = self
            .ports
            .uploads
            .cached_pages(&upload.account_id, &upload.content_hash, self.policy.recipe.name())
            .await?;
        Ok(pages.iter().filter(|&index| !cached.contains(index)).collect())
    }

    async fn read_text(
        &self,
        caller: &Caller,
        upload: &Upload,
        format: &Format,
        pages: PageSet,
        title: String,
    ) -> Result<DocumentTicket> {
        let (account, requester) = (&caller.account, self.policy.shares.of_caller(caller));
        let document = self.new_document(account, upload, pages, title, Mode::Text);
        if let Some(id) = self.ports.documents.same_document(&document).await? {
            return self.ticket_of(account, id).await;
        }
        // Checked again in the transaction that stores the document. This check saves work of the page engine.
        let allowance = self.policy.allowances.of(account);
        allowance.admits_document(&self.ports.storage.account_usage(&account.id).await?)?;
        let key = upload_key(&account.id, &upload.content_hash);
        let file = self.ports.blobs.open(&key).await?.ok_or_else(|| ApiError::not_found("upload"))?;
        let mut failed_pages = Vec::new();
        let pages =
            text_pages(&self.ports.engine, &file, format, &document.pages, Priority::Interactive, &requester).await?;
        let pages = self.policy.text_limit.of(upload).keep(pages).inspect_ok(|page| {
            if page.failure.is_some() {
                failed_pages.push(page.index);
            }
        });
        // All pages are read before the transaction begins: while it waited for a page, no other transaction could write.
        let mut read = self.ports.spool.write_spill(pages).await?;
        let id = self
            .ports
            .documents
            .insert_document(&document, read.read_spill().await?, allowance, self.clock.now())
            .await?;
        self.ports.changes.tell(&account.id, &upload.content_hash);
        Ok(DocumentTicket { id, title: document.title, failed_pages: failed_pages.into_iter().collect() })
    }

    /// The answer for a document that exists already.
    async fn ticket_of(&self, account: &Account, id: String) -> Result<DocumentTicket> {
        let unread = self.ports.documents.unread(&account.id, &id).await?;
        let Unread { title, pages, .. } = unread.ok_or_else(|| ApiError::not_found("document"))?;
        Ok(DocumentTicket { id, title, failed_pages: pages })
    }

    /// Makes a document of pages that were all read before. It is free.
    async fn reuse(
        &self,
        account: &Account,
        upload: &Upload,
        pages: PageSet,
        title: String,
        mode: Mode,
    ) -> Result<DocumentTicket> {
        let document = self.new_document(account, upload, pages, title, mode);
        let (allowance, now) = (self.policy.allowances.of(account), self.clock.now());
        let id = self.ports.documents.insert_from_cache(&document, self.policy.recipe.name(), allowance, now).await?;
        self.ports.changes.tell(&account.id, &upload.content_hash);
        Ok(DocumentTicket { id, title: document.title, failed_pages: PageSet::default() })
    }

    fn new_job(
        &self,
        caller: &Caller,
        upload: &Upload,
        pages: PageSet,
        uncached: &PageSet,
        title: String,
        mode: Mode,
    ) -> Job {
        let now = self.clock.now();
        Job {
            title,
            network: caller.network.map(|network| network.to_string()),
            total_pages: upload.metadata.total_pages,
            pages_submitted: u32::try_from(uncached.len()).unwrap_or(u32::MAX),
            ..Job::new(
                JobIds {
                    id: self.ids.id(),
                    account_id: upload.account_id.clone(),
                    upload_hash: upload.hash.clone(),
                    content_hash: upload.content_hash.clone(),
                    document_id: self.ids.id(),
                },
                mode,
                self.policy.recipe.clone(),
                pages,
                now,
            )
        }
    }

    /// Records a job that reads the `uncached` pages. If the content has an active job for the same pages and mode, that job is the answer.
    async fn enqueue(&self, caller: &Caller, job: Job, upload: &Upload, uncached: &PageSet) -> Result<Submitted> {
        let mode = job.mode;
        self.check_ceiling(caller, &job, upload, uncached).await?;
        let reserve = self.policy.pricing.quote(&upload.page_tokens, uncached).of(mode);
        let (account, quota_tokens) = (&caller.account, self.policy.budget.quota_tokens);
        match self.ports.jobs.accept(&job, reserve, account, quota_tokens, self.policy.allowances.of(account)).await? {
            Acceptance::Accepted => {
                self.ports.bell.notify_one();
                self.ports.changes.tell(&job.account_id, &job.content_hash);
                tracing::info!(job = %job.id, mode = mode.into_str(), pages = job.pages.len(), reserve, "job accepted");
                Ok(ticket(&job))
            }
            Acceptance::Active(active) if reread::is_same(&active, &job) => Ok(ticket(&active)),
            Acceptance::Active(active) => Err(Error::refused(
                ErrorCode::BatchInProgress,
                format!("This document is already being read (pages {}). Wait until that is done.", active.pages),
            )),
            Acceptance::OverQuota(usage) => Err(Error::refused(
                ErrorCode::QuotaExceeded,
                format!(
                    "This takes about {} tokens; you have {} left. Choose fewer pages.",
                    count_words(reserve),
                    count_words(usage.available_tokens)
                ),
            )),
        }
    }

    /// Refuses a job that the spending ceiling does not let begin today. If the content has an active job, that job waits for the ceiling,
    /// and submitting it again finds it.
    async fn check_ceiling(&self, caller: &Caller, job: &Job, upload: &Upload, uncached: &PageSet) -> Result<()> {
        let is_guest = caller.account.email.is_none();
        let Some(ceiling) = self.policy.budget.ceiling(is_guest) else { return Ok(()) };
        let day = self.ports.spending.spent_on(self.clock.now().day()).await?;
        let left = self.policy.budget.left(&day, is_guest).unwrap_or(u64::MAX);
        let (models, today) = (&self.policy.models, self.clock.today());
        let rates = Rates::new(models, job.recipe.model(), job.mode, today);
        let model = models.answering(job.recipe.model(), today);
        let costs = PageCosts::new(upload.page_tokens.clone(), self.policy.pricing, model, rates);
        let whole: u64 = uncached.iter().map(|page| costs.expected(page)).sum();
        let page = whole.div_ceil(u64::try_from(uncached.len()).unwrap_or(u64::MAX).max(1));
        let words = match job.mode {
            Mode::Batch if whole > ceiling => TOO_DEAR,
            _ if page > ceiling => TOO_DEAR,
            _ if page > left => USED_UP,
            _ => return Ok(()),
        };
        let newest = self.ports.jobs.latest(&job.account_id, &job.content_hash).await?;
        if newest.is_some_and(|newest| newest.status.is_active()) {
            return Ok(());
        }
        Err(Error::refused(ErrorCode::SpendingLimit, words))
    }

    fn new_document(
        &self,
        account: &Account,
        upload: &Upload,
        pages: PageSet,
        title: String,
        mode: Mode,
    ) -> NewDocument {
        NewDocument {
            id: self.ids.id(),
            account_id: account.id.clone(),
            upload_hash: upload.hash.clone(),
            content_hash: upload.content_hash.clone(),
            title,
            mode,
            pages,
        }
    }
}

const USED_UP: &str = "This server's daily budget for Gemini is used up. Submit the document again tomorrow.";
const TOO_DEAR: &str = "This costs more than this server may spend on Gemini in a day. Choose fewer pages.";

/// The mode of a submission. A format that AI does not read is always read in text mode; an image can only be read by AI.
fn mode_of(wish: &Submission, format: &Format) -> Result<Mode> {
    match (wish.ai_transform, wish.batch_mode) {
        (true, _) if !format.ai => Ok(Mode::Text),
        (false, false) if !format.free => Err(Error::refused(
            ErrorCode::ImageRequiresAi,
            "An image has no text of its own. Turn on AI Transform to read it.",
        )),
        (false, false) => Ok(Mode::Text),
        (true, false) => Ok(Mode::Realtime),
        (true, true) => Ok(Mode::Batch),
        (false, true) => Err(Error::refused(
            ErrorCode::BatchRequiresAi,
            "A batch needs AI. Turn ai_transform on, or batch_mode off.",
        )),
    }
}

fn selection(wish: &Submission, total_pages: u32) -> Result<PageSet> {
    wish.pages.as_ref().map_or_else(|| Ok(PageSet::all(total_pages)), |indices| checked(indices, total_pages))
}

fn checked(indices: &[u32], total_pages: u32) -> Result<PageSet> {
    PageSet::checked(indices, total_pages).map_err(|error| Error::refused(ErrorCode::InvalidPages, error.to_string()))
}

/// The requested title, or the document's own: without control characters, at most 300 characters.
fn chosen_title(wished: Option<&str>, own: &str) -> String {
    let wished = wished.map(str::trim).filter(|title| !title.is_empty());
    wished.unwrap_or(own).chars().filter(|c| !c.is_control()).take(300).collect()
}

fn ticket(job: &Job) -> Submitted {
    let total_pages = u32::try_from(job.pages.len()).unwrap_or(u32::MAX);
    match job.mode {
        Mode::Batch => Submitted::Batch(BatchTicket {
            content_hash: job.content_hash.clone(),
            total_pages,
            submitted_at: job.submitted_at.rfc3339(),
        }),
        _ => Submitted::Realtime(RealtimeTicket {
            extraction_id: job.id.clone(),
            content_hash: job.content_hash.clone(),
            total_pages,
        }),
    }
}
