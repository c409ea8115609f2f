//! What shards change in the machine: a document that one batch cannot hold becomes several. It is pure, as the whole machine is.

use super::super::job::{Job, Shard, Stage};
use super::{Event, Timing, flex};
use crate::model::UnixMs;
use crate::model::wire::JobError;

/// The shard of the document that the job works on after the event.
pub(super) fn shard_after(job: &Job, event: &Event, now: UnixMs) -> Option<Shard> {
    let stored = job.shards_stored();
    match event {
        Event::Prepared { pages, tokens } => {
            Some(Shard { pages: pages.clone(), tokens: *tokens, stored, since: now, waited_ms: 0 })
        }
        Event::ShardStored => job.shard.clone().map(|shard| Shard { stored: stored + 1, ..shard }),
        _ => job.shard.clone(),
    }
}

/// The end of a job without a document. Pages of earlier shards are paid for, so the job goes on without a batch then.
pub(super) fn given_up(job: &Job, error: JobError, now: UnixMs) -> (Stage, i64) {
    if job.shards_stored() > 0 { flex(now) } else { (Stage::Failed { error }, 0) }
}

/// Since when the current shard waits to be sent. Waiting for the spending ceiling does not count.
pub(super) fn unsent_since(job: &Job) -> UnixMs {
    let begun = job.shard.as_ref().filter(|shard| shard.stored > 0).map_or(job.submitted_at, |shard| shard.since);
    begun.plus(job.budget_wait_ms)
}

/// The number of the last attempt. Each stored shard took one.
pub(super) fn creates_max(job: &Job, timing: &Timing) -> u32 {
    timing.creates_max.saturating_add(job.shards_stored())
}
