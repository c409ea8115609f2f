//! What a person has of a document: to read it meanwhile, to search it, to see it as it was, and to keep it.

// What is to replace its reader is not whole yet.
#[allow(deprecated)]
use async_zip::base::read::mem::ZipFileReader;
use coldbrew_pdf::testing::{chart_pdf, simple_pdf};
use futures::AsyncReadExt;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::harness::{TestClient, TestGemini, TestServer, files_below, refused};

/// A page of the web app, and where it led to.
async fn page(guest: &TestClient, path: &str) -> (StatusCode, String, String) {
    let answer = guest.send(Method::GET, path, None).await;
    (answer.status(), answer.url().path().to_owned(), answer.text().await.unwrap())
}

/// A document of these pages, read as text.
async fn text_document(guest: &TestClient, pages: &[&str]) -> String {
    let prepared: Value = guest.upload("A “Book”/1.pdf", simple_pdf(pages)).await.json().await.unwrap();
    let made: Value = guest.submit(&prepared, false, false).await.json().await.unwrap();
    made["id"].as_str().unwrap().to_owned()
}

/// The address at which a job's document is to be read.
fn meanwhile(batch_page: &str) -> String {
    let way = batch_page.split("href=\"/documents/").nth(1).unwrap();
    format!("/documents/{}", way.split('"').next().unwrap())
}

#[tokio::test]
async fn a_batch_is_read_meanwhile_at_the_address_of_its_document() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_DEMO_PENDING_MS", "6000")]).await;
    let (guest, stranger) = (server.guest().await, server.guest().await);
    let prepared = guest.upload_pages(30).await;
    let ticket: Value = guest.submit(&prepared, true, true).await.json().await.unwrap();
    let content_hash = ticket["content_hash"].as_str().unwrap();
    let address = meanwhile(&page(&guest, &format!("/batch/{content_hash}")).await.2);
    // Two at once make one draft.
    let last = format!("{address}?page=30");
    let (first, second) = tokio::join!(page(&guest, &address), page(&guest, &last));
    for (status, path, html) in [&first, &second] {
        assert_eq!((*status, path), (StatusCode::OK, &address));
        assert!(html.contains("This is the plain text") && html.contains("data-live=\"working\""), "{html}");
    }
    assert!(first.2.contains("page 1 of the book") && second.2.contains("page 30 of the book"));
    assert_eq!(page(&stranger, &address).await.0, StatusCode::NOT_FOUND);
    assert_eq!(guest.get("/v1/documents").await["documents"], serde_json::json!([]), "no document yet");
    assert_eq!(guest.get("/v1/users/me/usage").await["used_tokens"], 0, "it is free");

    let ended = guest.batch_end(content_hash).await;
    assert_eq!(format!("/documents/{}", ended["document_id"].as_str().unwrap()), address, "{ended}");
    let (_, _, html) = page(&guest, &address).await;
    assert!(!html.contains("This is the plain text") && html.contains("data-live=\"idle\""), "{html}");
    assert_eq!(guest.get("/v1/documents").await["documents"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn who_reads_what_will_not_come_is_told_why() {
    let (data, gemini_data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let gemini = TestGemini::start(&gemini_data).await;
    let server = TestServer::start(&data, &gemini.settings()).await;
    gemini.arm(serde_json::json!({"fault": "batch_fails"})).await;
    let guest = server.guest().await;
    let prepared = guest.upload_pages(2).await;
    let ticket: Value = guest.submit(&prepared, true, true).await.json().await.unwrap();
    let content_hash = ticket["content_hash"].as_str().unwrap();
    let batch_path = format!("/batch/{content_hash}");
    let address = meanwhile(&page(&guest, &batch_path).await.2);
    page(&guest, &address).await;
    assert_eq!(guest.batch_end(content_hash).await["status"], "FAILED");
    let (status, path, html) = page(&guest, &address).await;
    assert_eq!((status, path), (StatusCode::OK, batch_path));
    assert!(html.contains("Nothing was charged."), "{html}");
}

#[tokio::test]
async fn a_search_finds_pages_that_are_not_shown() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let guest = server.guest().await;
    let texts: Vec<String> = (1..=45).map(|page| format!("The needle of page {page} is a Needle.")).collect();
    let id = text_document(&guest, &texts.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let (_, _, html) = page(&guest, &format!("/documents/{id}?q=NEEDLE+of&page=44")).await;
    assert!(html.contains("Found 45 times, on 45 pages"), "{html}");
    assert!(html.contains(&format!("/documents/{id}?page=45&amp;q=NEEDLE%20of#hit-45-1")), "{html}");
    assert!(html.contains("<mark id=\"hit-44-1\">needle of</mark>"), "{html}");
    assert!(!html.contains("<mark id=\"hit-1-1\">"), "page 1 is not in the span that is shown");
    let (_, _, html) = page(&guest, &format!("/documents/{id}?q=haystack")).await;
    assert!(html.contains("Nothing found."), "{html}");
}

#[tokio::test]
async fn pages_are_seen_as_they_were_by_their_owner_while_the_file_is_kept() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let (guest, stranger) = (server.guest().await, server.guest().await);
    let id = text_document(&guest, &["One.", "Two."]).await;
    let path = |page: &str| format!("/v1/documents/{id}/pages/{page}/original");
    let answer = guest.send(Method::GET, &path("1"), None).await;
    assert_eq!(answer.headers()["content-type"], "image/webp");
    assert_eq!(answer.headers()["content-security-policy"], "default-src 'none'; sandbox");
    assert!(answer.headers()["cache-control"].to_str().unwrap().contains("private"));
    let picture = image::load_from_memory(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!((picture.width(), picture.height()), (1200, 1698));
    let is_white = |picture: &image::DynamicImage| picture.to_luma8().pixels().all(|pixel| pixel.0[0] == 255);
    assert!(!is_white(&picture), "nothing was drawn");
    refused(stranger.send(Method::GET, &path("1"), None).await, 404, "not_found").await;
    for page in ["2", "-1", "x"] {
        refused(guest.send(Method::GET, &path(page), None).await, 404, "not_found").await;
    }

    let (_, _, html) = page(&guest, &format!("/documents/{id}?original=all")).await;
    assert!(html.contains("Hide original pages") && html.contains(&path("0")), "{html}");
    std::fs::remove_dir_all(data.path().join("blobs/uploads")).unwrap();
    refused(guest.send(Method::GET, &path("0"), None).await, 410, "original_gone").await;
    let (_, _, html) = page(&guest, &format!("/documents/{id}")).await;
    assert!(html.contains("The uploaded file is not kept any more") && !html.contains(&path("0")), "{html}");
}

#[tokio::test]
async fn a_page_that_cannot_be_drawn_in_time_is_to_be_asked_for_again() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let guest = server.guest().await;
    let id = text_document(&guest, &["One."]).await;
    server.stop().await;
    // No machine is as busy as one that has no time at all.
    let server = TestServer::start(&data, &[("COLDBREW_PAGE_TIMEOUT_MS", "1")]).await;
    let guest = guest.at(&server.base_url);
    let answer = guest.send(Method::GET, &format!("/v1/documents/{id}/pages/0/original"), None).await;
    assert_eq!(answer.headers().get("retry-after").and_then(|wait| wait.to_str().ok()), Some("5"));
    refused(answer, 503, "unavailable").await;
}

/// A file of an export, and its name.
async fn export(guest: &TestClient, id: &str, format: &str) -> (String, String, Vec<u8>) {
    let answer = guest.send(Method::GET, &format!("/v1/documents/{id}/export?format={format}"), None).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    let (media_type, name) = (header("content-type"), header("content-disposition"));
    (media_type, name, answer.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn an_export_is_one_text_with_a_mark_at_each_page() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let (guest, stranger) = (server.guest().await, server.guest().await);
    // More pages than are read at once, one of which is cut within a word.
    let mut texts: Vec<String> = (1..=130).map(|page| format!("This is page {page}.")).collect();
    texts[98] = "The hundredth page is a good exam-".to_owned();
    texts[99] = "ple of a cut word.".to_owned();
    let id = text_document(&guest, &texts.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let (media_type, name, bytes) = export(&guest, &id, "md").await;
    assert_eq!(media_type, "text/markdown; charset=utf-8");
    assert_eq!(name, "attachment; filename=\"A _Book_ 1.md\"; filename*=UTF-8''A%20%E2%80%9CBook%E2%80%9D%201.md");
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.starts_with("<!-- page 1 -->\n\nThis is page 1.\n\n<!-- page 2 -->\n\n"), "{text}");
    assert!(text.contains("a good exam<!-- page 100 -->ple of a cut word.\n\n<!-- page 101 -->"), "{text}");
    for page in 1..=130 {
        assert_eq!(text.matches(&format!("<!-- page {page} -->")).count(), 1, "page {page}");
    }
    let path = |format: &str| format!("/v1/documents/{id}/export?format={format}");
    refused(guest.send(Method::GET, &path("pdf"), None).await, 400, "invalid_request").await;
    refused(stranger.send(Method::GET, &path("md"), None).await, 404, "not_found").await;
}

#[tokio::test]
#[allow(deprecated)]
async fn figures_are_in_the_web_page_and_in_the_archive() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let guest = server.guest().await;
    let prepared: Value = guest.upload("chart.pdf", chart_pdf()).await.json().await.unwrap();
    let ticket: Value = guest.submit(&prepared, true, true).await.json().await.unwrap();
    let ended = guest.batch_end(ticket["content_hash"].as_str().unwrap()).await;
    let id = ended["document_id"].as_str().unwrap();
    assert!(files_below(&data.path().join("blobs/figures")) == 1);

    let (_, _, bytes) = export(&guest, id, "html").await;
    let html = String::from_utf8(bytes).unwrap();
    assert!(html.contains("<img src=\"data:image/png;base64,iVBOR"), "{}", &html[..2_000]);
    assert!(html.contains(
        "http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'sha256-"
    ));
    for outside in ["/v1/images", " href=\"http", " src=\"http", "<script", " style=\""] {
        assert!(!html.contains(outside), "{outside}");
    }

    let (media_type, _, bytes) = export(&guest, id, "zip").await;
    assert_eq!(media_type, "application/zip");
    let archive = ZipFileReader::new(bytes).await.unwrap();
    let names: Vec<String> =
        archive.file().entries().iter().map(|entry| entry.filename().as_str().unwrap().to_owned()).collect();
    assert_eq!(names, ["chart.md", "figures/page-0001-1.png"]);
    let mut files = Vec::new();
    for index in 0..2 {
        let mut bytes = Vec::new();
        archive.reader_with_entry(index).await.unwrap().read_to_end(&mut bytes).await.unwrap();
        files.push(bytes);
    }
    assert!(String::from_utf8_lossy(&files[0]).contains("](figures/page-0001-1.png)"));
    assert!(files[1].starts_with(b"\x89PNG"));

    let (_, _, bytes) = export(&guest, id, "md").await;
    assert!(String::from_utf8(bytes).unwrap().contains(&format!("]({}/v1/images/", server.base_url)));
}
