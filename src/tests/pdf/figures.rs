//! Figures in both AI modes: found on the page, named in the prompt, put into the text, and visible to their owner only.

use coldbrew_pdf::testing::{chart_pdf, pdf_from_contents};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::harness::{TestClient, TestServer, files_below, refused, wait_for_files};

/// Submits a file for extraction. Returns the ticket.
async fn submit(guest: &TestClient, pdf: Vec<u8>, batch_mode: bool) -> Value {
    let prepared: Value = guest.upload("a.pdf", pdf).await.json().await.unwrap();
    guest.submit(&prepared, true, batch_mode).await.json().await.unwrap()
}

/// Waits for the job of a ticket. Returns its document.
async fn outcome(guest: &TestClient, ticket: &Value) -> Value {
    let ended = match ticket["extraction_id"].as_str() {
        Some(id) => guest.end_of(&format!("/v1/documents/extraction/{id}")).await,
        None => guest.batch_end(ticket["content_hash"].as_str().unwrap()).await,
    };
    assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
    guest.get(&format!("/v1/documents/{}", ended["document_id"].as_str().unwrap())).await
}

/// The address of the only figure of the only page.
fn address(document: &Value) -> String {
    let markdown = document["content"][0]["markdown"].as_str().unwrap();
    assert!(!markdown.contains("figure:"), "{markdown}");
    let images: Vec<&str> = markdown.split("](/v1/images/").skip(1).collect();
    assert_eq!(images.len(), 1, "{markdown}");
    format!("/v1/images/{}", images[0].split(')').next().unwrap())
}

#[tokio::test]
async fn figure_is_in_its_place_and_visible_to_its_owner_only() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    for batch_mode in [true, false] {
        let (guest, stranger) = (server.guest().await, server.guest().await);
        let ticket = submit(&guest, chart_pdf(), batch_mode).await;
        let document = outcome(&guest, &ticket).await;
        let address = address(&document);
        assert!(address.contains(".png?w=6"), "two thirds of the page's width: {address}");
        let answer = guest.send(Method::GET, &address, None).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], "image/png");
        assert_eq!(answer.headers()["content-security-policy"], "default-src 'none'; sandbox");
        assert!(answer.bytes().await.unwrap().starts_with(b"\x89PNG"));
        refused(stranger.send(Method::GET, &address, None).await, 404, "not_found").await;
        refused(guest.send(Method::GET, &address.replace("_0", "_1"), None).await, 404, "not_found").await;
        refused(guest.send(Method::GET, &address.replace("/0_0", "/..%2f0_0"), None).await, 404, "not_found").await;

        let path = format!("/v1/documents/{}", document["id"].as_str().unwrap());
        assert_eq!(guest.send(Method::DELETE, &path, None).await.status(), StatusCode::NO_CONTENT);
        refused(guest.send(Method::GET, &address, None).await, 404, "not_found").await;
    }
    wait_for_files(&data.path().join("blobs"), 0).await;
    assert_eq!(files_below(&data.path().join("spool")), 0);
}

/// `pages` pages, of which the first `laborious` have text that is read at once and curves that take long to draw.
fn laborious_pdf(pages: usize, laborious: usize) -> Vec<u8> {
    let text = "BT /F1 12 Tf 72 700 Td (What can be read.) Tj ET\n";
    let curves = "0 0 m 9 999 999 9 595 842 c S\n".repeat(60_000);
    let drawn = format!("{text}{curves}");
    let mut contents = vec![text; pages];
    contents[..laborious].fill(&drawn);
    pdf_from_contents(&contents, "")
}

/// The number of workers that a document gets.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[tokio::test]
async fn page_read_without_its_figures_has_a_note_also_after_a_restart() {
    let data = TempDir::new().unwrap();
    let short_timeout = ("COLDBREW_PAGE_TIMEOUT_MS", "2000");
    let server = TestServer::start(&data, &[short_timeout, ("COLDBREW_DEMO_PENDING_MS", "5000")]).await;
    let guest = server.guest().await;
    let batch = submit(&guest, laborious_pdf(1, 1), true).await;
    let status = format!("/v1/documents/batch/{}/status", batch["content_hash"].as_str().unwrap());
    while guest.get(&status).await["status"] == "PREPARING" {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    server.stop().await;
    let server = TestServer::start(&data, &[short_timeout]).await;
    let (guest, other) = (guest.at(&server.base_url), server.guest().await);
    let realtime = submit(&other, laborious_pdf(1, 1), false).await;
    for document in [outcome(&guest, &batch).await, outcome(&other, &realtime).await] {
        let page = &document["content"][0];
        assert_eq!((&page["markdown"], &page["failure"]), (&"What can be read.".into(), &Value::Null), "{page}");
        assert!(page["note"].as_str().unwrap_or_default().contains("Figure detection failed"), "{page}");
    }
}

#[tokio::test]
async fn pages_after_document_timeout_are_reported_as_not_tried() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_DOCUMENT_TIMEOUT_MS", "700")]).await;
    for batch_mode in [true, false] {
        let guest = server.guest().await;
        let ticket = submit(&guest, laborious_pdf(100, workers()), batch_mode).await;
        let document = outcome(&guest, &ticket).await;
        let last = &document["content"][99];
        assert!(last["failure"].as_str().unwrap_or_default().contains("was skipped"), "{last}");
    }
}

#[tokio::test]
async fn slow_page_does_not_block_other_pages() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_DOCUMENT_TIMEOUT_MS", "2000")]).await;
    let guest = server.guest().await;
    let ticket = submit(&guest, laborious_pdf(60, 1), true).await;
    let document = outcome(&guest, &ticket).await;
    let last = &document["content"][59];
    // A single worker reads them one after the other, and the first uses up the time.
    assert_eq!(last["markdown"] == "What can be read.", workers() > 1, "{last}");
}
