//! Where looks at a batch take its job: what Google says of it, denies, or leaves unsaid. Pure, as the whole machine is; the table
//! that calls this is in [`super`].

use super::super::job::{Job, RemoteBatch, Stage};
use super::reasons::{cancelled_upstream, expired_upstream, failed_upstream, lost_upstream, never_started, no_word};
use super::{Timing, for_long};
use crate::model::UnixMs;
use coldbrew_gemini::BatchState;

/// How often in a row Google must deny knowing a batch before it is believed.
const DENIALS_MIN: u32 = 8;

/// Where the state of its batch takes a job that watches it.
pub(super) fn seen(
    job: &Job,
    remote: RemoteBatch,
    (state, output_file): (BatchState, Option<String>),
    now: UnixMs,
    timing: &Timing,
) -> (Stage, i64) {
    let remote = known_again(remote);
    match state {
        BatchState::Pending if for_long(remote.since, now, timing.pending_ms_max) => (Stage::Cancelling(remote), 0),
        BatchState::Pending => {
            (Stage::Polling(RemoteBatch { running: false, odd_since: None, ..remote }), timing.poll_ms)
        }
        BatchState::Running => {
            (Stage::Polling(RemoteBatch { running: true, odd_since: None, ..remote }), timing.poll_ms)
        }
        BatchState::Unknown(_) => unheard(remote, now, timing, Stage::Polling),
        BatchState::Succeeded | BatchState::PartiallySucceeded => match output_file {
            Some(file) => (downloading(&remote, Some(file)), 0),
            // Its name follows from the batch's, whether or not Google tells it.
            None => odd(&remote, now, timing, Stage::Polling).unwrap_or_else(|| (downloading(&remote, None), 0)),
        },
        BatchState::Failed | BatchState::Cancelled | BatchState::Expired if remote.cancel_failed => {
            submit_again(job, &remote)
        }
        BatchState::Failed => (Stage::Failed { error: failed_upstream() }, 0),
        BatchState::Cancelled => (Stage::Failed { error: cancelled_upstream() }, 0),
        BatchState::Expired => (Stage::Expired { error: expired_upstream() }, 0),
    }
}

/// Where the state of its batch takes a job that has asked for it to be cancelled. Only when it certainly is over is there another one.
pub(super) fn seen_cancelling(
    job: &Job,
    remote: RemoteBatch,
    (state, output_file): (BatchState, Option<String>),
    now: UnixMs,
    timing: &Timing,
) -> (Stage, i64) {
    let remote = known_again(remote);
    match state {
        BatchState::Succeeded | BatchState::PartiallySucceeded => (downloading(&remote, output_file), 0),
        // It has started after all: let it finish.
        BatchState::Running => {
            let started = RemoteBatch { running: true, cancel_failed: true, odd_since: None, ..remote };
            (Stage::Polling(started), timing.poll_ms)
        }
        BatchState::Pending | BatchState::Unknown(_) => unheard(remote, now, timing, Stage::Cancelling),
        BatchState::Failed | BatchState::Cancelled | BatchState::Expired => submit_again(job, &remote),
    }
}

/// Where Google's denial takes a job that watches its batch, once it is believed.
pub(super) fn unknown(remote: &RemoteBatch, now: UnixMs, timing: &Timing) -> (Stage, i64) {
    denied(remote, now, timing, Stage::Polling).unwrap_or_else(|| (Stage::Failed { error: lost_upstream() }, 0))
}

/// Where Google's denial takes a job that has asked for its batch to be cancelled, once it is believed.
pub(super) fn unknown_cancelling(job: &Job, remote: &RemoteBatch, now: UnixMs, timing: &Timing) -> (Stage, i64) {
    denied(remote, now, timing, Stage::Cancelling).unwrap_or_else(|| submit_again(job, remote))
}

/// A batch that waited for a day is over: it is put back in line, once.
fn submit_again(job: &Job, over: &RemoteBatch) -> (Stage, i64) {
    if job.requeued {
        (Stage::Failed { error: never_started() }, 0)
    } else {
        (Stage::Upload { attempt: over.attempt + 1 }, 0)
    }
}

/// One answer that knows the batch takes back all denials before it: otherwise two of them, far apart, would be believed.
fn known_again(remote: RemoteBatch) -> RemoteBatch {
    RemoteBatch { denied_since: None, denials: 0, ..remote }
}

/// Google denies knowing the batch: the job stays at `stage` for a while. `None`: that is over, and it is believed.
fn denied(remote: &RemoteBatch, now: UnixMs, timing: &Timing, stage: fn(RemoteBatch) -> Stage) -> Option<(Stage, i64)> {
    let since = remote.denied_since.unwrap_or(now);
    let denials = remote.denials.saturating_add(1);
    if for_long(since, now, timing.odd_ms_max) && denials >= DENIALS_MIN {
        return None;
    }
    Some((stage(RemoteBatch { denied_since: Some(since), denials, ..remote.clone() }), timing.poll_ms))
}

/// Google says something that cannot last, or nothing: the job stays at `stage` for a while. `None`: that is over.
fn odd(remote: &RemoteBatch, now: UnixMs, timing: &Timing, stage: fn(RemoteBatch) -> Stage) -> Option<(Stage, i64)> {
    let since = remote.odd_since.unwrap_or(now);
    if for_long(since, now, timing.odd_ms_max) {
        return None;
    }
    Some((stage(RemoteBatch { odd_since: Some(since), ..remote.clone() }), timing.poll_ms))
}

/// No word of the batch. That means nothing, until long after the time by which Google would have given it up.
pub(super) fn unheard(
    remote: RemoteBatch,
    now: UnixMs,
    timing: &Timing,
    stage: fn(RemoteBatch) -> Stage,
) -> (Stage, i64) {
    if for_long(remote.since, now, timing.batch_ms_max) {
        odd(&remote, now, timing, stage).unwrap_or_else(|| (Stage::Expired { error: no_word() }, 0))
    } else {
        (stage(remote), timing.poll_ms)
    }
}

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
