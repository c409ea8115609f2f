//! Every end of a batch, as its owner sees it over HTTP: the status word for word, and the charges. After an end without a document, the
//! document can be submitted again without uploading the file again.
//!
//! `gemini` has the faults that lead to each end. `leaving` has the deletion of an account during a batch.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::jobs::gemini::{End, PAGES, Site, Submitted, WHOLE, always, second_page_refused, times};
use crate::ops::failures;
use crate::support::harness::{TestClient, TestGemini, TestServer, files_below, refused};
use crate::support::processes::Program;

/// Checks the status of a job that ended without a document, and that nothing was charged and nothing is reserved.
async fn assert_failed(document: &Submitted, status: &str, code: &str, message: &str) {
    let ended = document.guest.batch_end(&document.content_hash).await;
    let expected = json!({
        "status": status,
        "submitted_at": ended["submitted_at"],
        "total_pages": PAGES,
        "document_id": null,
        "error": {"code": code, "message": message},
    });
    assert_eq!(ended, expected);
    assert!(ended["submitted_at"].as_str().unwrap().ends_with('Z'));
    let usage = document.guest.get("/v1/users/me/usage").await;
    assert_eq!((&usage["used_tokens"], &usage["reserved_tokens"]), (&json!(0), &json!(0)), "{code}");
    assert_eq!(usage["receipts"], json!([]), "{code}");
    assert_eq!(document.guest.get("/v1/documents").await["documents"], json!([]), "{code}");
}

/// Checks that the file is still stored, and becomes a document when it is submitted again.
async fn assert_can_be_tried_again(document: &Submitted) {
    let wish = json!({"hash": document.upload, "ai_transform": true, "batch_mode": true});
    let answer = document.guest.send(Method::POST, "/v1/documents/document", Some(wish)).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    assert_eq!(document.end().await, WHOLE);
    assert_charged_exactly(&document.guest, PAGES).await;
}

/// Checks that there is one receipt, of half of each page's tokens, rounded up.
async fn assert_charged_exactly(guest: &TestClient, pages: u64) {
    let usage = guest.get("/v1/users/me/usage").await;
    assert_eq!(usage["receipts"].as_array().unwrap().len(), 1, "{usage}");
    let receipt = &usage["receipts"][0];
    let number = |name: &str| receipt[name].as_u64().unwrap();
    assert_eq!((number("pages"), &receipt["charged_tokens"]), (pages, &usage["used_tokens"]));
    let tokens = number("input_tokens") + 6 * number("output_tokens");
    let rounded = 2 * number("charged_tokens") - tokens;
    assert!(tokens > 0 && rounded <= pages, "{receipt}");
}

#[tokio::test]
async fn job_without_a_document_reports_its_error_and_costs_nothing() {
    let stuck = || vec![times("stuck_pending", 1)];
    for (what, faults, status, code, message) in [
        (
            "all rows are errors",
            vec![always("row_error")],
            "FAILED",
            "no_capacity",
            "Gemini had no capacity for the rest of this document after several attempts.",
        ),
        (
            "the input is refused",
            vec![times("file_failed", 1)],
            "FAILED",
            "refused_upstream",
            "Google refused to process this document.",
        ),
        ("it is cancelled at Google", stuck(), "FAILED", "cancelled_upstream", "This batch was cancelled at Google."),
    ] {
        let site = Site::start(&[]).await;
        let document = site.submit(&faults).await;
        if what == "it is cancelled at Google" {
            site.called("get_batch", 1).await;
            site.cancel_all().await;
        }
        assert_failed(&document, status, code, message).await;
        site.disarm().await;
        assert_can_be_tried_again(&document).await;
    }
}

/// The page of the batch says so, and the calls cost no more than the batch.
#[tokio::test]
async fn batch_that_never_starts_is_read_by_calls_at_the_same_price() {
    let site = Site::start(&[("COLDBREW_PENDING_MAX_MS", "400")]).await;
    let document = site.submit(&[always("stuck_pending"), always("flex_unavailable")]).await;
    let words = "We are reading your document another way, at the same price.";
    assert!(!document.page().await.contains(words), "not at first");
    site.called("cancel_batch", 1).await;
    while document.status().await["status"] != "RUNNING" {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(document.page().await.contains(words));
    site.disarm().await;
    assert_eq!(document.end().await, WHOLE);
    assert_charged_exactly(&document.guest, PAGES).await;
    assert_eq!(site.batches().await.len(), 1);
}

#[tokio::test]
async fn job_with_a_document_is_charged_for_the_pages_read() {
    let site = Site::start(&[]).await;
    let document = site.submit(&[]).await;
    assert_eq!(document.end().await, WHOLE);
    assert_charged_exactly(&document.guest, PAGES).await;
    let ended = document.status().await;
    let expected = json!({
        "status": "SUCCEEDED",
        "submitted_at": ended["submitted_at"],
        "total_pages": PAGES,
        "document_id": ended["document_id"],
        "error": null,
    });
    assert_eq!(ended, expected);

    let document = site.submit(&[second_page_refused()]).await;
    assert_eq!(document.end().await, End::Document { failed_pages: 1 });
    assert_charged_exactly(&document.guest, PAGES - 1).await;
    let path = format!("/v1/documents/{}", document.status().await["document_id"].as_str().unwrap());
    let pages = document.guest.get(&path).await["content"].clone();
    let reasons = pages.as_array().unwrap().iter().filter_map(|page| page["failure"].as_str());
    assert_eq!(reasons.collect::<Vec<_>>().len(), 1, "{pages}");
}

/// The operator replaces the key and restarts the server.
#[tokio::test]
async fn job_with_a_refused_key_fails_and_can_be_submitted_again() {
    let data = TempDir::new().unwrap();
    let gemini = TestGemini::start(&data).await;
    let with_key = |key| [("GEMINI_BASE_URL", gemini.base_url.as_str()), ("GEMINI_API_KEY", key)];
    let server = TestServer::start(&data, &with_key("invalid")).await;
    let document = Submitted::by(server.guest().await).await;
    let message = "Google refused this server's API key or its billing. Please ask the operator to check them.";
    assert_failed(&document, "FAILED", "key_refused", message).await;
    server.stop().await;
    let server = TestServer::start(&data, &with_key("a-key")).await;
    assert_can_be_tried_again(&document.at(&server.base_url)).await;
}

/// The server's clock is moved, Google's is not.
#[tokio::test]
async fn full_storage_at_google_fails_the_job_after_three_days() {
    let (data, google) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let gemini = TestGemini::start(&google).await;
    let clock = failures::Clock::new(google.path());
    let server = failures::Program::start(&clock.shell(), data.path(), &gemini.settings());
    gemini.arm(always("storage_full")).await;
    let document = Submitted::by(TestClient::guest_at(&server.base_url).await).await;
    clock.show("+71h");
    let waiting = document.status().await;
    assert_eq!((&waiting["status"], &waiting["error"]), (&json!("PREPARING"), &json!(null)));
    assert!(document.guest.get("/v1/users/me/usage").await["reserved_tokens"].as_u64().unwrap() > 0);
    clock.show("+73h");
    let message = "For three days, Google could not be reached or had no capacity for this document.";
    assert_failed(&document, "FAILED", "not_sent", message).await;
    gemini.disarm().await;
    assert_can_be_tried_again(&document).await;
}

/// A text document of the same file is deleted while the batch runs.
#[tokio::test]
async fn file_of_a_running_batch_outlives_another_document_of_it() {
    let site = Site::start(&[]).await;
    let document = site.submit(&[always("create_quota")]).await;
    let wish = json!({"hash": document.upload, "ai_transform": false, "batch_mode": false});
    let answer = document.guest.send(Method::POST, "/v1/documents/document", Some(wish)).await;
    let text: Value = answer.json().await.unwrap();
    let path = format!("/v1/documents/{}", text["id"].as_str().unwrap());
    assert_eq!(document.guest.send(Method::DELETE, &path, None).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(files_below(&site.data.path().join("blobs/uploads")), 1);
    site.disarm().await;
    assert_eq!(document.end().await, WHOLE);
    Program::see_doctor(site.data.path(), &site.gemini.settings()).await;
}

/// The retried pages are paid for.
#[tokio::test]
async fn document_deleted_during_its_retry_becomes_one_of_the_retried_pages() {
    let site = Site::start(&[]).await;
    let document = site.submit(&[second_page_refused()]).await;
    assert_eq!(document.end().await, End::Document { failed_pages: 1 });
    site.disarm().await;
    let path = format!("/v1/documents/{}", document.status().await["document_id"].as_str().unwrap());
    let spent = document.guest.get("/v1/users/me/usage").await["used_tokens"].as_u64().unwrap();
    site.gemini.arm(always("create_quota")).await;
    let wish = Some(json!({"batch_mode": true}));
    let answer = document.guest.send(Method::POST, &format!("{path}/retry"), wish).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    assert_eq!(document.guest.send(Method::DELETE, &path, None).await.status(), StatusCode::NO_CONTENT);
    refused(document.guest.send(Method::GET, &path, None).await, 404, "not_found").await;
    site.disarm().await;
    let ended = document.guest.batch_end(&document.content_hash).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
    let again = document.guest.get(&path).await;
    assert_eq!((&again["pages"], &again["failed_pages"]), (&json!(1), &json!(0)));
    let usage = document.guest.get("/v1/users/me/usage").await;
    assert!(usage["used_tokens"].as_u64().unwrap() > spent && usage["reserved_tokens"] == 0);
    assert!(site.no_input_is_left().await);
    Program::see_doctor(site.data.path(), &site.gemini.settings()).await;
}
