//! Drafts: the file's own text, shown until the job has ended.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use coldbrew::accounts::Caller;
use coldbrew::accounts::{Account, Accounts, Credential, CredentialKind};
use coldbrew::changes::Changes;
use coldbrew::clock::{Clock, RandomIds, SystemClock};
use coldbrew::documents::TextLimit;
use coldbrew::documents::{Body, Drafts, Library, Originals, Renderer, RenderingLimits};
use coldbrew::documents::{Documents, NewDocument};
use coldbrew::extract::{EngineShares, Recipe};
use coldbrew::extract::{PageOutcome, PageResult};
use coldbrew::jobs::{Acceptance, Jobs};
use coldbrew::jobs::{Job, JobIds, Stage};
use coldbrew::model::wire::{
    Document, DocumentPage, DocumentView, ExportFormat, Metadata, Opened, Page, ReaderRequest,
};
use coldbrew::model::{ErrorCode, Mode, PageSet, UnixMs};
use coldbrew::store::folder::Folder;
use coldbrew::uploads::{Upload, Uploads, upload_key};
use coldbrew_pdf::{Engine, EngineConfig};
use futures::{StreamExt, TryStreamExt, stream};
use tempfile::TempDir;

use crate::pdf::engine::config;
use crate::support::harness::book;
use crate::support::memory::{Memory, UNLIMITED};

const PAGES: u32 = 130;
const DOCUMENT: &str = "document";

fn account() -> Account {
    Account { id: "account".into(), email: None, quota_tokens: None }
}

fn caller() -> Caller {
    Caller { account: account(), network: None }
}

async fn library(memory: &Memory, data: &Path, config: EngineConfig) -> Library {
    let engine = Engine::new(config).unwrap();
    Library {
        documents: Arc::new(memory.clone()),
        jobs: Arc::new(memory.clone()),
        uploads: Arc::new(memory.clone()),
        figures: Arc::new(memory.clone()),
        blobs: Arc::new(Folder::open(data.join("blobs")).await.unwrap()),
        originals: Originals::new(engine.clone()),
        engine,
        shares: EngineShares::UNLIMITED,
        drafts: Drafts::default(),
        renderer: Renderer::new(RenderingLimits {
            at_once_max: 2,
            page_timeout: Duration::from_secs(60),
            kept_bytes_max: 1 << 20,
        }),
        text_limit: TextLimit { bytes: u64::MAX },
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
        changes: Changes::default(),
    }
}

/// Submits a book in batch mode. Its job stays active.
async fn submit_book(memory: &Memory, library: &Library, data: &Path) -> Job {
    let (account, now) = (account(), SystemClock.now());
    let credential = Credential { digest: "d", kind: CredentialKind::Token, expires_at: UnixMs(i64::MAX) };
    memory.create_guest(&account.id, credential, now).await.unwrap();
    let metadata = Metadata {
        content_type: "application/pdf".into(),
        total_pages: PAGES,
        title: "Book".into(),
        file_name: None,
        file_size: 1,
        url: None,
    };
    let upload = Upload {
        hash: "upload".into(),
        account_id: account.id.clone(),
        content_hash: "content".into(),
        metadata,
        kept_bytes: 1,
        page_tokens: vec![1; PAGES as usize],
    };
    memory.insert_upload(&upload, &UNLIMITED, now).await.unwrap();
    let file = data.join("book.pdf");
    std::fs::write(&file, book(PAGES as usize)).unwrap();
    library.blobs.put(&upload_key(&account.id, "content"), &file).await.unwrap();
    let job = Job {
        title: "Book".into(),
        ..Job::new(
            JobIds {
                id: "job".into(),
                account_id: account.id.clone(),
                upload_hash: "upload".into(),
                content_hash: "content".into(),
                document_id: DOCUMENT.into(),
            },
            Mode::Batch,
            Recipe::named("model/1"),
            PageSet::all(PAGES),
            now,
        )
    };
    assert_eq!(memory.accept(&job, 1, &account, u64::MAX, &UNLIMITED).await.unwrap(), Acceptance::Accepted);
    job
}

async fn open(library: &Library, place: ReaderRequest) -> DocumentView {
    match library.open(&caller(), DOCUMENT, &place).await.unwrap() {
        Opened::Document(reading) => *reading,
        Opened::Job(_) => panic!("there is no draft"),
    }
}

fn texts(reading: &DocumentView) -> String {
    reading.pages.iter().map(|page| page.html.as_str()).collect()
}

async fn exported(library: &Library) -> Result<String, std::io::Error> {
    let file = library.export(&caller(), DOCUMENT, ExportFormat::Md, "").await.unwrap();
    text_of(file.body).await
}

async fn text_of(body: Body) -> Result<String, std::io::Error> {
    let bytes = body.try_fold(Vec::new(), |all, more| async move { Ok([all, more.to_vec()].concat()) }).await?;
    Ok(String::from_utf8(bytes).unwrap())
}

/// A page worker that hangs from its second start on.
fn worker_that_starts_once(data: &Path) -> EngineConfig {
    let (path, started) = (data.join("worker"), data.join("started"));
    let real = config().worker_exe;
    let script = format!(
        "#!/bin/sh\nif mkdir '{}' 2>/dev/null; then exec '{}' \"$@\"; fi\nexec sleep 1000\n",
        started.display(),
        real.display()
    );
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    EngineConfig {
        worker_exe: path,
        workers_max: 1,
        spare_workers: 0,
        open_timeout: Duration::from_secs(900),
        ..config()
    }
}

#[tokio::test]
async fn draft_opens_before_it_is_complete_and_search_reads_the_rest() {
    let data = TempDir::new().unwrap();
    let memory = Memory::default();
    let mut slow = library(&memory, data.path(), worker_that_starts_once(data.path())).await;
    submit_book(&memory, &slow, data.path()).await;
    let place = || ReaderRequest { page: Some(30), ..ReaderRequest::default() };
    let reading = open(&slow, place()).await;
    assert!(reading.document.is_draft);
    assert_eq!((reading.from, reading.pages.len(), reading.spans.len(), reading.document.pages), (20, 20, 7, PAGES));
    assert!(texts(&reading).contains("page 30 of the book"), "{}", texts(&reading));
    // The other pages are not read: the worker that should read them hangs.
    assert_eq!(memory.page_indices("account", DOCUMENT).await.unwrap(), (20..40).collect::<Vec<_>>());
    assert_eq!(open(&slow, place()).await.pages, reading.pages, "stored pages are not read again");
    slow.drafts.patience = Duration::from_millis(1);
    let answer = slow.document(&caller(), DOCUMENT).await;
    assert_eq!(answer.err().unwrap().public().code, ErrorCode::Unavailable, "the wait has a limit");

    // A new process continues with the stored pages.
    let next = library(&memory, data.path(), config()).await;
    let found =
        open(&next, ReaderRequest { query: "page 129 of".into(), ..ReaderRequest::default() }).await.found.unwrap();
    assert_eq!((found.total, found.hits[0].page), (1, 129), "all pages are searched");
    let text = exported(&next).await.unwrap();
    for page in 1..=PAGES {
        assert_eq!(text.matches(&format!("page {page} of the book")).count(), 1, "page {page}");
    }
    let json = text_of(next.document(&caller(), DOCUMENT).await.unwrap()).await.unwrap();
    let document: Document = serde_json::from_str(&json).unwrap();
    assert_eq!(document.content.len(), PAGES as usize);
}

/// Stores a complete draft of the book with these pages.
async fn store_draft(memory: &Memory, pages: &[Page]) {
    let draft = NewDocument {
        id: DOCUMENT.into(),
        account_id: "account".into(),
        upload_hash: "upload".into(),
        content_hash: "content".into(),
        title: "Book".into(),
        mode: Mode::Text,
        pages: (0..PAGES).collect(),
    };
    assert!(memory.begin_draft(&draft, SystemClock.now()).await.unwrap());
    assert!(memory.extend_draft("account", DOCUMENT, pages).await.unwrap());
}

#[tokio::test]
async fn document_sent_page_by_page_is_the_serialized_document() {
    let data = TempDir::new().unwrap();
    let memory = Memory::default();
    let library = library(&memory, data.path(), config()).await;
    submit_book(&memory, &library, data.path()).await;
    let page = |index: u32| Page {
        index,
        markdown: format!("\"Page\" {index}\n\\ü\u{1f375}\u{2028}"),
        failure: index.is_multiple_of(7).then(|| "Gemini said “no”.".to_owned()),
        note: index.is_multiple_of(5).then(|| "cut\tshort".to_owned()),
    };
    let content: Vec<Page> = (0..PAGES).map(page).collect();
    store_draft(&memory, &content).await;
    let summary = memory.document("account", DOCUMENT).await.unwrap().unwrap();
    let sent = text_of(library.document(&caller(), DOCUMENT).await.unwrap()).await.unwrap();
    let content = content.into_iter().map(|page| DocumentPage { page, label: None, check: None }).collect();
    let document = Document { summary, outline: Vec::new(), content };
    assert_eq!(sent, serde_json::to_string(&document).unwrap());
}

#[tokio::test]
async fn export_of_a_document_that_changes_breaks_off() {
    let data = TempDir::new().unwrap();
    let memory = Memory::default();
    let library = library(&memory, data.path(), config()).await;
    let job = submit_book(&memory, &library, data.path()).await;
    // More than is written before the client reads.
    let long = |index| Page { index, markdown: "Plain words. ".repeat(1_000), failure: None, note: None };
    let pages: Vec<Page> = (0..PAGES).map(long).collect();
    store_draft(&memory, &pages).await;
    let mut file = library.export(&caller(), DOCUMENT, ExportFormat::Md, "").await.unwrap();
    assert!(file.body.next().await.unwrap().is_ok());
    let mut json = library.document(&caller(), DOCUMENT).await.unwrap();
    assert!(json.next().await.unwrap().is_ok());

    let done = Job { stage: Stage::Succeeded, ..job };
    let fine = |index| PageResult {
        index,
        outcome: PageOutcome::Read {
            markdown: "Fine words.".into(),
            note: None,
            usage: coldbrew::model::TokenUsage { input: 1, output: 1, thoughts: 0 },
            charge: 1,
            model: "model-001".into(),
        },
    };
    let results = stream::iter((0..PAGES).map(fine).map(Ok)).boxed();
    memory.complete(&done, results, SystemClock.now()).await.unwrap();
    for body in [file.body, json] {
        let rest: Vec<_> = body.collect().await;
        assert!(rest.last().unwrap().is_err(), "it ended without an error");
    }
    assert!(!exported(&library).await.unwrap().contains("Plain"));
}
