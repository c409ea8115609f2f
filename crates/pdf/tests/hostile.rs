//! Hostile files: mutants and bombs made by code from a seed, and odd files of other projects. Each gets an answer in time. Afterwards
//! the engine works as before and no process is left.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use coldbrew_pdf::testing::hostile::{bombs, mutants, pdfs_below, seeds};
use coldbrew_pdf::testing::simple_pdf;
use coldbrew_pdf::testing::workers::workers_with;
use coldbrew_pdf::{Document, DocumentFault, Engine, EngineConfig, PdfError, Priority};
use futures::{StreamExt, stream};
use tempfile::TempDir;

use crate::harness::{config, detector, requester, vendor};

/// Sends every kind of request about a document.
async fn ask_everything(document: &Document) {
    let last = document.info().total_pages - 1;
    let _ = document.text_lengths(0..(last + 1).min(3)).await;
    for page in [0, last] {
        let answers = [
            document.text(page).await.map(drop),
            document.split(page).await.map(drop),
            // The detector of a new worker can take longer to load than this limit.
            document
                .figures(page)
                .await
                .map(drop)
                .or_else(|error| if matches!(error, PdfError::Unavailable(_)) { Ok(()) } else { Err(error) }),
        ];
        for answer in answers {
            assert!(matches!(answer, Ok(()) | Err(PdfError::Page { .. })), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn file_bomb_or_mutant_ends_within_its_limits() {
    let limit = Duration::from_secs(2);
    let limits = EngineConfig {
        page_timeout: limit,
        open_timeout: limit,
        memory_bytes_max: MEMORY_BYTES_MAX,
        detector: Some(detector()),
        // Only the workers of the document are counted.
        spare_workers: 0,
        ..config()
    };
    let engine = Engine::new(limits).unwrap();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("document");
    std::fs::write(&path, simple_pdf(&["sound"])).unwrap();
    let sound = engine.open(&path, Priority::Interactive, &requester()).await.unwrap();
    assert_eq!(workers(), 1, "they can be counted");
    drop(sound);
    let odd = pdfs_below(&vendor().join("odd"));
    let mutants = mutants(seeds(&odd), 90).map(|bytes| ("a mutant", bytes));
    let mut opened = 0;
    for (number, (name, bytes)) in bombs().into_iter().chain(mutants).enumerate() {
        std::fs::write(&path, bytes).unwrap();
        let start = Instant::now();
        if let Ok(document) = engine.open(&path, Priority::Interactive, &requester()).await {
            opened += 1;
            ask_everything(&document).await;
        }
        // Opening, measuring three pages, and three requests for each of two pages. Two of the three are repeated with a new worker.
        assert!(start.elapsed() < limit * 30, "{number}: {name} took {:?}", start.elapsed());
        // A killed process takes a moment to disappear.
        while workers() > 0 {
            assert!(start.elapsed() < limit * 30, "{number}: {name} left a process");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    assert!(opened > 40, "only {opened} could be opened: the others test nothing");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing but the document itself");
    assert_eq!(engine.read_pages(&simple_pdf(&["as before"]), &requester()).await.unwrap()[0].markdown, "as before");
}

#[tokio::test]
async fn odd_file_of_another_project_is_read_or_refused_with_the_reason() {
    let engine = Engine::new(EngineConfig { detector: Some(detector()), ..config() }).unwrap();
    let files =
        stream::iter(pdfs_below(&vendor().join("odd"))).map(|path| outcome_of(&engine, path)).buffer_unordered(2);
    let found: Vec<&str> = files.collect().await;
    let count = |wanted| found.iter().filter(|outcome| **outcome == wanted).count();
    assert_eq!((count("read"), count("encrypted"), count("unreadable")), (102, 11, 1));
    assert_eq!(engine.read_pages(&simple_pdf(&["as before"]), &requester()).await.unwrap()[0].markdown, "as before");
}

async fn outcome_of(engine: &Engine, path: PathBuf) -> &'static str {
    match engine.open(&path, Priority::Interactive, &requester()).await {
        Ok(document) => {
            ask_everything(&document).await;
            "read"
        }
        Err(PdfError::Document(DocumentFault::Encrypted)) => "encrypted",
        Err(PdfError::Document(DocumentFault::Unreadable | DocumentFault::Empty)) => "unreadable",
        Err(error) => panic!("{path:?} {error:?}"),
    }
}

/// The memory limit of this test's workers. No other test sets the same limit, so it identifies them.
const MEMORY_BYTES_MAX: u64 = 509 << 20;

/// How many workers of this test still run.
fn workers() -> usize {
    workers_with(MEMORY_BYTES_MAX)
}
