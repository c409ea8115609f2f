//! How a job moves: every legal transition, and nothing else. Pure: no clock, no I/O, no randomness.
//!
//! [`Job::task`] says what a job needs next; [`step`] says where an event takes it. An event that a stage does not know is
//! [`IllegalEvent`], and an end absorbs nothing: a late answer cannot change a job that is over.

mod billing;
mod looks;
mod reasons;

use billing::unanswered;
use looks::{polling, seen, seen_cancelling, unheard, unknown, unknown_cancelling};
use reasons::{no_usable_page, not_accepted, not_sent, results_lost};

use strum::IntoStaticStr;

use super::OrphanedResource;
use super::job::{Job, Stage};
use crate::jobs::Unanswered;
use crate::model::wire::JobError;
use crate::model::{BlockedReason, UnixMs};
use coldbrew_gemini::BatchState;

const HOUR_MS: i64 = 3_600_000;

/// How long things may take, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Between two looks at a batch. Fixed: a healthy job has no backoff.
    pub poll_ms: i64,
    /// Between two listings that look for a lost create.
    pub reconcile_ms: i64,
    /// How many listings in a row must lack a lost create's batch before another create is made. All of them together take
    /// longer than a create may take ([`coldbrew_gemini::Timeouts`]) and what it made may take to be listed.
    pub reconcile_listings: u32,
    /// After a transient fault that came with no hint.
    pub retry_ms: i64,
    /// A batch that has not started after this is withdrawn.
    pub pending_ms_max: i64,
    /// How long Google may deny knowing a batch, or owe its output, before it is believed.
    pub odd_ms_max: i64,
    /// A batch that Google no longer speaks of after this is given up. Google itself gives up after 48 hours.
    pub batch_ms_max: i64,
    /// A job that cannot be brought to Google within this, from its submission on, ends. What it waits for the budget does not count.
    pub unsent_ms_max: i64,
    /// Between two looks whether the budget has room. Midnight UTC, when it is whole again, comes first.
    pub budget_ms: i64,
    /// How often a create may be refused for a reason that passes, before the job ends.
    pub creates_max: u32,
    /// How often results may fail to arrive. With the pauses between them this is more than a week: they are paid for.
    pub fetches_max: u32,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            poll_ms: 15_000,
            reconcile_ms: 30_000,
            reconcile_listings: 16,
            retry_ms: 30_000,
            pending_ms_max: 24 * HOUR_MS,
            odd_ms_max: 2 * HOUR_MS,
            batch_ms_max: 72 * HOUR_MS,
            unsent_ms_max: 72 * HOUR_MS,
            budget_ms: 5 * 60_000,
            creates_max: 40,
            fetches_max: 200,
        }
    }
}

/// What a worker is to do for a job, decided by its stage alone. The log has its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Task {
    Prepare,
    Upload,
    #[strum(serialize = "record attempt")]
    RecordAttempt,
    Create,
    Reconcile,
    Poll,
    Cancel,
    Download,
    Realtime,
}

/// Who takes up a job: work and waiting have workers' slots of their own, so that neither keeps the other from going on.
/// Its name is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Lane {
    /// It takes this machine's processors, disk and bandwidth.
    #[strum(serialize = "work")]
    Local,
    /// It is at Google: one small question from time to time.
    #[strum(serialize = "watch")]
    Remote,
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
    /// A create may be sent now, with the key of that fingerprint.
    AttemptRecorded {
        key: String,
    },
    /// Nobody knows whether the create arrived.
    AnswerLost,
    /// The batch of the recorded attempt.
    Created {
        batch: String,
    },
    NotListed,
    /// The create certainly made nothing, and may succeed later.
    NotCreated {
        by: BlockedReason,
        retry_after_ms: Option<i64>,
    },
    /// Google tells the state of the batch and, if it has ended well, perhaps where the results are.
    Seen {
        state: BatchState,
        output_file: Option<String>,
    },
    /// Google denies knowing the batch.
    Denied,
    /// Something transient is in the way; nothing changed.
    Blocked {
        by: BlockedReason,
        retry_after_ms: Option<i64>,
    },
    /// Realtime mode: Google has no room for the pages that are left. Whether it had some for others since it was asked last.
    Throttled {
        by: BlockedReason,
        progressed: bool,
        retry_after_ms: i64,
    },
    /// No page could be read.
    NothingUsable,
    /// The document is stored, in the transaction that commits this step.
    Stored,
    /// It cannot go on.
    Refused(JobError),
}

/// What remains to be done once a step is committed. Losing it loses nothing but tidiness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Google keeps input files for 48 hours and counts them against the project: delete it now.
    DeleteInput { input_file: String },
    /// The job's files on this machine's disk are of no more use.
    ClearSpool,
}

/// A job after an event, and what is left to tidy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub job: Job,
    pub effects: Vec<Effect>,
    /// What nobody will follow at Google from now on: to be recorded with the step.
    pub left: Option<OrphanedResource>,
    /// What becomes of the money that is held for requests of the job, before the step is committed; `None`: it is held on.
    pub unanswered: Option<Unanswered>,
}

/// An event that the job's stage does not know: a fault of the worker, never of the outside.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a job in {:?} cannot take {:?}", .0.0, .0.1)]
pub struct IllegalEvent(Box<(Stage, Event)>);

impl Job {
    /// Who is to take it up next.
    pub const fn lane(&self) -> Lane {
        match &self.stage {
            Stage::Reconciling { .. } | Stage::Polling(_) | Stage::Cancelling(_) => Lane::Remote,
            _ => Lane::Local,
        }
    }

    /// What the job needs next; `None` once it is over.
    pub const fn task(&self) -> Option<Task> {
        Some(match &self.stage {
            Stage::Prepare { .. } => Task::Prepare,
            Stage::Upload { .. } => Task::Upload,
            Stage::Submit { .. } => Task::RecordAttempt,
            Stage::Creating { .. } => Task::Create,
            Stage::Reconciling { .. } => Task::Reconcile,
            Stage::Polling(_) => Task::Poll,
            Stage::Cancelling(_) => Task::Cancel,
            Stage::Downloading { .. } => Task::Download,
            Stage::Realtime { .. } => Task::Realtime,
            Stage::Succeeded | Stage::Failed { .. } | Stage::Expired { .. } => return None,
        })
    }
}

/// Where `event` takes `job` at `now`.
pub fn step(job: &Job, event: Event, now: UnixMs, timing: &Timing) -> Result<Step, IllegalEvent> {
    let (is_end, blocked_reason) = (is_an_end(&event), blocked_reason(job, &event));
    let (stage, wait_ms) = next(&attended(job, now), event, now, timing)?;
    let mut effects = Vec::new();
    let is_over = !stage.status().is_active();
    let left = match (&job.stage, &stage) {
        (Stage::Reconciling { .. }, Stage::Polling(found)) => {
            Some(OrphanedResource::beside(&found.batch, job, now, timing))
        }
        // Nobody has seen its end: Google may still show what it did not list, or denied.
        (Stage::Reconciling { .. } | Stage::Polling(_) | Stage::Cancelling(_), Stage::Upload { attempt })
            if !is_end =>
        {
            Some(OrphanedResource::beside(&job.batch_name(*attempt), job, now, timing))
        }
        (Stage::Reconciling { .. } | Stage::Polling(_) | Stage::Cancelling(_), _) if is_over && !is_end => {
            OrphanedResource::of(job, now)
        }
        _ => None,
    };
    let unanswered = unanswered(&job.stage, &stage, is_end);
    let of_no_use = input_of_no_use(&job.stage, &stage);
    effects.extend(of_no_use.map(|file| Effect::DeleteInput { input_file: file.to_owned() }));
    if is_over {
        effects.push(Effect::ClearSpool);
    }
    let requeued = job.requeued || back_in_line(&job.stage, &stage);
    let polls = job.polls.saturating_add(u32::from(matches!(job.task(), Some(Task::Poll | Task::Cancel))));
    let blocked_by = blocked_reason.filter(|_| !is_over);
    let budget_wait_ms = match blocked_by {
        Some(BlockedReason::Spending) => job.budget_wait_ms.saturating_add(wait_ms),
        _ => job.budget_wait_ms,
    };
    let due_at = now.plus(wait_ms);
    let job = Job { stage, due_at, claims: 0, requeued, blocked_by, polls, budget_wait_ms, ..job.clone() };
    Ok(Step { job, effects, left, unanswered })
}

/// Whether the event says that a batch is over.
const fn is_an_end(event: &Event) -> bool {
    matches!(event, Event::Seen { state, .. } if state.is_terminal())
}

/// What is in the job's way after the event.
const fn blocked_reason(job: &Job, event: &Event) -> Option<BlockedReason> {
    match event {
        Event::NotCreated { by, .. } | Event::Blocked { by, .. } | Event::Throttled { by, .. } => Some(*by),
        // Google is yet to be asked.
        Event::AttemptRecorded { .. } => job.blocked_by,
        _ => None,
    }
}

/// The input file that Google holds for nothing from now on: its batch is over, or has to be made of another one. At the end of
/// the job it is named once more, in case it could not be deleted before.
fn input_of_no_use<'a>(before: &'a Stage, after: &Stage) -> Option<&'a str> {
    let needed = match (before, after) {
        (Stage::Downloading { .. }, Stage::Downloading { .. }) => return None,
        (_, Stage::Downloading { .. }) => None,
        (_, after) => after.input_file(),
    };
    before.input_file().filter(|file| Some(*file) != needed)
}

/// How long nobody attended to the job, though it was due: all servers were off, or a clock has jumped ahead. A queue does not take that long.
fn unattended_ms(job: &Job, now: UnixMs) -> i64 {
    Some(now.0.saturating_sub(job.due_at.0)).filter(|late_ms| *late_ms >= HOUR_MS).unwrap_or_default()
}

/// The job as if such a time had not passed: what nobody looked at in the meantime proves nothing.
fn attended(job: &Job, now: UnixMs) -> Job {
    let mut job = job.clone();
    let ms = unattended_ms(&job, now);
    if let Stage::Polling(remote) | Stage::Cancelling(remote) = &mut job.stage {
        remote.since = remote.since.plus(ms);
        remote.odd_since = remote.odd_since.map(|since| since.plus(ms));
        remote.denied_since = remote.denied_since.map(|since| since.plus(ms));
    }
    job
}

const fn back_in_line(before: &Stage, after: &Stage) -> bool {
    matches!((before, after), (Stage::Polling(_) | Stage::Cancelling(_), Stage::Upload { .. }))
}

/// The table: the next stage, and how long until it is due.
fn next(job: &Job, event: Event, now: UnixMs, timing: &Timing) -> Result<(Stage, i64), IllegalEvent> {
    use Event as E;
    use Stage as S;
    Ok(match (job.stage.clone(), event) {
        (stage, E::Refused(error)) if stage.status().is_active() => (S::Failed { error }, 0),
        (stage, E::NothingUsable) if stage.status().is_active() => (S::Failed { error: no_usable_page() }, 0),

        (S::Submit { .. } | S::Realtime { .. }, E::Blocked { by: BlockedReason::Spending, .. }) => {
            (job.stage.clone(), timing.budget_ms.min(now.ms_to_midnight()))
        }
        (S::Prepare { .. } | S::Upload { .. } | S::Submit { .. } | S::Reconciling { .. }, E::Blocked { .. })
            if for_long(job.submitted_at.plus(job.budget_wait_ms), now, timing.unsent_ms_max)
                && unattended_ms(job, now) == 0 =>
        {
            (S::Failed { error: not_sent() }, 0)
        }
        (
            stage @ (S::Prepare { .. } | S::Upload { .. } | S::Submit { .. } | S::Reconciling { .. }),
            E::Blocked { retry_after_ms, .. },
        ) => (stage, retry_after_ms.unwrap_or(timing.retry_ms)),

        (S::Prepare { attempt }, E::Prepared) => (S::Upload { attempt }, 0),
        (S::Upload { attempt }, E::InputMissing) => (S::Prepare { attempt }, 0),
        (S::Upload { attempt }, E::Uploaded { input_file }) => (S::Submit { attempt, input_file }, 0),
        (S::Submit { attempt, input_file }, E::AttemptRecorded { key }) => {
            (S::Creating { attempt, input_file, key: Some(key) }, 0)
        }
        (
            S::Creating { attempt, input_file, key } | S::Reconciling { attempt, input_file, key, .. },
            E::Created { batch },
        ) => (polling(attempt, input_file, batch, key, now), timing.poll_ms),
        (S::Creating { attempt, input_file, key }, E::AnswerLost) => {
            (S::Reconciling { attempt, input_file, key, empty_listings: 0 }, 0)
        }
        (S::Creating { attempt, .. }, E::NotCreated { .. } | E::InputGone) if attempt >= timing.creates_max => {
            (S::Failed { error: not_accepted() }, 0)
        }
        (S::Creating { attempt, input_file, .. }, E::NotCreated { retry_after_ms, .. }) => (
            S::Submit { attempt: attempt + 1, input_file },
            retry_after_ms.unwrap_or_else(|| backoff_ms(timing, attempt)),
        ),
        (S::Creating { attempt, .. }, E::InputGone) => (S::Upload { attempt: attempt + 1 }, timing.retry_ms),

        (S::Reconciling { attempt, input_file, key, empty_listings }, E::NotListed)
            if empty_listings + 1 < timing.reconcile_listings =>
        {
            (S::Reconciling { attempt, input_file, key, empty_listings: empty_listings + 1 }, timing.reconcile_ms)
        }
        (S::Reconciling { attempt, .. }, E::NotListed) if attempt >= timing.creates_max => {
            (S::Failed { error: not_accepted() }, 0)
        }
        // With an input file of its own: whatever is made of the old one is of the attempt that is given up.
        (S::Reconciling { attempt, .. }, E::NotListed) => (S::Upload { attempt: attempt + 1 }, 0),

        (S::Polling(remote), E::Seen { state, output_file }) => seen(job, remote, (state, output_file), now, timing),
        (S::Polling(remote), E::Denied) => unknown(&remote, now, timing),
        (S::Cancelling(remote), E::Seen { state, output_file }) => {
            seen_cancelling(job, remote, (state, output_file), now, timing)
        }
        (S::Cancelling(remote), E::Denied) => unknown_cancelling(job, &remote, now, timing),
        (S::Polling(remote), E::Blocked { .. }) => unheard(remote, now, timing, S::Polling),
        (S::Cancelling(remote), E::Blocked { .. }) => unheard(remote, now, timing, S::Cancelling),

        (S::Prepare { .. } | S::Downloading { .. } | S::Realtime { .. }, E::Stored) => (S::Succeeded, 0),
        (S::Downloading { tries, .. }, E::Blocked { .. }) if tries >= timing.fetches_max => {
            (S::Failed { error: results_lost() }, 0)
        }
        (S::Downloading { attempt, batch, input_file, output_file, tries }, E::Blocked { retry_after_ms, .. }) => {
            let wait_ms = retry_after_ms.unwrap_or_else(|| backoff_ms(timing, tries));
            (S::Downloading { attempt, batch, input_file, output_file, tries: tries + 1 }, wait_ms)
        }
        (S::Realtime { tries }, E::Throttled { progressed, retry_after_ms, .. }) => {
            (S::Realtime { tries: if progressed { 0 } else { tries.saturating_add(1) } }, retry_after_ms)
        }
        // Google was not even asked.
        (stage @ S::Realtime { .. }, E::Blocked { retry_after_ms, .. }) => {
            (stage, retry_after_ms.unwrap_or(timing.retry_ms))
        }

        (stage, event) => return Err(IllegalEvent(Box::new((stage, event)))),
    })
}

/// Doubled with each attempt, up to an hour: what Google has no room for must not use up its attempts.
fn backoff_ms(timing: &Timing, attempt: u32) -> i64 {
    timing.retry_ms.saturating_mul(1 << attempt.min(16)).min(HOUR_MS)
}

const fn for_long(since: UnixMs, now: UnixMs, ms_max: i64) -> bool {
    now.0.saturating_sub(since.0) >= ms_max
}

#[cfg(test)]
mod tests;
