//! A thousand creates whose connection is cut somewhere in the request or in the response, between the real client and the real emulator.
//! No job ever has two live batches, and each ends with its document.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use coldbrew::accounts::spending::Budget;
use coldbrew::accounts::{Account, Accounts, Credential, CredentialKind};
use coldbrew::changes::Changes;
use coldbrew::clock::{Clock, RandomIds, SystemClock};
use coldbrew::error::Result;
use coldbrew::extract::Recipe;
use coldbrew::jobs::machine::Timing;
use coldbrew::jobs::{Acceptance, Jobs};
use coldbrew::jobs::{
    DiskSpool, Job, JobIds, Listings, PageSource, ReadyPage, ReadyPages, Stage, Worker, WorkerPolicy, WorkerPorts,
    WorkerSettings,
};
use coldbrew::metrics::LoopAges;
use coldbrew::model::wire::{JobError, Metadata};
use coldbrew::model::{Mode, PageSet, Pricing, UnixMs};
use coldbrew::uploads::{Upload, Uploads};
use coldbrew_gemini::models::{DEFAULT, Models};
use coldbrew_gemini::{Batch, BatchState, Client, Config};
use coldbrew_gemini_emulator::{Emulator, EmulatorConfig, PageReader, ReadError, serve};
use coldbrew_pdf::testing::simple_pdf;
use futures::StreamExt;
use futures::stream;
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::support::environment::number;
use crate::support::harness::made_batches;
use crate::support::memory::{Memory, UNLIMITED};

/// Each project has a key of its own at Google, so that a listing of its batches has one page.
const PROJECTS: u64 = 25;
const JOBS_EACH: usize = 40;
const CREATE: &[u8] = b":batchGenerateContent";
/// Longer than the response to a create, so that some cuts come after it.
const RESPONSE_BYTES: usize = 1_500;

/// Counts creates, and those that were cut.
#[derive(Default)]
struct Cuts {
    creates: AtomicUsize,
    request: AtomicUsize,
    response: AtomicUsize,
}

/// Relays all connections, and cuts most of those that send a create.
async fn proxy(listener: TcpListener, google: SocketAddr, cuts: Arc<Cuts>, mut rng: StdRng) {
    while let Ok((client, _)) = listener.accept().await {
        let (cuts, rng) = (cuts.clone(), StdRng::seed_from_u64(rng.random()));
        tokio::spawn(async move {
            if let Ok(server) = TcpStream::connect(google).await {
                // When one side ends, both connections are closed.
                let _ = relay(client, server, &cuts, rng).await;
            }
        });
    }
}

async fn relay(mut client: TcpStream, mut server: TcpStream, cuts: &Cuts, mut rng: StdRng) -> std::io::Result<()> {
    let (mut request, mut response) = (vec![0; 65_536], vec![0; 65_536]);
    let mut response_left = None;
    loop {
        tokio::select! {
            count = client.read(&mut request) => {
                let sent = match count? { 0 => return Ok(()), count => &request[..count] };
                if sent.windows(CREATE.len()).any(|window| window == CREATE) {
                    cuts.creates.fetch_add(1, Ordering::Relaxed);
                    match rng.random_range(0..10) {
                        0..3 => {
                            cuts.request.fetch_add(1, Ordering::Relaxed);
                            return server.write_all(&sent[..rng.random_range(0..=sent.len())]).await;
                        }
                        3..8 => response_left = Some(rng.random_range(0..RESPONSE_BYTES)),
                        _ => {}
                    }
                }
                server.write_all(sent).await?;
            }
            count = server.read(&mut response) => {
                let sent = match count? { 0 => return Ok(()), count => &response[..count] };
                let passed = response_left.map_or(sent.len(), |left: usize| left.min(sent.len()));
                client.write_all(&sent[..passed]).await?;
                if passed < sent.len() {
                    cuts.response.fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                }
                response_left = response_left.map(|left| left - passed);
            }
        }
    }
}

/// Reads the same text from every page.
pub struct SameText;

#[async_trait]
impl PageReader for SameText {
    async fn read(&self, _mime_type: &str, _bytes: &[u8]) -> Result<Vec<String>, ReadError> {
        Ok(vec!["What stands on this page.".to_owned()])
    }
}

/// Documents of one page each.
struct OnePage(Bytes);

#[async_trait]
impl PageSource for OnePage {
    async fn pages<'a>(
        &'a self,
        _job: &'a Job,
        indices: Vec<u32>,
        _time: &'a Mutex<Duration>,
    ) -> Result<Result<ReadyPages<'a>, JobError>> {
        let page = |index| {
            Ok((index, Ok(ReadyPage { pdf: self.0.clone(), figures: Some(Vec::new()), ..ReadyPage::default() })))
        };
        Ok(Ok(stream::iter(indices.into_iter().map(page)).boxed()))
    }

    async fn halves(&self, _job: &Job, _index: u32) -> Result<Option<[Bytes; 2]>> {
        Ok(Some([Bytes::from_static(b"RIFF"), Bytes::from_static(b"RIFF")]))
    }
}

/// Starts an emulator, which runs until the test ends.
pub async fn google(data: &TempDir) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = EmulatorConfig {
        data_dir: data.path().join("google"),
        pending: Duration::from_millis(200),
        running: Duration::from_millis(200),
        reader: Arc::new(SameText),
        clock: Arc::new(coldbrew_gemini_emulator::SystemClock),
        control: true,
    };
    let emulator = Emulator::open(config).await.unwrap();
    tokio::spawn(serve(listener, emulator, std::future::pending()));
    address
}

pub fn client(address: SocketAddr, project: u64) -> Client {
    Client::new(Config::new(format!("http://{address}"), format!("project-{project}"))).unwrap()
}

pub async fn worker(data: &TempDir, memory: &Memory, project: u64, proxy: SocketAddr) -> Worker {
    let google = Arc::new(client(proxy, project));
    // All listings together take longer than the emulator needs for a create, even on a busy machine.
    let timing = Timing { poll_ms: 400, reconcile_ms: 500, reconcile_listings: 10, retry_ms: 100, ..Timing::default() };
    let spool = DiskSpool::open(data.path().join(format!("spool-{project}"))).await.unwrap();
    Worker {
        name: "worker".into(),
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
        ports: WorkerPorts {
            jobs: Arc::new(memory.clone()),
            polling: Arc::new(memory.clone()),
            uploads: Arc::new(memory.clone()),
            attempts: Arc::new(memory.clone()),
            spending: Arc::new(memory.clone()),
            figures: Arc::new(memory.clone()),
            pages: Arc::new(OnePage(simple_pdf(&["What stands on this page."]).into())),
            listings: Listings::new(google.clone(), Arc::new(SystemClock), &timing),
            google,
            spool: Arc::new(spool),
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
                timing,
                lease: Duration::from_secs(20),
                jobs_max: 4,
                polls_max: 8,
                realtime_requests_max: 1,
                stop_timeout: Duration::from_secs(20),
            },
        },
    }
}

pub fn job(number: usize, now: UnixMs) -> Job {
    Job {
        title: "Book".into(),
        ..Job::new(
            JobIds {
                id: format!("job{number:03}"),
                account_id: "account".into(),
                upload_hash: format!("upload{number}"),
                content_hash: format!("content{number}"),
                document_id: format!("document{number}"),
            },
            Mode::Batch,
            Recipe::new(DEFAULT),
            PageSet::all(1),
            now,
        )
    }
}

pub fn upload(number: usize) -> Upload {
    Upload {
        hash: format!("upload{number}"),
        account_id: "account".into(),
        content_hash: format!("content{number}"),
        metadata: Metadata {
            content_type: "application/pdf".into(),
            total_pages: 1,
            title: "Book".into(),
            file_name: None,
            file_size: 1,
            url: None,
        },
        kept_bytes: 1,
        page_tokens: vec![1],
    }
}

async fn submit_all(memory: &Memory) {
    let credential = Credential { digest: "d", kind: CredentialKind::Token, expires_at: UnixMs(i64::MAX) };
    let (account, now) = (Account { id: "account".into(), email: None, quota_tokens: None }, SystemClock.now());
    memory.create_guest(&account.id, credential, now).await.unwrap();
    for number in 0..JOBS_EACH {
        memory.insert_upload(&upload(number), &UNLIMITED, now).await.unwrap();
        let accepted = memory.accept(&job(number, now), 1, &account, u64::MAX, &UNLIMITED).await.unwrap();
        assert_eq!(accepted, Acceptance::Accepted);
    }
}

/// Runs the jobs of one project to their ends. Returns all batches that were made.
async fn work_off(data: &TempDir, project: u64, proxy: SocketAddr, google: SocketAddr) -> Vec<Batch> {
    let memory = Memory::default();
    submit_all(&memory).await;
    let worker = worker(data, &memory, project, proxy).await;
    let (mut changes, stop) = (worker.ports.changes.watch("account"), CancellationToken::new());
    let working = tokio::spawn(worker.run(stop.clone()));
    while !memory.active_ids().await.unwrap().is_empty() {
        changes.next().await;
    }
    stop.cancel();
    working.await.unwrap();
    check_records(&memory);
    // Listings lack the batches that were deleted after their results were stored.
    assert!(client(google, project).batches_since(None).await.unwrap().len() < JOBS_EACH);
    made_batches(&format!("http://{google}"), &format!("project-{project}"))
        .await
        .into_iter()
        .map(Batch::from_json)
        .collect()
}

fn check_records(memory: &Memory) {
    let records = memory.records();
    assert!(records.jobs.values().all(|row| row.job.stage == Stage::Succeeded), "a job did not succeed");
    assert_eq!((records.documents.len(), records.ledger.len(), records.reservations.len()), (JOBS_EACH, JOBS_EACH, 0));
}

/// When a batch began and ended, and its last state.
type Life = (Timestamp, Timestamp, BatchState);

/// Checks that no job had two live batches at a time, and that exactly one batch of each succeeded.
fn check(batches: Vec<Batch>) {
    let mut lives: BTreeMap<String, Vec<Life>> = BTreeMap::new();
    for batch in batches {
        let job = batch.display_name.rsplit_once('-').unwrap().0.to_owned();
        let life = (batch.create_time.unwrap(), batch.end_time.unwrap_or(Timestamp::MAX), batch.state);
        lives.entry(job).or_default().push(life);
    }
    assert_eq!(lives.len(), JOBS_EACH);
    for (job, mut lives) in lives {
        lives.sort_by_key(|life| life.0);
        assert!(lives.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{job} had two live batches: {lives:?}");
        assert_eq!(lives.iter().filter(|life| life.2 == BatchState::Succeeded).count(), 1, "{job}: {lives:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousand_interrupted_creates_make_no_second_live_batch() {
    let seed = number("COLDBREW_SEED").unwrap_or_else(rand::random);
    println!("COLDBREW_SEED={seed}");
    let (data, cuts) = (TempDir::new().unwrap(), Arc::new(Cuts::default()));
    let google = google(&data).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(proxy(listener, google, cuts.clone(), StdRng::seed_from_u64(seed)));
    let projects = stream::iter(0..PROJECTS).map(|project| work_off(&data, project, address, google));
    let batches: Vec<Vec<Batch>> = projects.buffer_unordered(12).collect().await;
    let made: usize = batches.iter().map(Vec::len).sum();
    batches.into_iter().for_each(check);
    let [creates, request, response] =
        [&cuts.creates, &cuts.request, &cuts.response].map(|count| count.load(Ordering::Relaxed));
    let jobs = usize::try_from(PROJECTS).unwrap() * JOBS_EACH;
    assert!(request + response > jobs / 2 && request > 0 && response > 0, "too few creates were cut");
    println!(
        "{jobs} jobs, {creates} creates: {request} cut in the request, {response} in the response; {made} batches"
    );
}
