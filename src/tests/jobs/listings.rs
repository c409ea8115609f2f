//! Many jobs and orphaned resources look for batches at once: the number of calls of Google grows with time, and with nothing else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use coldbrew::accounts::{Account, Accounts, Credential, CredentialKind};
use coldbrew::clock::{Clock, SystemClock};
use coldbrew::jobs::machine::Timing;
use coldbrew::jobs::{Job, Jobs, Listings, OrphanedResource, Reaper, Stage};
use coldbrew::metrics::LoopAges;
use coldbrew::model::UnixMs;
use coldbrew::uploads::Uploads;
use coldbrew_gemini_emulator::{BatchRow, Emulator, EmulatorConfig, RowCounts, serve};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::lost_creates::{SameText, job, upload, worker};
use crate::support::memory::{Memory, OrphanRow, UNLIMITED};

const BATCHES: usize = 1_900;
const JOBS: usize = 300;
const ORPHANS: usize = 300;
/// Looks of each job and resource, and the interval between them.
const LOOKS: u32 = 6;
const INTERVAL: Duration = Duration::from_millis(800);
/// Pages of a listing that reaches back for minutes: the batches of the last hour, 50 on a page, and one page beyond.
const PAGES_MAX: u64 = 3;

/// A batch of the project 0 that succeeded long ago.
fn row(number: usize) -> BatchRow {
    let minutes = i64::try_from(number).unwrap();
    BatchRow {
        id: format!("old{number}"),
        project: Sha256::digest("project-0").iter().take(8).map(|byte| format!("{byte:02x}")).collect(),
        model: "m".into(),
        display_name: Some(format!("other-{number}")),
        input_file: Some(format!("files/other{number}")),
        created: Timestamp::now() - SignedDuration::from_mins(minutes),
        pending_ms: 0,
        running_ms: 0,
        requests: 1,
        tokens: 1,
        written: Some(RowCounts::default()),
        cancelled: None,
        deleted: None,
        faults: Vec::new(),
    }
}

fn reconciling(now: UnixMs) -> Stage {
    let uploaded_at = Some(now.plus(-60_000));
    Stage::Reconciling { attempt: 1, input_file: "files/lost".into(), uploaded_at, key: None, empty_listings: 0 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_many_looks_grow_with_time_only() {
    let data = TempDir::new().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let emulator = Emulator::open(EmulatorConfig {
        data_dir: data.path().join("google"),
        pending: Duration::ZERO,
        running: Duration::ZERO,
        reader: Arc::new(SameText),
        clock: Arc::new(coldbrew_gemini_emulator::SystemClock),
        control: false,
    })
    .await
    .unwrap();
    for number in 0..BATCHES {
        emulator.batches.put(&format!("old{number}"), row(number)).unwrap();
    }
    tokio::spawn(serve(listener, emulator.clone(), std::future::pending()));

    let (memory, now) = (Memory::default(), SystemClock.now());
    let account = Account { id: "account".into(), email: None, quota_tokens: None };
    let credential = Credential { digest: "d", kind: CredentialKind::Token, expires_at: UnixMs(i64::MAX) };
    memory.create_guest(&account.id, credential, now).await.unwrap();
    for number in 0..JOBS {
        memory.insert_upload(&upload(number), &UNLIMITED, now).await.unwrap();
        let job = Job { stage: reconciling(now), ..job(number, now) };
        memory.accept(&job, 1, &account, u64::MAX, &UNLIMITED).await.unwrap();
    }
    for number in JOBS..JOBS + ORPHANS {
        let orphan = OrphanedResource::of(&Job { stage: reconciling(now), ..job(number, now) }).unwrap();
        let row = OrphanRow { orphan, recorded_at: now, due_at: now };
        memory.records().orphans.insert((row.orphan.job_id.clone(), None), row);
    }

    let mut worker = worker(&data, &memory, 0, address).await;
    let timing = Timing {
        reconcile_ms: i64::try_from(INTERVAL.as_millis()).unwrap(),
        reconcile_listings: LOOKS + 1,
        poll_ms: 50,
        ..Timing::default()
    };
    worker.policy.settings.timing = timing;
    worker.policy.settings.polls_max = 256;
    worker.ports.listings = Listings::new(worker.ports.google.clone(), Arc::new(SystemClock), &timing);
    let reaper = Reaper {
        orphans: Arc::new(memory.clone()),
        google: worker.ports.google.clone(),
        listings: worker.ports.listings.clone(),
        loops: LoopAges::default(),
        clock: Arc::new(SystemClock),
        timing,
        lease: Duration::from_secs(20),
    };
    let (begun, stop) = (Instant::now(), CancellationToken::new());
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { tokio::join!(worker.run(stop.clone()), reaper.run(stop)) }
    });
    let has_looked =
        |job: &Job| !matches!(job.stage, Stage::Reconciling { empty_listings, .. } if empty_listings < LOOKS);
    loop {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let records = memory.records();
        let jobs = records.jobs.values().all(|row| has_looked(&row.job));
        if jobs && records.orphans.values().all(|row| row.orphan.quiet_looks >= LOOKS) {
            break;
        }
    }
    let (calls, took) = (emulator.calls()["list_batches"], begun.elapsed());
    stop.cancel();
    running.await.unwrap();
    let listings_max = u64::try_from(took.as_millis() / (INTERVAL.as_millis() / 4)).unwrap() + 1;
    println!("{} looks at {BATCHES} batches in {took:.1?}: {calls} calls", LOOKS as usize * (JOBS + ORPHANS));
    assert!(calls <= listings_max * PAGES_MAX, "{calls} calls in {took:?}");
}
