//! Events in any order: every rule holds, and every job ends.

use proptest::prelude::*;

use super::*;

fn any_poll() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(seen(BatchState::Pending)),
        Just(seen(BatchState::Running)),
        Just(finished(None)),
        Just(finished(Some("files/out".into()))),
        Just(seen(BatchState::Failed)),
        Just(seen(BatchState::Cancelled)),
        Just(seen(BatchState::Expired)),
        Just(Event::Denied),
        Just(seen(unrecognised())),
    ]
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => Just(prepared()),
        1 => Just(Event::InputMissing),
        6 => Just(Event::Uploaded { input_file: "files/in".into(), uploaded_at: None }),
        2 => Just(Event::InputGone),
        6 => Just(recorded()),
        3 => Just(Event::AnswerLost),
        1 => Just(Event::NotSent),
        3 => Just(Event::Created { batch: "batches/b1".into() }),
        8 => Just(Event::NotListed),
        3 => Just(Event::NotCreated { by: BlockedReason::Google, retry_after_ms: None }),
        12 => any_poll(),
        4 => Just(Event::Blocked { by: BlockedReason::Google, retry_after_ms: None }),
        2 => Just(over_budget()),
        2 => Just(Event::Blocked { by: BlockedReason::QueueFull, retry_after_ms: None }),
        2 => any::<bool>().prop_map(|progressed| Event::Throttled { by: BlockedReason::Quota, progressed, retry_after_ms: 1_000 }),
        1 => prop_oneof![
            Just(Event::NothingUsable),
            Just(Event::Stored),
            Just(Event::PagesLeft),
            Just(Event::PartStored),
            Just(Event::Refused(JobError::new("x", "x"))),
        ],
    ]
}

/// What is known of the newest create of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Create {
    /// None was sent, or it made no batch, or its batch has ended.
    Harmless,
    /// It may have made a batch, which was missing in so many listings in a row.
    Unknown { empty_listings: u32 },
    /// Its batch may be live.
    Made,
}

impl Create {
    fn after(self, event: &Event, is_denial_evidence: bool) -> Self {
        match (self, event) {
            (_, Event::AttemptRecorded { .. }) => Self::Unknown { empty_listings: 0 },
            (_, Event::Created { .. }) => Self::Made,
            (_, Event::NotCreated { .. } | Event::InputGone | Event::NotSent | Event::PartStored) => Self::Harmless,
            (Self::Unknown { empty_listings }, Event::NotListed) => {
                Self::Unknown { empty_listings: empty_listings + 1 }
            }
            (_, Event::Seen { state: BatchState::Failed | BatchState::Cancelled | BatchState::Expired, .. }) => {
                Self::Harmless
            }
            (_, Event::Denied) if is_denial_evidence => Self::Harmless,
            (known, _) => known,
        }
    }

    fn allows_another(self, timing: &Timing) -> bool {
        match self {
            Self::Harmless => true,
            Self::Unknown { empty_listings } => empty_listings >= timing.reconcile_listings,
            Self::Made => false,
        }
    }
}

fn is_denial_evidence(job: &Job, now: UnixMs, timing: &Timing) -> bool {
    match &job.stage {
        Stage::Polling(remote) | Stage::Cancelling(remote) => {
            remote.denials >= 7 && remote.denied_since.is_some_and(|since| now.0 - since.0 >= timing.odd_ms_max)
        }
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Invariants J3 and J5. End states accept no event. Attempts are recorded in order, each once, and none while the batch of an earlier
    /// create may be live. No input file and no batch stays at Google unrecorded.
    #[test]
    fn any_order_of_events_keeps_every_rule(
        events in prop::collection::vec((any_event(), prop_oneof![0..HOUR_MS, 0..12 * HOUR_MS]), 1..300),
        realtime: bool,
    ) {
        let timing = Timing { reconcile_listings: 3, ..Timing::default() };
        let mut job = job(if realtime { Stage::Realtime { tries: 0 } } else { PREPARE });
        let (mut now, mut recorded, mut create) = (UnixMs(0), 0, Create::Harmless);
        let mut at_google = None;
        for (event, pause) in events {
            now = now.plus(pause);
            let before = job.clone();
            let blocked_reason = blocked_reason(&before, &event);
            let Ok(step) = step(&job, event.clone(), now, &timing) else { continue };
            prop_assert!(before.status().is_active(), "an end state accepted {event:?}");
            job = step.job;
            prop_assert!(job.due_at >= now);
            prop_assert_eq!(job.task().is_none(), !job.status().is_active());
            if let Event::AttemptRecorded { .. } = event {
                let Stage::Creating { attempt, .. } = job.stage else { panic!("{:?}", job.stage) };
                prop_assert!(attempt > recorded, "attempt {attempt} was recorded after {recorded}");
                prop_assert!(create.allows_another(&timing), "attempt {attempt} while {create:?}");
                recorded = attempt;
            }
            if let Event::Uploaded { input_file, .. } = &event {
                prop_assert_eq!(at_google.replace(input_file.clone()), None, "an earlier input file stayed at Google");
            }
            at_google = at_google.filter(|file| !step.effects.contains(&Effect::DeleteInput { input_file: file.clone() }));
            let is_known = |job: &Job| matches!(job.stage, Stage::Reconciling { .. } | Stage::Polling(_) | Stage::Cancelling(_));
            if is_known(&before) && !is_known(&job) && !is_batch_end(&event) {
                prop_assert!(step.left.is_some(), "{event:?} leaves a batch that is not recorded");
            }
            create = create.after(&event, is_denial_evidence(&before, now, &timing));
            prop_assert_eq!(job.status() == JobStatus::Succeeded, event == Event::Stored);
            prop_assert!(job.requeued || !before.requeued);
            prop_assert_eq!(job.blocked_by, blocked_reason.filter(|_| job.status().is_active()));
            if !job.status().is_active() || matches!(job.stage, Stage::Downloading { .. }) {
                prop_assert_eq!(&at_google, &None);
            }
            if !job.status().is_active() {
                prop_assert!(step.effects.contains(&Effect::ClearSpool));
            }
        }
    }

    /// Invariant J2: from any stage, a job ends while the clock runs and the same event happens again and again.
    #[test]
    fn job_with_the_same_event_repeated_ends(event in any_event(), lead in prop::collection::vec(any_event(), 0..40)) {
        let timing = Timing::default();
        let mut job = job(PREPARE);
        for event in lead {
            job = step(&job, event, job.due_at, &timing).map_or(job, |step| step.job);
        }
        let mut steps = 0;
        while let Some(task) = job.task() {
            let now = job.due_at;
            let fallback = match task {
                Task::Prepare => prepared(),
                Task::Upload => Event::Uploaded { input_file: "files/in".into(), uploaded_at: None },
                Task::RecordAttempt => recorded(),
                Task::Create => Event::NotCreated { by: BlockedReason::Google, retry_after_ms: None },
                Task::Reconcile => Event::NotListed,
                Task::Poll | Task::Cancel => Event::Blocked { by: BlockedReason::Google, retry_after_ms: None },
                Task::Download | Task::Realtime | Task::Flex => Event::Stored,
            };
            // Some events cannot repeat for ever: Google ends a running batch, a disk keeps what is written, a worker does not stop before
            // every create, each day has a new budget, and a document has so many parts. A worker ends the calls after `flex_ms_max`.
            let can_repeat = task != Task::Flex
                && event != over_budget()
                && !matches!(
                    event,
                    Event::Seen { state: BatchState::Running, .. } | Event::InputMissing | Event::NotSent | Event::PartStored
                );
            let next = step(&job, event.clone(), now, &timing).ok().filter(|_| can_repeat);
            job = next.map_or_else(|| step(&job, fallback, now, &timing).unwrap().job, |step| step.job);
            steps += 1;
            prop_assert!(steps < 60_000, "still at {:?} at {now:?}", job.stage);
        }
    }
}
