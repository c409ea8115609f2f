//! Documents that keep the page engine busy, and denied imports.

use std::path::Path;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::pdf::hostile::{slow_pdf, workers_with};
use crate::support::harness::{TestClient, TestServer, book, files_below, refused};

/// The memory limit of page workers in these tests, by which the tests count their workers.
const MEMORY_BYTES_MAX: u64 = 1_021 << 20;
const MEMORY: (&str, &str) = ("COLDBREW_PAGE_MEMORY_BYTES_MAX", "1070596096");

/// Every page process reads a document.
const NO_SPARES: (&str, &str) = ("COLDBREW_PAGE_SPARE_WORKERS", "0");

/// Waits until a condition holds. It is polled, because outside processes send no event.
async fn until(mut holds: impl FnMut() -> bool) {
    for _ in 0..6_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the condition does not hold within a minute");
}

fn receiving(data: &Path) -> usize {
    files_below(&data.join("receiving"))
}

#[tokio::test]
async fn slow_uploads_of_one_account_delay_no_other_and_end_with_their_caller() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[MEMORY, NO_SPARES]).await;
    let (slow, small) = (server.guest().await, server.guest().await);
    // Measuring ten thousand pages takes minutes.
    let pdf = slow_pdf(10_000);
    let upload = |pdf: Vec<u8>| {
        let slow = slow.clone();
        tokio::spawn(async move { slow.try_upload("slow.pdf", pdf).await.map(|answer| answer.status()) })
    };
    let uploads: Vec<_> = (0..8).map(|_| upload(pdf.clone())).collect();
    until(|| receiving(data.path()) == 8 && workers_with(MEMORY_BYTES_MAX) > 0).await;
    let prepared = small.upload_pages(3).await;
    assert_eq!(prepared["metadata"]["total_pages"], 3);
    assert!(uploads.iter().all(|upload| !upload.is_finished()), "the slow uploads are still being measured");
    assert!(workers_with(MEMORY_BYTES_MAX) < 4, "one account has all workers");

    uploads.iter().for_each(tokio::task::JoinHandle::abort);
    until(|| receiving(data.path()) == 0 && workers_with(MEMORY_BYTES_MAX) == 0).await;
    assert_eq!(slow.upload_pages(2).await["metadata"]["total_pages"], 2, "the account's own workers are free again");
}

/// The id of a document of the account, made in text mode.
async fn document(guest: &TestClient, pdf: Vec<u8>) -> String {
    let prepared: Value = guest.upload("book.pdf", pdf).await.json().await.unwrap();
    let answer = guest.submit(&prepared, false, false).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    answer.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn slow_page_images_of_one_account_delay_no_other() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[MEMORY, NO_SPARES]).await;
    let (slow, small) = (server.guest().await, server.guest().await);
    let (slow_id, small_id) = (document(&slow, slow_pdf(8)).await, document(&small, book(1)).await);
    let draw = |page: usize| {
        let (slow, path) = (slow.clone(), format!("/v1/documents/{slow_id}/pages/{page}/original"));
        tokio::spawn(async move { slow.send(Method::GET, &path, None).await.status() })
    };
    let drawings: Vec<_> = (0..8).map(draw).collect();
    until(|| workers_with(MEMORY_BYTES_MAX) >= 2).await;
    let answer = small.send(Method::GET, &format!("/v1/documents/{small_id}/pages/0/original"), None).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let done = drawings.iter().filter(|drawing| drawing.is_finished()).count();
    assert!(done < 4, "{done} of the slow images were drawn first");
    drawings.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn engine_time_of_an_account_is_bounded_and_its_jobs_wait() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_GUEST_ENGINE_SECONDS_PER_HOUR", "1")]).await;
    let (slow, other) = (server.guest().await, server.guest().await);
    let mut prepared = Vec::new();
    let answer = loop {
        let answer = slow.upload("slow.pdf", slow_pdf(40)).await;
        if answer.status() != StatusCode::OK {
            break answer;
        }
        prepared.push(answer.json::<Value>().await.unwrap());
        assert!(prepared.len() < 100, "the budget is never used up");
    };
    let wait_s: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(wait_s > 0);
    refused(answer, 429, "too_many_requests").await;
    assert_eq!(other.upload_pages(1).await["metadata"]["total_pages"], 1, "another account has its own time");

    let job: Value = slow.submit(&prepared[0], true, true).await.json().await.unwrap();
    let content_hash = job["content_hash"].as_str().unwrap();
    let mut page = String::new();
    while !page.contains("continues by itself") {
        page = slow.page(&format!("/batch/{content_hash}")).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let status = slow.get(&format!("/v1/documents/batch/{content_hash}/status")).await;
    assert_eq!(status["status"], "PREPARING");
}

#[tokio::test]
async fn import_from_denied_ports_and_hosts_is_refused_unconnected() {
    let data = TempDir::new().unwrap();
    let deny = ("COLDBREW_IMPORT_DENY", "denied.invalid, 198.18.0.0/15, 8.8.4.4");
    let own = ("COLDBREW_PUBLIC_URL", "http://coldbrew.invalid");
    let server = TestServer::start(&data, &[deny, own]).await;
    let guest = server.guest().await;
    for url in [
        "http://example.invalid:22/",
        "https://example.invalid:6379/",
        "http://denied.invalid/a.pdf",
        "http://a.denied.invalid./a.pdf",
        "http://coldbrew.invalid/",
        "http://8.8.4.4/",
        "http://[::ffff:8.8.4.4]/",
        "http://127.0.0.1/",
    ] {
        let answer = guest.send(Method::POST, "/v1/documents/prepare", Some(json!({"url": url}))).await;
        let error = refused(answer, 422, "url_not_allowed").await;
        assert!(!error["message"].as_str().unwrap().contains("8.8"), "{error}");
    }
}
