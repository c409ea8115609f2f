//! How a job moves: every legal transition, and nothing else. Pure: no clock, no I/O, no randomness.
//!
//! [`Job::task`] says what a job needs next; [`step`] says where an event takes it. An event that a stage does not know is
//! [`IllegalEvent`], and an end absorbs nothing: a late answer cannot change a job that is over.

use super::job::{Job, JobFailure, Stage, Watched};
use crate::model::UnixMs;

/// How long things may take, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Between two looks at a batch. Fixed: a healthy job has no backoff.
    pub poll_ms: i64,
    /// Between two listings that look for a lost create.
    pub seek_ms: i64,
    /// How many listings in a row must lack a lost create's batch before another create is made.
    pub seek_listings: u32,
    /// After a transient fault that came with no hint.
    pub retry_ms: i64,
    /// A batch that has not started after this is withdrawn.
    pub pending_ms_max: i64,
    /// How long Google may deny knowing a batch, or owe its output, before it is believed.
    pub odd_ms_max: i64,
    /// How often results may fail to arrive, or a create be refused for a reason that passes, before the job ends.
    pub tries_max: u32,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            poll_ms: 15_000,
            seek_ms: 30_000,
            seek_listings: 4,
            retry_ms: 30_000,
            pending_ms_max: 24 * 3_600_000,
            odd_ms_max: 2 * 3_600_000,
            tries_max: 40,
        }
    }
}

/// What a worker is to do for a job, decided by its stage alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    Prepare,
    Upload,
    RecordAttempt,
    Create,
    Seek,
    Poll,
    Withdraw,
    Collect,
    Read,
}

/// What Google says of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sighting {
    Pending,
    Running,
    /// Done; where the results are, if it said so.
    Succeeded {
        output_file: Option<String>,
    },
    Failed,
    Cancelled,
    Expired,
    /// Google denies knowing it.
    Missing,
    /// A state that nobody has heard of: it is still going on.
    Unrecognised,
}

/// What happened to a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The input file is complete on this machine's disk.
    Prepared,
    /// The input file is not on this machine's disk: another one prepared it, or the disk was replaced.
    InputMissing,
    Uploaded {
        input_file: String,
    },
    /// The uploaded file is gone or refused: it has to be uploaded again.
    InputGone,
    AttemptRecorded,
    /// Nobody knows whether the create arrived.
    AnswerLost,
    /// The batch of the recorded attempt.
    Created {
        batch: String,
    },
    NotListed,
    /// The create certainly made nothing, and may succeed later.
    NotCreated {
        retry_after_ms: Option<i64>,
    },
    Seen(Sighting),
    /// Something transient is in the way; nothing changed.
    Hindered {
        retry_after_ms: Option<i64>,
    },
    /// No page could be read.
    NothingUsable,
    /// The document is stored, in the transaction that commits this step.
    Stored,
    /// It cannot go on.
    Refused(JobFailure),
}

/// What remains to be done once a step is committed. Losing it loses nothing but tidiness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Google keeps input files for 48 hours and counts them: delete it now.
    DeleteInput { input_file: String },
    /// The job's files on this machine's disk are of no more use.
    ClearSpool,
}

/// A job after an event, and what is left to tidy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub job: Job,
    pub effects: Vec<Effect>,
}

/// An event that the job's stage does not know: a fault of the worker, never of the outside.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a job in {:?} cannot take {:?}", .0.0, .0.1)]
pub struct IllegalEvent(Box<(Stage, Event)>);

impl Job {
    /// What the job needs next; `None` once it is over.
    pub const fn task(&self) -> Option<Task> {
        Some(match &self.stage {
            Stage::Prepare => Task::Prepare,
            Stage::Upload { .. } => Task::Upload,
            Stage::Submit { .. } => Task::RecordAttempt,
            Stage::Creating { .. } => Task::Create,
            Stage::Seek { .. } => Task::Seek,
            Stage::Watch(_) => Task::Poll,
            Stage::Withdraw(_) => Task::Withdraw,
            Stage::Collect { .. } => Task::Collect,
            Stage::Read { .. } => Task::Read,
            Stage::Succeeded | Stage::Failed { .. } | Stage::Expired { .. } => return None,
        })
    }
}

/// Where `event` takes `job` at `now`.
pub fn step(job: &Job, event: Event, now: UnixMs, timing: &Timing) -> Result<Step, IllegalEvent> {
    let (stage, wait_ms) = next(job, event, now, timing)?;
    let over = !stage.status().is_active();
    let mut effects = Vec::new();
    if over {
        effects.extend(job.stage.input_file().map(|file| Effect::DeleteInput { input_file: file.to_owned() }));
        effects.push(Effect::ClearSpool);
    }
    let requeued = job.requeued || withdrawn_again(&job.stage, &stage);
    let job = Job { stage, due_at: now.plus(wait_ms), claims: 0, requeued, ..job.clone() };
    Ok(Step { job, effects })
}

const fn withdrawn_again(before: &Stage, after: &Stage) -> bool {
    matches!((before, after), (Stage::Withdraw(_), Stage::Upload { .. }))
}

/// The table: the next stage, and how long until it is due.
fn next(job: &Job, event: Event, now: UnixMs, timing: &Timing) -> Result<(Stage, i64), IllegalEvent> {
    use Event as E;
    use Stage as S;
    Ok(match (job.stage.clone(), event) {
        (stage, E::Refused(error)) if stage.status().is_active() => (S::Failed { error }, 0),
        (stage, E::NothingUsable) if stage.status().is_active() => (S::Failed { error: no_usable_page() }, 0),
        (
            stage @ (S::Prepare | S::Upload { .. } | S::Submit { .. } | S::Seek { .. }),
            E::Hindered { retry_after_ms },
        ) => (stage, retry_after_ms.unwrap_or(timing.retry_ms)),

        (S::Prepare, E::Prepared) => (S::Upload { attempt: 1 }, 0),
        (S::Upload { .. }, E::InputMissing) => (S::Prepare, 0),
        (S::Upload { attempt }, E::Uploaded { input_file }) => (S::Submit { attempt, input_file }, 0),
        (S::Submit { attempt, input_file }, E::AttemptRecorded) => (S::Creating { attempt, input_file }, 0),

        (S::Creating { attempt, input_file }, E::Created { batch }) => {
            (watch(attempt, input_file, batch, now), timing.poll_ms)
        }
        (S::Creating { attempt, input_file }, E::AnswerLost) => {
            (S::Seek { attempt, input_file, empty_listings: 0, since: now }, 0)
        }
        (S::Creating { attempt, .. }, E::NotCreated { .. } | E::InputGone) if attempt >= timing.tries_max => {
            (S::Failed { error: not_accepted() }, 0)
        }
        (S::Creating { attempt, input_file }, E::NotCreated { retry_after_ms }) => (
            S::Submit { attempt: attempt + 1, input_file },
            retry_after_ms.unwrap_or_else(|| backoff_ms(timing, attempt)),
        ),
        (S::Creating { attempt, .. }, E::InputGone) => (S::Upload { attempt: attempt + 1 }, timing.retry_ms),

        (S::Seek { attempt, input_file, .. }, E::Created { batch }) => {
            (watch(attempt, input_file, batch, now), timing.poll_ms)
        }
        (S::Seek { attempt, input_file, empty_listings, since }, E::NotListed) => {
            let empty_listings = empty_listings + 1;
            if empty_listings >= timing.seek_listings {
                (S::Submit { attempt: attempt + 1, input_file }, 0)
            } else {
                (S::Seek { attempt, input_file, empty_listings, since }, timing.seek_ms)
            }
        }

        (S::Watch(watched), E::Seen(sighting)) => seen(watched, sighting, now, timing),
        (S::Watch(watched), E::Hindered { .. }) => (S::Watch(watched), timing.poll_ms),

        (S::Withdraw(watched), E::Hindered { .. }) => (S::Withdraw(watched), timing.poll_ms),
        (S::Withdraw(watched), E::Seen(Sighting::Succeeded { output_file })) => (collect(&watched, output_file), 0),
        // It has started after all: let it finish.
        (S::Withdraw(watched), E::Seen(Sighting::Running)) => {
            (S::Watch(Watched { running: true, ..watched }), timing.poll_ms)
        }
        (S::Withdraw(watched), E::Seen(Sighting::Pending | Sighting::Unrecognised)) => {
            (S::Withdraw(watched), timing.poll_ms)
        }
        (S::Withdraw(_), E::Seen(_)) if job.requeued => (S::Failed { error: never_started() }, 0),
        (S::Withdraw(watched), E::Seen(_)) => (S::Upload { attempt: watched.attempt + 1 }, 0),

        (S::Prepare | S::Collect { .. } | S::Read { .. }, E::Stored) => (S::Succeeded, 0),
        (S::Collect { tries, .. }, E::Hindered { .. }) if tries >= timing.tries_max => {
            (S::Failed { error: results_lost() }, 0)
        }
        (S::Collect { batch, input_file, output_file, tries }, E::Hindered { retry_after_ms }) => {
            let wait_ms = retry_after_ms.unwrap_or(timing.retry_ms);
            (S::Collect { batch, input_file, output_file, tries: tries + 1 }, wait_ms)
        }
        (S::Read { tries }, E::Hindered { retry_after_ms }) => {
            (S::Read { tries: tries.saturating_add(1) }, retry_after_ms.unwrap_or(timing.retry_ms))
        }

        (stage, event) => return Err(IllegalEvent(Box::new((stage, event)))),
    })
}

/// Doubled with each attempt, up to an hour: a create that Google has no room for must not use up its attempts.
fn backoff_ms(timing: &Timing, attempt: u32) -> i64 {
    const HOUR_MS: i64 = 3_600_000;
    timing.retry_ms.saturating_mul(1 << attempt.min(16)).min(HOUR_MS)
}

/// Where a look at a batch takes a job that watches it.
fn seen(watched: Watched, sighting: Sighting, now: UnixMs, timing: &Timing) -> (Stage, i64) {
    let for_long = |since: UnixMs, ms_max: i64| now.0.saturating_sub(since.0) >= ms_max;
    match sighting {
        Sighting::Pending if for_long(watched.since, timing.pending_ms_max) => (Stage::Withdraw(watched), 0),
        Sighting::Pending => (Stage::Watch(Watched { running: false, odd_since: None, ..watched }), timing.poll_ms),
        Sighting::Running => (Stage::Watch(Watched { running: true, odd_since: None, ..watched }), timing.poll_ms),
        Sighting::Unrecognised => (Stage::Watch(Watched { odd_since: None, ..watched }), timing.poll_ms),
        Sighting::Succeeded { output_file: Some(file) } => (collect(&watched, Some(file)), 0),
        Sighting::Succeeded { output_file: None } | Sighting::Missing => {
            let since = watched.odd_since.unwrap_or(now);
            match (for_long(since, timing.odd_ms_max), sighting) {
                (false, _) => (Stage::Watch(Watched { odd_since: Some(since), ..watched }), timing.poll_ms),
                (true, Sighting::Missing) => (Stage::Failed { error: lost_upstream() }, 0),
                // Its name follows from the batch's, whether or not Google tells it.
                (true, _) => (collect(&watched, None), 0),
            }
        }
        Sighting::Failed => (Stage::Failed { error: failed_upstream() }, 0),
        Sighting::Cancelled => (Stage::Failed { error: cancelled_upstream() }, 0),
        Sighting::Expired => (Stage::Expired { error: expired_upstream() }, 0),
    }
}

const fn watch(attempt: u32, input_file: String, batch: String, now: UnixMs) -> Stage {
    Stage::Watch(Watched { attempt, input_file, batch, running: false, since: now, odd_since: None })
}

fn collect(watched: &Watched, output_file: Option<String>) -> Stage {
    let conventional = || format!("files/batch-{}", watched.batch.trim_start_matches("batches/"));
    Stage::Collect {
        batch: watched.batch.clone(),
        input_file: watched.input_file.clone(),
        output_file: output_file.unwrap_or_else(conventional),
        tries: 0,
    }
}

fn no_usable_page() -> JobFailure {
    JobFailure::new("no_usable_page", "Not one page of this document could be read.")
}

fn not_accepted() -> JobFailure {
    JobFailure::new("not_accepted", "Google would not take this document, however often we asked.")
}

fn never_started() -> JobFailure {
    JobFailure::new("never_started", "Google did not start this batch within a day, twice in a row.")
}

fn results_lost() -> JobFailure {
    JobFailure::new("results_lost", "Google finished this batch but could not hand over the results.")
}

fn lost_upstream() -> JobFailure {
    JobFailure::new(
        "lost_upstream",
        "Google no longer knows this batch. The API key may belong to another project now.",
    )
}

fn failed_upstream() -> JobFailure {
    JobFailure::new("failed_upstream", "Google could not process this batch.")
}

fn cancelled_upstream() -> JobFailure {
    JobFailure::new("cancelled_upstream", "This batch was cancelled at Google.")
}

fn expired_upstream() -> JobFailure {
    JobFailure::new("expired_upstream", "Google did not get to this batch within 48 hours and gave up on it.")
}

#[cfg(test)]
mod tests;
