//! Documents that become several batches, one after the other.

use super::*;

#[test]
fn shard_stored_is_followed_by_the_next_one() {
    let downloading = walk(job(Stage::Polling(remote(0))), [finished(Some("files/out".into()))]);
    let downloading = Job { shard: Some(shard(0)), ..downloading };
    let next = step(&downloading, Event::ShardStored, UnixMs(1_000), &Timing::default()).unwrap();
    assert_eq!((&next.job.stage, next.job.shards_stored()), (&Stage::Prepare { attempt: 2 }, 1));
    assert_eq!(next.effects.last(), Some(&Effect::ClearSpool), "the next input file is another one");
    let next = walk(next.job, [prepared()]);
    let pages = PageSet::all(3);
    assert_eq!(next.shard, Some(Shard { pages, tokens: 3_000, since: UnixMs(1_000), ..shard(1) }));
}

/// The pages of earlier shards are paid for.
#[test]
fn job_with_a_stored_shard_that_cannot_have_another_batch_reads_on_by_calls() {
    let with_shard = |stage: Stage| Job { shard: Some(shard(1)), ..job(stage) };
    let refused = || Event::Refused(JobError::new("set_aside", "Words."));
    for (stage, event) in [
        (PREPARE, refused()),
        (Stage::Polling(remote(0)), refused()),
        (Stage::Polling(remote(0)), seen(BatchState::Cancelled)),
        (
            Stage::Creating { attempt: 41, input_file: "files/in".into(), uploaded_at: None, key: None },
            Event::InputGone,
        ),
    ] {
        assert_eq!(walk(with_shard(stage), [event]).stage, FLEX);
    }
    assert_eq!(walk(with_shard(FLEX), [refused()]).status(), JobStatus::Failed, "nothing could be read");
}

#[test]
fn shard_without_room_in_the_queue_for_a_day_is_read_by_calls() {
    let timing = Timing::default();
    let submit = Stage::Submit { attempt: 1, input_file: "files/in".into(), uploaded_at: None };
    let mut waiting = Job { shard: Some(shard(0)), ..job(submit.clone()) };
    let full = || Event::Blocked { by: BlockedReason::QueueFull, retry_after_ms: None };
    while waiting.shard.as_ref().unwrap().waited_ms < timing.pending_ms_max {
        assert_eq!(waiting.stage, submit);
        waiting = step(&waiting, full(), waiting.due_at, &timing).unwrap().job;
    }
    let reading = step(&waiting, full(), waiting.due_at, &timing).unwrap().job;
    assert_eq!(reading.task(), Some(Task::Flex));
    assert!(reading.requeued);
}
