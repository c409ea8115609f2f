#![allow(clippy::unwrap_used)]

mod any_order;
mod diagram;

use super::super::job::{JobIds, RemoteBatch};
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

fn seen(state: BatchState) -> Event {
    Event::Seen { state, output_file: None }
}

fn finished(output_file: Option<String>) -> Event {
    Event::Seen { state: BatchState::Succeeded, output_file }
}

/// A state that Google may invent.
fn unrecognised() -> BatchState {
    BatchState::Unknown("BATCH_STATE_NAPPING".into())
}

fn walk(job: Job, events: impl IntoIterator<Item = Event>) -> Job {
    let timing = Timing::default();
    events.into_iter().fold(job, |job, event| step(&job, event, UnixMs(1_000), &timing).unwrap().job)
}

/// The job when it is looked at in time.
fn due(job: Job, now: UnixMs) -> Job {
    Job { due_at: now, ..job }
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
fn the_whole_journey() {
    let uploaded = Event::Uploaded { input_file: "files/in".into() };
    let at_google = walk(job(PREPARE), [Event::Prepared, uploaded, recorded()]);
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
fn what_is_in_the_way_is_told_until_it_is_not() {
    let by = BlockedReason::Quota;
    let refused = walk(
        job(Stage::Creating { attempt: 1, input_file: "files/in".into(), key: None }),
        [Event::NotCreated { by, retry_after_ms: None }],
    );
    assert_eq!(refused.blocked_by, Some(by));
    let asking = walk(refused, [recorded()]);
    assert_eq!(asking.blocked_by, Some(by), "nobody has answered yet");
    let away = walk(asking, [Event::AnswerLost, Event::Blocked { by: BlockedReason::Google, retry_after_ms: None }]);
    assert_eq!(away.blocked_by, Some(BlockedReason::Google));
    let found = walk(away.clone(), [Event::Created { batch: "batches/b1".into() }]);
    assert_eq!(found.blocked_by, None);
    let over = Event::Refused(JobError::new("key_refused", "No."));
    assert_eq!(walk(away, [over]).blocked_by, None, "an end waits for nothing");
}

#[test]
fn a_lost_create_is_looked_for_before_another_is_made() {
    let timing = Timing::default();
    let creating = job(Stage::Creating { attempt: 1, input_file: "files/in".into(), key: None });
    let mut seeking = walk(creating, [Event::AnswerLost]);
    for _ in 1..timing.reconcile_listings {
        seeking = walk(seeking, [Event::NotListed]);
        assert_eq!(seeking.task(), Some(Task::Reconcile));
        assert_eq!(seeking.due_at, UnixMs(1_000 + timing.reconcile_ms));
    }
    let again = walk(seeking.clone(), [Event::NotListed]);
    assert_eq!(again.stage, Stage::Upload { attempt: 2 });
    let found = walk(seeking, [Event::Created { batch: "batches/b1".into() }]);
    assert_eq!(found.task(), Some(Task::Poll));
}

#[test]
fn listings_go_on_for_longer_than_a_create_and_its_listing_may_take() {
    const LISTED_MS_MAX: i64 = 60_000;
    let timing = Timing::default();
    let listings_ms = timing.reconcile_ms * i64::from(timing.reconcile_listings - 1);
    let create_ms = i64::try_from(Timeouts::default().create.as_millis()).unwrap();
    assert!(listings_ms >= (create_ms + LISTED_MS_MAX) * 5 / 4, "{listings_ms} ms");
}

#[test]
fn a_day_in_line_is_withdrawn_once_and_then_fails() {
    let day = Timing::default().pending_ms_max;
    let stuck = job(Stage::Polling(remote(1_000 - day)));
    let cancelling = walk(stuck, [seen(BatchState::Pending)]);
    assert_eq!(cancelling.task(), Some(Task::Cancel));
    let requeued = walk(cancelling.clone(), [seen(BatchState::Cancelled)]);
    assert!(requeued.requeued && requeued.status() == JobStatus::Preparing);
    let failed = walk(Job { requeued: true, ..cancelling.clone() }, [seen(BatchState::Cancelled)]);
    assert_eq!(failed.stage.error().unwrap().code, "never_started");
    let late = walk(cancelling, [finished(None)]);
    assert!(matches!(late.stage, Stage::Downloading { output_file, .. } if output_file == "files/batch-b1"));
}

/// After an outage, and when a clock has jumped.
#[test]
fn time_in_which_nobody_looked_counts_against_no_batch() {
    let timing = Timing::default();
    for said in [seen(BatchState::Pending), Event::Denied, seen(unrecognised())] {
        let mut job = job(Stage::Polling(remote(0)));
        let mut now = UnixMs(0);
        for _ in 0..100 {
            job = step(&job, said.clone(), now, &timing).unwrap().job;
            assert_eq!(job.task(), Some(Task::Poll), "{said:?} at {now:?}");
            now = job.due_at.plus(timing.batch_ms_max);
        }
        // Looked at in time it comes to an end.
        while job.task() == Some(Task::Poll) {
            job = step(&job, said.clone(), job.due_at, &timing).unwrap().job;
        }
    }
}

#[test]
fn what_was_withdrawn_and_started_after_all_goes_back_in_line_when_the_cancel_gets_to_it() {
    let started = walk(job(Stage::Cancelling(remote(0))), [seen(BatchState::Running)]);
    assert_eq!(started.status(), JobStatus::Running);
    let cancelled = walk(started.clone(), [seen(BatchState::Cancelled)]);
    assert_eq!(cancelled.stage, Stage::Upload { attempt: 2 });
    assert!(cancelled.requeued);
    assert_eq!(walk(started, [finished(Some("files/out".into()))]).task(), Some(Task::Download));
}

#[test]
fn a_withdrawn_batch_that_google_denies_is_given_up_neither_after_a_few_denials_nor_after_a_short_time() {
    let missing = || Event::Denied;
    let waiting = walk(job(Stage::Cancelling(remote(0))), (0..20).map(|_| missing()));
    assert_eq!(waiting.task(), Some(Task::Cancel));
    let later = UnixMs(1_000 + Timing::default().odd_ms_max);
    let waiting = due(waiting, later);
    let gone = step(&waiting, missing(), later, &Timing::default()).unwrap().job;
    assert_eq!(gone.stage, Stage::Upload { attempt: 2 });
    // A clock that jumped in between.
    let waiting = due(walk(job(Stage::Cancelling(remote(0))), [missing(), missing()]), later);
    let jumped = step(&waiting, missing(), later, &Timing::default()).unwrap().job;
    assert_eq!(jumped.task(), Some(Task::Cancel));
}

#[test]
fn denials_far_apart_are_no_evidence_if_google_knew_the_batch_in_between() {
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
fn input_that_has_to_be_made_again_keeps_the_number_of_its_attempt() {
    let elsewhere = walk(job(Stage::Upload { attempt: 2 }), [Event::InputMissing, Event::Prepared]);
    assert_eq!(elsewhere.stage, Stage::Upload { attempt: 2 });
}

#[test]
fn a_failing_poll_is_no_evidence() {
    let watching = job(Stage::Polling(remote(0)));
    let after = walk(watching.clone(), [Event::Blocked { by: BlockedReason::Google, retry_after_ms: Some(600_000) }]);
    assert_eq!(after.stage, watching.stage);
    assert_eq!(after.due_at, UnixMs(1_000 + Timing::default().poll_ms), "the interval is fixed");
}

#[test]
fn silence_ends_a_job_only_long_after_google_would_have() {
    let timing = Timing::default();
    let silence = || Event::Blocked { by: BlockedReason::Google, retry_after_ms: None };
    let at = |job: &Job, now: i64| step(&due(job.clone(), UnixMs(now)), silence(), UnixMs(now), &timing).unwrap();
    let watching = job(Stage::Polling(remote(0)));
    assert_eq!(at(&watching, timing.batch_ms_max - 1).job.stage, watching.stage);
    let doubtful = at(&watching, timing.batch_ms_max).job;
    assert_eq!(doubtful.status(), JobStatus::Pending, "the first failing poll after a long outage proves nothing");
    let given_up = at(&doubtful, timing.batch_ms_max + timing.odd_ms_max);
    assert_eq!(given_up.job.stage.error().unwrap().code, "no_word");
    assert_eq!(given_up.left, OrphanedResource::of(&doubtful, UnixMs(timing.batch_ms_max + timing.odd_ms_max)));
}

#[test]
fn nobodys_batches_are_left_on_record() {
    let (now, timing) = (UnixMs(1_000), Timing::default());
    let left = |job: &Job, event: Event| step(job, event, now, &timing).unwrap().left;
    let sought = job(Stage::Reconciling { attempt: 1, input_file: "files/in".into(), key: None, empty_listings: 2 });
    let twin = left(&sought, Event::Created { batch: "batches/b1".into() }).unwrap();
    assert_eq!((twin.spared.as_deref(), twin.due_at), (Some("batches/b1"), now.plus(timing.reconcile_ms)));
    assert_eq!(left(&sought, Event::NotListed), None, "it is being looked for");
    let aside = || Event::Refused(JobError::new("set_aside", "Words."));
    for held in [sought, job(Stage::Polling(remote(0))), job(Stage::Cancelling(remote(0)))] {
        assert_eq!(left(&held, aside()), OrphanedResource::of(&held, now));
    }
    // The job goes on with another attempt, and Google may have the one before all the same.
    let last = timing.reconcile_listings - 1;
    let unlisted =
        job(Stage::Reconciling { attempt: 1, input_file: "files/in".into(), key: None, empty_listings: last });
    let since = Some(UnixMs(now.0 - timing.odd_ms_max));
    let denied = job(Stage::Cancelling(RemoteBatch { denied_since: since, denials: 20, ..remote(0) }));
    for (given_up, event) in [(unlisted, Event::NotListed), (denied, Event::Denied)] {
        let step = step(&given_up, event, now, &timing).unwrap();
        assert_eq!(step.job.stage, Stage::Upload { attempt: 2 });
        assert!(step.effects.contains(&Effect::DeleteInput { input_file: "files/in".into() }));
        let left = OrphanedResource::of(&given_up, now).unwrap();
        let spared = Some(given_up.batch_name(2));
        assert_eq!(step.left, Some(OrphanedResource { spared, due_at: now.plus(timing.reconcile_ms), ..left }));
    }
    assert_eq!(left(&job(Stage::Cancelling(remote(0))), seen(BatchState::Cancelled)), None, "it is over");
    for sent_never in [PREPARE, Stage::Submit { attempt: 1, input_file: "files/in".into() }] {
        assert_eq!(left(&job(sent_never), aside()), None);
    }
    for end in [BatchState::Failed, BatchState::Cancelled, BatchState::Expired] {
        assert_eq!(left(&job(Stage::Polling(remote(0))), seen(end)), None);
    }
}

#[test]
fn what_never_gets_to_google_ends_in_words() {
    let timing = Timing::default();
    for stage in [PREPARE, Stage::Upload { attempt: 1 }, Stage::Submit { attempt: 1, input_file: "files/in".into() }] {
        let hindered = Event::Blocked { by: BlockedReason::Google, retry_after_ms: None };
        let waiting = walk(job(stage), [hindered.clone(), hindered.clone()]);
        let long_after = UnixMs(timing.unsent_ms_max);
        let doubtful = step(&waiting, hindered.clone(), long_after, &timing).unwrap().job;
        assert_eq!(doubtful.stage, waiting.stage, "nobody had tried for three days");
        let ended = step(&doubtful, hindered, doubtful.due_at, &timing).unwrap().job;
        assert_eq!(ended.stage.error().unwrap().code, "not_sent");
    }
}

fn over_budget() -> Event {
    Event::Blocked { by: BlockedReason::Spending, retry_after_ms: None }
}

#[test]
fn job_over_budget_waits_minutes_but_not_beyond_midnight() {
    let timing = Timing::default();
    let submit = job(Stage::Submit { attempt: 1, input_file: "files/in".into() });
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
fn time_spent_waiting_for_the_budget_is_not_time_unsent() {
    let timing = Timing::default();
    let mut waiting = job(Stage::Submit { attempt: 1, input_file: "files/in".into() });
    while waiting.due_at < UnixMs(10 * 24 * HOUR_MS) {
        waiting = step(&waiting, over_budget(), waiting.due_at, &timing).unwrap().job;
    }
    let hindered = Event::Blocked { by: BlockedReason::Google, retry_after_ms: None };
    let now = waiting.due_at;
    let hindered = step(&waiting, hindered, now, &timing).unwrap().job;
    assert!(hindered.stage.status().is_active(), "{:?}", hindered.stage);
}

#[test]
fn held_money_is_freed_only_where_google_bills_nothing() {
    let (now, timing) = (UnixMs(1_000), Timing::default());
    let unanswered = |stage: Stage, event: Event| step(&job(stage), event, now, &timing).unwrap().unanswered;
    let creating = || Stage::Creating { attempt: 1, input_file: "files/in".into(), key: None };
    let reconciling =
        |empty_listings| Stage::Reconciling { attempt: 1, input_file: "files/in".into(), key: None, empty_listings };
    let downloading = || Stage::Downloading {
        attempt: 1,
        batch: "batches/b1".into(),
        input_file: "files/in".into(),
        output_file: "files/out".into(),
        tries: timing.fetches_max,
    };
    let aside = || Event::Refused(JobError::new("set_aside", "Words."));
    let not_created = Event::NotCreated { by: BlockedReason::Quota, retry_after_ms: None };
    for (stage, event) in [
        (creating(), not_created),
        (creating(), Event::InputGone),
        (creating(), aside()),
        (PREPARE, aside()),
        (Stage::Cancelling(remote(0)), seen(BatchState::Cancelled)),
    ] {
        assert_eq!(unanswered(stage.clone(), event), Some(Unanswered::Free), "{stage:?}");
    }
    let started = RemoteBatch { running: true, ..remote(0) };
    for (stage, event) in [
        (reconciling(timing.reconcile_listings - 1), Event::NotListed),
        (Stage::Polling(remote(0)), seen(BatchState::Cancelled)),
        (Stage::Polling(started.clone()), seen(BatchState::Expired)),
        (Stage::Cancelling(started), seen(BatchState::Cancelled)),
        (Stage::Polling(remote(0)), aside()),
        (downloading(), Event::Blocked { by: BlockedReason::Google, retry_after_ms: None }),
        (Stage::Realtime { tries: 0 }, aside()),
    ] {
        assert_eq!(unanswered(stage.clone(), event), Some(Unanswered::Billed), "{stage:?}");
    }
    for (stage, event) in [
        (creating(), Event::AnswerLost),
        (creating(), Event::Created { batch: "batches/b1".into() }),
        (reconciling(0), Event::NotListed),
        (Stage::Polling(remote(0)), seen(BatchState::Running)),
        (Stage::Polling(remote(0)), finished(Some("files/out".into()))),
        (downloading(), Event::Stored),
    ] {
        assert_eq!(unanswered(stage.clone(), event), None, "{stage:?}");
    }
}

#[test]
fn only_rounds_without_a_page_count_against_a_job_in_realtime_mode() {
    let crowded = |progressed| Event::Throttled { by: BlockedReason::Quota, progressed, retry_after_ms: 5_000 };
    let tries = |events: Vec<Event>| match walk(job(Stage::Realtime { tries: 3 }), events).stage {
        Stage::Realtime { tries } => tries,
        stage => panic!("{stage:?}"),
    };
    assert_eq!(tries(vec![crowded(false), crowded(false)]), 5);
    assert_eq!(tries(vec![crowded(false), crowded(true)]), 0);
    assert_eq!(
        tries(vec![Event::Blocked { by: BlockedReason::Google, retry_after_ms: None }]),
        3,
        "Google was not asked"
    );
    assert_eq!(walk(job(Stage::Realtime { tries: 0 }), [crowded(false)]).due_at, UnixMs(6_000));
}

/// They are paid for: what is fetched in vain is fetched again for more than a week.
#[test]
fn results_are_not_given_up_for_an_outage() {
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
fn an_end_tidies_up() {
    let ended =
        step(&job(Stage::Polling(remote(0))), seen(BatchState::Expired), UnixMs(0), &Timing::default()).unwrap();
    assert_eq!(ended.job.status(), JobStatus::Expired);
    assert_eq!(ended.effects, [Effect::DeleteInput { input_file: "files/in".into() }, Effect::ClearSpool]);
}
