//! Keeps `docs/JOB_STATES.md` equal to the state machine.

use std::collections::BTreeSet;

use super::*;

const DOCUMENT: &str = include_str!("../../../../docs/JOB_STATES.md");

/// The name of a variant, as `Debug` writes it.
fn name(variant: impl std::fmt::Debug) -> String {
    format!("{variant:?}").chars().take_while(char::is_ascii_alphanumeric).collect()
}

fn events() -> Vec<Event> {
    use BatchState::{Cancelled, Expired, Failed, Pending, Running, Succeeded};
    let (by, retry_after_ms, input_file, batch) = (BlockedReason::Google, None, "files/in".into(), "batches/b1".into());
    let mut events = [Pending, Running, Succeeded, Failed, Cancelled, Expired, unrecognised()].map(seen).to_vec();
    events.extend([
        Event::Prepared,
        Event::InputMissing,
        Event::InputGone,
        Event::AnswerLost,
        Event::NotSent,
        Event::NotListed,
    ]);
    events.extend([
        finished(Some("files/out".into())),
        Event::Denied,
        Event::NothingUsable,
        Event::Stored,
        Event::PagesLeft,
        recorded(),
    ]);
    events.extend([
        Event::Uploaded { input_file, uploaded_at: None },
        Event::Created { batch },
        Event::Refused(JobError::new("x", "x")),
    ]);
    events.extend([Event::NotCreated { by, retry_after_ms }, Event::Blocked { by, retry_after_ms }, over_budget()]);
    events.extend([Event::Throttled { by, progressed: false, retry_after_ms: 0 }]);
    events
}

/// Every transition within 14 events, as `[from, to, event]`: within all limits, after the last listing, and beyond all limits.
fn transitions() -> BTreeSet<[String; 3]> {
    let listed = Timing { reconcile_listings: 1, ..Timing::default() };
    let late =
        Timing { pending_ms_max: 0, running_ms_max: 0, odd_ms_max: 0, batch_ms_max: 0, unsent_ms_max: 0, ..listed };
    let late = Timing { fetches_max: 0, creates_max: 1, ..late };
    let (mut found, mut known) = (BTreeSet::new(), BTreeSet::new());
    let mut stages = vec![PREPARE, Stage::Realtime { tries: 0 }];
    for _ in 0..14 {
        let mut reached = Vec::new();
        for (stage, event) in stages.iter().flat_map(|stage| events().into_iter().map(move |event| (stage, event))) {
            for timing in [Timing::default(), listed, late] {
                let job = job(stage.clone());
                let Ok(step) = step(&job, event.clone(), UnixMs(0), &timing) else { continue };
                found.insert([name(stage), name(&step.job.stage), name(&event)]);
                reached.extend(known.insert(format!("{:?}", step.job.stage)).then_some(step.job.stage));
            }
        }
        stages = reached;
    }
    found
}

#[test]
fn job_states_document_describes_every_transition() {
    let found = transitions();
    let active: BTreeSet<&str> = found.iter().map(|[from, ..]| &**from).collect();
    let anywhere = active.iter().flat_map(|from| ["NothingUsable", "Refused"].map(|event| [from, "Failed", event]));
    let lines = DOCUMENT.lines().filter(|line| !line.contains("[*]"));
    let arrows = lines.filter_map(|line| line.trim().split_once(" --> ")?.1.split_once(": ").map(|to| (line, to)));
    let drawn = arrows.flat_map(|(line, (to, events))| {
        events.split(", ").map(move |event| [line.split_whitespace().next().unwrap(), to, event])
    });
    assert_eq!(drawn.chain(anywhere).map(|arrow| arrow.map(str::to_owned)).collect::<BTreeSet<_>>(), found);
    let rows = DOCUMENT.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0));
    assert_eq!(rows.collect::<BTreeSet<_>>(), found.iter().flatten().map(|name| &**name).collect());
}
