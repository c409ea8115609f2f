//! The page engine on large documents: measuring them, preparing them for a batch, and reading their text. `cargo bench --bench pages`
//!
//! Each measurement runs in a process of its own. For comparison, PyMuPDF does the first steps of a pipeline that opens the document again
//! for each page. The tables are those of BENCHMARKS.md.

#![allow(clippy::expect_used)]

mod corpus;
mod engine;
mod memory;
mod peer;
mod process;

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use coldbrew::accounts::{Accounts, Credential, CredentialKind};
use coldbrew::extract::{EngineShares, PageImage, Recipe, Way};
use coldbrew::jobs::{DiskSpool, EnginePages, Job, JobIds, PageSource, Spool};
use coldbrew::model::{Mode, PageSet, UnixMs};
use coldbrew::store::folder::Folder;
use coldbrew::store::sql::SqlStore;
use coldbrew::uploads::{Blobs, Figures, upload_key};
use coldbrew_gemini::models;
use coldbrew_pdf::Document;
use futures::{StreamExt, TryStreamExt};
use memory::peak_bytes;

/// A name, the Debian package of the file, and its path there.
const DOCUMENTS: [(&str, &str, &str); 5] = [
    ("pgfmanual", "texlive-pictures-doc", "usr/share/doc/texlive-doc/generic/pgf/pgfmanual.pdf"),
    ("fullrefman", "r-doc-pdf", "usr/share/R/doc/manual/fullrefman.pdf"),
    ("octave", "octave-doc", "usr/share/doc/octave/octave.pdf"),
    ("cnbook (Chinese)", "texlive-lang-chinese", "usr/share/doc/texlive-doc/plain/impatient-cn/cnbook.pdf"),
    ("a scanned book", corpus::ODD, "ocrmypdf/tests/resources/multipage.pdf"),
];
/// How often the scanned book repeats the pages of its file: with only six pages, the start of a worker would dominate.
const SCANS: u32 = 20;
/// The server's own program.
const WORKER_EXE: &str = env!("CARGO_BIN_EXE_coldbrew");
/// An eighth, half and all of a document's pages, to show that memory does not grow with their number.
const SHARES: [u32; 3] = [8, 2, 1];

/// The result of one run.
struct Run {
    pages: u32,
    time: Duration,
    /// The CPU time of all processes together.
    cpu: Duration,
    figures: u64,
    /// The peak memory of the parent process.
    parent_bytes: u64,
    /// The peak memory of its largest worker.
    worker_bytes: u64,
}

impl Run {
    fn pages_per_second(&self) -> f64 {
        f64::from(self.pages) / self.time.as_secs_f64()
    }

    fn cpu_ms_per_page(&self) -> f64 {
        self.cpu.as_secs_f64() * 1_000.0 / f64::from(self.pages)
    }

    fn megabytes(&self) -> (u64, u64) {
        (self.parent_bytes / 1_000_000, self.worker_bytes / 1_000_000)
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    match arguments.as_slice() {
        [what, path, share] => run_here(what, Path::new(path), share.parse().expect("a number")),
        _ => measure_all(),
    }
}

fn measure_all() {
    let python = peer::install();
    let mut documents = DOCUMENTS.map(|(name, source, file)| (name, corpus::document(source, file)));
    let [.., (_, scans)] = &mut documents;
    *scans = peer::repeated(&python, scans, SCANS);
    println!(
        "| document | pages | metadata and estimate | full preparation | figures | text mode | parent | largest worker |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let prepared = documents.each_ref().map(|(name, path)| measure(name, path));
    println!(
        "\n| document | PyMuPDF: split | render and PNG | all, a page | ours, a page | ratio | ratio of CPU time |"
    );
    println!("|---|---|---|---|---|---|---|");
    for ((name, path), ours) in documents.iter().zip(&prepared) {
        compare(name, ours, &peer::page_ms(&python, path));
    }
    println!("\n| fullrefman, full preparation | parent | largest worker |\n|---|---|---|");
    for share in SHARES {
        let run = in_a_process_of_its_own("prepare", &documents[1].1, share);
        let (parent, worker) = run.megabytes();
        println!("| {} pages | {parent} MB | {worker} MB |", run.pages);
    }
}

/// Measures a document and prints its row. Returns the run of its preparation.
fn measure(name: &str, path: &Path) -> Run {
    let [lengths, prepare, text] = ["measure", "prepare", "text"].map(|what| in_a_process_of_its_own(what, path, 1));
    let runs = [&lengths, &prepare, &text];
    let (parent, worker) = (runs.map(|run| run.megabytes().0), runs.map(|run| run.megabytes().1));
    println!(
        "| {name} | {} | {:.2} s | {:.1} s, {:.0} pages/s | {} | {:.2} s | {} MB | {} MB |",
        prepare.pages,
        lengths.time.as_secs_f64(),
        prepare.time.as_secs_f64(),
        prepare.pages_per_second(),
        prepare.figures,
        text.time.as_secs_f64(),
        parent.iter().max().expect("three runs"),
        worker.iter().max().expect("three runs"),
    );
    prepare
}

fn compare(name: &str, ours: &Run, peer: &peer::PageMs) {
    let all = peer.split + peer.picture;
    println!(
        "| {name} | {:.0} ms | {:.0} ms | {all:.0} ms | {:.1} ms | {:.0} | {:.0} |",
        peer.split,
        peer.picture,
        1_000.0 / ours.pages_per_second(),
        all * ours.pages_per_second() / 1_000.0,
        all / ours.cpu_ms_per_page(),
    );
}

/// Runs this program again, for one measurement of the first pages: all pages divided by `share`.
fn in_a_process_of_its_own(what: &str, path: &Path, share: u32) -> Run {
    let program = std::env::current_exe().expect("this program has a path");
    let run =
        Command::new(program).arg(what).arg(path).arg(share.to_string()).output().expect("it can be started again");
    assert!(run.status.success(), "{what} failed: {}", String::from_utf8_lossy(&run.stderr));
    let numbers = String::from_utf8(run.stdout).expect("numbers are ASCII");
    let mut numbers = numbers.split_whitespace().map(|number| number.parse::<u64>().expect("a number"));
    let mut next = || numbers.next().expect("six numbers");
    Run {
        pages: u32::try_from(next()).expect("a number of pages"),
        time: Duration::from_micros(next()),
        cpu: Duration::from_micros(next()),
        figures: next(),
        parent_bytes: next(),
        worker_bytes: next(),
    }
}

/// Runs one measurement and prints the result for the parent process.
#[tokio::main]
async fn run_here(what: &str, path: &Path, share: u32) {
    let start = Instant::now();
    let (pages, figures, worker_bytes) = match what {
        "prepare" => prepare(path, share).await,
        _ => measure_or_read(what, path, share).await,
    };
    let time = start.elapsed().as_micros();
    let cpu = process::cpu_of_ended_children().await + process::cpu("self");
    println!("{pages} {time} {} {figures} {} {worker_bytes}", cpu.as_micros(), peak_bytes("self"));
}

/// The peak memory of the largest running worker.
fn worker_bytes() -> u64 {
    process::children().iter().map(|pid| peak_bytes(pid)).max().unwrap_or(0)
}

/// Measures or reads the pages.
async fn measure_or_read(what: &str, path: &Path, share: u32) -> (u32, u64, u64) {
    let document = engine::open(&engine::engine(WORKER_EXE), path).await;
    let pages = document.info().total_pages.div_ceil(share);
    match what {
        "measure" => measure_lengths(&document, pages).await,
        _ => read(&document, pages).await,
    }
    (pages, 0, worker_bytes())
}

async fn measure_lengths(document: &Document, pages: u32) {
    let lengths = document.text_lengths(0..pages).await.expect("it can be measured");
    assert!(lengths.iter().all(Option::is_some));
}

/// Prepares a document for a batch with the same parts as the server: splits off pages, finds, cuts out, stores and records figures, and
/// writes the input file with the prompts.
async fn prepare(path: &Path, share: u32) -> (u32, u64, u64) {
    let folder = tempfile::tempdir().expect("there is room for files");
    let root = folder.path();
    let store = Arc::new(record(&root.join("coldbrew.db")).await);
    let blobs = Arc::new(Folder::open(root.join("files")).await.expect("there is room"));
    let spool = DiskSpool::open(root.join("spool")).await.expect("there is room");
    let engine = engine::engine(WORKER_EXE);
    let pages = engine::open(&engine, path).await.info().total_pages.div_ceil(share);
    let job = job(pages);
    let upload = root.join("upload");
    tokio::fs::copy(path, &upload).await.expect("there is room");
    blobs.put(&upload_key(&job.account_id, &job.content_hash), &upload).await.expect("there is room");

    let source = EnginePages {
        engine,
        shares: EngineShares::UNLIMITED,
        accounts: store.clone(),
        blobs,
        figures: store.clone(),
        spool: spool.clone(),
    };
    let time = Mutex::new(Duration::MAX);
    let ready = source.pages(&job, (0..pages).collect(), &time).await.expect("it can be read").expect("it is sound");
    let model = models::model(models::DEFAULT);
    let (asked, of) = (&model, &job);
    let mut largest = 0;
    let lines = ready.map_ok(|(index, page)| {
        // Sampled at every 16th page, because reading `/proc` takes time, and at the end the workers have exited.
        if index % 16 == 0 {
            largest = largest.max(worker_bytes());
        }
        let page = page.expect("every page is sound");
        let image = PageImage::Pdf(page.pdf.clone());
        (format!("page_{index}"), page.asked(of, index, (asked, Way::Usual), image, 8_192).request())
    });
    let written = spool.write_input(&job, &model, lines.boxed()).await.expect("there is room");
    assert_eq!(written, pages as usize);
    let places = store.figures(&job.account_id, &job.content_hash).await.expect("they are on record");
    (pages, places.values().flatten().map(|figures| figures.len() as u64).sum(), largest)
}

/// A database with an account.
async fn record(file: &Path) -> SqlStore {
    let store = SqlStore::open(&SqlStore::embedded_url(file)).await.expect("it can be made");
    let credential = Credential { digest: "digest", kind: CredentialKind::Token, expires_at: UnixMs(i64::MAX) };
    store.create_guest("account", credential, UnixMs(0)).await.expect("there is room");
    store
}

/// A batch of all pages.
fn job(pages: u32) -> Job {
    Job {
        title: "A document".into(),
        claims: 1,
        fence: 1,
        ..Job::new(
            JobIds {
                id: "job".into(),
                account_id: "account".into(),
                upload_hash: "upload".into(),
                content_hash: "content".into(),
                document_id: "document".into(),
            },
            Mode::Batch,
            Recipe::new(models::DEFAULT),
            PageSet::all(pages),
            UnixMs(0),
        )
    }
}

async fn read(document: &Document, pages: u32) {
    let at_once = document.widen() + 1;
    let mut texts = std::pin::pin!(futures::stream::iter(0..pages).map(|index| document.text(index)).buffered(at_once));
    while texts.try_next().await.expect("every page is sound").is_some() {}
}
