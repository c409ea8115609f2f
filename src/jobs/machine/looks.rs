//! Where a poll takes a job: Google reports a state, denies the batch, or reports no state. It is pure, as the whole machine is. The
//! transition table in [`super`] calls it.

use super::super::job::{Job, RemoteBatch, Stage};
use super::{Timing, flex, has_lasted};
use crate::model::UnixMs;
use coldbrew_gemini::BatchState;

/// How many denials in a row are evidence, if they last for `odd_ms_max`.
const DENIALS_MIN: u32 = 8;

/// The next stage of a job that polls its batch, after Google reported the batch's state. `None`: another person cancelled the batch.
pub(super) fn seen_while_polling(
    remote: RemoteBatch,
    (state, output_file): (BatchState, Option<String>),
    now: UnixMs,
    timing: &Timing,
) -> Option<(Stage, i64)> {
    let remote = without_denials(remote);
    Some(match state {
        BatchState::Pending if has_lasted(remote.since, now, timing.pending_ms_max) => (Stage::Cancelling(remote), 0),
        BatchState::Pending | BatchState::Running if has_lasted(remote.since, now, timing.running_ms_max) => {
            (Stage::Cancelling(RemoteBatch { running: state == BatchState::Running, ..remote }), 0)
        }
        BatchState::Pending => {
            (Stage::Polling(RemoteBatch { running: false, odd_since: None, ..remote }), timing.poll_ms)
        }
        BatchState::Running => {
            (Stage::Polling(RemoteBatch { running: true, odd_since: None, ..remote }), timing.poll_ms)
        }
        BatchState::Unknown(_) => no_state(remote, now, timing, Stage::Polling),
        BatchState::Succeeded | BatchState::PartiallySucceeded => match output_file {
            Some(file) => (downloading(&remote, Some(file)), 0),
            // The name of the output file follows from the batch's name (docs/GEMINI.md).
            None => {
                wait_while_odd(&remote, now, timing, Stage::Polling).unwrap_or_else(|| (downloading(&remote, None), 0))
            }
        },
        BatchState::Cancelled if !remote.cancel_failed => return None,
        BatchState::Failed | BatchState::Cancelled | BatchState::Expired => flex(now),
    })
}

/// The next stage of a job that cancelled its batch, after Google reported the batch's state. Its pages are read another way once the batch
/// has ended, or once Google has not ended it for `odd_ms_max`.
pub(super) fn seen_while_cancelling(
    remote: RemoteBatch,
    (state, output_file): (BatchState, Option<String>),
    now: UnixMs,
    timing: &Timing,
) -> (Stage, i64) {
    let remote = without_denials(remote);
    match state {
        BatchState::Succeeded | BatchState::PartiallySucceeded => (downloading(&remote, output_file), 0),
        BatchState::Running if has_lasted(remote.since, now, timing.running_ms_max) => {
            wait_while_odd(&remote, now, timing, Stage::Cancelling).unwrap_or_else(|| flex(now))
        }
        // The batch started before the cancel arrived, so it may finish.
        BatchState::Running => {
            let started = RemoteBatch { running: true, cancel_failed: true, odd_since: None, ..remote };
            (Stage::Polling(started), timing.poll_ms)
        }
        BatchState::Pending | BatchState::Unknown(_) => {
            wait_while_odd(&remote, now, timing, Stage::Cancelling).unwrap_or_else(|| flex(now))
        }
        BatchState::Failed | BatchState::Cancelled | BatchState::Expired => flex(now),
    }
}

/// The next stage of a job that polls its batch, after Google denied the batch. `None`: the batch is gone.
pub(super) fn denied_while_polling(remote: &RemoteBatch, now: UnixMs, timing: &Timing) -> Option<(Stage, i64)> {
    count_denial(remote, now, timing, Stage::Polling)
}

/// The next stage of a job that cancelled its batch, after Google denied the batch.
pub(super) fn denied_while_cancelling(remote: &RemoteBatch, now: UnixMs, timing: &Timing) -> (Stage, i64) {
    count_denial(remote, now, timing, Stage::Cancelling).unwrap_or_else(|| flex(now))
}

/// The batch after an answer that knows it. Without this reset, two denials far apart would count as a long run of them.
fn without_denials(remote: RemoteBatch) -> RemoteBatch {
    RemoteBatch { denied_since: None, denials: 0, ..remote }
}

/// Whether a poll changed what is stored of a job. How often the batch was polled is stored only with other changes.
pub fn is_news(before: &Job, after: &Job) -> bool {
    before.stage != after.stage || before.blocked_by != after.blocked_by
}

/// Counts a denial, and keeps the job at `stage`. The count ends at `DENIALS_MIN`, because each new count is stored. `None`: there were
/// `DENIALS_MIN` denials in a row, over `odd_ms_max`.
fn count_denial(
    remote: &RemoteBatch,
    now: UnixMs,
    timing: &Timing,
    stage: fn(RemoteBatch) -> Stage,
) -> Option<(Stage, i64)> {
    let since = remote.denied_since.unwrap_or(now);
    let denials = remote.denials.saturating_add(1).min(DENIALS_MIN);
    if has_lasted(since, now, timing.odd_ms_max) && denials >= DENIALS_MIN {
        return None;
    }
    Some((stage(RemoteBatch { denied_since: Some(since), denials, ..remote.clone() }), timing.poll_ms))
}

/// Keeps the job at `stage` while Google omits what it should report. `None`: this has lasted for `odd_ms_max`.
fn wait_while_odd(
    remote: &RemoteBatch,
    now: UnixMs,
    timing: &Timing,
    stage: fn(RemoteBatch) -> Stage,
) -> Option<(Stage, i64)> {
    let since = remote.odd_since.unwrap_or(now);
    if has_lasted(since, now, timing.odd_ms_max) {
        return None;
    }
    Some((stage(RemoteBatch { odd_since: Some(since), ..remote.clone() }), timing.poll_ms))
}

/// The next stage after a poll without a known state. That is no evidence until long after Google itself would have expired the batch.
pub(super) fn no_state(
    remote: RemoteBatch,
    now: UnixMs,
    timing: &Timing,
    stage: fn(RemoteBatch) -> Stage,
) -> (Stage, i64) {
    if has_lasted(remote.since, now, timing.batch_ms_max) {
        wait_while_odd(&remote, now, timing, stage).unwrap_or_else(|| flex(now))
    } else {
        (stage(remote), timing.poll_ms)
    }
}

/// The stage of a job whose batch was created or found at `now`.
pub(super) const fn polling(
    attempt: u32,
    input_file: String,
    batch: String,
    key: Option<String>,
    now: UnixMs,
) -> Stage {
    let since = now;
    Stage::Polling(RemoteBatch {
        attempt,
        input_file,
        batch,
        key,
        running: false,
        cancel_failed: false,
        since,
        odd_since: None,
        denied_since: None,
        denials: 0,
    })
}

fn downloading(remote: &RemoteBatch, output_file: Option<String>) -> Stage {
    let conventional = || format!("files/batch-{}", remote.batch.trim_start_matches("batches/"));
    Stage::Downloading {
        attempt: remote.attempt,
        batch: remote.batch.clone(),
        input_file: remote.input_file.clone(),
        output_file: output_file.unwrap_or_else(conventional),
        tries: 0,
    }
}
