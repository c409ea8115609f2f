//! Documents whose workers are scripts.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;
use crate::protocol::encode_head;
use crate::{DetectorSpec, EngineConfig, Family, Priority, Requester, Runtime, SandboxLayers};

const OPENED: Reply = Reply::Opened { total_pages: 1, title: None };
const FIGURES: Reply = Reply::Figures { figures: Vec::new(), has_tables: false };

fn started() -> Reply {
    let layers =
        SandboxLayers { no_new_privs: true, limits: true, files: true, system_calls: true, ..Default::default() };
    Reply::Started { layers }
}

/// A program that runs these lines of a shell. `answer` waits for a request and sends the reply with that number.
fn scripted_worker(folder: &Path, lines: &str, replies: &[Reply]) -> PathBuf {
    for (number, reply) in replies.iter().enumerate() {
        std::fs::write(folder.join(number.to_string()), encode_head(reply, b"").unwrap()).unwrap();
    }
    let worker = folder.join("worker");
    let ask = "ask() { set -- $(head -c 8 | od -An -tu4 -w8); head -c $(($1 + $2)) >/dev/null; }";
    let answer = "answer() { file=$1; ask; cat \"$file\" >&0; }";
    let script = format!("#!/bin/sh\ncd '{}'\n{ask}\n{answer}\n{lines}\nexec sleep 1000\n", folder.display());
    std::fs::write(&worker, script).unwrap();
    std::fs::set_permissions(&worker, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(folder.join("document"), "").unwrap();
    worker
}

/// A document of one page that this worker reads. A page may take 300 ms.
async fn document(worker_exe: PathBuf) -> Document {
    let path = worker_exe.with_file_name("document");
    let detector = DetectorSpec {
        family: Family::PpDoclayout,
        runtime: Runtime::Onnxruntime,
        model: PathBuf::new(),
        library: PathBuf::new(),
        threshold_percent: 25,
        figure_classes: Vec::new(),
    };
    let page_timeout = Duration::from_millis(300);
    let usual = EngineConfig::new(PathBuf::new());
    let config = EngineConfig { worker_exe, page_timeout, detector: Some(detector), spare_workers: 0, ..usual };
    Engine::new(config).unwrap().open(path, Priority::Interactive, &Requester::unlimited("test")).await.unwrap()
}

#[test]
fn a_document_of_very_many_pages_has_time_for_all_of_them() {
    let half_an_hour = Duration::from_secs(1_800);
    assert_eq!(time_for(1, half_an_hour), half_an_hour);
    assert_eq!(time_for(1_800, half_an_hour), half_an_hour);
    assert_eq!(time_for(10_000, half_an_hour), Duration::from_secs(10_000));
    assert_eq!(time_for(3_600, Duration::from_secs(60)), Duration::from_secs(120));
    assert_eq!(time_for(2, Duration::MAX), Duration::MAX);
}

#[tokio::test]
async fn a_detector_is_not_loaded_in_the_time_of_the_first_page() {
    let folder = tempfile::tempdir().unwrap();
    let lines = "if mkdir begun; then answer 0; answer 1; answer 2; answer 3; answer 4; else sleep 1; answer 0; fi";
    let replies = [started(), OPENED, Reply::DetectorWanted, Reply::DetectorReady, FIGURES];
    let document = document(scripted_worker(folder.path(), lines, &replies)).await;
    let time = document.time_left();
    assert_eq!(document.figures(0).await.unwrap(), PageFigures::default());
    assert!(time - document.time_left() < Duration::from_millis(600), "nor in the document's");
}

#[tokio::test]
async fn figures_are_looked_for_once_more_by_a_fresh_worker() {
    let folder = tempfile::tempdir().unwrap();
    let only_the_second_answers = "answer 0; answer 1; if ! mkdir begun; then answer 2; fi";
    let document =
        document(scripted_worker(folder.path(), only_the_second_answers, &[started(), OPENED, FIGURES])).await;
    assert_eq!(document.figures(0).await.unwrap(), PageFigures::default());
    assert_eq!(document.workers_lost.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn figures_that_two_workers_cannot_find_are_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let document = document(scripted_worker(folder.path(), "answer 0; answer 1", &[started(), OPENED])).await;
    let answer = document.figures(0).await;
    assert!(matches!(answer, Err(PdfError::Page { index: 0, reason: PageFault::Timeout })), "{answer:?}");
    assert_eq!(document.workers_lost.load(Ordering::Relaxed), 2);
}
