//! Files and texts that would fill the disk.

use std::fmt::Write;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::harness::{TestClient, TestGemini, TestServer, book, config, refused};

impl TestClient {
    /// Submits a prepared file in text mode with this title.
    async fn text(&self, prepared: &Value, title: &str) -> reqwest::Response {
        let submission = json!({"hash": prepared["hash"], "title": title, "ai_transform": false, "batch_mode": false});
        self.send(Method::POST, "/v1/documents/document", Some(submission)).await
    }

    async fn prepared(&self, name: &str, bytes: Vec<u8>) -> Value {
        let answer = self.upload(name, bytes).await;
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json().await.unwrap()
    }
}

#[tokio::test]
async fn text_submitted_again_is_the_same_document() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let guest = server.guest().await;
    let prepared = guest.prepared("notes.txt", b"Some words.".to_vec()).await;
    let id = async |title| guest.text(&prepared, title).await.json::<Value>().await.unwrap()["id"].clone();
    let first = id("Notes").await;
    // The same file uploaded again is the same content.
    let again = guest.prepared("notes.txt", b"Some words.".to_vec()).await;
    let of_again: Value = guest.text(&again, "Notes").await.json().await.unwrap();
    assert_eq!((id("Notes").await, of_again["id"].clone()), (first.clone(), first.clone()));
    assert_ne!(id("Other notes").await, first);
    assert_eq!(guest.get("/v1/documents").await["documents"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn text_counts_as_stored_until_its_document_is_deleted() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_STORED_BYTES_MAX", "400000")]).await;
    let guest = server.guest().await;
    let prepared = guest.prepared("long.txt", "word ".repeat(20_000).into_bytes()).await;
    let mut made = Vec::new();
    let refusal = loop {
        let answer = guest.text(&prepared, &format!("Copy {}", made.len())).await;
        if answer.status() != StatusCode::CREATED {
            break answer;
        }
        made.push(answer.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned());
    };
    refused(refusal, 409, "limit_reached").await;
    assert_eq!(made.len(), 2, "two documents of 100 kB fit beside the file");
    refused(guest.upload("more.txt", "more ".repeat(30_000).into_bytes()).await, 409, "limit_reached").await;
    guest.send(Method::DELETE, &format!("/v1/documents/{}", made[0]), None).await;
    assert_eq!(guest.text(&prepared, "Copy 9").await.status(), StatusCode::CREATED);
}

/// A file with 300 pages that all show the same long text, which is stored once.
fn text_bomb() -> Vec<u8> {
    let lines = (0..100).fold(String::new(), |mut lines, line| {
        let _ = writeln!(lines, "1 0 0 1 30 {} Tm ({}) Tj", 830 - 8 * line, "many words again ".repeat(5));
        lines
    });
    let content = format!("BT /F 6 Tf {lines} ET");
    let pages = 300;
    let kids: String = (0..pages).map(|page| format!("{} 0 R ", page + 5)).collect();
    let mut file = format!(
        "%PDF-1.7\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Count {pages}/Kids[{kids}]\
         /MediaBox[0 0 595 842]/Resources<</Font<</F 4 0 R>>>>>>\nendobj\n3 0 obj\n<</Length {}>>\nstream\n{content}\nendstream\nendobj\n\
         4 0 obj\n<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>\nendobj\n",
        content.len()
    );
    for page in 0..pages {
        let _ = write!(file, "{} 0 obj\n<</Type/Page/Parent 2 0 R/Contents 3 0 R>>\nendobj\n", page + 5);
    }
    (file + "trailer\n<</Root 1 0 R>>\n%%EOF\n").into_bytes()
}

/// The limit is lowered so that not all pages have to be read.
#[tokio::test]
async fn small_file_with_much_text_is_stored_up_to_the_limit() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_DOCUMENT_TEXT_BYTES_MAX", "300000")]).await;
    let guest = server.guest().await;
    let prepared = guest.prepared("bomb.pdf", text_bomb()).await;
    let pages: Vec<u32> = (0..60).collect();
    let submission = json!({"hash": prepared["hash"], "pages": pages, "ai_transform": false, "batch_mode": false});
    let made: Value = guest.send(Method::POST, "/v1/documents/document", Some(submission)).await.json().await.unwrap();
    let failed = made["failed_pages"].as_array().unwrap().len();
    assert!((1..60).contains(&failed), "{failed}");
    let document = guest.get(&format!("/v1/documents/{}", made["id"].as_str().unwrap())).await;
    let content = document["content"].as_array().unwrap();
    let text: usize = content.iter().map(|page| page["markdown"].as_str().unwrap().len()).sum();
    assert!((200_000..=300_000).contains(&text), "{text}");
    assert!(content[59]["failure"].as_str().unwrap().contains("left out"), "{}", content[59]);
}

/// An image is stored as a PDF page, which can be larger than the image file.
#[tokio::test]
async fn image_counts_with_the_size_of_its_stored_file() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_STORED_BYTES_MAX", "400000")]).await;
    let guest = server.guest().await;
    let mut png = Vec::new();
    let board = image::GrayImage::from_fn(3_000, 3_000, |x, y| image::Luma([if (x + y) % 2 == 0 { 0 } else { 255 }]));
    board
        .write_with_encoder(PngEncoder::new_with_quality(&mut png, CompressionType::Best, FilterType::NoFilter))
        .unwrap();
    assert!(png.len() < 100_000, "{} bytes", png.len());
    refused(guest.upload("board.png", png).await, 409, "limit_reached").await;
}

#[tokio::test]
async fn nearly_full_disk_refuses_files_and_everything_else_continues() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let guest = server.guest().await;
    let prepared = guest.upload_pages(2).await;
    server.stop().await;
    // No disk is completely free.
    let server = TestServer::start(&data, &[("COLDBREW_FREE_PERCENT_MIN", "100")]).await;
    let guest = guest.at(&server.base_url);
    let answer = guest.upload("book.pdf", book(1)).await;
    assert!(answer.headers().contains_key("retry-after"));
    refused(answer, 503, "disk_full").await;
    let ready = guest.send(Method::GET, "/readyz", None).await;
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    let ready: Value = ready.json().await.unwrap();
    assert_eq!((&ready["checks"]["disk"], &ready["checks"]["database"]), (&"away".into(), &"ok".into()));
    let ticket: Value = guest.submit(&prepared, true, true).await.json().await.unwrap();
    assert_eq!(guest.batch_end(ticket["content_hash"].as_str().unwrap()).await["status"], "SUCCEEDED");
}

/// With a real key, and a public address.
#[tokio::test]
async fn guest_of_a_public_server_has_smaller_limits() {
    let data = TempDir::new().unwrap();
    let gemini = TestGemini::start(&data).await;
    let settings = [("COLDBREW_GUEST_DOCUMENTS_MAX", "1"), ("COLDBREW_GUEST_UPLOADS_MAX", "1")];
    let public = [("COLDBREW_PUBLIC_URL", "https://coldbrew.example"), ("COLDBREW_ACCESS_GUESTS", "on")];
    let settings = [&settings[..], &public[..], &gemini.settings()[..]].concat();
    let server = TestServer::start(&data, &settings).await;
    let guest = server.guest().await;
    let prepared = guest.prepared("notes.txt", b"Some words.".to_vec()).await;
    assert_eq!(guest.text(&prepared, "One").await.status(), StatusCode::CREATED);
    refused(guest.text(&prepared, "Two").await, 409, "limit_reached").await;
    refused(guest.submit(&guest.upload_pages(1).await, true, true).await, 409, "limit_reached").await;
}

#[test]
fn guests_are_limited_on_a_public_server_with_a_key() {
    let data = TempDir::new().unwrap();
    let limited = |settings: &[(&str, &str)]| !config(data.path(), settings).guests_are_owners;
    let (key, bound) = (("GEMINI_API_KEY", "a-key"), ("LEPTOS_SITE_ADDR", "0.0.0.0:3000"));
    assert!(!limited(&[]) && !limited(&[key]) && !limited(&[bound]), "loopback or demo mode");
    assert!(limited(&[key, bound]) && limited(&[key, ("COLDBREW_PUBLIC_URL", "https://coldbrew.example")]));
    let guest = |settings: &[(&str, &str)]| config(data.path(), &[&[key, bound], settings].concat()).allowances.guest;
    let limits = guest(&[]);
    assert_eq!((limits.documents, limits.active_jobs, limits.stored_bytes), (50, 2, 200_000_000));
    assert_eq!(guest(&[("COLDBREW_DOCUMENTS_MAX", "7")]).documents, 7, "a guest never has more than a member");
    assert_eq!(config(data.path(), &[]).allowances.guest.documents, 10_000, "the owner has the limits of a member");
}
