//! Responses of the REST API to valid, malformed and foreign requests.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::harness::{TestServer, book, files_below, refused};

#[tokio::test]
async fn file_uploaded_is_measured_and_read_as_text() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let guest = server.guest().await;
    let prepared = guest.upload_pages(3).await;
    assert_eq!(prepared["metadata"]["total_pages"], 3);
    assert_eq!(prepared["metadata"]["title"], "book");
    assert_eq!(prepared["uncached_pages"], json!([0, 1, 2]));
    let (now, batch) = (&prepared["estimate"]["realtime_tokens"], &prepared["estimate"]["batch_tokens"]);
    assert!(now.as_u64().unwrap() <= batch.as_u64().unwrap() * 2);

    let answer = guest.submit(&prepared, false, false).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let made: Value = answer.json().await.unwrap();
    assert_eq!(made["failed_pages"], json!([]));
    let document = guest.get(&format!("/v1/documents/{}", made["id"].as_str().unwrap())).await;
    assert!(document["content"][2]["markdown"].as_str().unwrap().contains("page 3 of the book"), "{document}");
    assert_eq!(guest.get("/v1/users/me/usage").await["used_tokens"], 0);
}

#[tokio::test]
async fn bad_files_are_refused_and_leave_nothing() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_UPLOAD_BYTES_MAX", "100000")]).await;
    let guest = server.guest().await;
    refused(guest.upload("notes.pdf", b"Just text, whatever its name says.".to_vec()).await, 415, "unsupported_format")
        .await;
    refused(guest.upload("empty.pdf", Vec::new()).await, 415, "unsupported_format").await;
    refused(
        guest.upload("broken.pdf", b"%PDF-1.7\nnothing that follows is a PDF".to_vec()).await,
        422,
        "unreadable_document",
    )
    .await;
    refused(guest.upload("huge.pdf", vec![b'x'; 100_001]).await, 413, "file_too_large").await;
    assert_eq!(files_below(&data.path().join("receiving")), 0, "a refused upload leaves no file");
}

/// Sends the head and the first part of a longer body.
async fn begin(server: &TestServer, path: &str, content_type: &str, token: &str, part: &str) -> TcpStream {
    let mut socket = TcpStream::connect(server.base_url.trim_start_matches("http://")).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {content_type}\r\ncontent-length: 9999\r\nauthorization: Bearer {token}\r\n\r\n{part}"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket
}

#[tokio::test]
async fn body_that_stalls_times_out() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_SILENCE_TIMEOUT_MS", "2000")]).await;
    let token = server.guest().await.token;
    let form = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\n%PDF-1.7";
    for (path, content_type, part) in [
        ("/v1/documents/prepare/upload", "multipart/form-data; boundary=b", form),
        ("/v1/documents/prepare", "application/json", "{\"url\":"),
    ] {
        let mut socket = begin(&server, path, content_type, &token, part).await;
        // A slow body that continues is accepted.
        for _ in 0..15 {
            tokio::time::sleep(Duration::from_millis(200)).await;
            socket.write_all(b" ").await.unwrap();
        }
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
        assert!(answer.contains("\"invalid_request\""), "{path}: {answer}");
    }
    assert_eq!(files_below(&data.path().join("receiving")), 0, "no file is left");
}

#[tokio::test]
async fn connection_without_a_request_is_closed() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_SILENCE_TIMEOUT_MS", "500")]).await;
    let whole = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    for (sent, answers) in [("", 0), ("GET /heal", 0), (&whole[..whole.len() - 2], 0), (whole, 1)] {
        let mut socket = TcpStream::connect(server.base_url.trim_start_matches("http://")).await.unwrap();
        socket.write_all(sent.as_bytes()).await.unwrap();
        let mut received = String::new();
        socket.read_to_string(&mut received).await.unwrap();
        assert_eq!(received.matches("HTTP/1.1 200").count(), answers, "{sent:?}");
    }
    let mut socket = TcpStream::connect(server.base_url.trim_start_matches("http://")).await.unwrap();
    let endless = format!("GET /healthz HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(1_000_000));
    let _ = socket.write_all(endless.as_bytes()).await;
    let mut received = String::new();
    let _ = socket.read_to_string(&mut received).await;
    assert!(received.is_empty() || received.starts_with("HTTP/1.1 431"), "{received}");
}

#[tokio::test]
async fn bad_submissions_are_refused_and_charge_nothing() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_QUOTA_TOKENS", "5000")]).await;
    let guest = server.guest().await;
    let prepared = guest.upload_pages(4).await;
    let hash = &prepared["hash"];
    for (submission, status, code) in [
        (json!({"hash": hash, "ai_transform": false, "batch_mode": true}), 422, "batch_requires_ai"),
        (json!({"hash": hash, "ai_transform": true, "batch_mode": true, "pages": [4]}), 422, "invalid_pages"),
        (json!({"hash": hash, "ai_transform": true, "batch_mode": true, "pages": []}), 422, "invalid_pages"),
        (json!({"hash": "nope", "ai_transform": true, "batch_mode": true}), 404, "not_found"),
        (json!({"hash": hash, "ai_transform": true, "batch_mode": true, "colour": 1}), 400, "invalid_request"),
        (json!({"hash": hash, "ai_transform": "yes", "batch_mode": true}), 400, "invalid_request"),
        (json!({"hash": hash, "ai_transform": true, "batch_mode": false}), 402, "quota_exceeded"),
    ] {
        refused(guest.send(Method::POST, "/v1/documents/document", Some(submission)).await, status, code).await;
    }
    let usage = guest.get("/v1/users/me/usage").await;
    assert_eq!((&usage["used_tokens"], &usage["reserved_tokens"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn document_of_another_account_is_not_found() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_DEMO_PENDING_MS", "600000")]).await;
    let (owner, stranger) = (server.guest().await, server.guest().await);
    let prepared = owner.upload_pages(2).await;
    let document: Value = owner.submit(&prepared, false, false).await.json().await.unwrap();
    let batch: Value = owner.submit(&prepared, true, true).await.json().await.unwrap();
    let id = document["id"].as_str().unwrap();
    let content_hash = batch["content_hash"].as_str().unwrap();
    let submission = json!({"hash": prepared["hash"], "ai_transform": false, "batch_mode": false});
    let status = format!("/v1/documents/batch/{content_hash}/status");
    let by_id = format!("/v1/documents/{id}");
    for (method, path, body) in [
        (Method::GET, by_id.as_str(), None),
        (Method::DELETE, by_id.as_str(), None),
        (Method::GET, status.as_str(), None),
        (Method::POST, "/v1/documents/document", Some(submission)),
    ] {
        refused(stranger.send(method.clone(), path, body.clone()).await, 404, "not_found").await;
        let anonymous = reqwest::Client::new().request(method, format!("{}{path}", server.base_url));
        let anonymous = if let Some(body) = &body { anonymous.json(body) } else { anonymous };
        refused(anonymous.send().await.unwrap(), 401, "unauthenticated").await;
    }
    // The same file has another content hash in another account.
    let again: Value = stranger.upload("book.pdf", book(2)).await.json().await.unwrap();
    assert_ne!(again["content_hash"], prepared["content_hash"]);
    assert_eq!(stranger.get("/v1/documents").await["documents"], json!([]));
}

#[tokio::test]
async fn cookie_sent_by_another_site_is_refused() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let http = reqwest::Client::new();
    let start = |site: &'static str| {
        let call = http.post(format!("{}/api/start_session", server.base_url)).header("sec-fetch-site", site);
        call.header("content-type", "application/json").body("{}").send()
    };
    refused(start("cross-site").await.unwrap(), 403, "cross_site_request").await;
    let answer = start("same-origin").await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
}

#[tokio::test]
async fn pages_have_a_content_policy_and_are_not_cached() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    for (path, status) in [
        ("/", 200),
        ("/library", 200),
        ("/account", 200),
        ("/batch/none", 404),
        ("/documents/none", 404),
        ("/none", 404),
    ] {
        let answer = reqwest::get(format!("{}{path}", server.base_url)).await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}");
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert!(header("content-security-policy").contains("'nonce-"), "{path}");
        assert_eq!(header("cache-control"), "private, no-store", "{path}");
        let html = answer.text().await.unwrap();
        assert!(html.contains("Demo mode: no Gemini key, pages are read by a local stand-in"), "{path}");
        assert!(!html.contains("style="), "{path} has an inline style");
    }
}

#[tokio::test]
async fn list_continues_at_its_cursor() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let guest = server.guest().await;
    let prepared = guest.upload_pages(1).await;
    for title in ["One", "Two", "Three"] {
        let submission = json!({"hash": prepared["hash"], "title": title, "ai_transform": false, "batch_mode": false});
        let made = guest.send(Method::POST, "/v1/documents/document", Some(submission)).await;
        assert_eq!(made.status(), StatusCode::CREATED);
    }
    let first = guest.get("/v1/documents?limit=2").await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = guest.get(&format!("/v1/documents?limit=2&cursor={cursor}")).await;
    assert_eq!((first["documents"].as_array().unwrap().len(), rest["documents"].as_array().unwrap().len()), (2, 1));
    assert!(rest["next_cursor"].is_null());
    refused(guest.send(Method::GET, "/v1/documents?limit=x", None).await, 400, "invalid_request").await;
}
