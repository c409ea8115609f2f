//! The port of jobs: what a worker records.

use async_trait::async_trait;
use futures::stream::BoxStream;

use super::machine::Lane;
use super::{Job, OrphanedResource};
use crate::accounts::{Account, Allowance};
use crate::documents::JobViews;
use crate::error::Result;
use crate::extract::PageResult;
use crate::model::wire::Usage;
use crate::model::{PageSet, UnixMs};

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
    /// Another worker has the job now, or it is gone. Nothing was stored.
    Superseded,
}

/// Jobs, their reservations and what they are charged.
///
/// Methods that take a claimed [`Job`] change it only while its fence is the newest: a worker that lost its claim changes
/// nothing, however late it comes.
#[async_trait]
pub trait Jobs: JobViews {
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
    async fn advance(&self, job: &Job, left: Option<&OrphanedResource>, now: UnixMs) -> Result<bool>;

    /// Stores one page of a realtime job and charges it.
    async fn record_page(&self, job: &Job, page: &PageResult, now: UnixMs) -> Result<bool>;

    /// Which of the job's pages are done with, read or failed.
    async fn finished_pages(&self, job: &Job) -> Result<PageSet>;

    /// Stores the results and puts them, with the pages read before, into the job's document, which is made if it is not
    /// there yet; `done` is the job after the step. Pages that appear nowhere are failed pages.
    async fn complete(&self, done: &Job, results: BoxStream<'_, Result<PageResult>>, now: UnixMs)
    -> Result<Completion>;

    /// Ids of jobs that still need their files on disk.
    async fn active_ids(&self) -> Result<Vec<String>>;
}
