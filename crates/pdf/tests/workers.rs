//! A worker ends with its document, and no document escapes its limits: time, crashes, permits and the parent's death.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use coldbrew_pdf::testing::simple_pdf;
use coldbrew_pdf::{Document, Engine, EngineConfig, PageFault, PdfError, Priority};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::harness::{LINE, WORKER_EXE, config, engine, library, open, requester};

async fn pid(document: &Document) -> Pid {
    Pid::from_raw(document.worker_pid().unwrap().cast_signed()).unwrap()
}

/// Waits until the process is dead and reaped.
async fn wait_until_gone(pid: Pid) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while test_kill_process(pid).is_ok() {
        assert!(Instant::now() < deadline, "the worker is still there");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn page_that_hangs_fails_and_the_next_is_read() {
    let engine = Engine::new(EngineConfig { page_timeout: Duration::from_millis(300), ..config() }).unwrap();
    let (_folder, document) = open(&engine, &simple_pdf(&["one", "two"])).await;
    let document = document.unwrap();
    document.text(1).await.unwrap();
    let first = pid(&document).await;
    kill_process(first, Signal::STOP).unwrap();
    assert!(matches!(document.text(0).await, Err(PdfError::Page { index: 0, reason: PageFault::Timeout })));
    wait_until_gone(first).await;
    assert_eq!(document.text(1).await.unwrap().markdown, "two");
    assert_ne!(pid(&document).await, first);
}

#[tokio::test]
async fn page_that_crashes_its_worker_fails_and_the_next_is_read() {
    let engine = engine();
    let (_folder, document) = open(&engine, &simple_pdf(&[LINE, LINE])).await;
    let document = document.unwrap();
    document.text(1).await.unwrap();
    kill_process(pid(&document).await, Signal::ABORT).unwrap();
    assert!(matches!(document.text(0).await, Err(PdfError::Page { index: 0, reason: PageFault::Crashed })));
    assert!(document.split(1).await.is_ok());
    kill_process(pid(&document).await, Signal::KILL).unwrap();
    let lengths = document.text_lengths(0..2).await.unwrap();
    assert_eq!(lengths.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test]
async fn document_that_keeps_crashing_is_given_up() {
    let engine = engine();
    let (_folder, document) = open(&engine, &simple_pdf(&[LINE])).await;
    let document = document.unwrap();
    document.text(0).await.unwrap();
    for _ in 0..16 {
        // The previous worker was lost, so this starts another.
        if document.worker_pid().is_none() {
            document.text(0).await.unwrap();
        }
        kill_process(pid(&document).await, Signal::KILL).unwrap();
        assert!(matches!(document.text(0).await, Err(PdfError::Page { index: 0, reason: PageFault::Crashed })));
    }
    assert!(matches!(document.text(0).await, Err(PdfError::Page { index: 0, reason: PageFault::GivenUp })));
    assert_eq!(document.text_lengths(0..1).await.unwrap(), [None]);
}

#[tokio::test]
async fn document_past_its_time_limit_fails_its_other_pages() {
    let engine = engine();
    let (_folder, document) = open(&engine, &simple_pdf(&["one", "two", "three"])).await;
    let limit = Duration::from_millis(300);
    let document = document.unwrap().limited_to(limit);
    assert_eq!(document.text(0).await.unwrap().markdown, "one");
    assert!(document.time_left() < limit);
    kill_process(pid(&document).await, Signal::STOP).unwrap();
    let start = Instant::now();
    assert!(matches!(document.text(1).await, Err(PdfError::Page { index: 1, reason: PageFault::Timeout })));
    assert!(start.elapsed() < config().page_timeout / 2, "the document's limit ends sooner than a page's");
    assert!(matches!(document.text(2).await, Err(PdfError::Page { index: 2, reason: PageFault::GivenUp })));
    assert_eq!(document.text_lengths(0..3).await.unwrap(), [None; 3]);
}

#[tokio::test]
async fn measuring_past_the_answer_limit_leaves_pages_unmeasured() {
    let engine = Engine::new(EngineConfig { answer_timeout: Duration::from_millis(300), ..config() }).unwrap();
    let (_folder, document) = open(&engine, &simple_pdf(&["one", "two"])).await;
    let document = document.unwrap();
    kill_process(pid(&document).await, Signal::STOP).unwrap();
    assert_eq!(document.text_lengths(0..2).await.unwrap(), [None; 2]);
}

#[tokio::test]
async fn document_dropped_ends_its_worker() {
    let engine = engine();
    let (_folder, document) = open(&engine, &simple_pdf(&["one"])).await;
    let document = document.unwrap();
    let worker = pid(&document).await;
    drop(document);
    wait_until_gone(worker).await;
}

#[tokio::test]
async fn caller_that_gives_up_gets_the_right_answer_next_time() {
    let engine = engine();
    let (_folder, document) = open(&engine, &simple_pdf(&["one", "two"])).await;
    let document = document.unwrap();
    kill_process(pid(&document).await, Signal::STOP).unwrap();
    let given_up = tokio::time::timeout(Duration::from_millis(20), document.text(0)).await;
    assert!(given_up.is_err());
    assert_eq!(document.text(1).await.unwrap().markdown, "two");
}

#[tokio::test]
async fn background_documents_wait_for_a_permit_and_leave_one() {
    let caller = requester();
    let engine = Engine::new(EngineConfig { workers_max: 1, ..config() }).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("document");
    std::fs::write(&path, simple_pdf(&["one"])).unwrap();
    let first = engine.open(&path, Priority::Background, &caller).await.unwrap();
    assert_eq!(first.widen(), 1);
    let mut second = Box::pin(engine.open(&path, Priority::Background, &caller));
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut second).await.is_err());
    let interactive = engine.open(&path, Priority::Interactive, &caller).await.unwrap();
    assert_eq!(interactive.text(0).await.unwrap().markdown, "one");
    drop(first);
    assert_eq!(second.await.unwrap().text(0).await.unwrap().markdown, "one");
}

#[tokio::test]
async fn interactive_document_that_waits_too_long_for_a_permit_is_refused() {
    let limits = EngineConfig { workers_max: 1, open_timeout: Duration::from_secs(2), ..config() };
    let engine = Engine::new(limits).unwrap();
    let (_folder, first) = open(&engine, &simple_pdf(&["one"])).await;
    let (_folder, second) = open(&engine, &simple_pdf(&["two"])).await;
    let (_folder, third) = open(&engine, &simple_pdf(&["three"])).await;
    assert!(first.is_ok() && second.is_ok());
    assert!(matches!(third, Err(PdfError::Busy)));
}

#[tokio::test]
async fn installation_incomplete_is_told_from_a_bad_document() {
    let broken = |config: EngineConfig| async move { Engine::new(config).unwrap().check().await };
    assert!(broken(config()).await.is_ok());
    let no_library = EngineConfig { library: "/nonexistent.so".into(), ..config() };
    assert!(matches!(broken(no_library).await, Err(PdfError::Unavailable(_))));
    let no_worker = EngineConfig { worker_exe: "/nonexistent".into(), ..config() };
    assert!(matches!(broken(no_worker).await, Err(PdfError::Io(_))));
    let no_fonts = EngineConfig { fonts: Some("/nonexistent".into()), ..config() };
    assert!(matches!(broken(no_fonts).await, Err(PdfError::Unavailable(_))));
    let no_sense = EngineConfig { worker_exe: "/usr/bin/true".into(), ..config() };
    assert!(matches!(broken(no_sense).await, Err(PdfError::WorkerCrashed)));
}

/// The worker's parent is a shell, which is killed while the worker's socket stays open.
#[test]
fn worker_whose_parent_is_killed_ends() {
    let (mut socket, theirs) = UnixStream::pair().unwrap();
    let mut parent = Command::new("/bin/sh")
        .args(["-c", "exec 3<&0; \"$0\" page-worker <&3 & echo $$; wait", WORKER_EXE])
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut shell_pid = String::new();
    BufReader::new(parent.stdout.take().unwrap()).read_line(&mut shell_pid).unwrap();

    let limits = r#"{"memory_bytes_max":1073741824,"cpu_seconds_max":60}"#;
    let role = format!(r#"{{"pages":{{"library":"{}","fonts":null,"has_detector":false}}}}"#, library().display());
    let header = format!(r#"{{"op":"start","parent_pid":{},"limits":{limits},"role":{role}}}"#, shell_pid.trim());
    socket.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    socket.write_all(header.as_bytes()).unwrap();
    let mut started = [0; 8];
    socket.read_exact(&mut started).unwrap();

    parent.kill().unwrap();
    parent.wait().unwrap();
    // The worker's end of the socket closes exactly when the worker ends.
    let (gone, waiting) = std::sync::mpsc::channel();
    std::thread::spawn(move || gone.send(socket.read_to_end(&mut Vec::new())));
    assert!(waiting.recv_timeout(Duration::from_secs(10)).unwrap().is_ok());
}
