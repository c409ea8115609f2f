#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::extract::Recipe;
use crate::model::{JobStatus, Mode, PageSet};

fn job(stage: Stage) -> Job {
    Job {
        id: "j1".into(),
        account_id: "a1".into(),
        upload_hash: "u1".into(),
        content_hash: "c1".into(),
        mode: Mode::Batch,
        title: "A book".into(),
        recipe: Recipe::named("m"),
        total_pages: 3,
        pages: PageSet::all(3),
        pages_submitted: 3,
        submitted_at: UnixMs(0),
        document_id: "d1".into(),
        stage,
        due_at: UnixMs(0),
        claims: 1,
        fence: 1,
        requeued: false,
    }
}

fn walk(job: Job, events: impl IntoIterator<Item = Event>) -> Job {
    let timing = Timing::default();
    events.into_iter().fold(job, |job, event| step(&job, event, UnixMs(1_000), &timing).unwrap().job)
}

fn watched(since: i64) -> Watched {
    Watched {
        attempt: 1,
        input_file: "files/in".into(),
        batch: "batches/b1".into(),
        running: false,
        since: UnixMs(since),
        odd_since: None,
    }
}

#[test]
fn the_whole_journey() {
    let uploaded = Event::Uploaded { input_file: "files/in".into() };
    let at_google = walk(job(Stage::Prepare), [Event::Prepared, uploaded, Event::AttemptRecorded]);
    assert_eq!(at_google.task(), Some(Task::Create));
    assert_eq!(at_google.status(), JobStatus::Preparing);
    let watching = walk(at_google, [Event::Created { batch: "batches/b1".into() }, Event::Seen(Sighting::Running)]);
    assert_eq!(watching.status(), JobStatus::Running);
    let output_file = Some("files/batch-b1".to_owned());
    let done = walk(watching, [Event::Seen(Sighting::Succeeded { output_file }), Event::Stored]);
    assert_eq!((done.status(), done.task()), (JobStatus::Succeeded, None));
}

#[test]
fn a_lost_create_is_looked_for_before_another_is_made() {
    let timing = Timing::default();
    let creating = job(Stage::Creating { attempt: 1, input_file: "files/in".into() });
    let mut seeking = walk(creating, [Event::AnswerLost]);
    for _ in 1..timing.seek_listings {
        seeking = walk(seeking, [Event::NotListed]);
        assert_eq!(seeking.task(), Some(Task::Seek));
        assert_eq!(seeking.due_at, UnixMs(1_000 + timing.seek_ms));
    }
    let again = walk(seeking.clone(), [Event::NotListed]);
    assert_eq!(again.stage, Stage::Submit { attempt: 2, input_file: "files/in".into() });
    let found = walk(seeking, [Event::Created { batch: "batches/b1".into() }]);
    assert_eq!(found.task(), Some(Task::Poll));
}

#[test]
fn a_day_in_line_is_withdrawn_once_and_then_fails() {
    let day = Timing::default().pending_ms_max;
    let stuck = job(Stage::Watch(watched(1_000 - day)));
    let withdrawn = walk(stuck, [Event::Seen(Sighting::Pending)]);
    assert_eq!(withdrawn.task(), Some(Task::Withdraw));
    let requeued = walk(withdrawn.clone(), [Event::Seen(Sighting::Cancelled)]);
    assert!(requeued.requeued && requeued.status() == JobStatus::Preparing);
    let failed = walk(Job { requeued: true, ..withdrawn.clone() }, [Event::Seen(Sighting::Cancelled)]);
    assert_eq!(failed.stage.error().unwrap().code, "never_started");
    let late = walk(withdrawn, [Event::Seen(Sighting::Succeeded { output_file: None })]);
    assert!(matches!(late.stage, Stage::Collect { output_file, .. } if output_file == "files/batch-b1"));
}

#[test]
fn a_failing_poll_is_no_evidence() {
    let watching = job(Stage::Watch(watched(0)));
    let after = walk(watching.clone(), [Event::Hindered { retry_after_ms: Some(600_000) }]);
    assert_eq!(after.stage, watching.stage);
    assert_eq!(after.due_at, UnixMs(1_000 + Timing::default().poll_ms), "the interval is fixed");
}

#[test]
fn an_end_tidies_up() {
    let ended =
        step(&job(Stage::Watch(watched(0))), Event::Seen(Sighting::Expired), UnixMs(0), &Timing::default()).unwrap();
    assert_eq!(ended.job.status(), JobStatus::Expired);
    assert_eq!(ended.effects, [Effect::DeleteInput { input_file: "files/in".into() }, Effect::ClearSpool]);
}

fn any_sighting() -> impl Strategy<Value = Sighting> {
    prop_oneof![
        Just(Sighting::Pending),
        Just(Sighting::Running),
        Just(Sighting::Succeeded { output_file: None }),
        Just(Sighting::Succeeded { output_file: Some("files/out".into()) }),
        Just(Sighting::Failed),
        Just(Sighting::Cancelled),
        Just(Sighting::Expired),
        Just(Sighting::Missing),
        Just(Sighting::Unrecognised),
    ]
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Prepared),
        Just(Event::InputMissing),
        Just(Event::Uploaded { input_file: "files/in".into() }),
        Just(Event::InputGone),
        Just(Event::AttemptRecorded),
        Just(Event::AnswerLost),
        Just(Event::Created { batch: "batches/b1".into() }),
        Just(Event::NotListed),
        Just(Event::NotCreated { retry_after_ms: None }),
        any_sighting().prop_map(Event::Seen),
        Just(Event::Hindered { retry_after_ms: None }),
        Just(Event::NothingUsable),
        Just(Event::Stored),
        Just(Event::Refused(JobFailure::new("x", "x"))),
    ]
}

proptest! {
    /// J3: whatever happens in whatever order, ends absorb, and a create is only ever sent from a recorded attempt
    /// that no earlier create can have used.
    #[test]
    fn no_order_of_events_breaks_a_rule(
        events in prop::collection::vec((any_event(), 0i64..100_000_000), 1..120),
        realtime: bool,
    ) {
        let timing = Timing::default();
        let mut job = job(if realtime { Stage::Read { tries: 0 } } else { Stage::Prepare });
        let (mut now, mut recorded) = (UnixMs(0), Vec::new());
        for (event, pause) in events {
            now = now.plus(pause);
            let before = job.clone();
            let Ok(step) = step(&job, event.clone(), now, &timing) else { continue };
            prop_assert!(before.status().is_active(), "an end took {event:?}");
            job = step.job;
            prop_assert!(job.due_at >= now);
            prop_assert_eq!(job.task().is_none(), !job.status().is_active());
            if event == Event::AttemptRecorded {
                let Stage::Creating { attempt, .. } = job.stage else { panic!("{:?}", job.stage) };
                prop_assert!(!recorded.contains(&attempt), "attempt {attempt} was recorded twice");
                recorded.push(attempt);
            }
            prop_assert_eq!(job.status() == JobStatus::Succeeded, event == Event::Stored);
            if !job.status().is_active() {
                prop_assert!(step.effects.contains(&Effect::ClearSpool));
            }
        }
    }
}
