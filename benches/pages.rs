//! Big documents through the page engine: measured, prepared for a batch, read as text. `cargo bench --bench pages`
//!
//! Each in a process of its own, beside what PyMuPDF needs for the first steps of a pipeline that opens the document anew for
//! each page.

#![allow(clippy::expect_used)]

mod corpus;
mod engine;
mod memory;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use coldbrew::extract::Recipe;
use coldbrew::gemini::jsonl::InputWriter;
use coldbrew::gemini::models;
use coldbrew::pdf::Document;
use futures::{StreamExt, TryStreamExt};
use memory::peak_bytes;
use tokio::io::{AsyncWriteExt, BufWriter};

const DOCUMENTS: [(&str, &str, &str); 4] = [
    ("pgfmanual", "texlive-pictures-doc", "usr/share/doc/texlive-doc/generic/pgf/pgfmanual.pdf"),
    ("fullrefman", "r-doc-pdf", "usr/share/R/doc/manual/fullrefman.pdf"),
    ("octave", "octave-doc", "usr/share/doc/octave/octave.pdf"),
    ("cnbook (Chinese)", "texlive-lang-chinese", "usr/share/doc/texlive-doc/plain/impatient-cn/cnbook.pdf"),
];
const PEER_PAGES: &str = "20";

/// What one run took.
struct Run {
    time: Duration,
    figures: u64,
    parent_bytes: u64,
    /// The largest of its workers.
    worker_bytes: u64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    match arguments.as_slice() {
        [what, path] => run_here(what, Path::new(path)),
        _ => measure_all(),
    }
}

fn measure_all() {
    let peer = install_peer();
    println!(
        "| document | pages | metadata and estimate | full preparation | figures | text | parent | largest worker | PyMuPDF, a page | ratio |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for (name, package, file) in DOCUMENTS {
        let path = corpus::document(package, file);
        let [measure, prepare, text] = ["measure", "prepare", "text"].map(|what| in_a_process_of_its_own(what, &path));
        let pages = block_on(async { engine::engine().open(&path).await.expect("it opens").info().total_pages });
        let peer_ms = peer_page_ms(&peer, &path);
        let seconds = |run: &Run| run.time.as_secs_f64();
        let page_ms = seconds(&prepare) * 1_000.0 / f64::from(pages);
        println!(
            "| {name} | {pages} | {:.2} s | {:.1} s, {:.0} pages/s | {} | {:.1} s | {} MB | {} MB | {peer_ms:.0} ms | {:.0} |",
            seconds(&measure),
            seconds(&prepare),
            f64::from(pages) / seconds(&prepare),
            prepare.figures,
            seconds(&text),
            [&measure, &prepare, &text].iter().map(|run| run.parent_bytes).max().unwrap_or(0) / 1_000_000,
            [&measure, &prepare, &text].iter().map(|run| run.worker_bytes).max().unwrap_or(0) / 1_000_000,
            peer_ms / page_ms,
        );
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().expect("a runtime can be started").block_on(work)
}

/// Runs this program once more for one measurement.
fn in_a_process_of_its_own(what: &str, path: &Path) -> Run {
    let program = std::env::current_exe().expect("this program has a path");
    let run = Command::new(program).arg(what).arg(path).output().expect("it can be started again");
    assert!(run.status.success(), "{what} failed: {}", String::from_utf8_lossy(&run.stderr));
    let numbers = String::from_utf8(run.stdout).expect("numbers are ASCII");
    let mut numbers = numbers.split_whitespace().map(|number| number.parse::<u64>().expect("a number"));
    let mut next = || numbers.next().expect("four numbers");
    Run { time: Duration::from_micros(next()), figures: next(), parent_bytes: next(), worker_bytes: next() }
}

/// Does one measurement and tells the parent.
fn run_here(what: &str, path: &Path) {
    block_on(async {
        let start = Instant::now();
        let document = engine::engine().open(path).await.expect("it opens");
        let figures = match what {
            "measure" => measure_lengths(&document).await,
            "prepare" => prepare(&document).await,
            _ => read(&document).await,
        };
        let time = start.elapsed().as_micros();
        println!("{time} {figures} {} {}", peak_bytes("self"), workers_peak_bytes());
    });
}

async fn measure_lengths(document: &Document) -> u64 {
    let lengths = document.text_lengths(0..document.info().total_pages).await.expect("it can be measured");
    assert!(lengths.iter().all(Option::is_some));
    0
}

/// Everything that happens to a document before a batch is submitted: pages split off, figures found, cut out and written, the
/// prompt made, the input file written.
async fn prepare(document: &Document) -> u64 {
    let folder = tempfile::tempdir().expect("there is room for files");
    let recipe = Recipe::new(models::DEFAULT);
    let input = tokio::fs::File::create(folder.path().join("input.jsonl")).await.expect("there is room");
    let model = models::model(models::DEFAULT);
    let mut writer = InputWriter::new(BufWriter::new(input), model.clone());
    let at_once = document.widen() + 4;
    let folder = folder.path();
    let page = |index| async move {
        let pdf = document.split(index).await?;
        let images = document.figures(index).await?;
        for (number, image) in images.iter().enumerate() {
            tokio::fs::write(folder.join(format!("{index}_{number}.png")), &image.png).await?;
        }
        Ok::<_, coldbrew::pdf::PdfError>((index, pdf, images.into_iter().map(|image| image.figure).collect::<Vec<_>>()))
    };
    let mut pages = std::pin::pin!(futures::stream::iter(0..document.info().total_pages).map(page).buffered(at_once));
    let mut figures_found = 0;
    while let Some((index, pdf, figures)) = pages.try_next().await.expect("every page is sound") {
        figures_found += figures.len() as u64;
        let request = recipe.request(&model, pdf.into(), &figures);
        writer.write(&format!("page_{index}"), &request).await.expect("there is room");
    }
    let (mut file, _) = writer.finish().await.expect("there is room");
    file.flush().await.expect("there is room");
    figures_found
}

async fn read(document: &Document) -> u64 {
    let at_once = document.widen();
    let texts =
        futures::stream::iter(0..document.info().total_pages).map(|index| document.text(index)).buffered(at_once);
    let chars: u32 =
        texts.map(|text| text.expect("every page is sound").chars_visible).collect::<Vec<_>>().await.iter().sum();
    assert!(chars > 0);
    0
}

/// Of the workers that are still there: they end with their document.
fn workers_peak_bytes() -> u64 {
    let threads = std::fs::read_dir("/proc/self/task").expect("this is Linux");
    let children = threads.flatten().filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    let pids = children.collect::<Vec<_>>().join(" ");
    pids.split_whitespace().map(peak_bytes).max().unwrap_or(0)
}

/// The Python that runs the other pipeline.
fn install_peer() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peer");
    let python = folder.join("bin/python");
    if !python.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder));
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "pymupdf==1.26.7"]));
    }
    python
}

fn peer_page_ms(python: &Path, path: &Path) -> f64 {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peer.py");
    let run = Command::new(python).arg(script).arg(path).arg(PEER_PAGES).output().expect("python runs");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8_lossy(&run.stdout).trim().parse().expect("a number")
}

fn run(command: &mut Command) {
    assert!(command.status().expect("python3 is there").success(), "{command:?} failed");
}
