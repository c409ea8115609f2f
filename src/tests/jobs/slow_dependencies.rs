//! Workers whose Google or database is slow: a job that makes progress reaches its end.

use std::collections::{HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use coldbrew::accounts::spending::Budget;
use coldbrew::accounts::{Account, Accounts, Credential, CredentialKind};
use coldbrew::changes::Changes;
use coldbrew::clock::{Clock, RandomIds, SystemClock};
use coldbrew::documents::Documents;
use coldbrew::documents::JobViews;
use coldbrew::error::Result;
use coldbrew::extract::{Recipe, engine_time_used_up};
use coldbrew::jobs::Spending;
use coldbrew::jobs::machine::{Lane, Timing};
use coldbrew::jobs::{Acceptance, Jobs, PageAttempts};
use coldbrew::jobs::{
    Google, InputLines, Job, JobIds, Listings, PageSource, Poller, PollingJobs, ReadyPage, ReadyPages, RemoteBatch,
    Results, Spool, Stage, Worker, WorkerPolicy, WorkerPorts, WorkerSettings,
};
use coldbrew::metrics::LoopAges;
use coldbrew::model::wire::{JobError, Metadata};
use coldbrew::model::{BlockedReason, JobStatus, Mode, PageSet, Pricing, UnixMs};
use coldbrew::store::sql::SqlStore;
use coldbrew::uploads::{Figures, Upload, Uploads};
use coldbrew_gemini::jsonl::{Outcome, ResultLine};
use coldbrew_gemini::models::{Model, Models};
use coldbrew_gemini::{Answer, Batch, Error, ErrorKind, File, Request, ServiceTier};
use futures::{StreamExt, stream};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::support::memory::{Memory, UNLIMITED};

const PAGES: u32 = 40;
const LEASE: Duration = Duration::from_millis(400);

fn answer() -> Answer {
    Answer { text: "Text.".into(), finish_reason: Some("STOP".into()), ..Answer::default() }
}

/// A Google, a disk and a page engine with only what these tests use.
#[derive(Default)]
pub(super) struct Outside {
    /// Counts realtime requests.
    requests: AtomicUsize,
    /// Every so many requests, one is answered; 0: none is.
    answered: usize,
    /// The answers to polls. After them, there is no such batch.
    states: Mutex<VecDeque<Result<&'static str, ErrorKind>>>,
    /// How long it takes to read a line of the results.
    line: Duration,
    /// How often the account has no engine time, before it has some.
    engine_refusals: AtomicUsize,
    /// Cancelled when a create is admitted.
    stop_at_admission: CancellationToken,
}

impl Outside {
    /// Google gives these answers to polls.
    pub(super) fn reporting(states: &[Result<&'static str, ErrorKind>]) -> Self {
        Self { states: Mutex::new(states.iter().copied().collect()), ..Self::default() }
    }
}

#[async_trait]
impl Google for Outside {
    fn fingerprint(&self) -> String {
        self.stop_at_admission.cancel();
        "this key".to_owned()
    }

    async fn answer(&self, _model: &str, _request: &Request, _tier: ServiceTier) -> Result<Answer, Error> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        if self.answered > 0 && number.is_multiple_of(self.answered) {
            return Ok(answer());
        }
        Err(Error::new(ErrorKind::Retry { after: Some(Duration::from_millis(1)) }, "there is no room"))
    }

    async fn download(&self, _file: &str, _path: &Path) -> Result<(), Error> {
        Ok(())
    }

    async fn delete(&self, _file: &str) -> Result<(), Error> {
        Ok(())
    }

    async fn upload(&self, _input: &Path, _display_name: &str) -> Result<File, Error> {
        unreachable!()
    }

    async fn create(&self, _model: &str, _display_name: &str, _input_file: &str) -> Result<String, Error> {
        unreachable!()
    }

    async fn list(&self, _since: Option<UnixMs>) -> Result<Vec<Batch>, Error> {
        Ok(Vec::new())
    }

    async fn delete_batch(&self, _batch: &str) -> Result<(), Error> {
        Ok(())
    }

    async fn get_batch(&self, _batch: &str) -> Result<Batch, Error> {
        match self.states.lock().unwrap().pop_front() {
            Some(Ok(state)) => Ok(Batch::from_json(json!({"name": "batches/b", "metadata": {"state": state}}))),
            Some(Err(kind)) => Err(Error::new(kind, "it is not reported")),
            None => Err(Error::new(ErrorKind::NotFound, "there is no such batch")),
        }
    }

    async fn cancel(&self, _batch: &str) -> Result<(), Error> {
        Ok(())
    }

    async fn find_files(&self, _beginning: &str) -> Result<Vec<File>, Error> {
        unreachable!()
    }
}

#[async_trait]
impl Spool for Outside {
    async fn read_results(&self, _job: &Job) -> Result<Results> {
        let pause = self.line;
        let lines = stream::iter(0..PAGES).then(move |page| async move {
            tokio::time::sleep(pause).await;
            let (number, key) = (u64::from(page) + 1, Some(format!("page_{page}")));
            Ok(ResultLine { number, key, outcome: Outcome::Response(Box::new(answer())) })
        });
        Ok(Results { lines: lines.boxed(), breaks_off: false })
    }

    fn results(&self, _job: &Job) -> PathBuf {
        PathBuf::new()
    }

    async fn clear(&self, _job_ids: &HashSet<String>) -> Result<()> {
        Ok(())
    }

    async fn write_input(&self, _job: &Job, _model: &Model, _lines: InputLines<'_>) -> Result<usize> {
        unreachable!()
    }

    async fn has_input(&self, _job: &Job) -> Result<bool> {
        unreachable!()
    }

    fn input(&self, _job: &Job) -> PathBuf {
        unreachable!()
    }

    async fn job_ids(&self) -> Result<HashSet<String>> {
        unreachable!()
    }
}

#[async_trait]
impl PageSource for Outside {
    async fn pages<'a>(
        &'a self,
        _job: &'a Job,
        indices: Vec<u32>,
        _time: &'a Mutex<Duration>,
    ) -> Result<Result<ReadyPages<'a>, JobError>> {
        let left = self.engine_refusals.load(Ordering::Relaxed);
        if left > 0 {
            self.engine_refusals.store(left - 1, Ordering::Relaxed);
            return Err(engine_time_used_up(Duration::ZERO));
        }
        let page = |index| {
            Ok((
                index,
                Ok(ReadyPage { pdf: Bytes::from_static(b"%PDF"), figures: Some(Vec::new()), ..ReadyPage::default() }),
            ))
        };
        Ok(Ok(stream::iter(indices.into_iter().map(page)).boxed()))
    }

    async fn halves(&self, _job: &Job, _index: u32) -> Result<Option<[Bytes; 2]>> {
        Ok(Some([Bytes::from_static(b"RIFF"), Bytes::from_static(b"RIFF")]))
    }
}

pub(super) fn worker(
    store: impl Jobs + PollingJobs + Uploads + PageAttempts + Spending + Figures + Clone + 'static,
    outside: Outside,
) -> Worker {
    let outside = Arc::new(outside);
    Worker {
        name: "worker".into(),
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
        ports: WorkerPorts {
            jobs: Arc::new(store.clone()),
            polling: Arc::new(store.clone()),
            uploads: Arc::new(store.clone()),
            attempts: Arc::new(store.clone()),
            spending: Arc::new(store.clone()),
            figures: Arc::new(store),
            pages: outside.clone(),
            listings: Listings::new(outside.clone(), Arc::new(SystemClock), &Timing::default()),
            google: outside.clone(),
            spool: outside,
            changes: Changes::default(),
            bell: Arc::new(Notify::new()),
            isolation: None,
            loops: LoopAges::default(),
        },
        policy: WorkerPolicy {
            fallback_model: None,
            models: Models::default(),
            pricing: Pricing::default(),
            budget: Budget::UNLIMITED,
            settings: WorkerSettings {
                timing: Timing { poll_ms: 20, ..Timing::default() },
                lease: LEASE,
                jobs_max: 1,
                polls_max: 1,
                realtime_requests_max: 1,
                stop_timeout: Duration::from_secs(20),
            },
        },
    }
}

/// The upload of all jobs.
pub(super) fn upload() -> Upload {
    Upload {
        hash: "upload".into(),
        account_id: "a".into(),
        content_hash: "content".into(),
        metadata: Metadata {
            content_type: "application/pdf".into(),
            total_pages: PAGES,
            title: "Book".into(),
            file_name: None,
            file_size: 1,
            url: None,
        },
        kept_bytes: 1,
        page_tokens: vec![1; PAGES as usize],
    }
}

/// Records a job of [`PAGES`] pages at that stage.
async fn submit(store: &(impl Accounts + Uploads + Jobs), mode: Mode, stage: Stage) -> Account {
    let (account, now) = (Account { id: "a".into(), email: None, quota_tokens: None }, SystemClock.now());
    let credential = Credential { digest: "d", kind: CredentialKind::Token, expires_at: UnixMs(i64::MAX) };
    store.create_guest(&account.id, credential, now).await.unwrap();
    let upload = upload();
    store.insert_upload(&upload, &UNLIMITED, now).await.unwrap();
    let job = Job {
        title: "Book".into(),
        stage,
        ..Job::new(
            JobIds {
                id: "job".into(),
                account_id: account.id.clone(),
                upload_hash: upload.hash,
                content_hash: upload.content_hash,
                document_id: "document".into(),
            },
            mode,
            Recipe::named("model/1"),
            PageSet::all(PAGES),
            now,
        )
    };
    assert_eq!(store.accept(&job, 1, &account, u64::MAX, &UNLIMITED).await.unwrap(), Acceptance::Accepted);
    account
}

/// Claims and holds the job whenever it is due, until it has ended. Returns the number of claims.
async fn work_off(worker: &Worker) -> usize {
    let mut claims = 0;
    while !worker.ports.jobs.active_ids().await.unwrap().is_empty() {
        for job in worker.claim(Lane::Local, 1).await.unwrap() {
            claims += 1;
            worker.hold(job, CancellationToken::new()).await;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    claims
}

#[tokio::test]
async fn pages_answered_one_in_each_round_are_all_read() {
    let memory = Memory::default();
    let account = submit(&memory, Mode::Realtime, Stage::Realtime { tries: 0 }).await;
    let worker = worker(memory.clone(), Outside { answered: 2, ..Outside::default() });
    assert!(work_off(&worker).await > 8, "more rounds than may fail in a row");
    let document = memory.document(&account.id, "document").await.unwrap().unwrap();
    assert_eq!((document.pages, document.failed_pages), (PAGES, 0));
}

#[tokio::test]
async fn pages_that_finish_while_others_are_recorded_are_recorded_together() {
    let memory = Memory::default();
    let account = submit(&memory, Mode::Realtime, Stage::Realtime { tries: 0 }).await;
    memory.records().recording = Duration::from_millis(20);
    let mut worker = worker(memory.clone(), Outside { answered: 1, ..Outside::default() });
    worker.policy.settings.realtime_requests_max = 8;
    assert_eq!(work_off(&worker).await, 1);
    let (groups, charges, settled) = {
        let records = memory.records();
        (records.groups.clone(), records.ledger.len(), records.spending.len())
    };
    assert_eq!(groups.iter().sum::<usize>(), 40, "{groups:?}");
    assert!(groups.len() <= 20 && groups.iter().all(|pages| *pages <= 8), "{groups:?}");
    assert_eq!((charges, settled), (40, 40));
    let document = memory.document(&account.id, "document").await.unwrap().unwrap();
    assert_eq!((document.pages, document.failed_pages), (PAGES, 0));
}

#[tokio::test]
async fn job_of_an_account_without_engine_time_waits_and_is_not_lost() {
    for (mode, stage) in [(Mode::Realtime, Stage::Realtime { tries: 0 }), (Mode::Batch, Stage::Prepare { attempt: 1 })]
    {
        let memory = Memory::default();
        submit(&memory, mode, stage.clone()).await;
        let outside = Outside { answered: 1, engine_refusals: AtomicUsize::new(1), ..Outside::default() };
        let worker = worker(memory.clone(), outside);
        let job = worker.claim(Lane::Local, 1).await.unwrap().pop().unwrap();
        let begun = SystemClock.now();
        worker.hold(job, CancellationToken::new()).await;
        let waiting = memory.records().jobs["job"].job.clone();
        assert_eq!((&waiting.stage, waiting.blocked_by), (&stage, Some(BlockedReason::EngineTime)));
        assert!(waiting.due_at >= begun.plus(1_000), "the job waits without a worker");
        if mode == Mode::Realtime {
            assert_eq!(work_off(&worker).await, 1);
            assert_eq!(memory.records().jobs["job"].job.stage, Stage::Succeeded);
        }
    }
}

#[tokio::test]
async fn realtime_job_without_any_capacity_fails_with_no_capacity() {
    let memory = Memory::default();
    let account = submit(&memory, Mode::Realtime, Stage::Realtime { tries: 0 }).await;
    let worker = worker(memory.clone(), Outside::default());
    assert_eq!(work_off(&worker).await, 9);
    let job = memory.job(&account.id, "job").await.unwrap().unwrap();
    let error = job.error.unwrap();
    assert_eq!((job.status, error.code.as_str()), (JobStatus::Failed, "no_capacity"));
    assert_eq!(error.message, "Gemini had no capacity for the rest of this document after several attempts.");
}

/// The double of Google refuses every create by a panic.
#[tokio::test]
async fn create_not_sent_before_a_stop_is_sent_by_the_next_worker() {
    let (memory, stop) = (Memory::default(), CancellationToken::new());
    submit(&memory, Mode::Batch, Stage::Submit { attempt: 1, input_file: "files/in".into(), uploaded_at: None }).await;
    let worker = worker(memory.clone(), Outside { stop_at_admission: stop.clone(), ..Outside::default() });
    let job = worker.claim(Lane::Local, 1).await.unwrap().pop().unwrap();
    worker.hold(job, stop).await;
    let records = memory.records();
    let row = &records.jobs["job"];
    assert_eq!(row.job.stage, Stage::Submit { attempt: 2, input_file: "files/in".into(), uploaded_at: None });
    assert_eq!((row.lease_until, row.job.claims), (UnixMs(0), 0), "the claim was handed back");
    assert!(records.commitments.is_empty(), "nothing is held for the create");
}

/// Makes the next poll.
async fn poll_once(poller: &Poller) {
    poller.refresh().await.unwrap();
    loop {
        match poller.take_due() {
            Some(due) => return poller.poll(due, CancellationToken::new()).await,
            None => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
}

/// A key of another project does not see the batch (docs/GEMINI.md). That is no evidence that the batch is lost.
#[tokio::test]
async fn batch_that_another_key_does_not_see_is_not_given_up() {
    for (key, is_evidence) in [(None, true), (Some("this key"), true), (Some("another key"), false)] {
        let (key, input_file) = (key.map(str::to_owned), "files/in".to_owned());
        let reconciling = Stage::Reconciling {
            attempt: 1,
            input_file: input_file.clone(),
            uploaded_at: None,
            key: key.clone(),
            empty_listings: 0,
        };
        let remote = RemoteBatch {
            attempt: 1,
            input_file,
            batch: "batches/b".into(),
            key,
            running: false,
            cancel_failed: false,
            since: SystemClock.now(),
            odd_since: None,
            denied_since: None,
            denials: 0,
        };
        for stage in [reconciling, Stage::Polling(remote)] {
            let memory = Memory::default();
            submit(&memory, Mode::Batch, stage.clone()).await;
            let worker = worker(memory.clone(), Outside::default());
            match worker.claim(Lane::Remote, 1).await.unwrap().pop() {
                Some(job) => worker.hold(job, CancellationToken::new()).await,
                None => poll_once(&Poller::new(worker)).await,
            }
            let after = memory.records().jobs["job"].job.stage.clone();
            assert_eq!(after != stage, is_evidence, "{after:?}");
        }
    }
}

/// SQLite has one writer at a time, so the lease cannot be renewed meanwhile.
#[tokio::test]
async fn results_that_outlast_their_lease_are_stored_at_the_first_attempt() {
    let folder = TempDir::new().unwrap();
    let store = SqlStore::open(&SqlStore::embedded_url(&folder.path().join("records.db"))).await.unwrap();
    let (input_file, output_file) = ("files/in".to_owned(), "files/out".to_owned());
    let downloading = Stage::Downloading { attempt: 1, batch: "batches/b".into(), input_file, output_file, tries: 0 };
    let account = submit(&store, Mode::Batch, downloading).await;
    let worker = worker(store.clone(), Outside { line: LEASE / 8, ..Outside::default() });
    let job = worker.claim(Lane::Local, 1).await.unwrap().pop().unwrap();
    worker.hold(job, CancellationToken::new()).await;
    let job = store.job(&account.id, "job").await.unwrap().unwrap();
    assert_eq!(job.status, JobStatus::Succeeded);
    let document = store.document(&account.id, "document").await.unwrap().unwrap();
    assert_eq!((document.pages, document.failed_pages), (PAGES, 0));
}
