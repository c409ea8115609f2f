//! The port of jobs: their records, reservations and charges.

use async_trait::async_trait;
use futures::stream::BoxStream;

use super::machine::Lane;
use super::{Job, OrphanedResource, PaidAnswer};
use crate::accounts::{Account, Allowance};
use crate::documents::JobViews;
use crate::error::Result;
use crate::extract::PageResult;
use crate::model::wire::Usage;
use crate::model::{PageSet, UnixMs};

/// What [`Jobs::accept`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// The job and its reservation are stored.
    Accepted,
    /// The account already has an active job for this content.
    Active(Box<Job>),
    /// The account's quota has no room for the reservation.
    OverQuota(Usage),
}

/// What [`Jobs::complete`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// Pages, charges, document and stage are stored, and the reservation is released.
    Stored,
    /// No page could be used, so nothing was stored.
    NothingUsable,
    /// Another worker has the job, or the job has ended or is gone. Nothing was stored.
    Superseded,
}

/// Jobs, their reservations and their charges.
///
/// Leases and due times are the database's time: a caller states how long they last, in milliseconds. So no clock of a caller decides who
/// has a job, or when. `now` only dates what a method stores.
///
/// A method that takes a claimed [`Job`] changes it only while its fencing token is the newest. So a worker that lost its claim changes
/// nothing, however late its call arrives.
///
/// # Errors
/// A method fails as unavailable or internal if the store cannot carry it out. It then changed nothing, or its answer was lost.
#[async_trait]
pub trait Jobs: JobViews {
    /// Records a new job, due at once, and reserves `reserve` token equivalents for it, in one transaction.
    ///
    /// # Errors
    /// `not_found` if the upload is gone. `limit_reached` if the allowance has no room for the job, or for a document that it makes.
    /// Internal if the account is gone.
    async fn accept(
        &self,
        job: &Job,
        reserve: u64,
        account: &Account,
        default_quota: u64,
        allowance: &Allowance,
    ) -> Result<Acceptance>;

    /// Claims the jobs of a lane that have been due longest and are not leased, except those that wait for their batch
    /// ([`PollingJobs`](super::PollingJobs)), at most `max` of them, for `lease_ms`. Each gets a new fencing token. The claim counts in
    /// [`Job::claims`], unless the last claim was this worker's own and its lease expired: a worker that claims again has not crashed.
    async fn claim(&self, worker: &str, lane: Lane, max: usize, lease_ms: i64) -> Result<Vec<Job>>;

    /// Moves the claim with that number to another worker, for `lease_ms`. It is not counted again. `None`: the claim was lost.
    async fn adopt(&self, worker: &str, job_id: &str, fence: i64, lease_ms: i64) -> Result<Option<Job>>;

    /// Extends the lease of a claim to `lease_ms` from now on. An expired lease is extended too, unless another worker has claimed the job.
    /// `false`: the claim was lost.
    async fn renew(&self, job: &Job, lease_ms: i64) -> Result<bool>;

    /// Hands a claim back: any worker can claim the job when it is due, or after `wait_ms`. The claim no longer counts in [`Job::claims`].
    async fn release(&self, job: &Job, wait_ms: Option<i64>) -> Result<()>;

    /// Commits a step, in one transaction with `left`, the resource that it orphans. The job is due after `wait_ms`, whatever its own due
    /// time says. A step that ends the job releases its reservation and deletes its draft. A step that has to wait ends the lease. `false`:
    /// the claim was lost, and nothing changed.
    async fn advance(&self, job: &Job, wait_ms: i64, left: Option<&OrphanedResource>, now: UnixMs) -> Result<bool>;

    /// Stores the results of pages, charges them, and records what their answers cost, in one transaction. It counts as progress. A page
    /// with a stored result keeps it and is not charged, unless the job reads pages again and has not charged this one. `false`: the claim
    /// was lost, and nothing changed.
    async fn record_pages(&self, job: &Job, pages: &[PageResult], paid: &[PaidAnswer], now: UnixMs) -> Result<bool>;

    /// The same for one page that had no request of its own.
    async fn record_page(&self, job: &Job, page: &PageResult, now: UnixMs) -> Result<bool> {
        self.record_pages(job, std::slice::from_ref(page), &[], now).await
    }

    /// The pages that need no reading: those that this job has charged, those that failed in it, and, unless it reads pages again, those
    /// with a stored result.
    async fn finished_pages(&self, job: &Job) -> Result<PageSet>;

    /// Stores the results and, with the pages read before, puts them into the job's document, in one transaction. The document is created
    /// if it does not exist. `done` is the job after the step. Requested pages without a result become failed pages.
    ///
    /// A job that reads pages again replaces only the pages that it has read: every other page keeps its text or its failure. It makes no
    /// document, because the user may have deleted it meanwhile.
    ///
    /// # Errors
    /// The first error of `results`. Nothing is stored then.
    async fn complete(&self, done: &Job, results: BoxStream<'_, Result<PageResult>>, now: UnixMs)
    -> Result<Completion>;

    /// The ids of all active jobs, which still need their files on disk.
    async fn active_ids(&self) -> Result<Vec<String>>;
}
