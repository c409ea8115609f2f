//! Polls pending batches for some intervals, and reads pages in realtime with one worker and with two. `cargo bench --bench jobs`
//!
//! The database is SQLite. The emulator has the batches, over HTTP, in the same process. sqlx's log counts statements and rows, so none is
//! missed. Each batch is to be polled every 15 seconds.

#![allow(clippy::expect_used)]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use coldbrew::accounts::Allowance;
use coldbrew::accounts::spending::Budget;
use coldbrew::accounts::{Account, Accounts, Credential, CredentialKind};
use coldbrew::changes::Changes;
use coldbrew::clock::{Clock, IdGenerator, RandomIds, SystemClock};
use coldbrew::error::Result;
use coldbrew::extract::Recipe;
use coldbrew::jobs::machine::Timing;
use coldbrew::jobs::{Acceptance, Jobs};
use coldbrew::jobs::{
    DiskSpool, Google, Job, JobIds, Listings, PageSource, ReadyPage, ReadyPages, RemoteBatch, Stage, Worker,
    WorkerPolicy, WorkerPorts, WorkerSettings,
};
use coldbrew::metrics::LoopAges;
use coldbrew::model::wire::{JobError, Metadata};
use coldbrew::model::{Mode, PageSet, Pricing, UnixMs};
use coldbrew::store::sql::SqlStore;
use coldbrew::uploads::{Upload, Uploads};
use coldbrew_gemini::models::{DEFAULT, Models};
use coldbrew_gemini::{Answer, Batch, Client, Config, Error as GeminiError, File, Request, ServiceTier};
use coldbrew_gemini_emulator::{Emulator, EmulatorConfig, PageReader, ReadError, serve};
use futures::stream;
use futures::{StreamExt, TryStreamExt};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

const POLL: Duration = Duration::from_secs(15);
/// How many intervals are measured, after one in which polls begin.
const ROUNDS: u32 = 3;
const HOUR: Duration = Duration::from_secs(3_600);
/// How long the stand-in takes to answer for a page.
const ANSWER: Duration = Duration::from_secs(1);
/// Realtime jobs, and the pages of each.
const REALTIME_JOBS: usize = 32;
const PAGES: u32 = 100;

static STATEMENTS: AtomicU64 = AtomicU64::new(0);
static ROWS_WRITTEN: AtomicU64 = AtomicU64::new(0);

/// Counts the statements in sqlx's log, and the rows that they write.
struct StatementCounter;

#[derive(Default)]
struct Statement {
    is_write: bool,
    rows: u64,
}

impl Visit for Statement {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "rows_affected" {
            self.rows = value;
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "summary" {
            self.is_write = ["INSERT", "UPDATE", "DELETE"].iter().any(|verb| value.starts_with(verb));
        }
    }

    fn record_debug(&mut self, _field: &Field, _value: &dyn std::fmt::Debug) {}
}

impl<S: tracing::Subscriber> Layer<S> for StatementCounter {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _context: Context<'_, S>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn on_event(&self, event: &tracing::Event<'_>, _context: Context<'_, S>) {
        let mut statement = Statement::default();
        event.record(&mut statement);
        STATEMENTS.fetch_add(1, Ordering::Relaxed);
        if statement.is_write {
            ROWS_WRITTEN.fetch_add(statement.rows, Ordering::Relaxed);
        }
    }
}

/// Stands in for the page engine.
struct Pages;

#[async_trait]
impl PageReader for Pages {
    async fn read(&self, _mime_type: &str, _bytes: &[u8]) -> Result<Vec<String>, ReadError> {
        Ok(vec![String::new()])
    }
}

#[async_trait]
impl PageSource for Pages {
    async fn pages<'a>(
        &'a self,
        _job: &'a Job,
        indices: Vec<u32>,
        _time: &'a Mutex<Duration>,
    ) -> Result<Result<ReadyPages<'a>, JobError>> {
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

/// A client of Google that notes its calls. It answers for pages itself.
struct Noted {
    client: Client,
    listings: AtomicUsize,
    /// When each batch was polled.
    polls: Mutex<HashMap<String, Vec<Instant>>>,
}

#[async_trait]
impl Google for Noted {
    fn fingerprint(&self) -> String {
        self.client.key_fingerprint()
    }

    async fn upload(&self, input: &Path, display_name: &str) -> Result<File, GeminiError> {
        Google::upload(&self.client, input, display_name).await
    }

    async fn create(&self, model: &str, display_name: &str, input_file: &str) -> Result<String, GeminiError> {
        Google::create(&self.client, model, display_name, input_file).await
    }

    async fn list(&self, since: Option<UnixMs>) -> Result<Vec<Batch>, GeminiError> {
        self.listings.fetch_add(1, Ordering::Relaxed);
        Google::list(&self.client, since).await
    }

    async fn delete_batch(&self, batch: &str) -> Result<(), GeminiError> {
        Google::delete_batch(&self.client, batch).await
    }

    async fn get_batch(&self, batch: &str) -> Result<Batch, GeminiError> {
        self.polls.lock().expect("no panic").entry(batch.to_owned()).or_default().push(Instant::now());
        Google::get_batch(&self.client, batch).await
    }

    async fn cancel(&self, batch: &str) -> Result<(), GeminiError> {
        Google::cancel(&self.client, batch).await
    }

    async fn download(&self, file: &str, path: &Path) -> Result<(), GeminiError> {
        Google::download(&self.client, file, path).await
    }

    async fn find_files(&self, prefix: &str) -> Result<Vec<File>, GeminiError> {
        self.listings.fetch_add(1, Ordering::Relaxed);
        Google::find_files(&self.client, prefix).await
    }

    async fn delete(&self, file: &str) -> Result<(), GeminiError> {
        Google::delete(&self.client, file).await
    }

    async fn answer(&self, _model: &str, _request: &Request, _tier: ServiceTier) -> Result<Answer, GeminiError> {
        tokio::time::sleep(ANSWER).await;
        Ok(Answer { text: "Text.".into(), finish_reason: Some("STOP".into()), ..Answer::default() })
    }
}

async fn emulator(data: &TempDir) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
    let address = listener.local_addr().expect("it has an address");
    let config = EmulatorConfig {
        data_dir: data.path().join("google"),
        pending: HOUR,
        running: HOUR,
        reader: Arc::new(Pages),
        clock: Arc::new(coldbrew_gemini_emulator::SystemClock),
        control: false,
    };
    let emulator = Emulator::open(config).await.expect("the emulator starts");
    tokio::spawn(serve(listener, emulator, std::future::pending()));
    address
}

/// Creates a batch for each job, all from one input file. Returns their names.
async fn batches(client: &Client, data: &TempDir, count: usize) -> Vec<String> {
    let input = data.path().join("input.jsonl");
    let line = r#"{"key":"page_0","request":{"contents":[{"role":"user","parts":[{"text":"What is this?"}]}]}}"#;
    tokio::fs::write(&input, format!("{line}\n")).await.expect("there is room");
    let file = Google::upload(client, &input, "input").await.expect("it is uploaded");
    let create = |number: usize| {
        let file = &file.name;
        async move { Google::create(client, DEFAULT, &format!("batch-{number}"), file).await }
    };
    stream::iter(0..count).map(create).buffered(16).try_collect().await.expect("all are created")
}

const UNLIMITED: Allowance =
    Allowance { documents: u64::MAX, active_jobs: u64::MAX, stored_bytes: u64::MAX, uploads: usize::MAX };

/// The upload of all jobs.
fn upload(account: &Account) -> Upload {
    Upload {
        hash: format!("upload of {}", account.id),
        account_id: account.id.clone(),
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

/// Records a job of an account at that stage, due now.
async fn record_job(store: &SqlStore, account: &Account, number: usize, mode: Mode, stage: Stage) {
    let ids = JobIds {
        id: RandomIds.id(),
        account_id: account.id.clone(),
        upload_hash: format!("upload of {}", account.id),
        content_hash: format!("content{number}"),
        document_id: format!("document{number}"),
    };
    let job = Job::new(ids, mode, Recipe::new(DEFAULT), PageSet::all(PAGES), SystemClock.now());
    let job = Job { title: "Book".into(), stage, ..job };
    let accepted = store.accept(&job, 1, account, u64::from(u32::MAX), &UNLIMITED).await.expect("it is recorded");
    assert_eq!(accepted, Acceptance::Accepted);
}

/// A database with one account.
async fn store(data: &TempDir) -> SqlStore {
    let store = SqlStore::open(&SqlStore::embedded_url(&data.path().join("records.db"))).await.expect("a database");
    for number in 0..ACCOUNTS {
        let account = account(number);
        let credential = Credential { digest: &account.id, kind: CredentialKind::Token, expires_at: UnixMs(i64::MAX) };
        store.create_guest(&account.id, credential, UnixMs(0)).await.expect("an account");
        store.insert_upload(&upload(&account), &UNLIMITED, UnixMs(0)).await.expect("a file");
    }
    store
}

/// One account does not get all slots of a worker.
const ACCOUNTS: usize = 8;

fn account(number: usize) -> Account {
    Account { id: format!("account{}", number % ACCOUNTS), email: None, quota_tokens: None }
}

async fn worker(name: &str, store: &SqlStore, google: Arc<Noted>, data: &TempDir) -> Worker {
    let store = Arc::new(store.clone());
    Worker {
        name: name.into(),
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
        ports: WorkerPorts {
            jobs: store.clone(),
            polling: store.clone(),
            uploads: store.clone(),
            attempts: store.clone(),
            spending: store.clone(),
            figures: store,
            pages: Arc::new(Pages),
            listings: Listings::new(google.clone(), Arc::new(SystemClock), &Timing::default()),
            google,
            spool: Arc::new(DiskSpool::open(data.path().join("spool")).await.expect("a folder")),
            changes: Changes::default(),
            bell: Arc::new(Notify::new()),
            isolation: None,
            loops: LoopAges::default(),
        },
        policy: WorkerPolicy {
            fallback_model: None,
            models: Models::default(),
            pricing: Pricing::default(),
            budget: Budget { quota_tokens: u64::MAX, guest_quota_tokens: u64::MAX, ..Budget::UNLIMITED },
            settings: WorkerSettings {
                timing: Timing::default(),
                lease: Duration::from_secs(20),
                jobs_max: 16,
                polls_max: 256,
                realtime_requests_max: 8,
                stop_timeout: Duration::from_secs(20),
            },
        },
    }
}

fn noted(client: Client) -> Arc<Noted> {
    Arc::new(Noted { client, listings: AtomicUsize::new(0), polls: Mutex::default() })
}

/// Runs workers until `is_over`. Returns how long they ran.
async fn run(workers: Vec<Worker>, mut is_over: impl AsyncFnMut() -> bool) -> Duration {
    let (stop, begun) = (CancellationToken::new(), Instant::now());
    let running: Vec<_> = workers.into_iter().map(|worker| tokio::spawn(worker.run(stop.clone()))).collect();
    while !is_over().await {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let took = begun.elapsed();
    stop.cancel();
    for worker in running {
        worker.await.expect("the worker does not panic");
    }
    took
}

/// Prints how that many batches are polled by one worker.
async fn poll(count: usize) {
    let data = TempDir::new().expect("there is room");
    let address = emulator(&data).await;
    let client = Client::new(Config::new(format!("http://{address}"), "key")).expect("a client");
    let (batches, store) = (batches(&client, &data, count).await, store(&data).await);
    for (number, batch) in batches.into_iter().enumerate() {
        let remote = RemoteBatch {
            attempt: 1,
            input_file: "files/in".into(),
            batch,
            key: None,
            running: false,
            cancel_failed: false,
            since: SystemClock.now(),
            odd_since: None,
            denied_since: None,
            denials: 0,
        };
        record_job(&store, &account(number), number, Mode::Batch, Stage::Polling(remote)).await;
    }
    let google = noted(client);
    let worker = worker("worker", &store, google.clone(), &data).await;
    let begun = Instant::now();
    let first = async || begun.elapsed() > POLL * 2;
    let all = async || begun.elapsed() > POLL * (ROUNDS + 2);
    let mut before = [0; 3];
    let counts = || [&STATEMENTS, &ROWS_WRITTEN].map(|count| count.load(Ordering::Relaxed));
    let polled = || google.polls.lock().expect("no panic").values().map(|polls| polls.len() as u64).sum::<u64>();
    let took = run(vec![worker], async || {
        if before[0] == 0 && first().await {
            before = [counts()[0], counts()[1], polled()];
        }
        all().await
    })
    .await;
    let [statements, rows] = counts();
    let polls = polled() - before[2];
    let seconds = (took - POLL * 2).as_secs_f64();
    let polls_noted = google.polls.lock().expect("no panic");
    assert_eq!(polls_noted.len(), count, "each batch is polled");
    let late = |pair: &[Instant]| (pair[1] - pair[0]).saturating_sub(POLL);
    let mut late: Vec<_> = polls_noted.values().flat_map(|polls| polls.windows(2).map(late)).collect();
    late.sort();
    let at = |share: usize| late[(late.len() - 1) * share / 100].as_millis();
    println!(
        "| {count} | {:.0} | {} ms | {} ms | {} ms | {:.4} | {:.4} | {} |",
        polls as f64 / seconds,
        at(50),
        at(95),
        at(100),
        (statements - before[0]) as f64 / polls as f64,
        (rows - before[1]) as f64 / polls as f64,
        google.listings.load(Ordering::Relaxed),
    );
    assert!(statements - before[0] < polls / 10, "polls need statements");
}

/// How many pages so many workers read in a second, and with how many statements for each.
async fn read(count: usize) -> f64 {
    let (data, client) =
        (TempDir::new().expect("there is room"), Client::new(Config::new("http://127.0.0.1:9", "key")));
    let (store, google) = (store(&data).await, noted(client.expect("a client")));
    for number in 0..REALTIME_JOBS {
        record_job(&store, &account(number), number, Mode::Realtime, Stage::Realtime { tries: 0 }).await;
    }
    let before = STATEMENTS.load(Ordering::Relaxed);
    let mut workers = Vec::new();
    for number in 0..count {
        workers.push(worker(&format!("worker{number}"), &store, google.clone(), &data).await);
    }
    let took = run(workers, async || store.active_ids().await.expect("an answer").is_empty()).await;
    let pages = (REALTIME_JOBS as u32 * PAGES) as f64;
    let statements = STATEMENTS.load(Ordering::Relaxed) - before;
    println!("| {count} | {:.0} | {:.1} |", pages / took.as_secs_f64(), statements as f64 / pages);
    pages / took.as_secs_f64()
}

#[tokio::main]
async fn main() {
    tracing_subscriber::registry().with(StatementCounter).init();
    println!(
        "| pending batches | polls a second | late, half of them | 95 % | all | statements for each | rows written | listings |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for count in [5_000, 50_000] {
        poll(count).await;
    }
    println!("\n| workers | pages a second | statements for each |\n|---|---|---|");
    let (one, two) = (read(1).await, read(2).await);
    println!("\nTwo workers read {:.2} times as many pages as one.", two / one);
}
