//! Jobs in memory: admission, claims, steps and completions.

use std::collections::BTreeMap;

use async_trait::async_trait;
use coldbrew::accounts::Account;
use coldbrew::accounts::Allowance;
use coldbrew::documents::JobViews;
use coldbrew::error::{Error, Result};
use coldbrew::extract::{PageOutcome, PageResult};
use coldbrew::jobs::machine::Lane;
use coldbrew::jobs::{Acceptance, Completion, Jobs};
use coldbrew::jobs::{Job, OrphanedResource, PageAttempt, PageAttempts, PaidAnswer, Stage};
use coldbrew::model::wire::JobView;
use coldbrew::model::{ApiError, PageSet, UnixMs};
use futures::TryStreamExt;
use futures::stream::BoxStream;

use super::{Charge, DocumentRow, JobRow, Memory, Records, Reservation, StoredPage};
use coldbrew::model::wire::Page;

const MISSING: &str = "Gemini gave no answer for this page.";

impl Records {
    /// The row of an active job, if this claim is current.
    fn held(&mut self, job: &Job) -> Option<&mut JobRow> {
        self.jobs.get_mut(&job.id).filter(|row| row.job.fence == job.fence && row.job.task().is_some())
    }

    /// `now` is the time of this database.
    fn commit_step(&mut self, job: &Job, wait_ms: i64, now: UnixMs) -> bool {
        let Some(row) = self.held(job) else { return false };
        row.job = Job { due_at: now.plus(wait_ms), ..job.clone() };
        if wait_ms > 0 {
            row.lease_until = UnixMs(0);
        }
        true
    }

    fn store_page(&mut self, job: &Job, page: PageResult, now: UnixMs) {
        let at = (job.id.clone(), page.index);
        match page.outcome {
            PageOutcome::Failed { .. } if self.ledger.contains_key(&at) => {}
            PageOutcome::Failed { reason, text } => {
                self.failures.entry(at).or_insert_with(|| (stored(&reason), stored(&text)));
            }
            PageOutcome::Read { markdown, note, usage, charge, model } => {
                let key = (job.account_id.clone(), job.content_hash.clone(), job.recipe.name().to_owned(), page.index);
                if self.results.contains_key(&key) && (!job.rereads || self.ledger.contains_key(&at)) {
                    return;
                }
                self.results.insert(key, StoredPage { markdown: stored(&markdown), note });
                self.failures.remove(&at);
                let account_id = job.account_id.clone();
                let charged = self.ledger.insert(at, Charge { account_id, usage, tokens: charge, model, at: now });
                assert!(charged.is_none(), "a page was charged twice");
            }
        }
    }

    /// The document with the pages that the job has read again, unless it was deleted, and whether there are such pages.
    fn reread_document(&self, job: &Job) -> (Option<DocumentRow>, bool) {
        let mut document = self.documents.get(&job.document_id).cloned();
        let read: Vec<u32> =
            job.pages.iter().filter(|index| self.ledger.contains_key(&(job.id.clone(), *index))).collect();
        if let Some(document) = &mut document {
            document.charged = self.charged(&job.document_id);
            for &index in &read {
                let key = (job.account_id.clone(), job.content_hash.clone(), job.recipe.name().to_owned(), index);
                let StoredPage { markdown, note } = self.results[&key].clone();
                document.pages.insert(index, Page { index, markdown, failure: None, note });
            }
        }
        (document, !read.is_empty())
    }

    /// What all jobs of a document have charged.
    fn charged(&self, document_id: &str) -> u64 {
        let of_document = self.jobs.values().filter(|row| row.job.document_id == document_id);
        of_document.flat_map(|row| self.charges(&row.job.id)).map(|charge| charge.tokens).sum()
    }

    /// The document with the job's pages, and whether one of them is usable.
    fn document_of(&self, job: &Job, now: UnixMs) -> (Option<DocumentRow>, bool) {
        if job.rereads {
            return self.reread_document(job);
        }
        let before = self.documents.get(&job.document_id).cloned().map(|mut document| {
            if document.draft {
                document.pages.retain(|index, _| job.pages.contains(*index));
                let (title, selection) = (job.title.clone(), job.pages.clone());
                document = DocumentRow { draft: false, title, selection, created_at: now, ..document };
            }
            document
        });
        let mut document = before.unwrap_or_else(|| DocumentRow {
            account_id: job.account_id.clone(),
            upload_hash: job.upload_hash.clone(),
            content_hash: job.content_hash.clone(),
            title: job.title.clone(),
            mode: job.mode,
            charged: 0,
            created_at: now,
            selection: job.pages.clone(),
            draft: false,
            pages: Default::default(),
            structure: None,
        });
        document.structure = None;
        document.mode = job.mode;
        document.charged = self.charged(&job.document_id);
        let mut usable = false;
        for index in job.pages.iter() {
            let key = (job.account_id.clone(), job.content_hash.clone(), job.recipe.name().to_owned(), index);
            let page = match self.results.get(&key) {
                Some(read) => Page { index, markdown: read.markdown.clone(), failure: None, note: read.note.clone() },
                None => {
                    let failure = self.failures.get(&(job.id.clone(), index)).cloned();
                    let (reason, text) = failure.unwrap_or_else(|| (MISSING.to_owned(), String::new()));
                    let before = document.pages.remove(&index).filter(|page| !page.markdown.is_empty());
                    let page = before.unwrap_or(Page { index, markdown: text, failure: None, note: None });
                    Page { failure: Some(reason), note: None, ..page }
                }
            };
            usable |= page.failure.is_none() && !page.markdown.is_empty();
            document.pages.insert(index, page);
        }
        (Some(document), usable)
    }

    fn charges<'a>(&'a self, job_id: &str) -> impl Iterator<Item = &'a Charge> {
        let charges = self.ledger.range((job_id.to_owned(), 0)..=(job_id.to_owned(), u32::MAX));
        charges.map(|(_, charge)| charge)
    }

    fn view(&self, job: &Job) -> JobView {
        let free_pages = u32::try_from(job.pages.len()).unwrap() - job.pages_submitted;
        let failed = self.failures.range((job.id.clone(), 0)..=(job.id.clone(), u32::MAX));
        JobView {
            id: job.id.clone(),
            content_hash: job.content_hash.clone(),
            upload_hash: job.upload_hash.clone(),
            mode: job.mode,
            title: job.title.clone(),
            status: job.status(),
            submitted_at: job.submitted_at,
            pages: job.pages.clone(),
            completed_pages: free_pages + u32::try_from(self.charges(&job.id).count()).unwrap(),
            failed_pages: failed.map(|((_, index), _)| *index).collect(),
            document_id: (job.stage == Stage::Succeeded).then(|| job.document_id.clone()),
            draft_id: job.document_id.clone(),
            error: job.stage.error(),
            requeued: job.requeued,
            blocked_by: job.blocked_by,
            rereads: job.rereads,
        }
    }

    /// The account's jobs, newest first.
    pub(super) fn jobs_of(&self, account_id: &str) -> impl Iterator<Item = &Job> {
        self.jobs.values().rev().map(|row| &row.job).filter(move |job| job.account_id == account_id)
    }
}

impl JobRow {
    /// The claim of a job that is free.
    pub(super) fn claim(&mut self, worker: &str, now: UnixMs, lease_ms: i64) -> Job {
        self.job.fence += 1;
        let own_lease_expired = self.owner.as_deref() == Some(worker) && self.lease_until > UnixMs(0);
        self.job.claims += u32::from(!own_lease_expired);
        self.lease_until = now.plus(lease_ms);
        self.owner = Some(worker.to_owned());
        self.job.clone()
    }
}

fn stored(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}

#[async_trait]
impl PageAttempts for Memory {
    async fn record_attempts(&self, job: &Job, attempts: &[PageAttempt], _now: UnixMs) -> Result<bool> {
        let mut records = self.records();
        let Some(row) = records.held(job) else { return Ok(false) };
        row.job.claims = 0;
        for made in attempts {
            let of_page = records.page_attempts.entry((job.id.clone(), made.page)).or_default();
            if of_page.iter().all(|other| other.attempt.way != made.attempt.way) {
                of_page.push(made.clone());
            }
        }
        Ok(true)
    }

    async fn page_attempts(&self, job: &Job) -> Result<BTreeMap<u32, Vec<PageAttempt>>> {
        let records = self.records();
        let of_job = records.page_attempts.range((job.id.clone(), 0)..=(job.id.clone(), u32::MAX));
        Ok(of_job.map(|((_, page), made)| (*page, made.clone())).collect())
    }
}

#[async_trait]
impl Jobs for Memory {
    async fn accept(
        &self,
        job: &Job,
        reserve: u64,
        account: &Account,
        default_quota: u64,
        allowance: &Allowance,
    ) -> Result<Acceptance> {
        let mut records = self.records();
        if !records.accounts.contains(&account.id) {
            return Err(Error::internal("the account does not exist"));
        }
        let same = |other: &&Job| other.content_hash == job.content_hash && other.task().is_some();
        if let Some(active) = records.jobs_of(&account.id).find(same) {
            return Ok(Acceptance::Active(Box::new(active.clone())));
        }
        if records.uploads.get(&job.upload_hash).is_none_or(|upload| upload.account_id != account.id) {
            return Err(ApiError::not_found("upload").into());
        }
        let held = records.account_usage(&account.id);
        allowance.admits_job(&held, job.pages_submitted)?;
        if records.documents.get(&job.document_id).is_none_or(|document| document.draft) {
            allowance.admits_document(&held)?;
        }
        let usage = records.usage_of(account, default_quota);
        if reserve > usage.available_tokens {
            return Ok(Acceptance::OverQuota(usage));
        }
        let stored = Job { due_at: self.now(), ..job.clone() };
        records.jobs.insert(job.id.clone(), JobRow { job: stored, lease_until: UnixMs(0), owner: None });
        let reservation = Reservation { account_id: account.id.clone(), tokens: reserve };
        records.reservations.insert(job.id.clone(), reservation);
        Ok(Acceptance::Accepted)
    }

    async fn claim(&self, worker: &str, lane: Lane, max: usize, lease_ms: i64) -> Result<Vec<Job>> {
        let (now, mut records) = (self.now(), self.records());
        let free = |row: &&mut JobRow| {
            let is_of_lane = row.job.lane() == lane && !matches!(row.job.stage, Stage::Polling(_));
            row.job.task().is_some() && is_of_lane && row.job.due_at <= now && row.lease_until <= now
        };
        let mut due: Vec<_> = records.jobs.values_mut().filter(free).collect();
        due.sort_by_key(|row| row.job.due_at);
        Ok(due.into_iter().take(max).map(|row| row.claim(worker, now, lease_ms)).collect())
    }

    async fn adopt(&self, worker: &str, job_id: &str, fence: i64, lease_ms: i64) -> Result<Option<Job>> {
        let mut records = self.records();
        let row = records.jobs.get_mut(job_id).filter(|row| row.job.fence == fence && row.job.task().is_some());
        Ok(row.filter(|row| row.lease_until > UnixMs(0)).map(|row| {
            (row.owner, row.lease_until) = (Some(worker.to_owned()), self.now().plus(lease_ms));
            row.job.clone()
        }))
    }

    async fn renew(&self, job: &Job, lease_ms: i64) -> Result<bool> {
        let mut records = self.records();
        let held = records.held(job).filter(|row| row.lease_until > UnixMs(0));
        Ok(held.map(|row| row.lease_until = self.now().plus(lease_ms)).is_some())
    }

    async fn release(&self, job: &Job, wait_ms: Option<i64>) -> Result<()> {
        if let Some(row) = self.records().held(job) {
            row.lease_until = UnixMs(0);
            row.owner = None;
            row.job.due_at = wait_ms.map_or(row.job.due_at, |wait_ms| self.now().plus(wait_ms));
            row.job.claims = row.job.claims.saturating_sub(1);
        }
        Ok(())
    }

    async fn advance(&self, job: &Job, wait_ms: i64, orphan: Option<&OrphanedResource>, _now: UnixMs) -> Result<bool> {
        let (now, mut records) = (self.now(), self.records());
        let advanced = records.commit_step(job, wait_ms, now);
        if let (true, Some(orphan)) = (advanced, orphan) {
            records.record_orphan(orphan.clone(), now.plus(orphan.wait_ms));
        }
        if advanced && job.task().is_none() {
            assert!(records.reservations.remove(&job.id).is_some(), "a reservation ended twice");
            records.documents.retain(|id, document| *id != job.document_id || !document.draft);
        }
        Ok(advanced)
    }

    async fn record_pages(&self, job: &Job, pages: &[PageResult], paid: &[PaidAnswer], now: UnixMs) -> Result<bool> {
        let recording = self.records().recording;
        if !recording.is_zero() {
            tokio::time::sleep(recording).await;
        }
        let mut records = self.records();
        let Some(row) = records.held(job) else { return Ok(false) };
        row.job.claims = 0;
        records.groups.push(pages.len());
        for answer in paid {
            records.settle(job, answer, now, self.now());
        }
        for page in pages {
            records.store_page(job, page.clone(), now);
        }
        Ok(true)
    }

    async fn finished_pages(&self, job: &Job) -> Result<PageSet> {
        let records = self.records();
        let stored = records.results.keys().filter(|key| {
            !job.rereads && key.0 == job.account_id && key.1 == job.content_hash && key.2 == job.recipe.name()
        });
        let ended = records.failures.keys().chain(records.ledger.keys());
        let ended = ended.filter(|(id, _)| *id == job.id).map(|(_, index)| *index);
        Ok(stored.map(|key| key.3).chain(ended).collect())
    }

    async fn complete(
        &self,
        done: &Job,
        results: BoxStream<'_, Result<PageResult>>,
        now: UnixMs,
    ) -> Result<Completion> {
        let results: Vec<PageResult> = results.try_collect().await?;
        let mut records = self.records();
        let mut after = records.clone();
        if !after.commit_step(done, 0, self.now()) {
            return Ok(Completion::Superseded);
        }
        for page in results.into_iter().filter(|page| done.pages.contains(page.index)) {
            after.store_page(done, page, now);
        }
        let (document, usable) = after.document_of(done, now);
        if !usable {
            return Ok(Completion::NothingUsable);
        }
        after.documents.extend(document.map(|document| (done.document_id.clone(), document)));
        assert!(after.reservations.remove(&done.id).is_some(), "a reservation ended twice");
        *records = after;
        Ok(Completion::Stored)
    }

    async fn active_ids(&self) -> Result<Vec<String>> {
        let records = self.records();
        let active = records.jobs.values().filter(|row| row.job.task().is_some());
        Ok(active.map(|row| row.job.id.clone()).collect())
    }
}

#[async_trait]
impl JobViews for Memory {
    async fn latest(&self, account_id: &str, content_hash: &str) -> Result<Option<JobView>> {
        let records = self.records();
        let newest = records.jobs_of(account_id).find(|job| job.content_hash == content_hash);
        Ok(newest.map(|job| records.view(job)))
    }

    async fn job(&self, account_id: &str, id: &str) -> Result<Option<JobView>> {
        let records = self.records();
        let job = records.jobs.get(id).map(|row| &row.job).filter(|job| job.account_id == account_id);
        Ok(job.map(|job| records.view(job)))
    }

    async fn filling(&self, account_id: &str, document_id: &str) -> Result<Option<JobView>> {
        let records = self.records();
        let newest = records.jobs_of(account_id).find(|job| job.document_id == document_id);
        Ok(newest.map(|job| records.view(job)))
    }

    async fn open_jobs(&self, account_id: &str) -> Result<Vec<JobView>> {
        let records = self.records();
        let newer = |job: &Job| {
            records.jobs_of(account_id).any(|other| other.content_hash == job.content_hash && other.id > job.id)
        };
        let failed = |job: &Job| {
            job.stage != Stage::Succeeded && !records.documents.contains_key(&job.document_id) && !newer(job)
        };
        let open = records.jobs_of(account_id).filter(|job| job.task().is_some() || failed(job));
        Ok(open.map(|job| records.view(job)).collect())
    }

    async fn dismiss(&self, account_id: &str, content_hash: &str) -> Result<()> {
        let mut records = self.records();
        let before = records.clone();
        records.jobs.retain(|id, JobRow { job, .. }| {
            let ours = job.account_id == account_id && job.content_hash == content_hash;
            let kept = before.documents.contains_key(&job.document_id) || before.charges(id).next().is_some();
            !ours || job.task().is_some() || kept
        });
        Ok(())
    }
}
