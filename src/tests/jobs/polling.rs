//! Polls without claims: what a worker writes, and how several workers share the batches.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use coldbrew::accounts::{Account, Accounts, Credential, CredentialKind};
use coldbrew::clock::{Clock, SystemClock};
use coldbrew::extract::Recipe;
use coldbrew::jobs::machine::Timing;
use coldbrew::jobs::{Acceptance, DuePoll, Job, JobIds, Jobs, Poller, PollingJobs, RemoteBatch, Stage, Worker};
use coldbrew::model::{BlockedReason, JobStatus, Mode, PageSet, UnixMs};
use coldbrew::uploads::Uploads;
use coldbrew_gemini::ErrorKind;
use tokio_util::sync::CancellationToken;

use super::slow_dependencies::{Outside, upload, worker};
use crate::support::memory::{Memory, UNLIMITED};

const HOUR_MS: i64 = 3_600_000;
const PENDING: Result<&str, ErrorKind> = Ok("BATCH_STATE_PENDING");
const RUNNING: Result<&str, ErrorKind> = Ok("BATCH_STATE_RUNNING");
const UNAVAILABLE: Result<&str, ErrorKind> = Err(ErrorKind::Retry { after: None });

/// A store with so many jobs, whose batches were created `ago_ms` ago and have not been polled.
async fn waiting(jobs: usize, ago_ms: i64) -> Memory {
    let (memory, created_at) = (Memory::default(), SystemClock.now().plus(-ago_ms));
    let account = Account { id: "a".into(), email: None, quota_tokens: None };
    let credential = Credential { digest: "d", kind: CredentialKind::Token, expires_at: UnixMs(i64::MAX) };
    memory.create_guest(&account.id, credential, created_at).await.unwrap();
    memory.insert_upload(&upload(), &UNLIMITED, created_at).await.unwrap();
    for number in 0..jobs {
        let remote = RemoteBatch {
            attempt: 1,
            input_file: "files/in".into(),
            batch: format!("batches/b{number}"),
            key: None,
            running: false,
            cancel_failed: false,
            since: created_at,
            odd_since: None,
            denied_since: None,
            denials: 0,
        };
        let ids = JobIds {
            id: format!("job{number:03}"),
            account_id: account.id.clone(),
            upload_hash: "upload".into(),
            content_hash: format!("content{number}"),
            document_id: format!("document{number}"),
        };
        let job = Job::new(ids, Mode::Batch, Recipe::named("model/1"), PageSet::all(1), created_at);
        let job = Job { stage: Stage::Polling(remote), ..job };
        assert_eq!(memory.accept(&job, 1, &account, u64::MAX, &UNLIMITED).await.unwrap(), Acceptance::Accepted);
    }
    memory
}

/// A worker of that name, whose Google gives these answers to polls.
fn named(name: &str, memory: &Memory, states: &[Result<&'static str, ErrorKind>]) -> Worker {
    let mut worker = worker(memory.clone(), Outside::reporting(states));
    worker.name = name.into();
    worker.policy.settings.lease = Duration::from_secs(3);
    worker.policy.settings.timing = Timing { poll_ms: 20, ..Timing::default() };
    worker
}

/// Waits for the next poll.
async fn next(poller: &Poller) -> DuePoll {
    poller.refresh().await.unwrap();
    loop {
        match poller.take_due() {
            Some(due) => return due,
            None => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
}

async fn poll(poller: &Poller, times: usize) {
    for _ in 0..times {
        poller.poll(next(poller).await, CancellationToken::new()).await;
    }
}

/// The first job as it is stored.
fn stored(memory: &Memory) -> Job {
    memory.records().jobs["job000"].job.clone()
}

#[tokio::test]
async fn poll_without_news_stores_nothing() {
    let memory = waiting(1, 0).await;
    let before = stored(&memory);
    poll(&Poller::new(named("w", &memory, &[PENDING; 5])), 5).await;
    assert_eq!(stored(&memory), before, "neither a claim nor a step");
}

#[tokio::test]
async fn poll_with_news_is_stored_with_the_number_of_polls_before_it() {
    let memory = waiting(1, 0).await;
    poll(&Poller::new(named("w", &memory, &[PENDING, PENDING, RUNNING, RUNNING])), 4).await;
    let after = stored(&memory);
    assert_eq!((after.status(), after.polls, after.fence, after.claims), (JobStatus::Running, 3, 1, 0));
}

#[tokio::test]
async fn poll_that_fails_once_stores_nothing_and_the_second_time_the_reason() {
    let memory = waiting(1, 0).await;
    let before = stored(&memory);
    let poller =
        Poller::new(named("w", &memory, &[UNAVAILABLE, PENDING, UNAVAILABLE, UNAVAILABLE, UNAVAILABLE, PENDING]));
    poll(&poller, 3).await;
    assert_eq!(stored(&memory), before);
    poll(&poller, 2).await;
    let blocked = stored(&memory);
    assert_eq!((blocked.blocked_by, blocked.fence), (Some(BlockedReason::Google), 1), "stored once");
    poll(&poller, 1).await;
    assert_eq!((stored(&memory).blocked_by, stored(&memory).fence), (None, 2));
}

#[tokio::test]
async fn batch_pending_too_long_is_cancelled_though_no_poll_was_stored() {
    let memory = waiting(1, 0).await;
    let mut worker = named("w", &memory, &[PENDING; 20]);
    worker.policy.settings.timing.pending_ms_max = 200;
    let poller = Poller::new(worker);
    while stored(&memory).fence == 0 {
        poll(&poller, 1).await;
    }
    assert!(matches!(stored(&memory).stage, Stage::Cancelling(_)), "{:?}", stored(&memory).stage);
}

/// The jobs that a worker polls within an interval.
async fn part(poller: &Poller) -> BTreeSet<String> {
    let mut part = BTreeSet::new();
    poller.refresh().await.unwrap();
    tokio::time::sleep(Duration::from_millis(40)).await;
    while let Some(due) = poller.take_due() {
        part.insert(due.job_id().to_owned());
    }
    part
}

#[tokio::test]
async fn batches_of_a_dead_worker_are_polled_by_another_after_its_lease() {
    const JOBS: usize = 60;
    let memory = waiting(JOBS, 0).await;
    let [first, second] = ["first", "second"].map(|name| Poller::new(named(name, &memory, &[])));
    first.refresh().await.unwrap();
    second.refresh().await.unwrap();
    let (of_first, of_second) = (part(&first).await, part(&second).await);
    assert!(of_first.len() > JOBS / 5 && of_second.len() > JOBS / 5, "{of_first:?} {of_second:?}");
    assert_eq!(of_first.len() + of_second.len(), JOBS, "each batch is polled by one worker");
    assert!(of_first.is_disjoint(&of_second));
    // The first worker renews nothing any more.
    let died = SystemClock.now();
    let mut taken_over = BTreeSet::new();
    while !of_first.is_subset(&taken_over) {
        taken_over.extend(part(&second).await);
        assert!(SystemClock.now().0 - died.0 < 20_000, "not taken over: {taken_over:?}");
    }
}

#[tokio::test]
async fn time_without_any_worker_is_no_evidence_and_is_stored_once() {
    let memory = waiting(1, 12 * HOUR_MS).await;
    memory.records().jobs.get_mut("job000").unwrap().job.due_at = SystemClock.now().plus(-12 * HOUR_MS);
    let before = stored(&memory);
    // The last worker polled ten hours ago.
    memory.records().time = Some(SystemClock.now().plus(-10 * HOUR_MS));
    for _ in 0..2 {
        memory.attend("before", Some(0), 1_000).await.unwrap();
    }
    memory.records().time = None;
    poll(&Poller::new(named("w", &memory, &[PENDING; 3])), 3).await;
    let after = stored(&memory);
    let since = |job: &Job| if let Stage::Polling(remote) = &job.stage { remote.since.0 } else { 0 };
    let added_h = (since(&after) - since(&before) + HOUR_MS / 2) / HOUR_MS;
    assert_eq!((added_h, after.fence), (10, 1));
}

#[tokio::test]
async fn worker_that_takes_over_at_once_adds_no_time() {
    let memory = waiting(1, 12 * HOUR_MS).await;
    let before = stored(&memory);
    for _ in 0..2 {
        memory.attend("before", Some(0), 1_000).await.unwrap();
    }
    memory.leave("before").await.unwrap();
    poll(&Poller::new(named("w", &memory, &[PENDING; 2])), 2).await;
    assert_eq!(stored(&memory), before);
}

/// A job that a worker of an older version polls by claims is loaded anew.
#[tokio::test]
async fn job_that_another_worker_has_changed_is_polled_as_it_is_stored() {
    let memory = waiting(1, 0).await;
    let poller = Poller::new(named("w", &memory, &[RUNNING; 2]));
    let due = next(&poller).await;
    let before = stored(&memory);
    let claimed = memory.claim_waiting("other", &before.id, before.fence, 1_000).await.unwrap().unwrap();
    let Stage::Polling(remote) = claimed.stage.clone() else { unreachable!() };
    let running = Job { stage: Stage::Polling(RemoteBatch { running: true, ..remote }), polls: 9, ..claimed };
    assert!(
        memory
            .advance(&Job { due_at: SystemClock.now().plus(50), ..running }, 50, None, SystemClock.now())
            .await
            .unwrap()
    );
    let before = stored(&memory);
    poller.poll(due, CancellationToken::new()).await;
    assert_eq!(stored(&memory), before, "the news is that of another worker");
    poll(&poller, 1).await;
    assert_eq!(stored(&memory), before);
}

#[tokio::test]
async fn running_worker_polls_until_it_is_stopped_and_then_leaves() {
    let memory = waiting(20, 0).await;
    let poller = Arc::new(Poller::new(named("w", &memory, &[RUNNING; 1_000])));
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (poller, stop) = (poller.clone(), stop.clone());
        async move { poller.run(&stop).await }
    });
    let is_running = || memory.records().jobs.values().all(|row| row.job.status() == JobStatus::Running);
    while !is_running() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.cancel();
    running.await.unwrap();
    assert_eq!(memory.roster(60_000).await.unwrap().workers, Vec::<String>::new());
}
