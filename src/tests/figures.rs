//! Figures from a page to its reader, through both AI modes: found, asked for by the prompt, in place, and nobody else's.

use coldbrew::pdf::testing::chart_pdf;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{TestClient, TestServer, files_below, refused};

/// Extracts the page with a chart and returns the document.
async fn extract(guest: &TestClient, batch_mode: bool) -> Value {
    let prepared: Value = guest.upload("chart.pdf", chart_pdf()).await.json().await.unwrap();
    let ticket: Value = guest.submit(&prepared, true, batch_mode).await.json().await.unwrap();
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
async fn a_figure_is_in_its_place_and_only_its_owner_sees_it() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    for batch_mode in [true, false] {
        let (guest, stranger) = (server.guest().await, server.guest().await);
        let document = extract(&guest, batch_mode).await;
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
    assert_eq!(files_below(&data.path().join("blobs")), 0, "pictures go with their document");
    assert_eq!(files_below(&data.path().join("spool")), 0);
}
