//! Where looks at a batch take its job: what Google says of it, denies, or leaves unsaid. Pure, as the whole machine is; the table
//! that calls this is in [`super`].

use super::super::job::{Job, Stage, Watched};
use super::reasons::{cancelled_upstream, expired_upstream, failed_upstream, lost_upstream, never_started, no_word};
use super::{Timing, for_long};
use crate::model::UnixMs;
use coldbrew_gemini::BatchState;

/// How often in a row Google must deny knowing a batch before it is believed.
const DENIALS_MIN: u32 = 8;

/// Where the state of its batch takes a job that watches it.
pub(super) fn seen(
    job: &Job,
    watched: Watched,
    (state, output_file): (BatchState, Option<String>),
    now: UnixMs,
    timing: &Timing,
) -> (Stage, i64) {
    let watched = known_again(watched);
    match state {
        BatchState::Pending if for_long(watched.since, now, timing.pending_ms_max) => (Stage::Withdraw(watched), 0),
        BatchState::Pending => (Stage::Watch(Watched { running: false, odd_since: None, ..watched }), timing.poll_ms),
        BatchState::Running => (Stage::Watch(Watched { running: true, odd_since: None, ..watched }), timing.poll_ms),
        BatchState::Unknown(_) => unheard(watched, now, timing, Stage::Watch),
        BatchState::Succeeded | BatchState::PartiallySucceeded => match output_file {
            Some(file) => (collect(&watched, Some(file)), 0),
            // Its name follows from the batch's, whether or not Google tells it.
            None => odd(&watched, now, timing, Stage::Watch).unwrap_or_else(|| (collect(&watched, None), 0)),
        },
        BatchState::Failed | BatchState::Cancelled | BatchState::Expired if watched.withdrawn => {
            submit_again(job, &watched)
        }
        BatchState::Failed => (Stage::Failed { error: failed_upstream() }, 0),
        BatchState::Cancelled => (Stage::Failed { error: cancelled_upstream() }, 0),
        BatchState::Expired => (Stage::Expired { error: expired_upstream() }, 0),
    }
}

/// Where the state of its batch takes a job that has asked for it to be cancelled. Only when it certainly is over is there another one.
pub(super) fn seen_withdrawn(
    job: &Job,
    watched: Watched,
    (state, output_file): (BatchState, Option<String>),
    now: UnixMs,
    timing: &Timing,
) -> (Stage, i64) {
    let watched = known_again(watched);
    match state {
        BatchState::Succeeded | BatchState::PartiallySucceeded => (collect(&watched, output_file), 0),
        // It has started after all: let it finish.
        BatchState::Running => {
            let started = Watched { running: true, withdrawn: true, odd_since: None, ..watched };
            (Stage::Watch(started), timing.poll_ms)
        }
        BatchState::Pending | BatchState::Unknown(_) => unheard(watched, now, timing, Stage::Withdraw),
        BatchState::Failed | BatchState::Cancelled | BatchState::Expired => submit_again(job, &watched),
    }
}

/// Where Google's denial takes a job that watches its batch, once it is believed.
pub(super) fn unknown(watched: &Watched, now: UnixMs, timing: &Timing) -> (Stage, i64) {
    denied(watched, now, timing, Stage::Watch).unwrap_or_else(|| (Stage::Failed { error: lost_upstream() }, 0))
}

/// Where Google's denial takes a job that has asked for its batch to be cancelled, once it is believed.
pub(super) fn unknown_withdrawn(job: &Job, watched: &Watched, now: UnixMs, timing: &Timing) -> (Stage, i64) {
    denied(watched, now, timing, Stage::Withdraw).unwrap_or_else(|| submit_again(job, watched))
}

/// A batch that waited for a day is over: it is put back in line, once.
fn submit_again(job: &Job, over: &Watched) -> (Stage, i64) {
    if job.requeued {
        (Stage::Failed { error: never_started() }, 0)
    } else {
        (Stage::Upload { attempt: over.attempt + 1 }, 0)
    }
}

/// One answer that knows the batch takes back all denials before it: otherwise two of them, far apart, would be believed.
fn known_again(watched: Watched) -> Watched {
    Watched { denied_since: None, denials: 0, ..watched }
}

/// Google denies knowing the batch: the job stays at `stage` for a while. `None`: that is over, and it is believed.
fn denied(watched: &Watched, now: UnixMs, timing: &Timing, stage: fn(Watched) -> Stage) -> Option<(Stage, i64)> {
    let since = watched.denied_since.unwrap_or(now);
    let denials = watched.denials.saturating_add(1);
    if for_long(since, now, timing.odd_ms_max) && denials >= DENIALS_MIN {
        return None;
    }
    Some((stage(Watched { denied_since: Some(since), denials, ..watched.clone() }), timing.poll_ms))
}

/// Google says something that cannot last, or nothing: the job stays at `stage` for a while. `None`: that is over.
fn odd(watched: &Watched, now: UnixMs, timing: &Timing, stage: fn(Watched) -> Stage) -> Option<(Stage, i64)> {
    let since = watched.odd_since.unwrap_or(now);
    if for_long(since, now, timing.odd_ms_max) {
        return None;
    }
    Some((stage(Watched { odd_since: Some(since), ..watched.clone() }), timing.poll_ms))
}

/// No word of the batch. That means nothing, until long after the time by which Google would have given it up.
pub(super) fn unheard(watched: Watched, now: UnixMs, timing: &Timing, stage: fn(Watched) -> Stage) -> (Stage, i64) {
    if for_long(watched.since, now, timing.watch_ms_max) {
        odd(&watched, now, timing, stage).unwrap_or_else(|| (Stage::Expired { error: no_word() }, 0))
    } else {
        (stage(watched), timing.poll_ms)
    }
}

pub(super) const fn watch(attempt: u32, input_file: String, batch: String, key: Option<String>, now: UnixMs) -> Stage {
    let since = now;
    Stage::Watch(Watched {
        attempt,
        input_file,
        batch,
        key,
        running: false,
        withdrawn: false,
        since,
        odd_since: None,
        denied_since: None,
        denials: 0,
    })
}

fn collect(watched: &Watched, output_file: Option<String>) -> Stage {
    let conventional = || format!("files/batch-{}", watched.batch.trim_start_matches("batches/"));
    Stage::Collect {
        attempt: watched.attempt,
        batch: watched.batch.clone(),
        input_file: watched.input_file.clone(),
        output_file: output_file.unwrap_or_else(conventional),
        tries: 0,
    }
}
