//! Jobs from submission to document, over HTTP, with the emulator.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::harness::{TestClient, TestGemini, TestServer, refused, wait_for_files};

async fn submit_batch(guest: &TestClient, prepared: &Value) -> Value {
    let answer = guest.submit(prepared, true, true).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    answer.json().await.unwrap()
}

async fn usage(guest: &TestClient) -> (u64, u64) {
    let usage = guest.get("/v1/users/me/usage").await;
    (usage["used_tokens"].as_u64().unwrap(), usage["reserved_tokens"].as_u64().unwrap())
}

#[tokio::test]
async fn batch_becomes_a_document_at_its_actual_cost() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let guest = server.guest().await;
    let prepared = guest.upload_pages(12).await;
    let ticket = submit_batch(&guest, &prepared).await;
    assert_eq!(ticket["total_pages"], 12);
    let ended = guest.batch_end(ticket["content_hash"].as_str().unwrap()).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
    assert_eq!(ended["submitted_at"], ticket["submitted_at"]);

    let document = guest.get(&format!("/v1/documents/{}", ended["document_id"].as_str().unwrap())).await;
    let pages = document["content"].as_array().unwrap();
    assert_eq!(pages.len(), 12);
    for (index, page) in pages.iter().enumerate() {
        assert_eq!(page["index"], index);
        assert!(page["markdown"].as_str().unwrap().contains(&format!("page {} of the book", index + 1)), "{page}");
    }
    let (used, reserved) = usage(&guest).await;
    assert!(used > 0 && used == document["charged_tokens"].as_u64().unwrap());
    assert_eq!(reserved, 0);
    let receipts = guest.get("/v1/users/me/usage").await["receipts"].clone();
    assert_eq!(receipts[0]["charged_tokens"], used);
    assert_eq!(receipts[0]["pages"], 12);

    // Pages that were read before are free, and the document is made at once.
    let again = guest.upload_pages(12).await;
    assert_eq!(again["uncached_pages"], json!([]));
    assert_eq!(guest.submit(&again, true, true).await.status(), StatusCode::CREATED);
    assert_eq!(usage(&guest).await, (used, 0));
}

#[tokio::test]
async fn realtime_job_reads_all_pages_and_releases_its_reservation() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let guest = server.guest().await;
    let prepared = guest.upload_pages(5).await;
    let answer = guest.submit(&prepared, true, false).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let ticket: Value = answer.json().await.unwrap();
    let path = format!("/v1/documents/extraction/{}", ticket["extraction_id"].as_str().unwrap());
    let ended = guest.end_of(&path).await;
    assert_eq!((&ended["status"], &ended["completed_pages"]), (&json!("SUCCEEDED"), &json!(5)), "{ended}");
    assert_eq!(usage(&guest).await.1, 0);
}

#[tokio::test]
async fn document_has_one_active_job_at_a_time() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_DEMO_PENDING_MS", "600000")]).await;
    let guest = server.guest().await;
    let prepared = guest.upload_pages(3).await;
    let tickets = futures::future::join_all((0..8).map(|_| submit_batch(&guest, &prepared))).await;
    assert!(tickets.iter().all(|ticket| *ticket == tickets[0]), "{tickets:?}");
    assert_eq!(usage(&guest).await.1, prepared["estimate"]["batch_tokens"].as_u64().unwrap(), "reserved once");
    let other = json!({"hash": prepared["hash"], "ai_transform": true, "batch_mode": true, "pages": [0]});
    refused(guest.send(Method::POST, "/v1/documents/document", Some(other)).await, 409, "batch_in_progress").await;
}

#[tokio::test]
async fn concurrent_submissions_never_exceed_the_quota() {
    let data = TempDir::new().unwrap();
    let server =
        TestServer::start(&data, &[("COLDBREW_QUOTA_TOKENS", "20000"), ("COLDBREW_DEMO_PENDING_MS", "600000")]).await;
    let guest = server.guest().await;
    // Files with different numbers of pages are different documents.
    let prepared = futures::future::join_all((1..=8).map(|pages| guest.upload_pages(pages))).await;
    let answers = futures::future::join_all(prepared.iter().map(|prepared| guest.submit(prepared, true, true))).await;
    let accepted: u64 = prepared
        .iter()
        .zip(&answers)
        .filter(|(_, answer)| answer.status() == StatusCode::ACCEPTED)
        .map(|(prepared, _)| prepared["estimate"]["batch_tokens"].as_u64().unwrap())
        .sum();
    assert!(
        answers.iter().any(|answer| answer.status() == StatusCode::PAYMENT_REQUIRED),
        "the quota is too large for this test"
    );
    assert_eq!(usage(&guest).await.1, accepted);
    assert!(accepted <= 20_000);
}

#[tokio::test]
async fn restart_at_any_stage_loses_nothing() {
    let data = TempDir::new().unwrap();
    let slow =
        [("COLDBREW_DEMO_PENDING_MS", "400"), ("COLDBREW_DEMO_RUNNING_MS", "400"), ("COLDBREW_SEEK_INTERVAL_MS", "20")];
    let mut server = TestServer::start(&data, &slow).await;
    let mut guest = server.guest().await;
    let prepared = guest.upload_pages(6).await;
    let ticket = submit_batch(&guest, &prepared).await;
    let content_hash = ticket["content_hash"].as_str().unwrap();
    let mut seen = Vec::new();
    // The server is stopped again and again, each time a little later, until the job has ended.
    for round in 0..100 {
        tokio::time::sleep(Duration::from_millis(round * 3)).await;
        server.stop().await;
        server = TestServer::start(&data, &slow).await;
        guest = guest.at(&server.base_url);
        let status = guest.get(&format!("/v1/documents/batch/{content_hash}/status")).await;
        seen.push(status["status"].as_str().unwrap().to_owned());
        if status["status"] == "SUCCEEDED" {
            break;
        }
    }
    seen.dedup();
    assert_eq!(seen.last().unwrap(), "SUCCEEDED", "{seen:?}");
    assert_eq!(guest.get("/v1/documents").await["documents"].as_array().unwrap().len(), 1);
    assert_eq!(usage(&guest).await.1, 0);
}

#[tokio::test]
async fn failed_pages_are_read_again_into_their_document_at_their_own_price() {
    let data = TempDir::new().unwrap();
    let gemini = TestGemini::start(&data).await;
    let server = TestServer::start(&data, &gemini.settings()).await;
    let guest = server.guest().await;
    for page in ["page 2 of", "page 3 of"] {
        gemini.arm(json!({"fault": "row_safety", "only": page})).await;
    }
    let ticket = submit_batch(&guest, &guest.upload_pages(5).await).await;
    let ended = guest.batch_end(ticket["content_hash"].as_str().unwrap()).await;
    let path = format!("/v1/documents/{}", ended["document_id"].as_str().unwrap());
    let before = guest.get(&path).await;
    assert_eq!(before["failed_pages"], 2);
    let spent = usage(&guest).await.0;
    assert_eq!(before["charged_tokens"], spent);

    // A retry that fails again leaves everything as it was.
    let retry = async |batch_mode| {
        let wish = Some(json!({"batch_mode": batch_mode}));
        guest.send(Method::POST, &format!("{path}/retry"), wish).await
    };
    assert_eq!(retry(true).await.status(), StatusCode::ACCEPTED);
    let ended = guest.batch_end(ticket["content_hash"].as_str().unwrap()).await;
    assert_eq!((&ended["status"], &ended["total_pages"]), (&json!("FAILED"), &json!(2)), "{ended}");
    assert_eq!(guest.get(&path).await, before);
    assert_eq!(usage(&guest).await, (spent, 0));

    gemini.disarm().await;
    let quote: Value = guest.call("retry_quote", json!({"id": before["id"]})).await.json().await.unwrap();
    assert!(quote["batch_tokens"].as_u64().unwrap() > 0, "{quote}");
    // A retry from the page of the failed batch still fills the document.
    let answer = guest.call("try_again", json!({"content_hash": ticket["content_hash"], "batch": false})).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(guest.batch_end(ticket["content_hash"].as_str().unwrap()).await["status"], "SUCCEEDED");
    let after = guest.get(&path).await;
    assert_eq!((&after["pages"], &after["failed_pages"]), (&json!(5), &json!(0)), "{after}");
    let spent = usage(&guest).await.0;
    assert_eq!(after["charged_tokens"], spent, "the price of the document is the sum of both jobs");
    assert_eq!(guest.get("/v1/documents").await["documents"].as_array().unwrap().len(), 1);
    refused(retry(true).await, 422, "invalid_pages").await;
    let stranger = server.guest().await;
    let wish = Some(json!({"batch_mode": true}));
    refused(stranger.send(Method::POST, &format!("{path}/retry"), wish).await, 404, "not_found").await;
}

#[tokio::test]
async fn deleted_document_keeps_its_receipt() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let guest = server.guest().await;
    let ticket = submit_batch(&guest, &guest.upload_pages(2).await).await;
    let ended = guest.batch_end(ticket["content_hash"].as_str().unwrap()).await;
    let before = usage(&guest).await;
    let path = format!("/v1/documents/{}", ended["document_id"].as_str().unwrap());
    assert_eq!(guest.send(Method::DELETE, &path, None).await.status(), StatusCode::NO_CONTENT);
    refused(guest.send(Method::GET, &path, None).await, 404, "not_found").await;
    assert_eq!(usage(&guest).await, before);
    assert_eq!(guest.get("/v1/users/me/usage").await["receipts"].as_array().unwrap().len(), 1);
    wait_for_files(&data.path().join("blobs"), 0).await;
}
