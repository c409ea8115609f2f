//! The text that is read until a job is done: how it comes, and how it gives way.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use coldbrew::batch::{Job, Stage};
use coldbrew::changes::Changes;
use coldbrew::extract::Recipe;
use coldbrew::library::{Drafts, Library, Originals};
use coldbrew::model::wire::{ExportFormat, Metadata, Opened, Page, Place, Reading};
use coldbrew::model::{ErrorCode, Mode, PageSet, UnixMs};
use coldbrew::pdf::{Engine, EngineConfig};
use coldbrew::store::folder::Folder;
use coldbrew::store::{
    Acceptance, Account, Accounts, Credential, CredentialKind, Documents, Jobs, NewDocument, PageOutcome, PageResult,
    Upload, Uploads, upload_key,
};
use coldbrew::world::{SystemWorld, World};
use futures::{StreamExt, TryStreamExt, stream};
use tempfile::TempDir;

use crate::harness::book;
use crate::memory::Memory;
use crate::pdf::config;

const PAGES: u32 = 130;
const DOCUMENT: &str = "document";

fn account() -> Account {
    Account { id: "account".into(), email: None, quota_tokens: None }
}

async fn library(memory: &Memory, data: &Path, config: EngineConfig) -> Library {
    let engine = Engine::new(config).unwrap();
    Library {
        documents: Arc::new(memory.clone()),
        jobs: Arc::new(memory.clone()),
        uploads: Arc::new(memory.clone()),
        blobs: Arc::new(Folder::open(data.join("blobs")).await.unwrap()),
        originals: Originals::new(engine.clone()),
        engine,
        drafts: Drafts::default(),
        world: Arc::new(SystemWorld),
        changes: Changes::default(),
    }
}

/// A book in batch mode whose job is not done.
async fn submit_book(memory: &Memory, library: &Library, data: &Path) -> Job {
    let (account, now) = (account(), SystemWorld.now());
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
        page_tokens: vec![1; PAGES as usize],
    };
    memory.insert_upload(&upload, now).await.unwrap();
    let file = data.join("book.pdf");
    std::fs::write(&file, book(PAGES as usize)).unwrap();
    library.blobs.put(&upload_key(&account.id, "content"), &file).await.unwrap();
    let job = Job {
        id: "job".into(),
        account_id: account.id.clone(),
        upload_hash: "upload".into(),
        content_hash: "content".into(),
        mode: Mode::Batch,
        title: "Book".into(),
        recipe: Recipe::named("model/1"),
        total_pages: PAGES,
        pages: PageSet::all(PAGES),
        pages_submitted: PAGES,
        submitted_at: now,
        document_id: DOCUMENT.into(),
        stage: Stage::Prepare { attempt: 1 },
        due_at: now,
        claims: 0,
        fence: 0,
        requeued: false,
        hindered_by: None,
        polls: 0,
        network: None,
        budget_wait_ms: 0,
    };
    assert_eq!(memory.accept(&job, 1, &account, u64::MAX).await.unwrap(), Acceptance::Accepted);
    job
}

async fn open(library: &Library, place: Place) -> Reading {
    match library.open(&account(), DOCUMENT, &place).await.unwrap() {
        Opened::Document(reading) => *reading,
        Opened::Job(_) => panic!("there is a draft to be read"),
    }
}

fn texts(reading: &Reading) -> String {
    reading.pages.iter().map(|page| page.html.as_str()).collect()
}

async fn exported(library: &Library) -> Result<String, std::io::Error> {
    let file = library.export(&account(), DOCUMENT, ExportFormat::Md, "").await.unwrap();
    let bytes = file.body.try_fold(Vec::new(), |all, more| async move { Ok([all, more.to_vec()].concat()) }).await?;
    Ok(String::from_utf8(bytes).unwrap())
}

/// A page worker that hangs from its second start on.
fn worker_of_one_start(data: &Path) -> EngineConfig {
    let (path, started) = (data.join("worker"), data.join("started"));
    let real = config().worker_exe;
    let script = format!(
        "#!/bin/sh\nif mkdir '{}' 2>/dev/null; then exec '{}' \"$@\"; fi\nexec sleep 1000\n",
        started.display(),
        real.display()
    );
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    EngineConfig { worker_exe: path, workers_max: 1, open_timeout: Duration::from_secs(900), ..config() }
}

#[tokio::test]
async fn a_draft_opens_before_it_is_whole_and_whoever_needs_the_rest_reads_it() {
    let data = TempDir::new().unwrap();
    let memory = Memory::default();
    let mut slow = library(&memory, data.path(), worker_of_one_start(data.path())).await;
    submit_book(&memory, &slow, data.path()).await;
    let place = || Place { page: Some(30), ..Place::default() };
    let reading = open(&slow, place()).await;
    assert!(reading.document.is_draft);
    assert_eq!((reading.from, reading.pages.len(), reading.spans.len(), reading.document.pages), (20, 20, 7, PAGES));
    assert!(texts(&reading).contains("page 30 of the book"), "{}", texts(&reading));
    // The others are not even begun: the worker that is to read them hangs.
    assert_eq!(memory.page_indices("account", DOCUMENT).await.unwrap(), (20..40).collect::<Vec<_>>());
    assert_eq!(open(&slow, place()).await.pages, reading.pages, "what is there is not read again");
    slow.drafts.patience = Duration::from_millis(1);
    let answer = slow.document(&account(), DOCUMENT).await;
    assert_eq!(answer.unwrap_err().public().code, ErrorCode::Unavailable, "nobody waits for ever");

    // This is what a process leaves that ends now. The next one goes on from there.
    let next = library(&memory, data.path(), config()).await;
    let found = open(&next, Place { query: "page 129 of".into(), ..Place::default() }).await.found.unwrap();
    assert_eq!((found.total, found.hits[0].page), (1, 129), "all pages are searched");
    let text = exported(&next).await.unwrap();
    for page in 1..=PAGES {
        assert_eq!(text.matches(&format!("page {page} of the book")).count(), 1, "page {page}");
    }
    assert_eq!(next.document(&account(), DOCUMENT).await.unwrap().content.len(), PAGES as usize);
}

#[tokio::test]
async fn an_export_is_never_of_two_texts() {
    let data = TempDir::new().unwrap();
    let memory = Memory::default();
    let library = library(&memory, data.path(), config()).await;
    let job = submit_book(&memory, &library, data.path()).await;
    let draft = NewDocument {
        id: DOCUMENT.into(),
        account_id: "account".into(),
        upload_hash: "upload".into(),
        content_hash: "content".into(),
        title: "Book".into(),
        mode: Mode::Text,
    };
    assert!(memory.begin_draft(&draft, SystemWorld.now()).await.unwrap());
    // More than may be written before somebody reads it.
    let long = |index| Page { index, markdown: "Plain words. ".repeat(1_000), failure: None, note: None };
    let pages: Vec<Page> = (0..PAGES).map(long).collect();
    assert!(memory.extend_draft("account", DOCUMENT, &pages).await.unwrap());
    let mut file = library.export(&account(), DOCUMENT, ExportFormat::Md, "").await.unwrap();
    assert!(file.body.next().await.unwrap().is_ok());

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
    memory.complete(&done, results, SystemWorld.now()).await.unwrap();
    let rest: Vec<_> = file.body.collect().await;
    assert!(rest.last().unwrap().is_err(), "it ended as if it were whole");
    assert!(!exported(&library).await.unwrap().contains("Plain"));
}
