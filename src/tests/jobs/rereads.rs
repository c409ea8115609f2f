//! Pages that a reader has read again: the new text replaces the former one, and only if there is a new one.

use std::time::Duration;

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::gemini::{Site, Submitted, WHOLE, always, times};
use crate::support::harness::{TestClient, http, refused};

/// A document of three pages that a batch has read.
async fn read_document(site: &Site, faults: &[Value]) -> (Submitted, String) {
    let submitted = site.submit(faults).await;
    assert_eq!(submitted.end().await, WHOLE);
    site.disarm().await;
    let id = submitted.status().await["document_id"].as_str().unwrap().to_owned();
    (submitted, format!("/v1/documents/{id}"))
}

async fn reread(client: &TestClient, document: &str, pages: &[u32], batch_mode: bool) -> Response {
    let wish = json!({"pages": pages, "batch_mode": batch_mode});
    client.send(Method::POST, &format!("{document}/reread"), Some(wish)).await
}

async fn accepted(answer: Response) -> Value {
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    answer.json().await.unwrap()
}

async fn used(client: &TestClient) -> u64 {
    client.get("/v1/users/me/usage").await["used_tokens"].as_u64().unwrap()
}

#[tokio::test]
async fn page_read_again_in_another_way_replaces_its_text_at_its_own_price() {
    let site = Site::start(&[]).await;
    // The answer for one page has half of its text.
    let (Submitted { guest, .. }, document) = read_document(&site, &[times("row_max_tokens", 1)]).await;
    let before = guest.get(&document).await;
    let is_cut = |page: &Value| page["note"].as_str().is_some_and(|note| note.contains("may be incomplete"));
    let cut = before["content"].as_array().unwrap().iter().position(is_cut).unwrap();
    let (cut_index, reader) = (cut as u32, document.replace("/v1", ""));
    assert!(guest.page(&reader).await.contains("Read this page again"));

    site.gemini.arm(json!({"fault": "generate_answers_late", "times": 1, "amount": 2_000})).await;
    let asked = async || reread(&guest, &document, &[cut_index], false).await;
    let ticket = accepted(asked().await).await;
    assert_eq!(accepted(asked().await).await, ticket, "a second click is the same job");
    refused(reread(&guest, &document, &[0, 1, 2], false).await, 409, "batch_in_progress").await;
    refused(reread(&guest, &document, &[cut_index], true).await, 409, "batch_in_progress").await;
    let page = guest.page(&reader).await;
    assert!(page.contains("This page is being read again.") && !page.contains("Read this page again"), "{page}");
    assert_eq!(guest.get(&document).await["content"], before["content"], "the text stays until the new one is there");

    let ended = guest.end_of(&format!("/v1/documents/extraction/{}", ticket["extraction_id"].as_str().unwrap())).await;
    assert_eq!((&ended["status"], &ended["completed_pages"]), (&json!("SUCCEEDED"), &json!(1)), "{ended}");
    let after = guest.get(&document).await;
    for (index, (page, former)) in
        after["content"].as_array().unwrap().iter().zip(before["content"].as_array().unwrap()).enumerate()
    {
        if index == cut {
            assert_eq!(page["note"], "Read in a second way.");
            assert!(page["markdown"].as_str().unwrap().len() > former["markdown"].as_str().unwrap().len(), "{page}");
        } else {
            assert_eq!(page, former);
        }
    }
    let receipts = guest.get("/v1/users/me/usage").await["receipts"].clone();
    assert_eq!((receipts.as_array().unwrap().len(), &receipts[0]["pages"]), (2, &json!(1)), "{receipts}");
    assert!(receipts[0]["charged_tokens"].as_u64().unwrap() > 0);
    assert_eq!(after["charged_tokens"], used(&guest).await);
    assert_eq!(site.calls("create_batch").await, 1);
}

#[tokio::test]
async fn page_that_cannot_be_read_again_keeps_its_text_and_is_not_charged() {
    let site = Site::start(&[]).await;
    let (submitted, document) = read_document(&site, &[]).await;
    let guest = &submitted.guest;
    let (before, spent) = (guest.get(&document).await, used(guest).await);
    site.gemini.arm(always("row_loops_stop")).await;
    accepted(reread(guest, &document, &[1], true).await).await;
    let ended = guest.batch_end(&submitted.content_hash).await;
    assert_eq!(ended["status"], "FAILED", "{ended}");
    assert_eq!(guest.get(&document).await, before);
    assert_eq!(used(guest).await, spent);
    assert_eq!(guest.get("/v1/users/me/usage").await["reserved_tokens"], 0);
    assert!(site.calls("generate_content_flex").await >= 2, "there is more than one way");
    assert_eq!(site.calls("create_batch").await, 1, "batch mode reads at the price of a batch, without a batch");
    let reader = document.replace("/v1", "");
    let page = guest.page(&reader).await;
    assert_eq!(page.matches("This page could not be read again.").count(), 1, "{page}");
    assert!(submitted.page().await.contains("This page could not be read again."), "the job's page is the document");

    site.disarm().await;
    let again = json!({"content_hash": submitted.content_hash, "batch": false});
    assert_eq!(guest.call("try_again", again).await.status(), StatusCode::OK);
    assert_eq!(guest.batch_end(&submitted.content_hash).await["status"], "SUCCEEDED");
    assert!(!guest.page(&reader).await.contains("This page could not be read again."));
    assert!(used(guest).await > spent);
}

#[tokio::test]
async fn page_that_looks_blank_is_sent_again_and_no_answer_without_text_replaces_it() {
    let site = Site::start(&[]).await;
    let guest = site.server.guest().await;
    let file = coldbrew_pdf::testing::simple_pdf(&["", "A page with words."]);
    let prepared: Value = guest.upload("blank.pdf", file).await.json().await.unwrap();
    let ticket = accepted(guest.submit(&prepared, true, false).await).await;
    let ended = |ticket: &Value| format!("/v1/documents/extraction/{}", ticket["extraction_id"].as_str().unwrap());
    let document = guest.end_of(&ended(&ticket)).await["document_id"].as_str().unwrap().to_owned();
    let document = format!("/v1/documents/{document}");
    let (before, calls) = (guest.get(&document).await, site.calls("generate_content").await);
    assert_eq!(calls, 1, "a page that looks blank is not sent");
    site.gemini.arm(always("row_thoughts_only")).await;
    let ticket = accepted(reread(&guest, &document, &[0], false).await).await;
    let ended = guest.end_of(&ended(&ticket)).await;
    assert_eq!(ended["status"], "FAILED", "{}", guest.get(&document).await);
    assert_eq!(site.calls("generate_content").await, calls + 2, "two halves, and the usual way");
    assert_eq!(guest.get(&document).await, before);
}

#[tokio::test]
async fn request_to_read_again_needs_pages_that_ai_read_for_its_caller() {
    let site = Site::start(&[]).await;
    let (Submitted { guest, upload, .. }, document) = read_document(&site, &[]).await;
    for pages in [&[][..], &[3], &[0, u32::MAX]] {
        refused(reread(&guest, &document, pages, false).await, 422, "invalid_pages").await;
    }
    let stranger = site.server.guest().await;
    refused(reread(&stranger, &document, &[0], false).await, 404, "not_found").await;
    let wish = json!({"hash": upload, "ai_transform": false, "batch_mode": false, "pages": [0, 2]});
    let text: Value = guest.send(Method::POST, "/v1/documents/document", Some(wish)).await.json().await.unwrap();
    let text = format!("/v1/documents/{}", text["id"].as_str().unwrap());
    refused(reread(&guest, &text, &[0], false).await, 422, "invalid_pages").await;
    assert!(!guest.page(&text.replace("/v1", "")).await.contains("Read this page again"));

    let keyed = async |pages: &[u32]| {
        let request = http().post(format!("{}{document}/reread", site.server.base_url)).bearer_auth(&guest.token);
        let wish = json!({"pages": pages, "batch_mode": false});
        request.header("Idempotency-Key", "once").json(&wish).send().await.unwrap()
    };
    let ticket = accepted(keyed(&[0]).await).await;
    guest.end_of(&format!("/v1/documents/extraction/{}", ticket["extraction_id"].as_str().unwrap())).await;
    let spent = used(&guest).await;
    assert_eq!(accepted(keyed(&[0]).await).await, ticket);
    refused(keyed(&[1]).await, 422, "idempotency_key_reused").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(used(&guest).await, spent);
}
