//! The calls of Google that move a job, and the events that their answers mean to the state machine.

use std::collections::HashSet;

use crate::clock::Moment;
use crate::crash::crash_point;
use crate::error::Result;
use crate::metrics::requests_miscounted;
use crate::model::wire::JobError;
use coldbrew_gemini::{Batch, BatchState, Error as GeminiError, ErrorKind, Quota};

use super::Worker;
use super::google::may_be_hidden;
use super::job::{Job, Stage, input_name_prefix};
use super::machine::Event;
use crate::model::{BlockedReason, UnixMs};

impl Worker {
    /// Uploads the input file.
    pub(super) async fn upload(&self, job: &Job) -> Result<Event> {
        let Stage::Upload { attempt } = job.stage else { return Ok(wrong_stage()) };
        if !self.ports.spool.has_input(job).await? {
            return Ok(Event::InputMissing);
        }
        if job.fence > 1 {
            self.delete_earlier_inputs(job, attempt).await;
        }
        Ok(match self.ports.google.upload(&self.ports.spool.input(job), &job.input_name(attempt)).await {
            Ok(file) => Event::Uploaded {
                input_file: file.name,
                uploaded_at: file.create_time.map(|at| UnixMs(at.as_millisecond())),
            },
            Err(error) => not_uploaded(job, &error),
        })
    }

    /// Deletes the input files that earlier claims uploaded and did not commit. No record names them, and Google would keep them for 48
    /// hours (docs/GEMINI.md).
    async fn delete_earlier_inputs(&self, job: &Job, attempt: u32) {
        let deleted = async {
            for file in self.ports.google.find_files(&input_name_prefix(&job.id, attempt)).await? {
                if job.is_earlier_input(attempt, &file.display_name) {
                    self.ports.google.delete(&file.name).await?;
                }
            }
            Ok::<_, GeminiError>(())
        };
        if let Err(error) = deleted.await {
            tracing::info!(job = %job.id, %error, "earlier input files not deleted");
        }
    }

    /// Sends the one create of a committed attempt. `recording` is a moment before the attempt was committed.
    pub(super) async fn create(&self, job: &Job, recording: Moment) -> Event {
        let Stage::Creating { attempt, input_file, .. } = &job.stage else { return wrong_stage() };
        // If this process was stopped since then, another worker may have claimed the job and sent a create of its own. The event is committed
        // only if no other worker has claimed the job.
        if self.clock.passed_since(recording) > self.policy.settings.lease / 2 {
            return Event::NotCreated { by: BlockedReason::Server, retry_after_ms: None };
        }
        match self.ports.google.create(job.recipe.model(), &job.batch_name(*attempt), input_file).await {
            Ok(batch) => Event::Created { batch },
            Err(error) => {
                tracing::warn!(job = %job.id, attempt, %error, "create failed");
                match error.kind {
                    // Without its file the job prepares another one, which leaves the field out.
                    ErrorKind::Rejected if error.refuses_store() => {
                        match self.ports.spool.clear(&HashSet::from([job.id.clone()])).await {
                            Ok(()) => Event::InputGone,
                            Err(_) => Event::NotCreated { by: BlockedReason::Server, retry_after_ms: None },
                        }
                    }
                    ErrorKind::Ambiguous => Event::AnswerLost,
                    ErrorKind::NotFound => Event::InputGone,
                    ErrorKind::Rejected | ErrorKind::TooLarge | ErrorKind::Key => Event::Refused(refusal(&error)),
                    ErrorKind::Retry { .. } | ErrorKind::Quota { .. } | ErrorKind::Shed { .. } | ErrorKind::Io => {
                        Event::NotCreated { by: blocked_reason(&error), retry_after_ms: pause_ms(&error) }
                    }
                }
            }
        }
    }

    /// Looks for the batch of a create whose answer was lost. If there are several, one is kept and the others are cancelled.
    ///
    /// No error of Google ends the job here: its batch may exist.
    pub(super) async fn reconcile(&self, job: &Job) -> Event {
        let Stage::Reconciling { empty_listings, .. } = job.stage else { return wrong_stage() };
        let mut found = match self.ports.listings.find(&job.id, &job.stage, empty_listings == 0).await {
            Ok(found) => found,
            Err(error) => return not_reconciled(job, &error),
        };
        crash_point("reconcile", "found");
        // They are listed newest first, and `pop` takes the last: of batches of equal rank the oldest is kept.
        found.sort_by_key(|batch| rank(&batch.state));
        let Some(kept) = found.pop() else {
            return match self.may_be_hidden(job) {
                true => Event::Blocked { by: BlockedReason::Key, retry_after_ms: None },
                false => Event::NotListed,
            };
        };
        for other in found.iter().filter(|batch| !batch.state.is_terminal()) {
            if let Err(error) = self.ports.google.cancel(&other.name).await
                && error.kind != ErrorKind::NotFound
            {
                return not_reconciled(job, &error);
            }
        }
        Event::Created { batch: kept.name }
    }

    /// Polls the batch.
    pub(super) async fn poll(&self, job: &Job) -> Event {
        let Stage::Polling(remote) = &job.stage else { return wrong_stage() };
        self.poll_batch(job, &remote.batch).await
    }

    /// Cancels a batch that does not start, and polls it: it may have finished before the cancel arrived.
    pub(super) async fn cancel(&self, job: &Job) -> Event {
        let Stage::Cancelling(remote) = &job.stage else { return wrong_stage() };
        if let Err(error) = self.ports.google.cancel(&remote.batch).await
            && error.is_transient()
        {
            tracing::warn!(job = %job.id, %error, "batch not cancelled");
            return blocked(&error);
        }
        crash_point("cancel", "cancelled");
        self.poll_batch(job, &remote.batch).await
    }

    /// Whether the key in use may not see the job's batch.
    fn may_be_hidden(&self, job: &Job) -> bool {
        let is_hidden = may_be_hidden(job.stage.key(), &*self.ports.google);
        if is_hidden {
            tracing::warn!(job = %job.id, "the batch was made with another key, which may belong to another project");
        }
        is_hidden
    }

    /// Polls a batch. Only an answer about the batch is evidence: after any other error the batch may be as it was.
    async fn poll_batch(&self, job: &Job, batch: &str) -> Event {
        match self.ports.google.get_batch(batch).await {
            Ok(batch) => {
                compare_counts(job, &batch);
                Event::Seen { state: batch.state, output_file: batch.output_file }
            }
            Err(error) if error.kind == ErrorKind::NotFound && !self.may_be_hidden(job) => Event::Denied,
            Err(error) => {
                tracing::info!(job = %job.id, %error, "poll failed");
                let by = if error.kind == ErrorKind::NotFound { BlockedReason::Key } else { blocked_reason(&error) };
                Event::Blocked { by, retry_after_ms: None }
            }
        }
    }
}

/// Logs if Google counted other requests than lines were sent. Pages without a result are read another way, so it changes nothing.
fn compare_counts(job: &Job, batch: &Batch) {
    let Some(lines) = job.part.as_ref().map(|part| part.pages.len()) else { return };
    if batch.state.is_terminal() && ![0, lines].contains(&usize::try_from(batch.stats.requests).unwrap_or(usize::MAX)) {
        tracing::warn!(job = %job.id, requests = batch.stats.requests, lines, "Google counted other requests");
        requests_miscounted();
    }
}

/// Which of several batches of one attempt is kept: the highest. Finished results are paid for, and a failed batch has none.
const fn rank(state: &BatchState) -> u8 {
    match state {
        BatchState::Succeeded | BatchState::PartiallySucceeded => 3,
        BatchState::Running => 2,
        BatchState::Pending | BatchState::Unknown(_) => 1,
        BatchState::Failed | BatchState::Cancelled | BatchState::Expired => 0,
    }
}

/// A listing, or the cancellation of a second batch, failed: the job tries again until it succeeds.
fn not_reconciled(job: &Job, error: &GeminiError) -> Event {
    tracing::warn!(job = %job.id, %error, "lost create not reconciled");
    blocked(error)
}

/// The upload failed. It is tried again unless Google refuses the file or the key.
fn not_uploaded(job: &Job, error: &GeminiError) -> Event {
    tracing::warn!(job = %job.id, %error, "input file not uploaded");
    match error.kind {
        ErrorKind::Rejected | ErrorKind::TooLarge | ErrorKind::Key => Event::Refused(refusal(error)),
        _ => blocked(error),
    }
}

/// Why the job fails, as a code and a sentence for people. The log has Google's own message.
pub(super) fn refusal(error: &GeminiError) -> JobError {
    match error.kind {
        ErrorKind::Key => JobError::new(
            "key_refused",
            "Google refused this server's API key or its billing. Please ask the operator to check them.",
        ),
        ErrorKind::TooLarge => {
            JobError::new("too_large", "This is more than Google accepts at once. Choose fewer pages.")
        }
        _ => JobError::new("refused_upstream", "Google refused to process this document."),
    }
}

/// The job waits and tries again.
pub(super) fn blocked(error: &GeminiError) -> Event {
    Event::Blocked { by: blocked_reason(error), retry_after_ms: pause_ms(error) }
}

/// Why the job waits after such an error.
pub(super) const fn blocked_reason(error: &GeminiError) -> BlockedReason {
    match error.kind {
        ErrorKind::Quota { .. } | ErrorKind::Shed { .. } => BlockedReason::Quota,
        ErrorKind::Key => BlockedReason::Key,
        ErrorKind::Io => BlockedReason::Server,
        _ => BlockedReason::Google,
    }
}

/// How long to wait before the next call, in milliseconds: as long as Google asks, or as the quota that is used up suggests.
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

/// The event of a task that was carried out at another stage than its own. That would be a bug of [`Job::task`].
pub(super) fn wrong_stage() -> Event {
    Event::Refused(JobError::new("internal_error", "Something went wrong on our side."))
}
