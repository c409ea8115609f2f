//! Where looks at a batch take its job: what Google says of it, denies, or leaves unsaid. Pure, as the whole machine is; the table
//! that calls this is in [`super`].

use super::super::job::{Job, Stage, Watched};
use super::reasons::{cancelled_upstream, expired_upstream, failed_upstream, lost_upstream, never_started, no_word};
use super::{Sighting, Timing, for_long};
use crate::model::UnixMs;

/// How often in a row Google must deny knowing a batch before it is believed.
const DENIALS_MIN: u32 = 8;

/// Where a look at a batch takes a job that watches it.
pub(super) fn seen(job: &Job, watched: Watched, sighting: Sighting, now: UnixMs, timing: &Timing) -> (Stage, i64) {
    let watched = known_again(watched, &sighting);
    match sighting {
        Sighting::Pending if for_long(watched.since, now, timing.pending_ms_max) => (Stage::Withdraw(watched), 0),
        Sighting::Pending => (Stage::Watch(Watched { running: false, odd_since: None, ..watched }), timing.poll_ms),
        Sighting::Running => (Stage::Watch(Watched { running: true, odd_since: None, ..watched }), timing.poll_ms),
        Sighting::Unrecognised => unheard(watched, now, timing, Stage::Watch),
        Sighting::Succeeded { output_file: Some(file) } => (collect(&watched, Some(file)), 0),
        Sighting::Succeeded { output_file: None } => {
            // Its name follows from the batch's, whether or not Google tells it.
            odd(&watched, now, timing, Stage::Watch).unwrap_or_else(|| (collect(&watched, None), 0))
        }
        Sighting::Missing => {
            denied(&watched, now, timing, Stage::Watch).unwrap_or_else(|| (Stage::Failed { error: lost_upstream() }, 0))
        }
        Sighting::Failed | Sighting::Cancelled | Sighting::Expired if watched.withdrawn => submit_again(job, &watched),
        Sighting::Failed => (Stage::Failed { error: failed_upstream() }, 0),
        Sighting::Cancelled => (Stage::Failed { error: cancelled_upstream() }, 0),
        Sighting::Expired => (Stage::Expired { error: expired_upstream() }, 0),
    }
}

/// Where a look takes a job that has asked for its batch to be cancelled. Only when it certainly is over is there another one.
pub(super) fn seen_withdrawn(
    job: &Job,
    watched: Watched,
    sighting: Sighting,
    now: UnixMs,
    timing: &Timing,
) -> (Stage, i64) {
    let watched = known_again(watched, &sighting);
    match sighting {
        Sighting::Succeeded { output_file } => (collect(&watched, output_file), 0),
        // It has started after all: let it finish.
        Sighting::Running => {
            let started = Watched { running: true, withdrawn: true, odd_since: None, ..watched };
            (Stage::Watch(started), timing.poll_ms)
        }
        Sighting::Pending | Sighting::Unrecognised => unheard(watched, now, timing, Stage::Withdraw),
        Sighting::Missing => {
            denied(&watched, now, timing, Stage::Withdraw).unwrap_or_else(|| submit_again(job, &watched))
        }
        Sighting::Failed | Sighting::Cancelled | Sighting::Expired => submit_again(job, &watched),
    }
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
fn known_again(watched: Watched, sighting: &Sighting) -> Watched {
    match sighting {
        Sighting::Missing => watched,
        _ => Watched { denied_since: None, denials: 0, ..watched },
    }
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
