//! A worker under an attacker's control can send any reply. It costs one page, and the parent bounds its time and memory.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use coldbrew_pdf::testing::simple_pdf;
use coldbrew_pdf::{DocumentFault, Engine, EngineConfig, PageFault, PdfError, Priority};
use tempfile::TempDir;

use crate::harness::{WORKER_EXE, config, requester};

const LAYERS: &str = r#"{"no_new_privs":true,"limits":true,"files":true,"tcp":true,"scopes":true,"system_calls":true}"#;
const PAGE_TIMEOUT: Duration = Duration::from_secs(3);

/// A frame of a worker.
fn frame(header: &str, payload: &[u8]) -> Vec<u8> {
    lying_frame(header.len() as u32, payload.len() as u32, &[header.as_bytes(), payload].concat())
}

/// A frame that claims these lengths.
fn lying_frame(header: u32, payload: u32, bytes: &[u8]) -> Vec<u8> {
    [&header.to_le_bytes()[..], &payload.to_le_bytes(), bytes].concat()
}

fn opened(total_pages: u64) -> Vec<u8> {
    frame(&format!(r#"{{"reply":"opened","total_pages":{total_pages},"title":null}}"#), b"")
}

/// The header of a page's text with so many characters.
fn text_header(chars_visible: u32) -> String {
    let looks = r#"{"has_small_type":false,"is_large":false,"is_blank":false}"#;
    format!(r#"{{"reply":"text","chars_visible":{chars_visible},"is_scan":false,"looks":{looks}}}"#)
}

fn surveyed() -> Vec<u8> {
    frame(r#"{"reply":"survey"}"#, b"no JSON")
}

/// A program whose first process runs these `lines` of a shell. All its later processes are real workers. `answer` waits for a request
/// and sends the frame with that number.
fn worker(folder: &Path, lines: &str, frames: &[Vec<u8>]) -> PathBuf {
    for (number, frame) in frames.iter().enumerate() {
        fs::write(folder.join(number.to_string()), frame).unwrap();
    }
    let path = folder.join("worker");
    let script = format!(
        "#!/bin/sh\ncd '{}'\nmkdir begun 2>/dev/null || exec '{WORKER_EXE}' \"$@\"\n\
         ask() {{ set -- $(head -c 8 | od -An -tu4 -w8); head -c $(($1 + $2)) >/dev/null; }}\n\
         answer() {{ file=$1; ask; cat \"$file\" >&0; }}\n{lines}\n",
        folder.display()
    );
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn engine(worker_exe: PathBuf) -> Engine {
    Engine::new(EngineConfig { worker_exe, page_timeout: PAGE_TIMEOUT, spare_workers: 0, ..config() }).unwrap()
}

/// The fault of page 0 of three, after a worker opened the document correctly and then sent this answer.
async fn first_page(lines: &str, answer: Vec<u8>) -> PageFault {
    let folder = TempDir::new().unwrap();
    let started = frame(&format!(r#"{{"reply":"started","layers":{LAYERS}}}"#), b"");
    let lines = format!("answer 0\nanswer 1\nanswer 3\n{lines}");
    let engine = engine(worker(folder.path(), &lines, &[started, opened(3), answer, surveyed()]));
    let path = folder.path().join("document");
    fs::write(&path, simple_pdf(&["one", "two", "three"])).unwrap();
    let document = engine.open(&path, Priority::Interactive, &requester()).await.unwrap();
    let begun = Instant::now();
    let fault = match document.text(0).await {
        Err(PdfError::Page { index: 0, reason }) => reason,
        other => panic!("{other:?}"),
    };
    assert!(begun.elapsed() < 2 * PAGE_TIMEOUT);
    assert_eq!(document.text(1).await.unwrap().markdown, "two", "the next page is read by a sound worker");
    fault
}

#[tokio::test]
async fn worker_that_claims_huge_lengths_costs_one_page() {
    for claim in [lying_frame(u32::MAX, 0, b""), lying_frame(20, u32::MAX, b"{}"), lying_frame(16_385, 0, b"{}")] {
        assert_eq!(first_page("answer 2; exec sleep 1000", claim).await, PageFault::Crashed);
    }
}

#[tokio::test]
async fn worker_that_claims_a_payload_which_its_reply_has_not_costs_one_page() {
    let damaged = r#"{"reply":"failed","fault":{"page":"damaged"}}"#;
    assert_eq!(first_page("answer 2; exec sleep 1000", frame(damaged, &[b' '; 9])).await, PageFault::Crashed);
    let text = &text_header(1);
    let claim = lying_frame(text.len() as u32, 65 << 20, text.as_bytes());
    assert_eq!(first_page("answer 2; exec sleep 1000", claim).await, PageFault::Crashed);
}

#[tokio::test]
async fn worker_whose_output_has_no_end_costs_one_page() {
    assert_eq!(first_page("ask; exec cat /dev/zero >&0", Vec::new()).await, PageFault::Crashed);
    let text = &text_header(1);
    let slow = lying_frame(text.len() as u32, 1 << 20, text.as_bytes());
    let drips = "answer 2; while :; do printf x >&0; sleep 0.05; done";
    assert_eq!(first_page(drips, slow).await, PageFault::Timeout);
}

#[tokio::test]
async fn worker_that_ends_early_costs_one_page() {
    let text = &text_header(1);
    assert_eq!(first_page("ask", Vec::new()).await, PageFault::Crashed);
    for cut in [3, 8, 20, text.len() + 8 + 2] {
        let whole = frame(text, b"text");
        assert_eq!(first_page("answer 2", whole[..cut].to_vec()).await, PageFault::Crashed);
    }
}

#[tokio::test]
async fn worker_that_answers_garbage_or_something_else_costs_one_page() {
    let garbage: Vec<u8> = (0..4_096_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for answer in [
        garbage,
        frame("{}", b""),
        frame("[", b""),
        frame(r#"{"reply":"pdf"}"#, b"%PDF-"),
        frame(r#"{"reply":"opened","total_pages":9,"title":null}"#, b""),
        frame(&text_header(u32::MAX), b"text"),
        frame(&text_header(1), b"\xff\xfe"),
        frame(r#"{"reply":"failed","fault":"library_unavailable"}"#, b""),
        frame(r#"{"reply":"failed","fault":{"document":"encrypted"}}"#, b""),
        frame(r#"{"reply":"failed","fault":{"page":"given_up"}}"#, b""),
    ] {
        assert_eq!(first_page("answer 2; exec sleep 1000", answer).await, PageFault::Crashed);
    }
}

#[tokio::test]
async fn worker_that_says_more_than_it_is_asked_is_not_asked_again() {
    let text = frame(&text_header(3), b"one");
    let folder = TempDir::new().unwrap();
    let started = frame(&format!(r#"{{"reply":"started","layers":{LAYERS}}}"#), b"");
    let frames = [started, opened(3), text.repeat(2), surveyed()];
    let script = "answer 0\nanswer 1\nanswer 3\nanswer 2\nexec sleep 1000";
    let engine = engine(worker(folder.path(), script, &frames));
    let path = folder.path().join("document");
    fs::write(&path, simple_pdf(&["one", "two", "three"])).unwrap();
    let document = engine.open(&path, Priority::Interactive, &requester()).await.unwrap();
    assert_eq!(document.text(0).await.unwrap().markdown, "one");
    let lost = document.text(1).await;
    assert!(matches!(lost, Err(PdfError::Page { index: 1, reason: PageFault::Crashed })), "{lost:?}");
    assert_eq!(document.text(2).await.unwrap().markdown, "three");
}

#[tokio::test]
async fn worker_that_ends_in_the_survey_costs_no_page() {
    let folder = TempDir::new().unwrap();
    let started = frame(&format!(r#"{{"reply":"started","layers":{LAYERS}}}"#), b"");
    let huge = lying_frame(20, (16 << 20) + 1, br#"{"reply":"survey"}"#);
    for (lines, answer) in [("ask", Vec::new()), ("answer 2; exec sleep 1000", huge)] {
        let lines = format!("answer 0\nanswer 1\n{lines}");
        let engine = engine(worker(folder.path(), &lines, &[started.clone(), opened(2), answer]));
        let path = folder.path().join("document");
        fs::write(&path, simple_pdf(&["one", "two"])).unwrap();
        let document = engine.open(&path, Priority::Interactive, &requester()).await.unwrap();
        assert_eq!(document.text(0).await.unwrap().markdown, "one");
        assert_eq!(document.text(1).await.unwrap().markdown, "two");
        fs::remove_dir(folder.path().join("begun")).unwrap();
    }
}

#[tokio::test]
async fn worker_that_counts_wrongly_is_refused_with_its_document() {
    let started = || frame(&format!(r#"{{"reply":"started","layers":{LAYERS}}}"#), b"");
    let many = r#"{"reply":"failed","fault":{"document":{"too_many_pages":{"pages":3,"pages_max":2}}}}"#;
    for count in [opened(0), opened(10_001), opened(u64::MAX), frame(many, b"")] {
        let folder = TempDir::new().unwrap();
        let engine = engine(worker(folder.path(), "answer 0\nanswer 1\nexec sleep 1000", &[started(), count]));
        let path = folder.path().join("document");
        fs::write(&path, simple_pdf(&["one"])).unwrap();
        let refused = engine.open(&path, Priority::Interactive, &requester()).await;
        assert!(matches!(refused, Err(PdfError::WorkerCrashed)), "{refused:?}");
        assert!(engine.open(&path, Priority::Interactive, &requester()).await.is_ok(), "the next worker is sound");
    }
}

#[tokio::test]
async fn worker_that_measures_more_pages_than_it_was_asked_for_is_believed_for_those() {
    let folder = TempDir::new().unwrap();
    let started = frame(&format!(r#"{{"reply":"started","layers":{LAYERS}}}"#), b"");
    let length = frame(r#"{"reply":"length","chars_visible":7,"is_scan":false}"#, b"");
    let frames = [started, opened(3), length.repeat(500)];
    let engine = engine(worker(folder.path(), "answer 0\nanswer 1\nanswer 2\nexec sleep 1000", &frames));
    let path = folder.path().join("document");
    fs::write(&path, simple_pdf(&["one", "two", "three"])).unwrap();
    let document = engine.open(&path, Priority::Interactive, &requester()).await.unwrap();
    assert_eq!(document.text_lengths(0..3).await.unwrap().len(), 3);
}

#[tokio::test]
async fn kernel_without_a_layer_is_named_and_used_only_where_that_is_configured() {
    let without = LAYERS.replace(r#""files":true"#, r#""files":false"#);
    let started = frame(&format!(r#"{{"reply":"started","layers":{without}}}"#), b"");
    let encrypted = frame(r#"{"reply":"failed","fault":{"document":"encrypted"}}"#, b"");
    let open = async |sandbox| {
        let folder = TempDir::new().unwrap();
        let frames = [started.clone(), encrypted.clone()];
        let worker_exe = worker(folder.path(), "answer 0\nanswer 1\nexec sleep 1000", &frames);
        let engine = Engine::new(EngineConfig { worker_exe, sandbox, spare_workers: 0, ..config() }).unwrap();
        let path = folder.path().join("document");
        fs::write(&path, simple_pdf(&["one"])).unwrap();
        engine.open(&path, Priority::Interactive, &requester()).await.map(drop).unwrap_err()
    };
    let PdfError::Unavailable(words) = open(coldbrew_pdf::SandboxPolicy::Required).await else { panic!("it is used") };
    assert!(words.contains("Landlock for files missing"), "{words}");
    let used = open(coldbrew_pdf::SandboxPolicy::BestEffort).await;
    assert!(matches!(used, PdfError::Document(DocumentFault::Encrypted)), "{used:?}");
}
