//! Polls ten thousand batches once each: how long it takes, and how many calls and transactions it needs. `cargo bench --bench jobs`
//!
//! The database is SQLite. The emulator has the batches, over HTTP, in the same process. A round must take less than the interval between
//! two polls, 15 seconds.

#![allow(clippy::expect_used)]

use coldbrew::documents::JobViews;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use coldbrew::accounts::Allowance;
use coldbrew::accounts::spending::Budget;
use coldbrew::accounts::{Account, Accounts, Credential, CredentialKind};
use coldbrew::changes::Changes;
use coldbrew::clock::{Clock, RandomIds, SystemClock};
use coldbrew::error::Result;
use coldbrew::extract::PageResult;
use coldbrew::extract::Recipe;
use coldbrew::jobs::machine::{Lane, Timing};
use coldbrew::jobs::{Acceptance, Completion, Jobs};
use coldbrew::jobs::{
    DiskSpool, Google, Job, JobIds, OrphanedResource, PageSource, ReadyPages, RemoteBatch, Stage, Worker, WorkerPolicy,
    WorkerPorts, WorkerSettings,
};
use coldbrew::model::wire::{JobError, JobView, Metadata};
use coldbrew::model::{Mode, PageSet, Pricing, UnixMs};
use coldbrew::store::sql::SqlStore;
use coldbrew::uploads::{Upload, Uploads};
use coldbrew_gemini::models::{DEFAULT, Models};
use coldbrew_gemini::{Answer, Batch, Client, Config, Error as GeminiError, File, Request};
use coldbrew_gemini_emulator::{Emulator, EmulatorConfig, PageReader, ReadError, serve};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

const JOBS: usize = 10_000;
const POLL_MS: i64 = 15_000;
const HOUR: Duration = Duration::from_secs(3_600);

/// A counter of calls.
type Count = Arc<AtomicUsize>;

/// Stands in for ports that the benchmark does not use.
struct Unused;

#[async_trait]
impl PageReader for Unused {
    async fn read(&self, _mime_type: &str, _bytes: &[u8]) -> Result<Vec<String>, ReadError> {
        Ok(vec![String::new()])
    }
}

#[async_trait]
impl PageSource for Unused {
    async fn pages<'a>(
        &'a self,
        _job: &'a Job,
        _indices: Vec<u32>,
        _time: &'a Mutex<Duration>,
    ) -> Result<Result<ReadyPages<'a>, JobError>> {
        Ok(Err(JobError::new("no_pages", "There are no pages here.")))
    }
}

/// A client of Google that counts its calls.
struct Counted {
    client: Client,
    calls: Count,
}

impl Counted {
    fn count(&self) -> &Client {
        self.calls.fetch_add(1, Ordering::Relaxed);
        &self.client
    }
}

#[async_trait]
impl Google for Counted {
    fn fingerprint(&self) -> String {
        self.client.key_fingerprint()
    }

    async fn upload(&self, input: &Path, display_name: &str) -> Result<String, GeminiError> {
        Google::upload(self.count(), input, display_name).await
    }

    async fn create(&self, model: &str, display_name: &str, input_file: &str) -> Result<String, GeminiError> {
        Google::create(self.count(), model, display_name, input_file).await
    }

    async fn find(&self, display_name: &str, input_file: &str) -> Result<Vec<Batch>, GeminiError> {
        Google::find(self.count(), display_name, input_file).await
    }

    async fn get_batch(&self, batch: &str) -> Result<Batch, GeminiError> {
        Google::get_batch(self.count(), batch).await
    }

    async fn cancel(&self, batch: &str) -> Result<(), GeminiError> {
        Google::cancel(self.count(), batch).await
    }

    async fn download(&self, file: &str, path: &Path) -> Result<(), GeminiError> {
        Google::download(self.count(), file, path).await
    }

    async fn find_files(&self, prefix: &str) -> Result<Vec<File>, GeminiError> {
        Google::find_files(self.count(), prefix).await
    }

    async fn delete(&self, file: &str) -> Result<(), GeminiError> {
        Google::delete(self.count(), file).await
    }

    async fn answer(&self, model: &str, request: &Request) -> Result<Answer, GeminiError> {
        Google::answer(self.count(), model, request).await
    }
}

/// A store that counts its transactions.
struct Record {
    store: SqlStore,
    transactions: Count,
    /// Steps that were committed: one for each polled batch.
    polled: Count,
    /// Notified when each batch was polled once.
    round_over: Arc<Notify>,
}

impl Record {
    fn count(&self) -> &SqlStore {
        self.transactions.fetch_add(1, Ordering::Relaxed);
        &self.store
    }
}

#[async_trait]
impl Jobs for Record {
    async fn accept(
        &self,
        job: &Job,
        reserve: u64,
        account: &Account,
        quota: u64,
        allowance: &Allowance,
    ) -> Result<Acceptance> {
        self.count().accept(job, reserve, account, quota, allowance).await
    }

    async fn claim(&self, worker: &str, lane: Lane, max: usize, lease_ms: i64) -> Result<Vec<Job>> {
        self.count().claim(worker, lane, max, lease_ms).await
    }

    async fn adopt(&self, worker: &str, job_id: &str, fence: i64, lease_ms: i64) -> Result<Option<Job>> {
        self.count().adopt(worker, job_id, fence, lease_ms).await
    }

    async fn renew(&self, job: &Job, lease_ms: i64) -> Result<bool> {
        self.count().renew(job, lease_ms).await
    }

    async fn release(&self, job: &Job, wait_ms: Option<i64>) -> Result<()> {
        self.count().release(job, wait_ms).await
    }

    async fn advance(&self, job: &Job, wait_ms: i64, left: Option<&OrphanedResource>, now: UnixMs) -> Result<bool> {
        let advanced = self.count().advance(job, wait_ms, left, now).await;
        if self.polled.fetch_add(1, Ordering::Relaxed) + 1 == JOBS {
            self.round_over.notify_one();
        }
        advanced
    }

    async fn record_page(&self, job: &Job, page: &PageResult, now: UnixMs) -> Result<bool> {
        self.count().record_page(job, page, now).await
    }

    async fn finished_pages(&self, job: &Job) -> Result<PageSet> {
        self.count().finished_pages(job).await
    }

    async fn complete(
        &self,
        done: &Job,
        results: BoxStream<'_, Result<PageResult>>,
        now: UnixMs,
    ) -> Result<Completion> {
        self.count().complete(done, results, now).await
    }

    async fn active_ids(&self) -> Result<Vec<String>> {
        self.count().active_ids().await
    }
}

#[async_trait]
impl JobViews for Record {
    async fn latest(&self, account_id: &str, content_hash: &str) -> Result<Option<JobView>> {
        self.count().latest(account_id, content_hash).await
    }

    async fn job(&self, account_id: &str, id: &str) -> Result<Option<JobView>> {
        self.count().job(account_id, id).await
    }

    async fn filling(&self, account_id: &str, document_id: &str) -> Result<Option<JobView>> {
        self.count().filling(account_id, document_id).await
    }

    async fn open_jobs(&self, account_id: &str) -> Result<Vec<JobView>> {
        self.count().open_jobs(account_id).await
    }

    async fn dismiss(&self, account_id: &str, content_hash: &str) -> Result<()> {
        self.count().dismiss(account_id, content_hash).await
    }
}

async fn emulator(data: &TempDir) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
    let address = listener.local_addr().expect("it has an address");
    let config = EmulatorConfig {
        data_dir: data.path().join("google"),
        pending: HOUR,
        running: HOUR,
        reader: Arc::new(Unused),
        clock: Arc::new(coldbrew_gemini_emulator::SystemClock),
        control: false,
    };
    let emulator = Emulator::open(config).await.expect("the emulator starts");
    tokio::spawn(serve(listener, emulator, std::future::pending()));
    address
}

/// Creates a batch for each job, all from one input file. Returns their names.
async fn batches(client: &Client, data: &TempDir) -> Vec<String> {
    let input = data.path().join("input.jsonl");
    let line = r#"{"key":"page_0","request":{"contents":[{"role":"user","parts":[{"text":"What is this?"}]}]}}"#;
    tokio::fs::write(&input, format!("{line}\n")).await.expect("there is room");
    let file = Google::upload(client, &input, "input").await.expect("it is uploaded");
    let create = |number: usize| {
        let file = &file;
        async move { Google::create(client, DEFAULT, &format!("batch-{number}"), file).await }
    };
    stream::iter(0..JOBS).map(create).buffered(16).try_collect().await.expect("all are created")
}

const UNLIMITED: Allowance =
    Allowance { documents: u64::MAX, active_jobs: u64::MAX, stored_bytes: u64::MAX, uploads: usize::MAX };

/// The upload of all jobs.
fn upload(account: &Account) -> Upload {
    Upload {
        hash: "upload".into(),
        account_id: account.id.clone(),
        content_hash: "content".into(),
        metadata: Metadata {
            content_type: "application/pdf".into(),
            total_pages: 100,
            title: "Book".into(),
            file_name: None,
            file_size: 1,
            url: None,
        },
        kept_bytes: 1,
        page_tokens: vec![1; 100],
    }
}

/// Records a job whose batch is due to be polled.
async fn record_job(store: &SqlStore, account: &Account, number: usize, batch: String) {
    let now = SystemClock.now();
    let remote = RemoteBatch {
        attempt: 1,
        input_file: "files/in".into(),
        batch,
        key: None,
        running: false,
        cancel_failed: false,
        since: now,
        odd_since: None,
        denied_since: None,
        denials: 0,
    };
    let job = Job {
        title: "Book".into(),
        stage: Stage::Polling(remote),
        ..Job::new(
            JobIds {
                id: format!("job{number:05}"),
                account_id: account.id.clone(),
                upload_hash: "upload".into(),
                content_hash: format!("content{number}"),
                document_id: format!("document{number}"),
            },
            Mode::Batch,
            Recipe::new(DEFAULT),
            PageSet::all(100),
            now,
        )
    };
    let accepted = store.accept(&job, 1, account, u64::from(u32::MAX), &UNLIMITED).await.expect("it is recorded");
    assert_eq!(accepted, Acceptance::Accepted);
}

#[tokio::main]
async fn main() {
    let data = TempDir::new().expect("there is room");
    let address = emulator(&data).await;
    let client = Client::new(Config::new(format!("http://{address}"), "key")).expect("a client");
    let batches = batches(&client, &data).await;
    let url = SqlStore::embedded_url(&data.path().join("records.db"));
    let store = SqlStore::open(&url).await.expect("a database");
    let account = Account { id: "account".into(), email: None, quota_tokens: None };
    let credential = Credential { digest: "d", kind: CredentialKind::Token, expires_at: UnixMs(i64::MAX) };
    store.create_guest(&account.id, credential, UnixMs(0)).await.expect("an account");
    store.insert_upload(&upload(&account), &UNLIMITED, UnixMs(0)).await.expect("a file");
    for (number, batch) in batches.into_iter().enumerate() {
        record_job(&store, &account, number, batch).await;
    }
    let (calls, transactions, polled) = (Count::default(), Count::default(), Count::default());
    let round_over = Arc::new(Notify::new());
    let record = Record {
        store: store.clone(),
        transactions: transactions.clone(),
        polled: polled.clone(),
        round_over: round_over.clone(),
    };
    let worker = Worker {
        name: "worker".into(),
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
        ports: WorkerPorts {
            jobs: Arc::new(record),
            uploads: Arc::new(store.clone()),
            spending: Arc::new(store.clone()),
            figures: Arc::new(store),
            pages: Arc::new(Unused),
            google: Arc::new(Counted { client, calls: calls.clone() }),
            spool: Arc::new(DiskSpool::open(data.path().join("spool")).await.expect("a folder")),
            changes: Changes::default(),
            bell: Arc::new(Notify::new()),
            isolation: None,
        },
        policy: WorkerPolicy {
            models: Models::default(),
            pricing: Pricing::default(),
            budget: Budget::UNLIMITED,
            settings: WorkerSettings {
                timing: Timing { poll_ms: 10 * POLL_MS, ..Timing::default() },
                lease: Duration::from_secs(20),
                jobs_max: 16,
                polls_max: 256,
                realtime_requests_max: 8,
            },
        },
    };
    let stop = CancellationToken::new();
    let begun = Instant::now();
    let working = tokio::spawn(worker.run(stop.clone()));
    round_over.notified().await;
    let took = begun.elapsed();
    let [calls, transactions] = [calls, transactions].map(|count| count.load(Ordering::Relaxed));
    stop.cancel();
    working.await.expect("the worker does not panic");
    println!("| active jobs | one round | calls of Google for each | transactions for each |\n|---|---|---|---|");
    let each = |count: usize| count as f64 / JOBS as f64;
    println!("| {JOBS} | {:.1} s | {:.2} | {:.2} |", took.as_secs_f64(), each(calls), each(transactions));
    assert!(calls <= JOBS, "more than one call for each job");
    assert!(transactions < 2 * JOBS, "too many transactions");
}
