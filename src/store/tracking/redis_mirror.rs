//! Jobs whose changes are made known in Redis right after they are committed.
//!
//! Redis may go and come back at any moment, empty or with an old state. While it is away nobody waits for it; when it is back, the copy
//! is made again from the record, and only then is it believed.

use crate::documents::JobViews;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Redis, Tracking};
use crate::accounts::Account;
use crate::accounts::Allowance;
use crate::changes::Changes;
use crate::error::Result;
use crate::extract::PageResult;
use crate::jobs::machine::Lane;
use crate::jobs::{Acceptance, Completion, Jobs};
use crate::jobs::{Job, OrphanedResource};
use crate::model::wire::JobView;
use crate::model::{PageSet, UnixMs};

/// Between two looks at whether Redis is there and still knows what it knew.
const LOOK: Duration = Duration::from_secs(1);
/// Looks after which stragglers are searched: jobs whose process died between a commit and making it known, or whose account is gone.
const LOOKS_PER_SEARCH: u32 = 30;
/// Jobs that are made known at once when the copy is made again.
const COPIES_MAX: usize = 32;

/// Nobody asks it.
const AWAY: u8 = 0;
/// It is told of changes, and not believed yet.
const FILLING: u8 = 1;
/// It is as the record is.
const SOUND: u8 = 2;

/// See the module.
pub struct RedisMirror<S> {
    record: S,
    copy: Redis,
    state: AtomicU8,
}

impl<S: Jobs + Tracking> RedisMirror<S> {
    /// Makes the jobs of `record` known in `copy`, as soon as [`Self::keep`] runs.
    pub fn new(record: S, copy: Redis) -> Self {
        Self { record, copy, state: AtomicU8::new(AWAY) }
    }

    /// Keeps the copy as the record is until `stop`, whatever happens to Redis.
    pub async fn keep(&self, stop: &CancellationToken) {
        let mut looks = 0;
        while !stop.is_cancelled() {
            if let Err(error) = self.look(looks).await
                && self.state.swap(AWAY, Ordering::SeqCst) != AWAY
            {
                tracing::warn!(%error, "Redis is away; jobs go on without it");
            }
            looks = (looks + 1) % LOOKS_PER_SEARCH;
            let _ = tokio::time::timeout(LOOK, stop.cancelled()).await;
        }
    }

    async fn look(&self, looks: u32) -> Result<()> {
        let lost = !self.copy.has_epoch().await?;
        if lost || !self.is(SOUND) {
            self.fill().await?;
            tracing::info!("Redis knows all jobs");
        } else if looks == 0 {
            self.find_stragglers().await?;
        }
        Ok(())
    }

    /// Makes the whole copy again.
    async fn fill(&self) -> Result<()> {
        self.copy.mark_epoch().await?;
        // From here on changes are made known as well: whichever comes first, the newer one stays.
        self.state.store(FILLING, Ordering::SeqCst);
        let known = self.copy.active().await?;
        self.make_all_known(self.record.active().await?.union(&known).cloned().collect()).await?;
        self.make_all_known(self.record.gone().await?.into_iter().collect()).await?;
        let _ = self.state.compare_exchange(FILLING, SOUND, Ordering::SeqCst, Ordering::SeqCst);
        Ok(())
    }

    async fn find_stragglers(&self) -> Result<()> {
        let known = self.copy.active().await?;
        self.make_all_known(self.record.active().await?.symmetric_difference(&known).cloned().collect()).await?;
        self.make_all_known(self.record.gone().await?.into_iter().collect()).await
    }

    async fn make_all_known(&self, contents: Vec<String>) -> Result<()> {
        let copies = contents.into_iter().map(|content| async move { self.make_known(&content).await });
        stream::iter(copies).map(Ok).try_for_each_concurrent(COPIES_MAX, |copy| copy).await
    }

    async fn make_known(&self, content_hash: &str) -> Result<()> {
        match self.record.tracked(content_hash).await? {
            Some(job) => self.copy.publish(&job).await,
            // Its account was deleted.
            None => self.copy.forget(content_hash).await,
        }
    }

    /// Whether Redis answers.
    pub async fn ping(&self) -> Result<()> {
        self.copy.ping().await
    }

    fn is(&self, state: u8) -> bool {
        self.state.load(Ordering::SeqCst) == state
    }

    /// After a commit: what cannot be told now is told when the copy is made again.
    async fn tell(&self, told: impl Future<Output = Result<()>>) {
        if !self.is(AWAY)
            && let Err(error) = told.await
        {
            tracing::warn!(%error, "a change could not be made known");
            self.state.store(AWAY, Ordering::SeqCst);
        }
    }

    /// Tells of other processes' changes until `stop`, and rings for whoever waits for work.
    pub async fn relay(&self, changes: &Changes, bell: &Notify, stop: &CancellationToken) {
        let heard = |change: crate::changes::Change| {
            bell.notify_one();
            changes.tell(&change.account_id, &change.content_hash);
        };
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                _ = self.copy.listen(heard) => tokio::time::sleep(LOOK).await,
            }
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
            self.tell(self.make_known(&job.content_hash)).await;
        }
        Ok(acceptance)
    }

    async fn claim(&self, worker: &str, lane: Lane, max: usize, now: UnixMs, lease_ms: i64) -> Result<Vec<Job>> {
        self.record.claim(worker, lane, max, now, lease_ms).await
    }

    async fn adopt(&self, worker: &str, job_id: &str, fence: i64, until: UnixMs) -> Result<Option<Job>> {
        self.record.adopt(worker, job_id, fence, until).await
    }

    async fn renew(&self, job: &Job, until: UnixMs) -> Result<bool> {
        self.record.renew(job, until).await
    }

    async fn release(&self, job: &Job, due_at: Option<UnixMs>) -> Result<()> {
        self.record.release(job, due_at).await
    }

    async fn advance(&self, job: &Job, left: Option<&OrphanedResource>, now: UnixMs) -> Result<bool> {
        let advanced = self.record.advance(job, left, now).await?;
        if advanced {
            self.tell(self.make_known(&job.content_hash)).await;
        }
        Ok(advanced)
    }

    async fn record_page(&self, job: &Job, page: &PageResult, now: UnixMs) -> Result<bool> {
        let recorded = self.record.record_page(job, page, now).await?;
        if recorded {
            self.tell(self.copy.ring(&job.account_id, &job.content_hash)).await;
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
            self.tell(self.make_known(&done.content_hash)).await;
        }
        Ok(completion)
    }

    async fn active_ids(&self) -> Result<Vec<String>> {
        self.record.active_ids().await
    }
}

#[async_trait]
impl<S: Jobs + Tracking> JobViews for RedisMirror<S> {
    /// A batch that goes on is answered from the copy. All else is in the record only: progress, and ends with what they lead to.
    async fn latest(&self, account_id: &str, content_hash: &str) -> Result<Option<JobView>> {
        if self.is(SOUND)
            && let Ok(Some(known)) = self.copy.tracked(content_hash).await
            && known.user_id == account_id
            && known.is_batch_under_way()
        {
            return Ok(Some(known.view));
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
