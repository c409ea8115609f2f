//! Orphaned resources at Google: batches that cost money and that no job will download, and files that no job will use. [`Reaper`] cancels
//! the batches and deletes the files.
//!
//! A job can orphan resources in three cases:
//!
//! 1. It ends, or is deleted with its account, before its batch is known to have ended.
//! 2. A listing finds the batch of a lost create: Google may have made a second one, and may list it late.
//! 3. It begins another attempt before the batch of the previous one is known to have ended.
//!
//! After the last check of a resource, the reaper deletes its ended batches and its files.
//!
//! An [`OrphanedResource`] is recorded in the transaction that orphans it. A check can be repeated, so a crash costs at most one check. A
//! batch that has ended does not end the checks: another one may be listed late. As many checks in a row must find no live batch as
//! listings must not show a lost create ([`Timing::reconcile_listings`]).

mod port;

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use super::google::may_be_hidden;
use super::job::{Job, Stage, input_name_prefix};
use super::machine::Timing;
use super::upstream::pause_ms;
use super::{Google, Listings};
use crate::clock::Clock;
use crate::crash::crash_point;
use crate::error::Result;
use crate::metrics::LoopAges;
use coldbrew_gemini::{Batch, Error as GeminiError, ErrorKind};
pub use port::OrphanedResources;

/// The most resources that are checked at once. They share a listing.
const CHECKED_AT_ONCE_MAX: usize = 64;

/// A batch or files at Google that no job follows any longer. It does not name the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrphanedResource {
    pub job_id: String,
    /// What the job keeps, and the reaper must not cancel: the name of a batch, `batches/…`, or the display name of the next attempt's
    /// batch. `None`: the job has ended or was deleted.
    pub spared: Option<String>,
    /// The stage of the job when it left the resource.
    pub stage: Stage,
    /// How long ago it was recorded, by the database's clock, in milliseconds; 0 in a new one.
    pub age_ms: i64,
    /// How long after it is stored the next check is due, in milliseconds; 0 in a claimed resource.
    pub wait_ms: i64,
    /// How many checks in a row have found no live batch.
    pub quiet_looks: u32,
}

impl OrphanedResource {
    /// What a job orphans if it ends at its present stage; `None`: Google has nothing of it.
    pub fn of(job: &Job) -> Option<Self> {
        match job.stage {
            Stage::Prepare { .. }
            | Stage::Realtime { .. }
            | Stage::Flex { .. }
            | Stage::Succeeded
            | Stage::Failed { .. }
            | Stage::Expired { .. } => None,
            _ => Some(Self::new(job)),
        }
    }

    /// What may exist of the job's attempt beside `spared`, which the job keeps. The first check is due after `reconcile_ms`.
    pub fn beside(spared: &str, job: &Job, timing: &Timing) -> Self {
        Self { spared: Some(spared.to_owned()), wait_ms: timing.reconcile_ms, ..Self::new(job) }
    }

    fn new(job: &Job) -> Self {
        let (job_id, stage) = (job.id.clone(), job.stage.clone());
        Self { job_id, spared: None, stage, age_ms: 0, wait_ms: 0, quiet_looks: 0 }
    }

    /// The record after a check. `is_live`: the check found a live batch. `None`: enough checks in a row found none.
    fn after(self, is_live: bool, timing: &Timing) -> Option<Self> {
        if is_live {
            return Some(Self { quiet_looks: 0, wait_ms: timing.poll_ms, ..self });
        }
        let quiet_looks = self.quiet_looks + 1;
        (quiet_looks < timing.reconcile_listings).then_some(Self { quiet_looks, wait_ms: timing.reconcile_ms, ..self })
    }

    /// Whether the job keeps this batch.
    fn spares(&self, batch: &Batch) -> bool {
        self.spared.as_ref().is_some_and(|spared| [&batch.name, &batch.display_name].contains(&spared))
    }

    /// Whether the reaper gives up. By then Google has expired the batch and deleted the file (docs/GEMINI.md).
    const fn is_given_up(&self, timing: &Timing) -> bool {
        self.age_ms >= timing.batch_ms_max
    }
}

/// Cancels and deletes orphaned resources at Google. Cheap to clone.
#[derive(Clone)]
pub struct Reaper {
    pub orphans: Arc<dyn OrphanedResources>,
    pub google: Arc<dyn Google>,
    pub listings: Listings,
    pub loops: LoopAges,
    pub clock: Arc<dyn Clock>,
    pub timing: Timing,
    /// How long one claim of a resource holds. Two reapers may work on the same one: the calls have no further effect the second time.
    pub lease: Duration,
}

impl Reaper {
    /// Checks resources when they are due, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let pause = Duration::from_millis(self.timing.poll_ms.unsigned_abs());
        let reaping = async {
            loop {
                let reaped = self.reap_due().await;
                self.loops.beat("reaper");
                match reaped {
                    Ok(count) if count > 0 => continue,
                    Ok(_) => {}
                    Err(error) => tracing::warn!(%error, "orphaned resources not claimed"),
                }
                self.clock.sleep(pause).await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = reaping => {}
        }
    }

    /// Checks the resources that have been due longest, and returns how many they were.
    ///
    /// # Errors
    /// The database cannot be reached. Errors of Google are logged, and the check is repeated later.
    pub async fn reap_due(&self) -> Result<usize> {
        let lease_ms = i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX);
        let mut orphans = Vec::new();
        while orphans.len() < CHECKED_AT_ONCE_MAX {
            match self.orphans.claim_orphan(lease_ms).await? {
                Some(orphan) => orphans.push(orphan),
                None => break,
            }
        }
        let count = orphans.len();
        for checked in join_all(orphans.into_iter().map(|orphan| self.check(orphan))).await {
            checked?;
        }
        Ok(count)
    }

    /// Checks a resource, and records the result.
    async fn check(&self, orphan: OrphanedResource) -> Result<()> {
        crash_point("orphan", "taken");
        match self.reap(orphan.clone()).await {
            Ok(Some(later)) => self.orphans.postpone_orphan(&later).await,
            Ok(None) => {
                crash_point("orphan", "gone");
                self.orphans.remove_orphan(&orphan).await
            }
            Err(error) if orphan.is_given_up(&self.timing) => {
                tracing::error!(job = %orphan.job_id, %error, "orphaned resource given up");
                self.orphans.remove_orphan(&orphan).await
            }
            Err(error) => {
                tracing::warn!(job = %orphan.job_id, %error, "orphaned resource not reaped");
                let wait_ms = pause_ms(&error).unwrap_or(self.timing.retry_ms);
                self.orphans.postpone_orphan(&OrphanedResource { wait_ms, ..orphan }).await
            }
        }
    }

    /// Cancels live batches. After enough checks without one it deletes the batches that have ended and, unless the job still needs them,
    /// the files. Returns what has to be checked again.
    async fn reap(&self, orphan: OrphanedResource) -> Result<Option<OrphanedResource>, GeminiError> {
        let may_be_hidden = may_be_hidden(orphan.stage.key(), &*self.google);
        let (live, ended): (Vec<Batch>, Vec<Batch>) =
            self.batches_of(&orphan).await?.into_iter().partition(|batch| !batch.state.is_terminal());
        for batch in &live {
            self.google.cancel(&batch.name).await?;
        }
        crash_point("orphan", "stopped");
        let given_up = orphan.is_given_up(&self.timing);
        let is_live = !live.is_empty() || may_be_hidden;
        let later = orphan.clone().after(is_live, &self.timing).filter(|_| !given_up);
        if later.is_none() {
            for batch in &ended {
                if let Err(error) = self.google.delete_batch(&batch.name).await {
                    tracing::info!(job = %orphan.job_id, %error, "ended batch not deleted");
                }
            }
            if orphan.spared.is_none() {
                self.delete_files(&orphan.job_id, &orphan.stage).await?;
            }
            tracing::info!(job = %orphan.job_id, given_up, "orphaned resource reaped");
        }
        Ok(later)
    }

    /// The batches of the attempt that the job does not keep: the known one, or those that a listing shows. No create was sent at an
    /// earlier stage, and a second batch of a lost create has a record of its own.
    async fn batches_of(&self, orphan: &OrphanedResource) -> Result<Vec<Batch>, GeminiError> {
        let mut batches = match (&orphan.stage, orphan.stage.batch()) {
            (Stage::Creating { .. } | Stage::Reconciling { .. }, _) => {
                self.listings.find(&orphan.job_id, &orphan.stage, orphan.quiet_looks == 0).await?
            }
            (_, Some(known)) => match self.google.get_batch(known).await {
                Ok(batch) => vec![batch],
                // Google sometimes denies a batch that it has, so this check counts as one that found none.
                Err(error) if error.kind == ErrorKind::NotFound => Vec::new(),
                Err(error) => return Err(error),
            },
            (_, None) => Vec::new(),
        };
        batches.retain(|batch| !orphan.spares(batch));
        Ok(batches)
    }

    async fn delete_files(&self, job_id: &str, stage: &Stage) -> Result<(), GeminiError> {
        if let Some(file) = stage.input_file() {
            return self.google.delete(file).await;
        }
        let Some(attempt) = stage.attempt() else { return Ok(()) };
        for file in self.google.find_files(&input_name_prefix(job_id, attempt)).await? {
            self.google.delete(&file.name).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn orphan(stage: Stage) -> OrphanedResource {
        OrphanedResource { job_id: "j1".into(), spared: None, stage, age_ms: 0, wait_ms: 0, quiet_looks: 0 }
    }

    #[test]
    fn orphan_not_found_is_checked_as_often_as_a_lost_create_is_listed() {
        let timing = Timing::default();
        let mut left =
            orphan(Stage::Creating { attempt: 1, input_file: "files/in".into(), uploaded_at: None, key: None });
        for look in 1..timing.reconcile_listings {
            left = left.after(false, &timing).unwrap();
            assert_eq!((left.quiet_looks, left.wait_ms), (look, timing.reconcile_ms));
        }
        let live = left.clone().after(true, &timing).unwrap();
        assert_eq!((live.quiet_looks, live.wait_ms), (0, timing.poll_ms), "the count begins again");
        assert_eq!(left.after(false, &timing), None);
    }

    #[test]
    fn orphan_is_given_up_long_after_google_expired_it() {
        let timing = Timing::default();
        let aged = |age_ms| OrphanedResource { age_ms, ..orphan(Stage::Upload { attempt: 1 }) };
        assert!(!aged(timing.batch_ms_max - 1).is_given_up(&timing));
        assert!(aged(timing.batch_ms_max).is_given_up(&timing));
    }
}
