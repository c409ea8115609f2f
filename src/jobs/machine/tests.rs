#![allow(clippy::unwrap_used)]

mod any_order;
mod billing;
mod diagram;
mod shards;

use super::super::job::{JobIds, RemoteBatch, Shard};
use super::*;
use crate::extract::Recipe;
use crate::model::{JobStatus, Mode, PageSet};
use coldbrew_gemini::Timeouts;

fn job(stage: Stage) -> Job {
    Job {
        title: "A book".into(),
        claims: 1,
        fence: 1,
        stage,
        ..Job::new(
            JobIds {
                id: "j1".into(),
                account_id: "a1".into(),
                upload_hash: "u1".into(),
                content_hash: "c1".into(),
                document_id: "d1".into(),
            },
            Mode::Batch,
            Recipe::named("m"),
            PageSet::all(3),
            UnixMs(0),
        )
    }
}

const PREPARE: Stage = Stage::Prepare { attempt: 1 };

/// Entered by [`walk`].
const FLEX: Stage = Stage::Flex { tries: 0, since: UnixMs(1_000) };

fn seen(state: BatchState) -> Event {
    Event::Seen { state, output_file: None }
}

fn finished(output_file: Option<String>) -> Event {
    Event::Seen { state: BatchState::Succeeded, output_file }
}

/// A state that this version does not know.
fn unrecognised() -> BatchState {
    BatchState::Unknown("BATCH_STATE_NAPPING".into())
}

fn walk(job: Job, events: impl IntoIterator<Item = Event>) -> Job {
    let timing = Timing::default();
    events.into_iter().fold(job, |job, event| step(&job, event, UnixMs(1_000), &timing).unwrap().job)
}

/// The job as if it became due at `now`.
fn due(job: Job, now: UnixMs) -> Job {
    Job { due_at: now, ..job }
}

fn prepared() -> Event {
    Event::Prepared { pages: PageSet::all(3), tokens: 3_000 }
}

/// A shard of a document, of which so many shards are stored.
fn shard(stored: u32) -> Shard {
    Shard { pages: PageSet::all(2), tokens: 2_000, stored, since: UnixMs(0), waited_ms: 0 }
}

fn recorded() -> Event {
    Event::AttemptRecorded { key: "k".into() }
}

fn remote(since: i64) -> RemoteBatch {
    RemoteBatch {
        attempt: 1,
        input_file: "files/in".into(),
        batch: "batches/b1".into(),
        key: Some("k".into()),
        running: false,
        cancel_failed: false,
        since: UnixMs(since),
        odd_since: None,
        denied_since: None,
        denials: 0,
    }
}

#[test]
fn batch_job_walks_from_prepare_to_succeeded() {
    let uploaded = Event::Uploaded { input_file: "files/in".into(), uploaded_at: None };
    let at_google = walk(job(PREPARE), [prepared(), uploaded, recorded()]);
    assert_eq!(at_google.task(), Some(Task::Create));
    assert_eq!(at_google.status(), JobStatus::Preparing);
    assert_eq!(at_google.stage.key(), Some("k"));
    let watching = walk(at_google, [Event::Created { batch: "batches/b1".into() }, seen(BatchState::Running)]);
    assert_eq!((watching.status(), watching.stage.key()), (JobStatus::Running, Some("k")));
    let output_file = Some("files/batch-b1".to_owned());
    let done = walk(watching, [finished(output_file), Event::Stored]);
    assert_eq!((done.status(), done.task()), (JobStatus::Succeeded, None));
}

#[test]
fn blocked_reason_after_success_is_cleared() {
    let by = BlockedReason::Quota;
    let refused = walk(
        job(Stage::Creating { attempt: 1, input_file: "files/in".into(), uploaded_at: None, key: None }),
        [Event::NotCreated { by, retry_after_ms: None }],
    );
    assert_eq!(refused.blocked_by, Some(by));
    let asking = walk(refused, [recorded()]);
    assert_eq!(asking.blocked_by, Some(by), "Google has not answered yet");
    let away = walk(asking, [Event::AnswerLost, Event::Blocked { by: BlockedReason::Google, retry_after_ms: None }]);
    assert_eq!(away.blocked_by, Some(BlockedReason::Google));
    let found = walk(away.clone(), [Event::Created { batch: "batches/b1".into() }]);
    assert_eq!(found.blocked_by, None);
    let over = Event::Refused(JobError::new("key_refused", "No."));
    assert_eq!(walk(away, [over]).blocked_by, None, "an ended job is not blocked");
}

#[test]
fn lost_create_is_looked_for_before_another_attempt() {
    let timing = Timing::default();
    let creating = job(Stage::Creating { attempt: 1, input_file: "files/in".into(), uploaded_at: None, key: None });
    let mut reconciling = walk(creating, [Event::AnswerLost]);
    for _ in 1..timing.reconcile_listings {
        reconciling = walk(reconciling, [Event::NotListed]);
        assert_eq!(reconciling.task(), Some(Task::Reconcile));
        assert_eq!(reconciling.due_at, UnixMs(1_000 + timing.reconcile_ms));
    }
    let again = walk(reconciling.clone(), [Event::NotListed]);
    assert_eq!(again.stage, Stage::Upload { attempt: 2 });
    let found = walk(reconciling, [Event::Created { batch: "batches/b1".into() }]);
    assert_eq!(found.task(), Some(Task::Poll));
}

#[test]
fn listings_take_longer_than_a_create_and_its_listing() {
    const LISTED_MS_MAX: i64 = 60_000;
    let timing = Timing::default();
    // The last listing may have begun a pause before its look.
    let listings_ms = timing.reconcile_ms * i64::from(timing.reconcile_listings - 1) - timing.reconcile_ms / 4;
    let create_ms = i64::try_from(Timeouts::default().create.as_millis()).unwrap();
    assert!(listings_ms >= (create_ms + LISTED_MS_MAX) * 5 / 4, "{listings_ms} ms");
}

#[test]
fn batch_pending_for_a_day_is_cancelled_and_its_pages_are_read_by_calls() {
    let day = Timing::default().pending_ms_max;
    let stuck = job(Stage::Polling(remote(1_000 - day)));
    let cancelling = walk(stuck, [seen(BatchState::Pending)]);
    assert_eq!(cancelling.task(), Some(Task::Cancel));
    let reading = walk(cancelling.clone(), [seen(BatchState::Cancelled)]);
    assert_eq!(reading.stage, FLEX);
    assert!(reading.requeued && reading.status() == JobStatus::Running);
    let late = walk(cancelling, [finished(None)]);
    assert!(matches!(late.stage, Stage::Downloading { output_file, .. } if output_file == "files/batch-b1"));
}

/// After an outage, or after a clock jumped ahead.
#[test]
fn unattended_time_is_no_evidence_against_a_batch() {
    let timing = Timing::default();
    for said in [seen(BatchState::Pending), Event::Denied, seen(unrecognised())] {
        let mut job = job(Stage::Polling(remote(0)));
        let mut now = UnixMs(0);
        for _ in 0..100 {
            job = step(&job, said.clone(), now, &timing).unwrap().job;
            assert_eq!(job.task(), Some(Task::Poll), "{said:?} at {now:?}");
            now = job.due_at.plus(timing.batch_ms_max);
        }
        // Polled in time, the job ends.
        while job.task() == Some(Task::Poll) {
            job = step(&job, said.clone(), job.due_at, &timing).unwrap().job;
        }
    }
}

#[test]
fn batch_started_despite_cancel_and_cancelled_later_is_read_by_calls() {
    let started = walk(job(Stage::Cancelling(remote(0))), [seen(BatchState::Running)]);
    assert_eq!(started.status(), JobStatus::Running);
    let cancelled = walk(started.clone(), [seen(BatchState::Cancelled)]);
    assert_eq!(cancelled.stage, FLEX);
    assert!(cancelled.requeued);
    assert_eq!(walk(started, [finished(Some("files/out".into()))]).task(), Some(Task::Download));
}

#[test]
fn cancelled_batch_denied_is_given_up_only_after_many_denials_over_time() {
    let missing = || Event::Denied;
    let waiting = walk(job(Stage::Cancelling(remote(0))), (0..20).map(|_| missing()));
    assert_eq!(waiting.task(), Some(Task::Cancel));
    let later = UnixMs(1_000 + Timing::default().odd_ms_max);
    let waiting = due(waiting, later);
    let gone = step(&waiting, missing(), later, &Timing::default()).unwrap().job;
    assert_eq!(gone.task(), Some(Task::Flex));
    // The clock jumped between the denials.
    let waiting = due(walk(job(Stage::Cancelling(remote(0))), [missing(), missing()]), later);
    let jumped = step(&waiting, missing(), later, &Timing::default()).unwrap().job;
    assert_eq!(jumped.task(), Some(Task::Cancel));
}

#[test]
fn denials_are_counted_as_far_as_they_decide() {
    let counted = |denials: usize| walk(job(Stage::Polling(remote(0))), (0..denials).map(|_| Event::Denied));
    assert!(is_news(&counted(7), &counted(8)));
    assert!(!is_news(&counted(8), &counted(20)), "each count that is news is written");
}

#[test]
fn denials_with_a_known_state_between_them_are_no_evidence() {
    let timing = Timing::default();
    let long_after = UnixMs(timing.batch_ms_max + 1_000);
    for stage in [Stage::Polling, Stage::Cancelling] {
        let said = [Event::Denied, seen(unrecognised()), Event::Denied];
        let mut now = long_after;
        let mut job = job(stage(remote(0)));
        for event in said {
            job = step(&job, event, now, &timing).unwrap().job;
            now = now.plus(timing.odd_ms_max - 1);
        }
        assert!(job.stage.status().is_active(), "{:?}", job.stage);
        assert_eq!(job.stage.batch(), Some("batches/b1"));
    }
}

#[test]
fn input_prepared_again_keeps_its_attempt_number() {
    let again = walk(job(Stage::Upload { attempt: 2 }), [Event::InputMissing, prepared()]);
    assert_eq!(again.stage, Stage::Upload { attempt: 2 });
}

#[test]
fn failed_poll_changes_no_stage_and_no_interval() {
    let watching = job(Stage::Polling(remote(0)));
    let after = walk(watching.clone(), [Event::Blocked { by: BlockedReason::Google, retry_after_ms: Some(600_000) }]);
    assert_eq!(after.stage, watching.stage);
    assert_eq!(after.due_at, UnixMs(1_000 + Timing::default().poll_ms), "the interval is fixed");
}

#[test]
fn batch_without_state_is_given_up_only_after_both_limits() {
    let timing = Timing::default();
    let silence = || Event::Blocked { by: BlockedReason::Google, retry_after_ms: None };
    let at = |job: &Job, now: i64| step(&due(job.clone(), UnixMs(now)), silence(), UnixMs(now), &timing).unwrap();
    let watching = job(Stage::Polling(remote(0)));
    assert_eq!(at(&watching, timing.batch_ms_max - 1).job.stage, watching.stage);
    let doubtful = at(&watching, timing.batch_ms_max).job;
    assert_eq!(doubtful.status(), JobStatus::Pending, "the first failed poll after the limit is no evidence");
    let given_up = at(&doubtful, timing.batch_ms_max + timing.odd_ms_max);
    assert_eq!(given_up.job.task(), Some(Task::Flex));
    assert_eq!(given_up.left, OrphanedResource::of(&doubtful));
}

#[test]
fn orphaned_batch_is_recorded_by_the_step_that_leaves_it() {
    let (now, timing) = (UnixMs(1_000), Timing::default());
    let left = |job: &Job, event: Event| step(job, event, now, &timing).unwrap().left;
    let reconciling = job(Stage::Reconciling {
        attempt: 1,
        input_file: "files/in".into(),
        uploaded_at: None,
        key: None,
        empty_listings: 2,
    });
    let twin = left(&reconciling, Event::Created { batch: "batches/b1".into() }).unwrap();
    assert_eq!((twin.spared.as_deref(), twin.wait_ms), (Some("batches/b1"), timing.reconcile_ms));
    assert_eq!(left(&reconciling, Event::NotListed), None, "the job still looks for it");
    let aside = || Event::Refused(JobError::new("set_aside", "Words."));
    for held in [reconciling, job(Stage::Polling(remote(0))), job(Stage::Cancelling(remote(0)))] {
        assert_eq!(left(&held, aside()), OrphanedResource::of(&held));
    }
    // The job goes on without the batch, and Google may still have it.
    let last = timing.reconcile_listings - 1;
    let unlisted = job(Stage::Reconciling {
        attempt: 1,
        input_file: "files/in".into(),
        uploaded_at: None,
        key: None,
        empty_listings: last,
    });
    let since = Some(UnixMs(now.0 - timing.odd_ms_max));
    let denied = job(Stage::Cancelling(RemoteBatch { denied_since: since, denials: 20, ..remote(0) }));
    let attempts = step(&unlisted, Event::NotListed, now, &timing).unwrap();
    assert_eq!(attempts.job.stage, Stage::Upload { attempt: 2 });
    let orphan = OrphanedResource::of(&unlisted).unwrap();
    let spared = Some(unlisted.batch_name(2));
    assert_eq!(attempts.left, Some(OrphanedResource { spared, wait_ms: timing.reconcile_ms, ..orphan }));
    let reads = step(&denied, Event::Denied, now, &timing).unwrap();
    assert_eq!(reads.job.stage, FLEX);
    assert_eq!(reads.left, OrphanedResource::of(&denied));
    for step in [attempts, reads] {
        assert!(step.effects.contains(&Effect::DeleteInput { input_file: "files/in".into() }));
    }
    assert_eq!(left(&job(Stage::Cancelling(remote(0))), seen(BatchState::Cancelled)), None, "the batch has ended");
    for unsent in [PREPARE, Stage::Submit { attempt: 1, input_file: "files/in".into(), uploaded_at: None }] {
        assert_eq!(left(&job(unsent), aside()), None);
    }
    for end in [BatchState::Failed, BatchState::Cancelled, BatchState::Expired] {
        assert_eq!(left(&job(Stage::Polling(remote(0))), seen(end)), None);
    }
}

#[test]
fn job_blocked_before_google_for_three_days_fails() {
    let timing = Timing::default();
    for stage in [
        PREPARE,
        Stage::Upload { attempt: 1 },
        Stage::Submit { attempt: 1, input_file: "files/in".into(), uploaded_at: None },
    ] {
        let blocked = Event::Blocked { by: BlockedReason::Google, retry_after_ms: None };
        let waiting = walk(job(stage), [blocked.clone(), blocked.clone()]);
        let long_after = UnixMs(timing.unsent_ms_max);
        let doubtful = step(&waiting, blocked.clone(), long_after, &timing).unwrap().job;
        assert_eq!(doubtful.stage, waiting.stage, "no worker had tried for three days");
        let ended = step(&doubtful, blocked, doubtful.due_at, &timing).unwrap().job;
        assert_eq!(ended.stage.error().unwrap().code, "not_sent");
    }
}

fn over_budget() -> Event {
    Event::Blocked { by: BlockedReason::Spending, retry_after_ms: None }
}

#[test]
fn job_over_budget_waits_minutes_but_not_beyond_midnight() {
    let timing = Timing::default();
    let submit = job(Stage::Submit { attempt: 1, input_file: "files/in".into(), uploaded_at: None });
    for (job, now, wait_ms) in [
        (submit.clone(), UnixMs(1_000), timing.budget_ms),
        (job(Stage::Realtime { tries: 3 }), UnixMs(1_000), timing.budget_ms),
        (submit, UnixMs(24 * HOUR_MS - 2_000), 2_000),
    ] {
        let waiting = step(&due(job.clone(), now), over_budget(), now, &timing).unwrap().job;
        assert_eq!((&waiting.stage, waiting.due_at), (&job.stage, now.plus(wait_ms)));
        assert_eq!((waiting.blocked_by, waiting.budget_wait_ms), (Some(BlockedReason::Spending), wait_ms));
    }
}

#[test]
fn budget_wait_does_not_count_as_unsent_time() {
    let timing = Timing::default();
    let mut waiting = job(Stage::Submit { attempt: 1, input_file: "files/in".into(), uploaded_at: None });
    while waiting.due_at < UnixMs(10 * 24 * HOUR_MS) {
        waiting = step(&waiting, over_budget(), waiting.due_at, &timing).unwrap().job;
    }
    let event = Event::Blocked { by: BlockedReason::Google, retry_after_ms: None };
    let now = waiting.due_at;
    let blocked = step(&waiting, event, now, &timing).unwrap().job;
    assert!(blocked.stage.status().is_active(), "{:?}", blocked.stage);
}

#[test]
fn realtime_round_with_a_finished_page_resets_tries() {
    let throttled = |progressed| Event::Throttled { by: BlockedReason::Quota, progressed, retry_after_ms: 5_000 };
    let tries = |events: Vec<Event>| match walk(job(Stage::Realtime { tries: 3 }), events).stage {
        Stage::Realtime { tries } => tries,
        stage => panic!("{stage:?}"),
    };
    assert_eq!(tries(vec![throttled(false), throttled(false)]), 5);
    assert_eq!(tries(vec![throttled(false), throttled(true)]), 0);
    assert_eq!(
        tries(vec![Event::Blocked { by: BlockedReason::Google, retry_after_ms: None }]),
        3,
        "Google was not asked"
    );
    assert_eq!(walk(job(Stage::Realtime { tries: 0 }), [throttled(false)]).due_at, UnixMs(6_000));
}

/// The results are paid for.
#[test]
fn failed_downloads_are_repeated_for_more_than_a_week() {
    let timing = Timing::default();
    let mut job = job(Stage::Polling(remote(0)));
    let output_file = Some("files/out".to_owned());
    job = walk(job, [finished(output_file)]);
    let mut now = UnixMs(0);
    while job.status().is_active() {
        now = job.due_at;
        job = step(&job, Event::Blocked { by: BlockedReason::Google, retry_after_ms: None }, now, &timing).unwrap().job;
    }
    assert_eq!(job.stage.error().unwrap().code, "results_lost");
    assert!(now.0 > 7 * 24 * HOUR_MS, "{now:?}");
}

#[test]
fn job_that_leaves_the_queue_deletes_its_input_and_clears_its_spool() {
    for end in [BatchState::Failed, BatchState::Expired] {
        let left = step(&job(Stage::Polling(remote(0))), seen(end), UnixMs(1_000), &Timing::default()).unwrap();
        assert_eq!(left.job.stage, FLEX);
        assert_eq!(left.effects, [Effect::DeleteInput { input_file: "files/in".into() }, Effect::ClearSpool]);
    }
}

#[test]
fn batch_running_for_two_days_is_cancelled_and_its_pages_are_read_by_calls() {
    let timing = Timing::default();
    let running = RemoteBatch { running: true, ..remote(0) };
    let now = UnixMs(timing.running_ms_max);
    let before =
        step(&due(job(Stage::Polling(running.clone())), UnixMs(0)), seen(BatchState::Running), UnixMs(0), &timing);
    assert_eq!(before.unwrap().job.task(), Some(Task::Poll));
    let polled = due(job(Stage::Polling(running)), now);
    let cancelling = step(&polled, seen(BatchState::Running), now, &timing).unwrap().job;
    assert_eq!(cancelling.task(), Some(Task::Cancel));
    // Google may go on for a time after the cancel.
    let waiting = step(&due(cancelling, now), seen(BatchState::Running), now, &timing).unwrap().job;
    assert_eq!(waiting.task(), Some(Task::Cancel));
    let late = now.plus(timing.odd_ms_max);
    let given_up = step(&due(waiting, late), seen(BatchState::Running), late, &timing).unwrap();
    assert_eq!(given_up.job.task(), Some(Task::Flex));
    assert!(given_up.left.is_some(), "Google may still have the batch");
}

#[test]
fn pages_left_by_a_batch_are_read_by_calls() {
    let downloading = walk(job(Stage::Polling(remote(0))), [finished(Some("files/out".into()))]);
    let left = step(&downloading, Event::PagesLeft, UnixMs(1_000), &Timing::default()).unwrap();
    assert_eq!((&left.job.stage, left.job.requeued), (&FLEX, false));
    assert!(left.effects.contains(&Effect::DeleteBatch { batch: "batches/b1".into() }));
    assert_eq!(walk(left.job, [Event::Stored]).status(), JobStatus::Succeeded);
}

#[test]
fn batch_is_deleted_once_its_results_are_stored() {
    let downloading = walk(job(Stage::Polling(remote(0))), [finished(Some("files/out".into()))]);
    let delete = Effect::DeleteBatch { batch: "batches/b1".into() };
    for (event, is_deleted) in [(Event::Stored, true), (Event::NothingUsable, false)] {
        let ended = step(&downloading, event, UnixMs(0), &Timing::default()).unwrap();
        assert_eq!(ended.effects.contains(&delete), is_deleted);
    }
}

#[test]
fn create_not_sent_is_followed_by_another_attempt_at_once() {
    let uploaded_at = Some(UnixMs(7));
    let creating =
        job(Stage::Creating { attempt: 1, input_file: "files/in".into(), uploaded_at, key: Some("k".into()) });
    let submit = walk(creating, [Event::NotSent]);
    assert_eq!(submit.stage, Stage::Submit { attempt: 2, input_file: "files/in".into(), uploaded_at });
    assert_eq!(submit.due_at, UnixMs(1_000));
}
