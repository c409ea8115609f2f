//! What is asked of Google for a job, and what its answers mean to the machine.

use std::time::Instant;

use crate::crash::crash_point;
use crate::error::Result;
use crate::model::wire::JobError;
use coldbrew_gemini::{BatchState, Error as GeminiError, ErrorKind, Quota};

use super::Worker;
use super::google::is_out_of_sight;
use super::job::{Job, Stage, input_names};
use super::machine::Event;
use crate::model::BlockedReason;

impl Worker {
    /// Uploads the input file.
    pub(super) async fn upload(&self, job: &Job) -> Result<Event> {
        let Stage::Upload { attempt } = job.stage else { return Ok(misplaced()) };
        if !self.ports.spool.has_input(job).await? {
            return Ok(Event::InputMissing);
        }
        if job.fence > 1 {
            self.delete_earlier_inputs(job, attempt).await;
        }
        Ok(match self.ports.google.upload(&self.ports.spool.input(job), &job.input_name(attempt)).await {
            Ok(input_file) => Event::Uploaded { input_file },
            Err(error) => not_uploaded(job, &error),
        })
    }

    /// Whoever had the job before may have been cut off between an upload and its commit: that file is on record nowhere, and would
    /// take room at Google for two days.
    async fn delete_earlier_inputs(&self, job: &Job, attempt: u32) {
        let deleted = async {
            for file in self.ports.google.find_files(&input_names(&job.id, attempt)).await? {
                if job.is_earlier_input(attempt, &file.display_name) {
                    self.ports.google.delete(&file.name).await?;
                }
            }
            Ok::<_, GeminiError>(())
        };
        if let Err(error) = deleted.await {
            tracing::info!(job = %job.id, %error, "an earlier input file may be left at Google");
        }
    }

    /// Sends the one create of a recorded attempt; `recording` is from before it was recorded.
    pub(super) async fn create(&self, job: &Job, recording: Instant) -> Event {
        let Stage::Creating { attempt, input_file, .. } = &job.stage else { return misplaced() };
        // A machine that stood still since then may find that another one has taken over and made its own. Its clock may have been set back
        // meanwhile, and what it measures durations by may have stood still as well: one of the two is enough.
        let passed = self.clock.tick().saturating_duration_since(recording);
        if passed > self.policy.settings.lease / 2 || self.clock.now() > job.due_at.plus(self.lease_ms() / 2) {
            return Event::AnswerLost;
        }
        match self.ports.google.create(job.recipe.model(), &job.batch_name(*attempt), input_file).await {
            Ok(batch) => Event::Created { batch },
            Err(error) => {
                tracing::warn!(job = %job.id, attempt, %error, "create not answered with a batch");
                match error.kind {
                    ErrorKind::Ambiguous => Event::AnswerLost,
                    ErrorKind::NotFound => Event::InputGone,
                    ErrorKind::Rejected | ErrorKind::TooLarge | ErrorKind::Key => Event::Refused(refusal(&error)),
                    ErrorKind::Retry { .. } | ErrorKind::Quota { .. } | ErrorKind::Io => {
                        Event::NotCreated { by: blocked_reason(&error), retry_after_ms: pause_ms(&error) }
                    }
                }
            }
        }
    }

    /// Looks for the batch of a create whose answer was lost. Should there be several, one is kept and the others are cancelled.
    ///
    /// As long as nobody knows whether there is a batch, nothing that Google answers ends the job.
    pub(super) async fn reconcile(&self, job: &Job) -> Event {
        let Stage::Reconciling { attempt, input_file, .. } = &job.stage else { return misplaced() };
        let mut found = match self.ports.google.find(&job.batch_name(*attempt), input_file).await {
            Ok(found) => found,
            Err(error) => return undecided(job, &error),
        };
        crash_point("reconcile", "found");
        // They come newest first: of equals the oldest is kept.
        found.sort_by_key(|batch| rank(&batch.state));
        let Some(kept) = found.pop() else {
            return match self.cannot_see(job) {
                true => Event::Blocked { by: BlockedReason::Key, retry_after_ms: None },
                false => Event::NotListed,
            };
        };
        for other in found.iter().filter(|batch| !batch.state.is_terminal()) {
            if let Err(error) = self.ports.google.cancel(&other.name).await
                && error.kind != ErrorKind::NotFound
            {
                return undecided(job, &error);
            }
        }
        Event::Created { batch: kept.name }
    }

    /// Looks at the batch.
    pub(super) async fn poll(&self, job: &Job) -> Event {
        let Stage::Polling(remote) = &job.stage else { return misplaced() };
        self.look(job, &remote.batch).await
    }

    /// Cancels a batch that does not start, and looks once more whether it finished after all.
    pub(super) async fn cancel(&self, job: &Job) -> Event {
        let Stage::Cancelling(remote) = &job.stage else { return misplaced() };
        if let Err(error) = self.ports.google.cancel(&remote.batch).await
            && error.is_transient()
        {
            return undecided(job, &error);
        }
        crash_point("cancel", "cancelled");
        self.look(job, &remote.batch).await
    }

    /// Whether the job's batch may be one that this key does not see.
    fn cannot_see(&self, job: &Job) -> bool {
        let cannot = is_out_of_sight(job.stage.key(), &*self.ports.google);
        if cannot {
            tracing::warn!(job = %job.id, "its batch was made with another key, which may be of another project");
        }
        cannot
    }

    /// Only an answer is evidence: whatever else happens, the batch is where it was.
    async fn look(&self, job: &Job, batch: &str) -> Event {
        match self.ports.google.look(batch).await {
            Ok(batch) => Event::Seen { state: batch.state, output_file: batch.output_file },
            Err(error) if error.kind == ErrorKind::NotFound && !self.cannot_see(job) => Event::Denied,
            Err(error) => {
                tracing::info!(job = %job.id, %error, "poll failed");
                let by = if error.kind == ErrorKind::NotFound { BlockedReason::Key } else { blocked_reason(&error) };
                Event::Blocked { by, retry_after_ms: None }
            }
        }
    }
}

/// How much a batch is worth keeping: what is done is paid for, and what is over otherwise is worth nothing.
const fn rank(state: &BatchState) -> u8 {
    match state {
        BatchState::Succeeded | BatchState::PartiallySucceeded => 3,
        BatchState::Running => 2,
        BatchState::Pending | BatchState::Unknown(_) => 1,
        BatchState::Failed | BatchState::Cancelled | BatchState::Expired => 0,
    }
}

/// A call that has to succeed before anything else can be done.
fn undecided(job: &Job, error: &GeminiError) -> Event {
    tracing::warn!(job = %job.id, %error, "nobody knows yet whether there is a batch");
    hindered(error)
}

/// A call that may succeed later, or never.
fn not_uploaded(job: &Job, error: &GeminiError) -> Event {
    tracing::warn!(job = %job.id, %error, "Google is in the way");
    match error.kind {
        ErrorKind::Rejected | ErrorKind::TooLarge | ErrorKind::Key => Event::Refused(refusal(error)),
        _ => hindered(error),
    }
}

/// Why a job cannot go on, for the person; Google's own words are in the log.
pub(super) fn refusal(error: &GeminiError) -> JobError {
    match error.kind {
        ErrorKind::Key => JobError::new(
            "key_refused",
            "Google refused this server's API key or its billing. Whoever runs this server has to mend that.",
        ),
        ErrorKind::TooLarge => {
            JobError::new("too_large", "This is more than Google takes at once. Choose fewer pages.")
        }
        _ => JobError::new("refused_upstream", "Google refused to work on this document."),
    }
}

/// The job waits, and is tried again.
pub(super) fn hindered(error: &GeminiError) -> Event {
    Event::Blocked { by: blocked_reason(error), retry_after_ms: pause_ms(error) }
}

/// What such an error says is in the way.
pub(super) const fn blocked_reason(error: &GeminiError) -> BlockedReason {
    match error.kind {
        ErrorKind::Quota { .. } => BlockedReason::Quota,
        ErrorKind::Key => BlockedReason::Key,
        ErrorKind::Io => BlockedReason::Server,
        _ => BlockedReason::Google,
    }
}

/// How long to leave Google alone: as it asks, or as the quota that is used up suggests.
pub(super) fn pause_ms(error: &GeminiError) -> Option<i64> {
    const MINUTE_MS: i64 = 60_000;
    let asked = error.retry_after().map(|after| i64::try_from(after.as_millis()).unwrap_or(i64::MAX));
    asked.or(match error.kind {
        ErrorKind::Quota { which: Quota::PerDay, .. } => Some(60 * MINUTE_MS),
        ErrorKind::Quota { which: Quota::Storage, .. } => Some(10 * MINUTE_MS),
        ErrorKind::Quota { which: Quota::PerMinute, .. } => Some(MINUTE_MS),
        _ => None,
    })
}

/// A task is carried out only in its own stage; anything else would be a fault of [`Job::task`].
pub(super) fn misplaced() -> Event {
    Event::Refused(JobError::new("internal_error", "Something went wrong on our side."))
}
