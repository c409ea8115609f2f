//! Realtime mode makes pages ready in chunks: opening a document is slow, and pages that wait for Gemini are in memory.

use std::path::Path;
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
use coldbrew::jobs::Jobs;
use coldbrew::jobs::machine::{Lane, Timing};
use coldbrew::jobs::{
    DiskSpool, Google, Job, JobIds, Listings, PageSource, ReadyPage, ReadyPages, Worker, WorkerPolicy, WorkerPorts,
    WorkerSettings,
};
use coldbrew::metrics::LoopAges;
use coldbrew::model::wire::{JobError, Metadata};
use coldbrew::model::{Mode, PageSet, Pricing, UnixMs};
use coldbrew::uploads::{Upload, Uploads};
use coldbrew_gemini::models::{DEFAULT, Models};
use coldbrew_gemini::{Answer, Batch, Error, File, Request, ServiceTier};
use futures::{StreamExt, stream};
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::support::memory::{Memory, UNLIMITED};

/// A document whose pages are all the same.
struct Same {
    page: Bytes,
    /// How often the document was opened.
    opened: AtomicUsize,
    /// Pages that are not answered yet.
    waiting: AtomicUsize,
    /// The most pages that were waiting at once.
    waiting_max: AtomicUsize,
}

#[async_trait]
impl PageSource for Same {
    async fn pages<'a>(
        &'a self,
        _job: &'a Job,
        mut indices: Vec<u32>,
        _time: &'a Mutex<Duration>,
    ) -> Result<Result<ReadyPages<'a>, JobError>> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        // Pages are ready out of order: each pair is swapped.
        indices.chunks_mut(2).for_each(<[u32]>::reverse);
        let page = |index| {
            let waiting = self.waiting.fetch_add(1, Ordering::Relaxed) + 1;
            self.waiting_max.fetch_max(waiting, Ordering::Relaxed);
            Ok((index, Ok(ReadyPage { pdf: self.page.clone(), figures: Some(Vec::new()), ..ReadyPage::default() })))
        };
        Ok(Ok(stream::iter(indices).map(page).boxed()))
    }

    async fn halves(&self, _job: &Job, _index: u32) -> Result<Option<[Bytes; 2]>> {
        Ok(Some([Bytes::from_static(b"RIFF"), Bytes::from_static(b"RIFF")]))
    }
}

/// A Google that only reads pages in realtime.
struct Reader(Arc<Same>);

#[async_trait]
impl Google for Reader {
    fn fingerprint(&self) -> String {
        unreachable!()
    }
    async fn upload(&self, _: &Path, _: &str) -> Result<File, Error> {
        unreachable!()
    }
    async fn create(&self, _: &str, _: &str, _: &str) -> Result<String, Error> {
        unreachable!()
    }
    async fn list(&self, _: Option<UnixMs>) -> Result<Vec<Batch>, Error> {
        unreachable!()
    }
    async fn delete_batch(&self, _: &str) -> Result<(), Error> {
        unreachable!()
    }
    async fn get_batch(&self, _: &str) -> Result<Batch, Error> {
        unreachable!()
    }
    async fn cancel(&self, _: &str) -> Result<(), Error> {
        unreachable!()
    }
    async fn download(&self, _: &str, _: &Path) -> Result<(), Error> {
        unreachable!()
    }
    async fn find_files(&self, _: &str) -> Result<Vec<File>, Error> {
        unreachable!()
    }
    async fn delete(&self, _: &str) -> Result<(), Error> {
        unreachable!()
    }
    async fn answer(&self, _: &str, _: &Request, _tier: ServiceTier) -> Result<Answer, Error> {
        tokio::task::yield_now().await;
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
        Ok(Answer { text: "What stands on this page.".to_owned(), ..Answer::default() })
    }
}

fn job(pages: u32) -> Job {
    let name = || "a".to_owned();
    Job {
        title: name(),
        ..Job::new(
            JobIds { id: name(), account_id: name(), upload_hash: name(), content_hash: name(), document_id: name() },
            Mode::Realtime,
            Recipe::new(DEFAULT),
            PageSet::all(pages),
            SystemClock.now(),
        )
    }
}

fn upload(job: &Job) -> Upload {
    Upload {
        hash: job.upload_hash.clone(),
        account_id: job.account_id.clone(),
        content_hash: job.content_hash.clone(),
        metadata: Metadata {
            content_type: "application/pdf".into(),
            total_pages: job.total_pages,
            title: job.title.clone(),
            file_name: None,
            file_size: 1,
            url: None,
        },
        kept_bytes: 1,
        page_tokens: vec![1; job.total_pages as usize],
    }
}

/// Runs a realtime job of so many pages of that size. Returns how often its document was opened, and the most pages in memory at once.
async fn read(pages: u32, page_bytes: usize) -> (usize, usize) {
    let (data, memory) = (TempDir::new().unwrap(), Memory::default());
    let account = Account { id: "a".to_owned(), email: None, quota_tokens: None };
    let credential = Credential { digest: "d", kind: CredentialKind::Token, expires_at: UnixMs(i64::MAX) };
    memory.create_guest(&account.id, credential, SystemClock.now()).await.unwrap();
    let job = job(pages);
    memory.insert_upload(&upload(&job), &UNLIMITED, SystemClock.now()).await.unwrap();
    memory.accept(&job, 1, &account, u64::MAX, &UNLIMITED).await.unwrap();
    let count = || AtomicUsize::new(0);
    let page = Bytes::from(vec![0; page_bytes]);
    let same = Arc::new(Same { page, opened: count(), waiting: count(), waiting_max: count() });
    let (google, timing) = (Arc::new(Reader(same.clone())), Timing::default());
    let worker = Worker {
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
            pages: same.clone(),
            listings: Listings::new(google.clone(), Arc::new(SystemClock), &timing),
            google,
            spool: Arc::new(DiskSpool::open(data.path().to_owned()).await.unwrap()),
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
                jobs_max: 1,
                polls_max: 1,
                realtime_requests_max: 4,
                stop_timeout: Duration::from_secs(20),
            },
        },
    };
    for job in worker.claim(Lane::Local, 1).await.unwrap() {
        worker.hold(job, CancellationToken::new()).await;
    }
    assert_eq!(memory.records().ledger.len(), pages as usize);
    (same.opened.load(Ordering::Relaxed), same.waiting_max.load(Ordering::Relaxed))
}

#[tokio::test]
async fn document_of_many_pages_is_opened_once_for_each_chunk() {
    let (opened, waiting) = read(128, 100).await;
    assert_eq!(opened, 2);
    assert!(waiting <= 64 + 4, "{waiting}");
}

#[tokio::test]
async fn heavy_pages_make_smaller_chunks() {
    let (opened, waiting) = read(12, 12 << 20).await;
    assert_eq!(opened, 4);
    assert!(waiting <= 3 + 4, "{waiting}");
}
