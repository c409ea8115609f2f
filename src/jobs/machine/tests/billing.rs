//! What happens to the money that is held for requests without an answer.

use super::*;

#[test]
fn held_money_is_freed_only_where_google_bills_nothing() {
    let (now, timing) = (UnixMs(1_000), Timing::default());
    let unanswered = |stage: Stage, event: Event| step(&job(stage), event, now, &timing).unwrap().unanswered;
    let creating = || Stage::Creating { attempt: 1, input_file: "files/in".into(), uploaded_at: None, key: None };
    let reconciling = |empty_listings| Stage::Reconciling {
        attempt: 1,
        input_file: "files/in".into(),
        uploaded_at: None,
        key: None,
        empty_listings,
    };
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
        (creating(), Event::NotSent),
        (creating(), aside()),
        (PREPARE, aside()),
    ] {
        assert_eq!(unanswered(stage.clone(), event), Some(Unanswered::Free), "{stage:?}");
    }
    let started = RemoteBatch { running: true, ..remote(0) };
    for (stage, event) in [
        (reconciling(timing.reconcile_listings - 1), Event::NotListed),
        (Stage::Cancelling(remote(0)), seen(BatchState::Cancelled)),
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
