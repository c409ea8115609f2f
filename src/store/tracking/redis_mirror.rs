//! A store of jobs that also mirrors each change to Redis after its commit.
//!
//! Redis may disappear and return at any moment, empty or with old data. No request waits while it is unavailable. When it returns, the
//! mirror is rebuilt from the database, and answers are read from it only after that.

use crate::documents::JobViews;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Redis, Tracking};
use crate::accounts::{Account, Allowance};
use crate::changes::Changes;
use crate::error::Result;
use crate::extract::PageResult;
use crate::jobs::machine::Lane;
use crate::jobs::{Acceptance, Completion, Jobs};
use crate::jobs::{Job, OrphanedResource, PaidAnswer};
use crate::metrics::LoopAges;
use crate::model::wire::JobView;
use crate::model::{PageSet, UnixMs};

/// The interval at which Redis and its data are checked.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// A rebuild with many thousands of active jobs takes less than this.
const REBUILT_WITHIN: Duration = Duration::from_secs(60);
/// Checks between two searches for missed changes of jobs that no client asks for: the process died after a commit, or the account was
/// deleted.
const CHECKS_PER_SEARCH: u32 = 30;
/// Jobs that are published concurrently during a rebuild.
const COPIES_MAX: usize = 32;

/// Redis is neither read nor written.
const UNAVAILABLE: u8 = 0;
/// Redis is written but not yet read.
const REBUILDING: u8 = 1;
/// Redis has the state of the database.
const CURRENT: u8 = 2;

/// A store of jobs with a mirror in Redis.
pub struct RedisMirror<S> {
    record: S,
    copy: Redis,
    state: AtomicU8,
}

impl<S: Jobs + Tracking> RedisMirror<S> {
    /// Mirrors the jobs of `record` in `copy` once [`Self::keep`] runs.
    pub fn new(record: S, copy: Redis) -> Self {
        Self { record, copy, state: AtomicU8::new(UNAVAILABLE) }
    }

    /// Keeps the mirror current until `stop`. Rebuilds it whenever Redis was unavailable or has lost its data.
    pub async fn keep(&self, loops: &LoopAges, stop: &CancellationToken) {
        loops.expect("redis", REBUILT_WITHIN);
        let mut checks = 0;
        while !stop.is_cancelled() {
            loops.beat("redis");
            if let Some(Err(error)) = stop.run_until_cancelled(self.check(checks)).await
                && self.state.swap(UNAVAILABLE, Ordering::SeqCst) != UNAVAILABLE
            {
                tracing::warn!(%error, "Redis unavailable, jobs continue without it");
            }
            checks = (checks + 1) % CHECKS_PER_SEARCH;
            let _ = tokio::time::timeout(CHECK_INTERVAL, stop.cancelled()).await;
        }
    }

    async fn check(&self, checks: u32) -> Result<()> {
        let lost = !self.copy.has_epoch().await?;
        if lost || !self.is(CURRENT) {
            self.rebuild().await?;
            tracing::info!("Redis mirror rebuilt");
        } else if checks == 0 {
            self.publish_missed().await?;
        }
        Ok(())
    }

    /// Rebuilds the whole mirror.
    async fn rebuild(&self) -> Result<()> {
        self.copy.mark_epoch().await?;
        // From here on changes are mirrored as well. Whatever arrives first, the newer state stays.
        self.state.store(REBUILDING, Ordering::SeqCst);
        let known = self.copy.active().await?;
        self.publish_all(self.record.active().await?.union(&known).cloned().collect()).await?;
        self.publish_all(self.record.gone().await?.into_iter().collect()).await?;
        let _ = self.state.compare_exchange(REBUILDING, CURRENT, Ordering::SeqCst, Ordering::SeqCst);
        Ok(())
    }

    async fn publish_missed(&self) -> Result<()> {
        let known = self.copy.active().await?;
        self.publish_all(self.record.active().await?.symmetric_difference(&known).cloned().collect()).await?;
        self.publish_all(self.record.gone().await?.into_iter().collect()).await
    }

    async fn publish_all(&self, contents: Vec<String>) -> Result<()> {
        let copies = contents.into_iter().map(|content| async move { self.publish(&content).await });
        stream::iter(copies).map(Ok).try_for_each_concurrent(COPIES_MAX, |copy| copy).await
    }

    async fn publish(&self, content_hash: &str) -> Result<()> {
        match self.record.tracked(content_hash).await? {
            Some(job) => self.copy.publish(&job).await,
            // The account was deleted.
            None => self.copy.forget(content_hash).await,
        }
    }

    /// Checks that Redis answers.
    ///
    /// # Errors
    /// `unavailable` if it does not answer in time.
    pub async fn ping(&self) -> Result<()> {
        self.copy.ping().await
    }

    fn is(&self, state: u8) -> bool {
        self.state.load(Ordering::SeqCst) == state
    }

    /// Mirrors a change after its commit. A failed one is mirrored by the next rebuild.
    async fn mirror(&self, change: impl Future<Output = Result<()>>) {
        if !self.is(UNAVAILABLE)
            && let Err(error) = change.await
        {
            tracing::warn!(%error, "mirroring a change to Redis failed");
            self.state.store(UNAVAILABLE, Ordering::SeqCst);
        }
    }

    /// Passes on the changes of other processes until `stop`, and wakes this process's workers.
    pub async fn relay(&self, changes: &Changes, bell: &Notify, stop: &CancellationToken) {
        let listening = async {
            loop {
                let Err(error) = self.copy.listen(changes, bell).await;
                tracing::debug!(%error, "subscribing to Redis again");
                tokio::time::sleep(CHECK_INTERVAL).await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = listening => {}
        }
    }
}

#[async_trait]
impl<S: Jobs + Tracking> Jobs for RedisMirror<S> {
    async fn accept(
        &self,
        job: &Job,
        reserve: u64,
        account: &Account,
        default_quota: u64,
        allowance: &Allowance,
    ) -> Result<Acceptance> {
        let acceptance = self.record.accept(job, reserve, account, default_quota, allowance).await?;
        if acceptance == Acceptance::Accepted {
            self.mirror(self.publish(&job.content_hash)).await;
        }
        Ok(acceptance)
    }

    async fn claim(&self, worker: &str, lane: Lane, max: usize, lease_ms: i64) -> Result<Vec<Job>> {
        self.record.claim(worker, lane, max, lease_ms).await
    }

    async fn adopt(&self, worker: &str, job_id: &str, fence: i64, lease_ms: i64) -> Result<Option<Job>> {
        self.record.adopt(worker, job_id, fence, lease_ms).await
    }

    async fn renew(&self, job: &Job, lease_ms: i64) -> Result<bool> {
        self.record.renew(job, lease_ms).await
    }

    async fn release(&self, job: &Job, wait_ms: Option<i64>) -> Result<()> {
        self.record.release(job, wait_ms).await
    }

    async fn advance(&self, job: &Job, wait_ms: i64, left: Option<&OrphanedResource>, now: UnixMs) -> Result<bool> {
        let advanced = self.record.advance(job, wait_ms, left, now).await?;
        if advanced {
            self.mirror(self.publish(&job.content_hash)).await;
        }
        Ok(advanced)
    }

    async fn record_pages(&self, job: &Job, pages: &[PageResult], paid: &[PaidAnswer], now: UnixMs) -> Result<bool> {
        let recorded = self.record.record_pages(job, pages, paid, now).await?;
        if recorded {
            self.mirror(self.copy.notify(&job.account_id, &job.content_hash)).await;
        }
        Ok(recorded)
    }

    async fn finished_pages(&self, job: &Job) -> Result<PageSet> {
        self.record.finished_pages(job).await
    }

    async fn complete(
        &self,
        done: &Job,
        results: BoxStream<'_, Result<PageResult>>,
        now: UnixMs,
    ) -> Result<Completion> {
        let completion = self.record.complete(done, results, now).await?;
        if completion == Completion::Stored {
            self.mirror(self.publish(&done.content_hash)).await;
        }
        Ok(completion)
    }

    async fn active_ids(&self) -> Result<Vec<String>> {
        self.record.active_ids().await
    }
}

#[async_trait]
impl<S: Jobs + Tracking> JobViews for RedisMirror<S> {
    /// An active batch is read from the mirror. Realtime progress and ended jobs are only in the database.
    ///
    /// A process may die between its commit and the mirroring. So a copy that was not compared with the database for a moment is replaced.
    async fn latest(&self, account_id: &str, content_hash: &str) -> Result<Option<JobView>> {
        if self.is(CURRENT)
            && let Ok(Some((known, current))) = self.copy.look(content_hash).await
            && known.user_id == account_id
            && known.is_active_batch()
        {
            if current {
                return Ok(Some(known.view));
            }
            self.mirror(self.publish(content_hash)).await;
        }
        self.record.latest(account_id, content_hash).await
    }

    async fn job(&self, account_id: &str, id: &str) -> Result<Option<JobView>> {
        self.record.job(account_id, id).await
    }

    async fn filling(&self, account_id: &str, document_id: &str) -> Result<Option<JobView>> {
        self.record.filling(account_id, document_id).await
    }

    async fn open_jobs(&self, account_id: &str) -> Result<Vec<JobView>> {
        self.record.open_jobs(account_id).await
    }

    async fn dismiss(&self, account_id: &str, content_hash: &str) -> Result<()> {
        self.record.dismiss(account_id, content_hash).await
    }
}
