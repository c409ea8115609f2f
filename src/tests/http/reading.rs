//! What users do with a document: read its draft, search it, see its original pages, and export it.

// The replacement of this reader is incomplete.
#[allow(deprecated)]
use async_zip::base::read::mem::ZipFileReader;
use coldbrew_pdf::testing::{bookmarked_pdf, chart_pdf, simple_pdf};
use futures::AsyncReadExt;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::harness::{TestClient, TestGemini, TestServer, files_below, refused};

/// The status, the final path and the HTML of a page of the web app.
async fn page(guest: &TestClient, path: &str) -> (StatusCode, String, String) {
    let answer = guest.send(Method::GET, path, None).await;
    (answer.status(), answer.url().path().to_owned(), answer.text().await.unwrap())
}

/// A document of these pages, made in text mode.
async fn text_document(guest: &TestClient, pages: &[&str]) -> String {
    let prepared: Value = guest.upload("A “Book”/1.pdf", simple_pdf(pages)).await.json().await.unwrap();
    let made: Value = guest.submit(&prepared, false, false).await.json().await.unwrap();
    made["id"].as_str().unwrap().to_owned()
}

/// The address of the draft that the page of a batch links to.
fn draft_address(batch_page: &str) -> String {
    let link = batch_page.split("href=\"/documents/").nth(1).unwrap();
    format!("/documents/{}", link.split('"').next().unwrap())
}

#[tokio::test]
async fn draft_of_a_batch_is_read_at_the_documents_address() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_DEMO_PENDING_MS", "6000")]).await;
    let (guest, stranger) = (server.guest().await, server.guest().await);
    let prepared = guest.upload_pages(30).await;
    let ticket: Value = guest.submit(&prepared, true, true).await.json().await.unwrap();
    let content_hash = ticket["content_hash"].as_str().unwrap();
    let address = draft_address(&page(&guest, &format!("/batch/{content_hash}")).await.2);
    // Two concurrent requests make one draft.
    let last = format!("{address}?page=30");
    let (first, second) = tokio::join!(page(&guest, &address), page(&guest, &last));
    for (status, path, html) in [&first, &second] {
        assert_eq!((*status, path), (StatusCode::OK, &address));
        assert!(html.contains("Plain text for now.") && html.contains("data-live=\"working\""), "{html}");
    }
    assert!(first.2.contains("page 1 of the book") && second.2.contains("page 30 of the book"));
    assert_eq!(page(&stranger, &address).await.0, StatusCode::NOT_FOUND);
    assert_eq!(guest.get("/v1/documents").await["documents"], serde_json::json!([]), "a draft is not listed");
    assert_eq!(guest.get("/v1/users/me/usage").await["used_tokens"], 0, "a draft is free");

    let ended = guest.batch_end(content_hash).await;
    assert_eq!(format!("/documents/{}", ended["document_id"].as_str().unwrap()), address, "{ended}");
    let (_, _, html) = page(&guest, &address).await;
    assert!(!html.contains("Plain text for now.") && html.contains("data-live=\"idle\""), "{html}");
    assert_eq!(guest.get("/v1/documents").await["documents"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn draft_of_a_failed_batch_redirects_to_its_error() {
    let (data, gemini_data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let gemini = TestGemini::start(&gemini_data).await;
    let server = TestServer::start(&data, &gemini.settings()).await;
    gemini.arm(serde_json::json!({"fault": "row_recitation"})).await;
    let guest = server.guest().await;
    let prepared = guest.upload_pages(2).await;
    let ticket: Value = guest.submit(&prepared, true, true).await.json().await.unwrap();
    let content_hash = ticket["content_hash"].as_str().unwrap();
    let batch_path = format!("/batch/{content_hash}");
    let address = draft_address(&page(&guest, &batch_path).await.2);
    page(&guest, &address).await;
    assert_eq!(guest.batch_end(content_hash).await["status"], "FAILED");
    let (status, path, html) = page(&guest, &address).await;
    assert_eq!((status, path), (StatusCode::OK, batch_path));
    assert!(html.contains("Nothing was charged."), "{html}");
}

#[tokio::test]
async fn search_finds_pages_outside_the_shown_span() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let guest = server.guest().await;
    let texts: Vec<String> = (1..=45).map(|page| format!("The needle of page {page} is a Needle.")).collect();
    let id = text_document(&guest, &texts.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let (_, _, html) = page(&guest, &format!("/documents/{id}?q=NEEDLE+of&page=44")).await;
    assert!(html.contains("Found 45 times, on 45 pages"), "{html}");
    assert!(html.contains(&format!("/documents/{id}?page=45&amp;q=NEEDLE%20of#hit-45-1")), "{html}");
    assert!(html.contains("<mark id=\"hit-44-1\">needle of</mark>"), "{html}");
    assert!(!html.contains("<mark id=\"hit-1-1\">"), "page 1 is outside the shown span");
    let (_, _, html) = page(&guest, &format!("/documents/{id}?q=haystack")).await;
    assert!(html.contains("Nothing found."), "{html}");
}

#[tokio::test]
async fn original_pages_are_shown_to_the_owner_while_the_file_is_stored() {
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
    assert!(!is_white(&picture), "the image is empty");
    refused(stranger.send(Method::GET, &path("1"), None).await, 404, "not_found").await;
    for page in ["2", "-1", "x"] {
        refused(guest.send(Method::GET, &path(page), None).await, 404, "not_found").await;
    }

    let (_, _, html) = page(&guest, &format!("/documents/{id}?original=all")).await;
    assert!(html.contains("Hide original pages") && html.contains(&path("0")), "{html}");
    std::fs::remove_dir_all(data.path().join("blobs/uploads")).unwrap();
    refused(guest.send(Method::GET, &path("0"), None).await, 410, "original_gone").await;
    let (_, _, html) = page(&guest, &format!("/documents/{id}")).await;
    assert!(html.contains("The uploaded file is no longer stored") && !html.contains(&path("0")), "{html}");
}

#[tokio::test]
async fn original_page_not_drawn_in_time_asks_to_retry() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let guest = server.guest().await;
    let id = text_document(&guest, &["One."]).await;
    server.stop().await;
    // With this timeout no page can be drawn in time.
    let server = TestServer::start(&data, &[("COLDBREW_PAGE_TIMEOUT_MS", "1")]).await;
    let guest = guest.at(&server.base_url);
    let answer = guest.send(Method::GET, &format!("/v1/documents/{id}/pages/0/original"), None).await;
    assert_eq!(answer.headers().get("retry-after").and_then(|wait| wait.to_str().ok()), Some("5"));
    refused(answer, 503, "unavailable").await;
}

#[tokio::test]
async fn structure_of_a_book_is_in_reader_search_exports_and_api() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let guest = server.guest().await;
    // Each page begins with a running head.
    let texts: Vec<String> = (0..45)
        .map(|at| {
            let body = match at {
                2 => "1 Beginnings\n\nThe first cup is full.",
                30 => "2 Ends\n\n2.1 The last cup\n\nThe last cup is empty.",
                _ => "The text of another page.",
            };
            format!("A Book of Cups\n\n{body}\n\nIt goes on about page {at} of them.\n\nMore is said.")
        })
        .collect();
    let bookmarks = [("Beginnings", 1, 2), ("Ends", 1, 30), ("The last cup", 2, 30)];
    let pdf = bookmarked_pdf(&texts.iter().map(String::as_str).collect::<Vec<_>>(), &bookmarks);
    let prepared: Value = guest.upload("cups.pdf", pdf).await.json().await.unwrap();
    let made: Value = guest.submit(&prepared, false, false).await.json().await.unwrap();
    let id = made["id"].as_str().unwrap();

    let document = guest.get(&format!("/v1/documents/{id}")).await;
    let ends = &document["outline"][1];
    assert_eq!((&ends["title"], &ends["level"], &ends["page"]), (&"Ends".into(), &1.into(), &30.into()), "{document}");
    let last = &ends["entries"][0];
    assert_eq!((&last["title"], &last["anchor"]), (&"The last cup".into(), &"page-31-2".into()), "{document}");
    let text = document["content"][30]["markdown"].as_str().unwrap();
    assert!(text.starts_with("# 2 Ends\n") && text.contains("\n## 2.1 The last cup\n"), "{text}");

    for (place, shown) in [("page=31", "page-31"), ("page=ii", "page-2"), ("page=p.29", "page-31")] {
        let (_, _, html) = page(&guest, &format!("/documents/{id}?{place}")).await;
        assert!(html.contains(&format!("id=\"{shown}\"")), "{place}: {html}");
        assert_eq!(html.matches("data-goto=\"page-31-2\"").count(), 1, "the outline is complete");
    }
    let (_, _, html) = page(&guest, &format!("/documents/{id}?q=is+empty")).await;
    assert!(html.contains(" · The last cup"), "{html}");
    let (_, _, bytes) = export(&guest, id, "html").await;
    let html = String::from_utf8(bytes).unwrap();
    assert!(html.contains("<h3 id=\"page-31-2\">2.1 The last cup</h3>"), "{html}");
    assert!(html.contains("<a href=\"#page-31-2\">The last cup</a> <small>29</small>"), "{html}");
    assert!(html.matches("A Book of Cups").count() <= 1, "{html}");
}

/// The media type, the `Content-Disposition` and the bytes of an export.
async fn export(guest: &TestClient, id: &str, format: &str) -> (String, String, Vec<u8>) {
    let answer = guest.send(Method::GET, &format!("/v1/documents/{id}/export?format={format}"), None).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    let (media_type, name) = (header("content-type"), header("content-disposition"));
    (media_type, name, answer.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn export_joins_pages_and_marks_each() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let (guest, stranger) = (server.guest().await, server.guest().await);
    // More pages than are read at once. One page break divides a word.
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
async fn figures_are_included_in_web_page_and_archive_exports() {
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
