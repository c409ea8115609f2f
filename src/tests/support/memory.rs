//! In-memory stores for the simulation. They fulfil the same ports as the databases, but much faster.
//!
//! The conformance suite tests them against the ports. Each method locks once, like one transaction of a database.

mod documents;
mod jobs;
mod operations;
mod orphans;
mod polling;
mod sign_ins;
mod spending;
mod storage;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use coldbrew::accounts::Allowance;
use coldbrew::accounts::{Account, Accounts, Attempts, Credential};
use coldbrew::clock::{Clock, SystemClock};
use coldbrew::documents::structure::StoredStructure;
use coldbrew::error::{Error, Result};
use coldbrew::extract::OwnPage;
use coldbrew::jobs::{Job, OrphanedResource, PageAttempt};
use coldbrew::model::wire::{Page, Receipt, Usage};
use coldbrew::model::{Mode, PageSet, TokenUsage, UnixMs};
use coldbrew::uploads::{FigurePlaces, Figures, FoundFigures, Upload, Uploads};

pub use polling::WorkerRow;
pub use spending::{Commitment, SpentRow};

/// An allowance that no test reaches.
pub const UNLIMITED: Allowance =
    Allowance { documents: u64::MAX, active_jobs: u64::MAX, stored_bytes: u64::MAX, uploads: usize::MAX };

/// A store of all records in memory. Cheap to clone.
#[derive(Clone)]
pub struct Memory {
    records: Arc<Mutex<Records>>,
    /// The clock of this database.
    clock: Arc<dyn Clock>,
}

impl Default for Memory {
    fn default() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }
}

/// All records.
#[derive(Clone, Default)]
pub struct Records {
    accounts: BTreeSet<String>,
    /// By digest: the account and the expiry.
    credentials: BTreeMap<String, (String, UnixMs)>,
    uploads: BTreeMap<String, Upload>,
    /// The hashes of uploads that are not finished.
    pending: BTreeSet<String>,
    pub jobs: BTreeMap<String, JobRow>,
    pub reservations: BTreeMap<String, Reservation>,
    /// By job and page.
    pub ledger: BTreeMap<(String, u32), Charge>,
    results: BTreeMap<ResultKey, StoredPage>,
    /// By job and page: the reason and the page's own text.
    failures: BTreeMap<(String, u32), (String, String)>,
    /// By job and page.
    page_attempts: BTreeMap<(String, u32), Vec<PageAttempt>>,
    pub documents: BTreeMap<String, DocumentRow>,
    figures: BTreeMap<(String, String), BTreeMap<u32, FoundFigures>>,
    /// By job and spared batch.
    pub orphans: BTreeMap<(String, Option<String>), OrphanRow>,
    /// By subject.
    attempts: BTreeMap<String, Attempts>,
    /// By account and network: the last use.
    known_networks: BTreeMap<(String, String), UnixMs>,
    /// By request id.
    pub commitments: BTreeMap<String, Commitment>,
    pub spending: BTreeMap<String, SpentRow>,
    /// By name.
    workers: BTreeMap<String, WorkerRow>,
    /// How long it takes to record pages, and how many pages each such transaction recorded.
    pub recording: Duration,
    pub groups: Vec<usize>,
    /// The store's own time; `None`: that of the machine.
    pub time: Option<UnixMs>,
}

/// An orphaned resource, and when it is due.
#[derive(Clone, Debug)]
pub struct OrphanRow {
    pub orphan: OrphanedResource,
    pub recorded_at: UnixMs,
    pub due_at: UnixMs,
}

/// A job and its claim.
#[derive(Clone)]
pub struct JobRow {
    pub job: Job,
    pub lease_until: UnixMs,
    owner: Option<String>,
}

#[derive(Clone)]
pub struct Reservation {
    pub account_id: String,
    pub tokens: u64,
}

#[derive(Clone)]
pub struct Charge {
    pub account_id: String,
    pub usage: TokenUsage,
    pub tokens: u64,
    pub model: String,
    pub at: UnixMs,
}

/// Account, content, recipe, page.
type ResultKey = (String, String, String, u32);

/// The stored result of a page.
#[derive(Clone)]
struct StoredPage {
    markdown: String,
    note: Option<String>,
}

#[derive(Clone)]
pub struct DocumentRow {
    pub account_id: String,
    upload_hash: String,
    content_hash: String,
    title: String,
    mode: Mode,
    pub charged: u64,
    created_at: UnixMs,
    selection: PageSet,
    /// Whether it has the file's own text until its job ends.
    pub draft: bool,
    pub pages: BTreeMap<u32, Page>,
    structure: Option<StoredStructure>,
}

impl Memory {
    /// An empty store whose time is that of `clock`.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self { records: Arc::default(), clock }
    }

    /// The time of this database.
    fn now(&self) -> UnixMs {
        self.clock.now()
    }

    /// All records, for tests to inspect.
    pub fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap()
    }
}

impl Records {
    fn usage_of(&self, account: &Account, default_quota: u64) -> Usage {
        let used = self.ledger.values().filter(|charge| charge.account_id == account.id);
        let reserved = self.reservations.values().filter(|reserved| reserved.account_id == account.id);
        let quota_tokens = account.quota_tokens.unwrap_or(default_quota);
        let used_tokens = used.map(|charge| charge.tokens).sum();
        let reserved_tokens = reserved.map(|reserved| reserved.tokens).sum();
        let available_tokens = quota_tokens.saturating_sub(used_tokens).saturating_sub(reserved_tokens);
        Usage { quota_tokens, used_tokens, reserved_tokens, available_tokens }
    }

    /// Deletes an account with everything that it owns except the ledger.
    fn remove_account(&mut self, account_id: &str, due_at: UnixMs) {
        self.accounts.remove(account_id);
        let orphans: Vec<_> = self.jobs_of(account_id).filter_map(OrphanedResource::of).collect();
        orphans.into_iter().for_each(|orphan| self.record_orphan(orphan, due_at));
        self.assume(|_, held| held.account_id == account_id, due_at);
        self.commitments.retain(|_, held| held.account_id != account_id);
        self.jobs.retain(|_, row| row.job.account_id != account_id);
        self.reservations.retain(|_, reserved| reserved.account_id != account_id);
        self.uploads.retain(|_, upload| upload.account_id != account_id);
        self.results.retain(|key, _| key.0 != account_id);
        self.figures.retain(|key, _| key.0 != account_id);
        self.documents.retain(|_, document| document.account_id != account_id);
        self.known_networks.retain(|(account, _), _| account != account_id);
    }

    fn has_content(&self, account_id: &str, content_hash: &str) -> bool {
        self.uploads.values().any(|upload| upload.account_id == account_id && upload.content_hash == content_hash)
    }

    fn record_orphan(&mut self, orphan: OrphanedResource, due_at: UnixMs) {
        let recorded_at = due_at.plus(-orphan.wait_ms);
        let row = OrphanRow { orphan, recorded_at, due_at };
        self.orphans.insert((row.orphan.job_id.clone(), row.orphan.spared.clone()), row);
    }
}

#[async_trait]
impl Accounts for Memory {
    async fn create_guest(&self, account_id: &str, credential: Credential<'_>, _now: UnixMs) -> Result<()> {
        let mut records = self.records();
        records.accounts.insert(account_id.to_owned());
        records.credentials.insert(credential.digest.to_owned(), (account_id.to_owned(), credential.expires_at));
        Ok(())
    }

    async fn delete_account(&self, account_id: &str, _now: UnixMs) -> Result<()> {
        self.records().remove_account(account_id, self.now());
        Ok(())
    }

    async fn account_of(&self, digest: &str, now: UnixMs) -> Result<Option<Account>> {
        let records = self.records();
        let found = records.credentials.get(digest).filter(|(_, expires_at)| *expires_at > now);
        Ok(found.map(|(id, _)| Account { id: id.clone(), email: None, quota_tokens: None }))
    }

    async fn account(&self, account_id: &str) -> Result<Option<Account>> {
        let id = self.records().accounts.get(account_id).cloned();
        Ok(id.map(|id| Account { id, email: None, quota_tokens: None }))
    }

    async fn unexpired(&self, digests: &[String], now: UnixMs) -> Result<Vec<String>> {
        let records = self.records();
        let is_good = |digest: &&String| records.credentials.get(*digest).is_some_and(|(_, until)| *until > now);
        Ok(digests.iter().filter(is_good).cloned().collect())
    }

    async fn usage(&self, account: &Account, default_quota: u64) -> Result<Usage> {
        Ok(self.records().usage_of(account, default_quota))
    }

    async fn receipts(&self, account_id: &str) -> Result<Vec<Receipt>> {
        let records = self.records();
        let mut receipts: BTreeMap<&str, Receipt> = BTreeMap::new();
        for ((job_id, _), charge) in records.ledger.iter().filter(|(_, charge)| charge.account_id == account_id) {
            let Some(JobRow { job, .. }) = records.jobs.get(job_id) else { continue };
            let receipt = receipts.entry(job_id).or_insert_with(|| Receipt {
                title: job.title.clone(),
                mode: job.mode,
                pages: 0,
                input_tokens: 0,
                output_tokens: 0,
                charged_tokens: 0,
                model: job.recipe.model().to_owned(),
                answered_by: Vec::new(),
                created_at: charge.at,
            });
            receipt.pages += 1;
            receipt.input_tokens += charge.usage.input;
            receipt.output_tokens += charge.usage.output + charge.usage.thoughts;
            receipt.charged_tokens += charge.tokens;
            receipt.created_at = receipt.created_at.max(charge.at);
            if !receipt.answered_by.contains(&charge.model) {
                receipt.answered_by.push(charge.model.clone());
            }
        }
        let mut receipts: Vec<_> = receipts.into_values().collect();
        receipts.sort_by_key(|receipt| std::cmp::Reverse(receipt.created_at));
        Ok(receipts)
    }
}

#[async_trait]
impl Uploads for Memory {
    async fn insert_upload(&self, upload: &Upload, allowance: &Allowance, _now: UnixMs) -> Result<bool> {
        let mut records = self.records();
        if !records.accounts.contains(&upload.account_id) {
            return Err(Error::internal("the account does not exist"));
        }
        if records.uploads.contains_key(&upload.hash) {
            return Err(Error::internal("the upload exists already"));
        }
        let mut after = records.clone();
        after.uploads.insert(upload.hash.clone(), upload.clone());
        after.admit_growth(&records, &upload.account_id, allowance)?;
        after.pending.insert(upload.hash.clone());
        *records = after;
        Ok(true)
    }

    async fn finish_upload(&self, upload: &Upload, _now: UnixMs) -> Result<bool> {
        let mut records = self.records();
        records.pending.remove(&upload.hash);
        Ok(records.uploads.contains_key(&upload.hash))
    }

    async fn remove_upload(&self, upload: &Upload, _now: UnixMs) -> Result<()> {
        let mut records = self.records();
        if records.pending.remove(&upload.hash) {
            records.uploads.remove(&upload.hash);
        }
        Ok(())
    }

    async fn upload(&self, account_id: &str, hash: &str) -> Result<Option<Upload>> {
        Ok(self.records().uploads.get(hash).filter(|upload| upload.account_id == account_id).cloned())
    }

    async fn has_content(&self, account_id: &str, content_hash: &str) -> Result<bool> {
        Ok(self.records().has_content(account_id, content_hash))
    }

    async fn cached_pages(&self, account_id: &str, content_hash: &str, recipe: &str) -> Result<PageSet> {
        let records = self.records();
        let ours = |key: &&ResultKey| key.0 == account_id && key.1 == content_hash && key.2 == recipe;
        Ok(records.results.keys().filter(ours).map(|key| key.3).collect())
    }
}

#[async_trait]
impl Figures for Memory {
    async fn record_figures(
        &self,
        account_id: &str,
        content_hash: &str,
        found: &BTreeMap<u32, FoundFigures>,
    ) -> Result<()> {
        let key = (account_id.to_owned(), content_hash.to_owned());
        let mut records = self.records();
        if records.has_content(account_id, content_hash) {
            records.figures.entry(key).or_default().extend(found.clone());
        }
        Ok(())
    }

    async fn figures(&self, account_id: &str, content_hash: &str) -> Result<FigurePlaces> {
        let key = (account_id.to_owned(), content_hash.to_owned());
        Ok(places(self.records().figures.get(&key).cloned().unwrap_or_default()))
    }

    async fn own_pages(&self, account_id: &str, content_hash: &str, pages: &[u32]) -> Result<BTreeMap<u32, OwnPage>> {
        let key = (account_id.to_owned(), content_hash.to_owned());
        let found = self.records().figures.get(&key).cloned().unwrap_or_default();
        Ok(found
            .into_iter()
            .filter(|(page, _)| pages.contains(page))
            .filter_map(|(page, found)| Some((page, found.own?)))
            .collect())
    }
}

fn places(found: BTreeMap<u32, FoundFigures>) -> FigurePlaces {
    found.into_iter().map(|(page, found)| (page, found.figures)).collect()
}
