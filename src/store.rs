//! What is kept, as traits: everything above is written against these, and only `serve` chooses what is behind them.
//!
//! `sql` keeps records in SQLite or PostgreSQL with one SQL text; `folder` keeps files. A method is one transaction: it
//! has happened as a whole, or not at all, and once it has returned `Ok` it outlives a power cut.

pub mod books;
mod contents;
mod figures;
pub mod folder;
mod leftovers;
mod limits;
mod members;
mod operations;
pub mod s3;
mod sign_ins;
mod spending;
pub mod sql;
pub mod tracking;
mod usage;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::stream::BoxStream;

use crate::accounts::Allowance;
use crate::batch::machine::Lane;
use crate::batch::{Job, Leftover};
use crate::error::{Error, Result};
use crate::library::Outline;
use crate::model::wire::{DocumentSummary, JobView, Metadata, Page, Receipt, Usage};
use crate::model::{Mode, PageSet, TokenUsage, UnixMs};

pub use contents::delete_content;
pub use figures::{FigurePlaces, Figures, FoundFigures};
pub use leftovers::Leftovers;
pub use limits::{PerMinute, RateLimits, RequestCount, RequestCounts, RequestKind, Scope};
pub use members::{Begun, Ending, ExternalIdentity, Grant, Members, Session};
pub use operations::{Operations, QueuedJob};
pub use sign_ins::{Attempts, SignIns};
pub use spending::{Admission, Spending, Unanswered};
pub use usage::{AccountUsage, ROW_BYTES, Storage};

/// Who owns things. Accounts are made by [`Accounts::create_guest`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: String,
    /// `None`: a guest.
    pub email: Option<String>,
    /// In token equivalents; `None` means the configured default.
    pub quota_tokens: Option<u64>,
}

/// Accounts and what proves that a request comes from one. Secrets are stored as SHA-256 digests only.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Makes a guest account that the holder of the credential may use until it expires.
    async fn create_guest(&self, account_id: &str, credential: Credential<'_>, now: UnixMs) -> Result<()>;

    /// Deletes an account and all records that name its owner's things, and records what its active jobs leave at Google, and that its
    /// files are to be looked for once more ([`Members::gone_accounts`]). The ledger keeps its sums under an id that leads nowhere.
    async fn delete_account(&self, account_id: &str, now: UnixMs) -> Result<()>;

    /// The account of an unexpired credential.
    async fn account_of(&self, digest: &str, now: UnixMs) -> Result<Option<Account>>;

    /// The account of that id.
    async fn account(&self, account_id: &str) -> Result<Option<Account>>;

    /// Those of these credentials, by their digests, that have not expired or been ended.
    async fn unexpired(&self, digests: &[String], now: UnixMs) -> Result<Vec<String>>;

    /// Used, reserved and left of the account's quota.
    async fn usage(&self, account: &Account, default_quota: u64) -> Result<Usage>;

    /// What was charged, newest first.
    async fn receipts(&self, account_id: &str) -> Result<Vec<Receipt>>;
}

/// What a caller shows to prove who they are.
#[derive(Clone, Copy, Debug)]
pub struct Credential<'a> {
    /// SHA-256 of the secret, hexadecimal.
    pub digest: &'a str,
    pub kind: CredentialKind,
    pub expires_at: UnixMs,
}

/// Where a credential lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// A browser's cookie.
    Session,
    /// A script's bearer token.
    Token,
}

impl CredentialKind {
    /// The stored name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Token => "token",
        }
    }
}

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

/// One page as an AI mode read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageResult {
    pub index: u32,
    pub outcome: PageOutcome,
}

/// What came of one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageOutcome {
    Read { markdown: String, note: Option<String>, usage: TokenUsage, charge: u64, model: String },
    Failed { reason: String },
}

/// What [`Jobs::accept`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// The job and its reservation are on record.
    Accepted,
    /// This document has an active job already.
    Active(Box<Job>),
    /// The reservation does not fit.
    OverQuota(Usage),
}

/// What [`Jobs::complete`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// Pages, charges, document, release and state are stored.
    Stored,
    /// There was not one usable page; nothing was stored.
    NothingUsable,
    /// Somebody else has the job now, or it is gone; nothing was stored.
    Superseded,
}

/// Jobs, their reservations and what they are charged.
///
/// Methods that take a claimed [`Job`] change it only while its fence is the newest: a worker that lost its claim changes
/// nothing, however late it comes.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Records a new job and reserves `reserve` token equivalents for it, if both are possible.
    ///
    /// # Errors
    /// `not_found`, if its upload is gone. `limit_reached`, if the allowance has no room for the job, or for a document that it makes.
    async fn accept(
        &self,
        job: &Job,
        reserve: u64,
        account: &Account,
        default_quota: u64,
        allowance: &Allowance,
    ) -> Result<Acceptance>;

    /// Takes up the jobs of a lane that have been due longest, at most `max` of them, for `lease_ms`. Counts the claim, unless the last one
    /// was this worker's own and its lease ran out: who is there to claim again has not died of it.
    async fn claim(&self, worker: &str, lane: Lane, max: usize, now: UnixMs, lease_ms: i64) -> Result<Vec<Job>>;

    /// Moves the claim with that number to another worker, until `until`; it is still one claim. `None`: the claim was lost.
    async fn adopt(&self, worker: &str, job_id: &str, fence: i64, until: UnixMs) -> Result<Option<Job>>;

    /// Keeps a claim. `false`: it was lost.
    async fn renew(&self, job: &Job, until: UnixMs) -> Result<bool>;

    /// Hands a claim back, so that the job is worked when it is due, or at `due_at`. The claim does not count as a crash.
    async fn release(&self, job: &Job, due_at: Option<UnixMs>) -> Result<()>;

    /// Commits a step. One that ends the job releases its reservation with it; one that has to wait hands the job back, as
    /// [`Jobs::release`] does. What it leaves at Google is recorded with it. `false`: the claim was lost.
    async fn advance(&self, job: &Job, left: Option<&Leftover>, now: UnixMs) -> Result<bool>;

    /// Stores one page of a realtime job and charges it.
    async fn record_page(&self, job: &Job, page: &PageResult, now: UnixMs) -> Result<bool>;

    /// Which of the job's pages are done with, read or failed.
    async fn finished_pages(&self, job: &Job) -> Result<PageSet>;

    /// Stores the results and puts them, with the pages read before, into the job's document, which is made if it is not
    /// there yet; `done` is the job after the step. Pages that appear nowhere are failed pages.
    async fn complete(&self, done: &Job, results: BoxStream<'_, Result<PageResult>>, now: UnixMs)
    -> Result<Completion>;

    /// The newest job for this content.
    async fn latest(&self, account_id: &str, content_hash: &str) -> Result<Option<JobView>>;

    /// The account's job of that id.
    async fn job(&self, account_id: &str, id: &str) -> Result<Option<JobView>>;

    /// The newest job that fills this document of the account's, or is to.
    async fn filling(&self, account_id: &str, document_id: &str) -> Result<Option<JobView>>;

    /// The account's jobs that a list shows: active ones, and failed ones that were not tried again.
    async fn open_jobs(&self, account_id: &str) -> Result<Vec<JobView>>;

    /// Forgets the account's jobs for this content that ended without a document and charged nothing.
    async fn dismiss(&self, account_id: &str, content_hash: &str) -> Result<()>;

    /// Ids of jobs that still need their files on disk.
    async fn active_ids(&self) -> Result<Vec<String>>;
}

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

/// Files by key. A key is made of plain names and slashes, never of what a person typed.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Moves a finished local file in under the key, replacing what was there.
    async fn put(&self, key: &str, file: &Path) -> Result<()>;

    /// A local path that holds the file, or `None` if there is none.
    async fn open(&self, key: &str) -> Result<Option<PathBuf>>;

    /// Deletes the file, if it is there.
    async fn delete(&self, key: &str) -> Result<()>;

    /// Gives back the room of what is only kept to be quick.
    async fn tidy(&self) -> Result<()> {
        Ok(())
    }

    /// Whether files can be had at all.
    async fn check(&self) -> Result<()>;

    /// Deletes every file whose key begins with that folder.
    async fn delete_all(&self, folder: &str) -> Result<()>;
}

/// Keys are ours; one that could leave its folder is a fault of ours.
fn sound_key(key: &str) -> Result<()> {
    let sound = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._".contains(&byte))
    };
    if key.split('/').all(sound) {
        Ok(())
    } else {
        Err(Error::internal("a blob key has a part that is not a plain name"))
    }
}

/// The folders of all files of an account.
pub fn account_folders(account_id: &str) -> [String; 2] {
    [format!("uploads/{account_id}"), format!("figures/{account_id}")]
}

/// Where an upload's file is kept.
pub fn upload_key(account_id: &str, content_hash: &str) -> String {
    format!("uploads/{account_id}/{content_hash}")
}

/// Where the picture of a figure is kept: page and figure count from 0.
pub fn figure_key(account_id: &str, content_hash: &str, page: u32, figure: usize) -> String {
    format!("figures/{account_id}/{content_hash}/{page}_{figure}.png")
}
