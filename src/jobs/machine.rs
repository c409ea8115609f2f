//! The state machine of jobs: every legal transition. It is pure: it reads no clock, does no I/O and uses no random numbers.
//!
//! [`Job::task`] says what a job needs next; [`step`] says where an event takes it. An event that the stage does not accept is an
//! [`IllegalEvent`]. End states accept no event, so a late answer cannot change a job that has ended. docs/JOB_STATES.md has the diagram.

mod billing;
mod looks;
mod reasons;
mod shards;

use billing::unanswered;
pub use looks::is_news;
use looks::{
    denied_while_cancelling, denied_while_polling, no_state, polling, seen_while_cancelling, seen_while_polling,
};
use reasons::{cancelled_upstream, lost_upstream, no_usable_page, not_accepted, not_sent, results_lost};

use shards::{creates_max, given_up, shard_after, unsent_since};

use strum::IntoStaticStr;

use super::OrphanedResource;
use super::job::{Job, Stage};
use crate::jobs::Unanswered;
use crate::model::wire::JobError;
use crate::model::{BlockedReason, PageSet, UnixMs};
use coldbrew_gemini::BatchState;

const HOUR_MS: i64 = 3_600_000;

/// Intervals and limits of jobs. `_ms` stands for milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Between two polls of a batch. It is fixed: a healthy job has no backoff.
    pub poll_ms: i64,
    /// Between two listings that look for the batch of a lost create.
    pub reconcile_ms: i64,
    /// After so many listings without the batch of a lost create, another attempt begins. Together they must take longer than a create
    /// may take ([`coldbrew_gemini::Timeouts`]) plus the delay until Google lists its batch. A listing may have begun a part of
    /// `reconcile_ms` before its look.
    pub reconcile_listings: u32,
    /// The wait after a temporary error that names no delay.
    pub retry_ms: i64,
    /// A batch that has not started after this time is cancelled.
    pub pending_ms_max: i64,
    /// A batch that has not ended after this time is cancelled (docs/GEMINI.md: some run without end).
    pub running_ms_max: i64,
    /// How long pages may be read by calls of their own. Then the others show the file's own text.
    pub flex_ms_max: i64,
    /// How long Google may deny a batch, or report success without an output file, before the job acts on it.
    pub odd_ms_max: i64,
    /// Without a known state of its batch after this time, and for `odd_ms_max` more, the job expires. Google itself expires a batch after
    /// 48 hours (docs/GEMINI.md).
    pub batch_ms_max: i64,
    /// A job that is blocked before it has a batch fails this long after its submission. Waiting for the spending ceiling does not count.
    pub unsent_ms_max: i64,
    /// Between two checks whether the spending ceiling has room. The new budget at midnight UTC is checked at once.
    pub budget_ms: i64,
    /// The number of the last attempt: if it makes no batch, the job fails.
    pub creates_max: u32,
    /// How many failed downloads are repeated. With the backoff they take more than a week, because results are paid for.
    pub fetches_max: u32,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            poll_ms: 15_000,
            reconcile_ms: 30_000,
            reconcile_listings: 17,
            retry_ms: 30_000,
            pending_ms_max: 24 * HOUR_MS,
            running_ms_max: 50 * HOUR_MS,
            flex_ms_max: 24 * HOUR_MS,
            odd_ms_max: 2 * HOUR_MS,
            batch_ms_max: 72 * HOUR_MS,
            unsent_ms_max: 72 * HOUR_MS,
            budget_ms: 5 * 60_000,
            creates_max: 40,
            fetches_max: 200,
        }
    }
}

/// What a worker does next for a job. The stage alone decides it. Logs and traces show its name.
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
    Flex,
}

/// Which slots of a worker a job takes. Each lane has slots of its own, so that neither delays the other. The names are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Lane {
    /// The job needs this machine's processors, disk or bandwidth.
    #[strum(serialize = "work")]
    Local,
    /// The job waits at Google, and needs a small request from time to time.
    #[strum(serialize = "watch")]
    Remote,
}

/// What happened to a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The input file of these pages is complete on this machine's disk. Google is expected to count so many input tokens.
    Prepared { pages: PageSet, tokens: u64 },
    /// The input file is not on this machine's disk: another machine wrote it, or the disk was replaced.
    InputMissing,
    /// Google has the input file, since `uploaded_at` by its clock.
    Uploaded { input_file: String, uploaded_at: Option<UnixMs> },
    /// Google no longer has the input file, or cannot use it: it has to be uploaded again.
    InputGone,
    /// The attempt is committed. Its create may be sent, with the key of this fingerprint.
    AttemptRecorded { key: String },
    /// The create of the committed attempt was certainly not sent: the worker was asked to stop.
    NotSent,
    /// The create was sent, or may have been sent, and its answer did not arrive.
    AnswerLost,
    /// Google made the batch of the committed attempt, or a listing shows it.
    Created { batch: String },
    /// A listing does not show the batch.
    NotListed,
    /// Google certainly made no batch, and may accept a later attempt.
    NotCreated { by: BlockedReason, retry_after_ms: Option<i64> },
    /// Google reports the state of the batch and, after success, perhaps the name of the output file.
    Seen { state: BatchState, output_file: Option<String> },
    /// Google says that it does not know the batch.
    Denied,
    /// Something temporary blocks the job, which tries again later.
    Blocked { by: BlockedReason, retry_after_ms: Option<i64> },
    /// Realtime mode: Google has no capacity for the remaining pages. `progressed`: the round has finished at least one page.
    Throttled { by: BlockedReason, progressed: bool, retry_after_ms: i64 },
    /// The results of this shard are stored as far as they can be used. Other shards were not sent yet.
    ShardStored,
    /// The results are stored as far as they can be used. Other pages have to be read another way.
    PagesLeft,
    /// No page could be read.
    NothingUsable,
    /// The document is stored, in the transaction that commits this step.
    Stored,
    /// The job cannot continue, for a reason that waiting does not change.
    Refused(JobError),
}

/// Cleanup after a step is committed. A crash can prevent it: files stay behind then, and nothing else is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Delete an input file at Google, which would keep it for 48 hours and count it against the project's quota (docs/GEMINI.md).
    DeleteInput { input_file: String },
    /// Delete a batch at Google whose results are stored, so that listings stay short.
    DeleteBatch { batch: String },
    /// Delete the job's files on this machine's disk.
    ClearSpool,
}

/// A job after an event, with what has to be recorded or cleaned up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub job: Job,
    /// How long until the job needs a worker again.
    pub wait_ms: i64,
    pub effects: Vec<Effect>,
    /// The resource at Google that the step orphans. It is recorded in the transaction that commits the step.
    pub left: Option<OrphanedResource>,
    /// How requests under way are recorded before the step is committed; `None`: the money for them stays held.
    pub unanswered: Option<Unanswered>,
}

/// An event that the job's stage does not accept. It is a bug of the worker: no answer from outside can cause it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a job at stage {:?} does not accept the event {:?}", .0.0, .0.1)]
pub struct IllegalEvent(Box<(Stage, Event)>);

impl Job {
    /// The lane of the next task.
    pub const fn lane(&self) -> Lane {
        match &self.stage {
            Stage::Reconciling { .. } | Stage::Polling(_) | Stage::Cancelling(_) => Lane::Remote,
            _ => Lane::Local,
        }
    }

    /// The next task; `None` once the job has ended.
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
            Stage::Flex { .. } => Task::Flex,
            Stage::Succeeded | Stage::Failed { .. } | Stage::Expired { .. } => return None,
        })
    }
}

/// Where `event` takes `job` at `now`, and what has to be recorded and cleaned up with it.
///
/// # Errors
/// [`IllegalEvent`] if the job's stage does not accept the event.
pub fn step(job: &Job, event: Event, now: UnixMs, timing: &Timing) -> Result<Step, IllegalEvent> {
    let (is_end, blocked_reason) = (is_batch_end(&event), blocked_reason(job, &event));
    let mut shard = shard_after(job, &event, now);
    let (stage, wait_ms) = next(&attended(job, now), event, now, timing)?;
    let mut effects = Vec::new();
    let is_over = !stage.status().is_active();
    let left = match (&job.stage, &stage) {
        (Stage::Reconciling { .. }, Stage::Polling(found)) => Some(OrphanedResource::beside(&found.batch, job, timing)),
        // Google may still have a batch that it did not list.
        (Stage::Reconciling { .. }, Stage::Upload { attempt }) => {
            Some(OrphanedResource::beside(&job.batch_name(*attempt), job, timing))
        }
        (Stage::Reconciling { .. } | Stage::Polling(_) | Stage::Cancelling(_), _)
            if (is_over || has_left_queue(&stage)) && !is_end =>
        {
            OrphanedResource::of(job)
        }
        _ => None,
    };
    let unanswered = unanswered(&job.stage, &stage);
    let unneeded = unneeded_input(&job.stage, &stage);
    effects.extend(unneeded.map(|file| Effect::DeleteInput { input_file: file.to_owned() }));
    if let (Stage::Downloading { batch, .. }, Stage::Succeeded | Stage::Flex { .. } | Stage::Prepare { .. }) =
        (&job.stage, &stage)
    {
        effects.push(Effect::DeleteBatch { batch: batch.clone() });
    }
    let is_next_shard = matches!((&job.stage, &stage), (Stage::Downloading { .. }, Stage::Prepare { .. }));
    if is_over || is_next_shard || has_left_queue(&stage) {
        effects.push(Effect::ClearSpool);
    }
    let is_stuck = matches!(job.stage, Stage::Submit { .. } | Stage::Polling(_) | Stage::Cancelling(_));
    let requeued = job.requeued || (is_stuck && has_left_queue(&stage));
    let polls = job.polls.saturating_add(u32::from(matches!(job.task(), Some(Task::Poll | Task::Cancel))));
    let blocked_by = blocked_reason.filter(|_| !is_over);
    let mut budget_wait_ms = job.budget_wait_ms;
    match (blocked_by, &mut shard) {
        (Some(BlockedReason::Spending), _) => budget_wait_ms = budget_wait_ms.saturating_add(wait_ms),
        (Some(BlockedReason::QueueFull), Some(shard)) => shard.waited_ms = shard.waited_ms.saturating_add(wait_ms),
        _ => {}
    }
    let due_at = now.plus(wait_ms);
    let job = Job { stage, due_at, claims: 0, requeued, blocked_by, polls, budget_wait_ms, shard, ..job.clone() };
    Ok(Step { job, wait_ms, effects, left, unanswered })
}

/// Whether the event reports that a batch has ended.
const fn is_batch_end(event: &Event) -> bool {
    matches!(event, Event::Seen { state, .. } if state.is_terminal())
}

/// Why the job waits after the event.
const fn blocked_reason(job: &Job, event: &Event) -> Option<BlockedReason> {
    match event {
        Event::NotCreated { by, .. } | Event::Blocked { by, .. } | Event::Throttled { by, .. } => Some(*by),
        // The reason holds until Google answers the create.
        Event::AttemptRecorded { .. } | Event::NotSent => job.blocked_by,
        _ => None,
    }
}

/// The input file that no batch needs any longer: its batch has ended, or the next attempt uploads another one. The end of a download
/// names the file once more, in case the first deletion failed.
fn unneeded_input<'a>(before: &'a Stage, after: &Stage) -> Option<&'a str> {
    let needed = match (before, after) {
        (Stage::Downloading { .. }, Stage::Downloading { .. }) => return None,
        (_, Stage::Downloading { .. }) => None,
        (_, after) => after.input_file(),
    };
    before.input_file().filter(|file| Some(*file) != needed)
}

/// How long the job was due before a worker claimed it, in milliseconds; 0 below an hour. A queue does not take an hour: all servers were
/// off, or a clock jumped ahead.
fn unattended_ms(job: &Job, now: UnixMs) -> i64 {
    Some(now.0.saturating_sub(job.due_at.0)).filter(|late_ms| *late_ms >= HOUR_MS).unwrap_or_default()
}

/// The job with the unattended time added to the timestamps of its batch. Without polls, the time that passed is no evidence.
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

/// Whether the job needs no batch any longer: its pages are read by calls of their own.
const fn has_left_queue(stage: &Stage) -> bool {
    matches!(stage, Stage::Flex { .. })
}

/// The transition table: the next stage, and how long until it is due, in milliseconds.
fn next(job: &Job, event: Event, now: UnixMs, timing: &Timing) -> Result<(Stage, i64), IllegalEvent> {
    use Event as E;
    use Stage as S;
    Ok(match (job.stage.clone(), event) {
        (S::Realtime { .. } | S::Flex { .. }, E::Refused(error)) => (S::Failed { error }, 0),
        (stage, E::Refused(error)) if stage.status().is_active() => given_up(job, error, now),
        (stage, E::NothingUsable) if stage.status().is_active() => (S::Failed { error: no_usable_page() }, 0),

        (S::Submit { .. } | S::Realtime { .. } | S::Flex { .. }, E::Blocked { by: BlockedReason::Spending, .. }) => {
            (job.stage.clone(), timing.budget_ms.min(now.ms_to_midnight()))
        }
        (S::Submit { .. }, E::Blocked { by: BlockedReason::QueueFull, .. })
            if job.shard.as_ref().is_some_and(|shard| shard.waited_ms >= timing.pending_ms_max) =>
        {
            flex(now)
        }
        (S::Prepare { .. } | S::Upload { .. } | S::Submit { .. } | S::Reconciling { .. }, E::Blocked { .. })
            if has_lasted(unsent_since(job), now, timing.unsent_ms_max) && unattended_ms(job, now) == 0 =>
        {
            given_up(job, not_sent(), now)
        }
        (
            stage @ (S::Prepare { .. } | S::Upload { .. } | S::Submit { .. } | S::Reconciling { .. }),
            E::Blocked { retry_after_ms, .. },
        ) => (stage, retry_after_ms.unwrap_or(timing.retry_ms)),

        (S::Prepare { attempt }, E::Prepared { .. }) => (S::Upload { attempt }, 0),
        (S::Upload { attempt }, E::InputMissing) => (S::Prepare { attempt }, 0),
        (S::Upload { attempt }, E::Uploaded { input_file, uploaded_at }) => {
            (S::Submit { attempt, input_file, uploaded_at }, 0)
        }
        (S::Submit { attempt, input_file, uploaded_at }, E::AttemptRecorded { key }) => {
            (S::Creating { attempt, input_file, uploaded_at, key: Some(key) }, 0)
        }
        (
            S::Creating { attempt, input_file, key, .. } | S::Reconciling { attempt, input_file, key, .. },
            E::Created { batch },
        ) => (polling(attempt, input_file, batch, key, now), timing.poll_ms),
        (S::Creating { attempt, input_file, uploaded_at, .. }, E::NotSent) => {
            (S::Submit { attempt: attempt + 1, input_file, uploaded_at }, 0)
        }
        (S::Creating { attempt, input_file, uploaded_at, key }, E::AnswerLost) => {
            (S::Reconciling { attempt, input_file, uploaded_at, key, empty_listings: 0 }, 0)
        }
        (S::Creating { attempt, .. }, E::NotCreated { .. } | E::InputGone) if attempt >= creates_max(job, timing) => {
            given_up(job, not_accepted(), now)
        }
        (S::Creating { attempt, input_file, uploaded_at, .. }, E::NotCreated { retry_after_ms, .. }) => (
            S::Submit { attempt: attempt + 1, input_file, uploaded_at },
            retry_after_ms.unwrap_or_else(|| backoff_ms(timing, attempt)),
        ),
        (S::Creating { attempt, .. }, E::InputGone) => (S::Upload { attempt: attempt + 1 }, timing.retry_ms),

        (S::Reconciling { attempt, input_file, uploaded_at, key, empty_listings }, E::NotListed)
            if empty_listings + 1 < timing.reconcile_listings =>
        {
            let empty_listings = empty_listings + 1;
            (S::Reconciling { attempt, input_file, uploaded_at, key, empty_listings }, timing.reconcile_ms)
        }
        (S::Reconciling { attempt, .. }, E::NotListed) if attempt >= creates_max(job, timing) => {
            given_up(job, not_accepted(), now)
        }
        // The next attempt uploads a file of its own, so that a batch made from the old file belongs to the old attempt.
        (S::Reconciling { attempt, .. }, E::NotListed) => (S::Upload { attempt: attempt + 1 }, 0),

        (S::Polling(remote), E::Seen { state, output_file }) => {
            seen_while_polling(remote, (state, output_file), now, timing)
                .unwrap_or_else(|| given_up(job, cancelled_upstream(), now))
        }
        (S::Polling(remote), E::Denied) => {
            denied_while_polling(&remote, now, timing).unwrap_or_else(|| given_up(job, lost_upstream(), now))
        }
        (S::Cancelling(remote), E::Seen { state, output_file }) => {
            seen_while_cancelling(remote, (state, output_file), now, timing)
        }
        (S::Cancelling(remote), E::Denied) => denied_while_cancelling(&remote, now, timing),
        (S::Polling(remote), E::Blocked { .. }) => no_state(remote, now, timing, S::Polling),
        (S::Cancelling(remote), E::Blocked { .. }) => no_state(remote, now, timing, S::Cancelling),

        (S::Prepare { .. } | S::Downloading { .. } | S::Realtime { .. } | S::Flex { .. }, E::Stored) => {
            (S::Succeeded, 0)
        }
        (S::Prepare { .. } | S::Downloading { .. }, E::PagesLeft) => flex(now),
        (S::Downloading { attempt, .. }, E::ShardStored) => (S::Prepare { attempt: attempt + 1 }, 0),
        (S::Downloading { tries, .. }, E::Blocked { .. }) if tries >= timing.fetches_max => {
            given_up(job, results_lost(), now)
        }
        (S::Downloading { attempt, batch, input_file, output_file, tries }, E::Blocked { retry_after_ms, .. }) => {
            let wait_ms = retry_after_ms.unwrap_or_else(|| backoff_ms(timing, tries));
            (S::Downloading { attempt, batch, input_file, output_file, tries: tries + 1 }, wait_ms)
        }
        (S::Realtime { tries }, E::Throttled { progressed, retry_after_ms, .. }) => {
            (S::Realtime { tries: if progressed { 0 } else { tries.saturating_add(1) } }, retry_after_ms)
        }
        (S::Flex { tries, since }, E::Throttled { progressed, retry_after_ms, .. }) => {
            (S::Flex { tries: if progressed { 0 } else { tries.saturating_add(1) }, since }, retry_after_ms)
        }
        // Google was not asked, so this is no failed round.
        (stage @ (S::Realtime { .. } | S::Flex { .. }), E::Blocked { retry_after_ms, .. }) => {
            (stage, retry_after_ms.unwrap_or(timing.retry_ms))
        }

        (stage, event) => return Err(IllegalEvent(Box::new((stage, event)))),
    })
}

/// The stage of a batch job that begins to read its pages by calls of their own.
const fn flex(now: UnixMs) -> (Stage, i64) {
    (Stage::Flex { tries: 0, since: now }, 0)
}

/// `retry_ms`, doubled with each attempt, up to an hour: a job must not use up its attempts while Google has no capacity.
fn backoff_ms(timing: &Timing, attempt: u32) -> i64 {
    timing.retry_ms.saturating_mul(1 << attempt.min(16)).min(HOUR_MS)
}

const fn has_lasted(since: UnixMs, now: UnixMs, ms_max: i64) -> bool {
    now.0.saturating_sub(since.0) >= ms_max
}

#[cfg(test)]
mod tests;
