//! What jobs leave at Google: batches that nobody will fetch and that are paid for all the same, and files that nobody will read.
//! [`Reaper`] stops the ones and deletes the others.
//!
//! A job leaves something when it goes in the middle of its batch, with its account or because it is given up; when it has found
//! the batch of a create whose answer was lost, for Google may have made two of that create and list one late; and when it makes another
//! attempt though nobody has seen the end of the one before. A [`OrphanedResource`] is recorded in the transaction that is the reason for it.
//! Each look may be repeated, so a crash costs one at most. The end of what is known is no end: looking goes on until as many looks have
//! found nothing as a lost create would get.

mod port;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Google;
use super::google::is_out_of_sight;
use super::job::{Job, Stage, batch_name, input_names};
use super::machine::Timing;
use super::upstream::pause_ms;
use crate::clock::Clock;
use crate::crash::crash_point;
use crate::error::Result;
use crate::model::UnixMs;
use coldbrew_gemini::{Batch, Error as GeminiError, ErrorKind};
pub use port::OrphanedResources;

/// What Google may still have of a job for nothing. Says nothing of whose it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrphanedResource {
    pub job_id: String,
    /// What the job goes on with: a batch, `batches/…`, whose files it needs, or its next attempt, by the name of that; `None`: the job
    /// is gone.
    pub spared: Option<String>,
    /// Where the job was.
    pub stage: Stage,
    pub recorded_at: UnixMs,
    pub due_at: UnixMs,
    /// How many looks in a row have found nothing that goes on.
    pub quiet_looks: u32,
}

impl OrphanedResource {
    /// What a job leaves that goes at this stage; `None` if Google has nothing of it.
    pub fn of(job: &Job, now: UnixMs) -> Option<Self> {
        match job.stage {
            Stage::Prepare { .. }
            | Stage::Realtime { .. }
            | Stage::Succeeded
            | Stage::Failed { .. }
            | Stage::Expired { .. } => None,
            _ => Some(Self::new(job, now)),
        }
    }

    /// What there may be of the job's attempt beside what it goes on with. It has been looked for this moment.
    pub fn beside(spared: &str, job: &Job, now: UnixMs, timing: &Timing) -> Self {
        Self { spared: Some(spared.to_owned()), due_at: now.plus(timing.reconcile_ms), ..Self::new(job, now) }
    }

    fn new(job: &Job, now: UnixMs) -> Self {
        let (job_id, stage) = (job.id.clone(), job.stage.clone());
        Self { job_id, spared: None, stage, recorded_at: now, due_at: now, quiet_looks: 0 }
    }

    /// The same as it is after a look that found something going on, or not; `None`: nothing is left of it that could go on.
    fn after(self, goes_on: bool, now: UnixMs, timing: &Timing) -> Option<Self> {
        if goes_on {
            return Some(Self { quiet_looks: 0, due_at: now.plus(timing.poll_ms), ..self });
        }
        let quiet_looks = self.quiet_looks + 1;
        (quiet_looks < timing.reconcile_listings).then(|| Self {
            quiet_looks,
            due_at: now.plus(timing.reconcile_ms),
            ..self
        })
    }

    /// Whether the job goes on with this batch.
    fn spares(&self, batch: &Batch) -> bool {
        self.spared.as_ref().is_some_and(|spared| [&batch.name, &batch.display_name].contains(&spared))
    }

    /// By then Google has given up the batch, and let go of the file.
    fn is_given_up(&self, now: UnixMs, timing: &Timing) -> bool {
        now.0.saturating_sub(self.recorded_at.0) >= timing.batch_ms_max
    }
}

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Reaper {
    pub orphans: Arc<dyn OrphanedResources>,
    pub google: Arc<dyn Google>,
    pub clock: Arc<dyn Clock>,
    pub timing: Timing,
    /// What was taken up for this long is free again. Two that have the same do it twice, which harms nobody.
    pub lease: Duration,
}

impl Reaper {
    /// Cleans up until `stop`, one thing at a time: there is little of it, and no hurry.
    pub async fn run(self, stop: CancellationToken) {
        let pause = Duration::from_millis(self.timing.poll_ms.unsigned_abs());
        let cleaning = async {
            loop {
                match self.reap_one().await {
                    Ok(true) => {}
                    Ok(false) => self.clock.sleep(pause).await,
                    Err(error) => {
                        tracing::warn!(%error, "what jobs left at Google cannot be looked up");
                        self.clock.sleep(pause).await;
                    }
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = cleaning => {}
        }
    }

    /// Takes up what has been due longest. `false`: nothing is due.
    pub async fn reap_one(&self) -> Result<bool> {
        let now = self.clock.now();
        let until = now.plus(i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX));
        let Some(orphan) = self.orphans.claim_orphan(now, until).await? else { return Ok(false) };
        crash_point("orphan", "taken");
        match self.clean(orphan.clone()).await {
            Ok(Some(later)) => self.orphans.postpone_orphan(&later).await?,
            Ok(None) => {
                crash_point("orphan", "gone");
                self.orphans.remove_orphan(&orphan).await?;
            }
            Err(error) if orphan.is_given_up(self.clock.now(), &self.timing) => {
                tracing::error!(job = %orphan.job_id, %error, "what a job left at Google was given up");
                self.orphans.remove_orphan(&orphan).await?;
            }
            Err(error) => {
                tracing::warn!(job = %orphan.job_id, %error, "what a job left at Google is still there");
                let wait_ms = pause_ms(&error).unwrap_or(self.timing.retry_ms);
                let due_at = self.clock.now().plus(wait_ms);
                self.orphans.postpone_orphan(&OrphanedResource { due_at, ..orphan }).await?;
            }
        }
        Ok(true)
    }

    /// Stops what goes on and, once nothing does, deletes the files. Returns what has to be looked at again.
    async fn clean(&self, orphan: OrphanedResource) -> Result<Option<OrphanedResource>, GeminiError> {
        let is_out_of_sight = is_out_of_sight(orphan.stage.key(), &*self.google);
        let goes_on = self.stop(&orphan).await? || is_out_of_sight;
        crash_point("orphan", "stopped");
        let given_up = orphan.is_given_up(self.clock.now(), &self.timing);
        let later = orphan.clone().after(goes_on, self.clock.now(), &self.timing).filter(|_| !given_up);
        if later.is_none() {
            if orphan.spared.is_none() {
                self.delete_files(&orphan.job_id, &orphan.stage).await?;
            }
            tracing::info!(job = %orphan.job_id, given_up, "what a job left at Google is cleaned up");
        }
        Ok(later)
    }

    /// Asks everything that goes on to stop. Whether there was anything.
    async fn stop(&self, orphan: &OrphanedResource) -> Result<bool, GeminiError> {
        let mut goes_on = false;
        let is_left = |batch: &Batch| !orphan.spares(batch) && !batch.state.is_terminal();
        for batch in self.look(orphan).await?.into_iter().filter(is_left) {
            self.google.cancel(&batch.name).await?;
            goes_on = true;
        }
        Ok(goes_on)
    }

    /// The batches of the job: the one that was known, and what is listed under its name.
    async fn look(&self, orphan: &OrphanedResource) -> Result<Vec<Batch>, GeminiError> {
        let mut batches = Vec::new();
        if let Some(attempt) = orphan.stage.attempt() {
            let input_file = orphan.stage.input_file().unwrap_or_default();
            batches = self.google.find(&batch_name(&orphan.job_id, attempt), input_file).await?;
        }
        if let Some(known) = orphan.stage.batch()
            && batches.iter().all(|batch| batch.name != known)
        {
            match self.google.look(known).await {
                Ok(batch) => batches.push(batch),
                // Google denies batches that it has: one denial is not believed.
                Err(error) if error.kind == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(batches)
    }

    async fn delete_files(&self, job_id: &str, stage: &Stage) -> Result<(), GeminiError> {
        if let Some(file) = stage.input_file() {
            return self.google.delete(file).await;
        }
        let Some(attempt) = stage.attempt() else { return Ok(()) };
        for file in self.google.find_files(&input_names(job_id, attempt)).await? {
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
        OrphanedResource {
            job_id: "j1".into(),
            spared: None,
            stage,
            recorded_at: UnixMs(0),
            due_at: UnixMs(0),
            quiet_looks: 0,
        }
    }

    #[test]
    fn what_is_not_found_is_looked_for_as_long_as_a_lost_create_is() {
        let timing = Timing::default();
        let mut left = orphan(Stage::Creating { attempt: 1, input_file: "files/in".into(), key: None });
        for look in 1..timing.reconcile_listings {
            left = left.after(false, UnixMs(1_000), &timing).unwrap();
            assert_eq!((left.quiet_looks, left.due_at), (look, UnixMs(1_000 + timing.reconcile_ms)));
        }
        let live = left.clone().after(true, UnixMs(2_000), &timing).unwrap();
        assert_eq!((live.quiet_looks, live.due_at), (0, UnixMs(2_000 + timing.poll_ms)), "from the beginning");
        assert_eq!(left.after(false, UnixMs(3_000), &timing), None);
    }

    #[test]
    fn a_orphan_is_given_up_when_google_has_given_it_up_long_ago() {
        let (left, timing) = (orphan(Stage::Upload { attempt: 1 }), Timing::default());
        assert!(!left.is_given_up(UnixMs(timing.batch_ms_max - 1), &timing));
        assert!(left.is_given_up(UnixMs(timing.batch_ms_max), &timing));
    }
}
