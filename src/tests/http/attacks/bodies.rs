//! Bodies that are endless, slow, or wrong for their route.

use std::process::Stdio;
use std::time::Duration;

use futures::stream;
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::support::harness::{TestClient, TestServer, book, files_below, refused, variables};

const UPLOAD: &str = "/v1/documents/prepare/upload";
const PART: &str = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\n";
/// Long enough for any response on a busy machine.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A raw connection. It sends the head of a request with these headers, and then what the test sends.
struct Sender(TcpStream);

impl Sender {
    async fn begin(guest: &TestClient, base_url: &str, path: &str, headers: &str) -> Self {
        let mut socket = TcpStream::connect(base_url.trim_start_matches("http://")).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n{headers}\r\n\r\n",
            guest.token
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        Self(socket)
    }

    /// A form with a declared length, or a chunked one.
    async fn form(guest: &TestClient, base_url: &str, length: Option<u64>) -> Self {
        let length =
            length.map_or("transfer-encoding: chunked".to_owned(), |length| format!("content-length: {length}"));
        Self::begin(guest, base_url, UPLOAD, &format!("content-type: multipart/form-data; boundary=b\r\n{length}"))
            .await
    }

    /// Sends until the server closes the connection. Returns the bytes that were sent.
    async fn flood(&mut self, piece: &[u8], bytes_max: usize) -> usize {
        let mut sent = 0;
        while sent < bytes_max && self.0.write_all(piece).await.is_ok() {
            sent += piece.len();
        }
        sent
    }

    /// The status and the error code of the response.
    async fn answer(&mut self) -> (u16, String) {
        let mut text = String::new();
        let mut buffer = [0; 4_096];
        while !text.contains("request_id") {
            let read =
                tokio::time::timeout(ANSWER_TIMEOUT, self.0.read(&mut buffer)).await.expect("an answer").unwrap();
            assert!(read > 0, "the connection ended without an answer: {text}");
            text.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
        let status = text.split(' ').nth(1).unwrap().parse().unwrap();
        let code = text.split("\"code\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        (status, code)
    }
}

/// Starts the real program, to measure its memory.
async fn process(data: &TempDir) -> (Child, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_coldbrew"));
    program.args(["serve", "--no-worker"]).env_clear().envs(variables(data.path(), &[])).current_dir(data.path());
    let mut child = program.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
    let mut greeting = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut greeting).await.unwrap();
    let url = greeting.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
    (child, url)
}

/// The peak memory of a process, in bytes.
fn memory_peak(process: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id().unwrap())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1_024
}

/// Forms without content: preamble, one endless header, endless headers, another field, endless empty fields.
fn floods() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let kilobytes = |text: &str| text.repeat(65_536 / text.len()).into_bytes();
    vec![
        ("preamble", "", kilobytes("x")),
        ("lines of preamble", "", kilobytes("\r\n--a\r\n")),
        ("one header", "--b\r\nx: ", kilobytes("x")),
        ("headers", "--b\r\n", kilobytes("x: y\r\n")),
        ("a field that is no file", "--b\r\ncontent-disposition: form-data; name=\"other\"\r\n\r\n", kilobytes("x")),
        ("fields", "", kilobytes("--b\r\ncontent-disposition: form-data; name=\"o\"\r\n\r\n\r\n")),
        ("padding", "--b", kilobytes(" ")),
    ]
}

#[tokio::test]
async fn form_without_content_fails_early_and_memory_stays_flat() {
    let data = TempDir::new().unwrap();
    let (server, url) = process(&data).await;
    let guest = TestClient::guest_at(&url).await;
    assert_eq!(guest.upload("warm.txt", b"Warm.".to_vec()).await.status(), StatusCode::OK);
    let before = memory_peak(&server);
    for (name, begin, piece) in floods() {
        for length in [Some(90 << 20), None] {
            let mut sender = Sender::form(&guest, &url, length).await;
            let piece = if length.is_some() { piece.clone() } else { chunk(&piece) };
            let begin =
                if length.is_some() || begin.is_empty() { begin.as_bytes().to_vec() } else { chunk(begin.as_bytes()) };
            sender.0.write_all(&begin).await.unwrap();
            let sent = sender.flood(&piece, 80 << 20).await;
            assert!(sent < 80 << 20, "{name}: the whole flood was accepted");
        }
    }
    let grown = memory_peak(&server).saturating_sub(before);
    assert!(grown < 16 << 20, "memory grew by {grown} bytes");
    assert_eq!(files_below(&data.path().join("receiving")), 0);
    guest.upload_pages(2).await;
}

/// One chunk of a chunked body.
fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

#[tokio::test]
async fn form_without_content_is_refused_within_sixteen_kilobytes() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let guest = server.guest().await;
    for (name, begin, piece) in floods() {
        let mut sender = Sender::form(&guest, &server.base_url, Some(1 << 20)).await;
        sender.0.write_all(begin.as_bytes()).await.unwrap();
        // Nothing follows, so what was sent must cause the refusal.
        sender.0.write_all(&piece[..17 * 1_024]).await.unwrap();
        assert_eq!(sender.answer().await, (400, "invalid_request".to_owned()), "{name}");
    }
}

#[tokio::test]
async fn body_declared_too_large_is_refused_unread() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_UPLOAD_BYTES_MAX", "1000000")]).await;
    let guest = server.guest().await;
    let mut upload = Sender::form(&guest, &server.base_url, Some(1_000_000 + 65_537)).await;
    assert_eq!(upload.answer().await, (413, "file_too_large".to_owned()));
    for path in ["/v1/documents/document", "/v1/documents/prepare", "/api/submit", "/api/sign_in", "/nothing"] {
        let headers = "content-type: application/json\r\ncontent-length: 262145";
        let mut sender = Sender::begin(&guest, &server.base_url, path, headers).await;
        assert_eq!(sender.answer().await, (413, "body_too_large".to_owned()), "{path}");
    }
    // A caller that sends the body anyway gets the same response.
    refused(guest.upload("huge.pdf", vec![b'x'; 3_000_000]).await, 413, "file_too_large").await;
    let submission = json!({"hash": "x".repeat(300_000), "ai_transform": false, "batch_mode": false});
    refused(guest.send(Method::POST, "/v1/documents/document", Some(submission)).await, 413, "body_too_large").await;
}

#[tokio::test]
async fn body_in_chunks_is_refused_at_the_limit_of_its_route() {
    let data = TempDir::new().unwrap();
    let settings = [("COLDBREW_UPLOAD_BYTES_MAX", "1000000")];
    let server = TestServer::start(&data, &settings).await;
    let guest = server.guest().await;
    let mut upload = Sender::form(&guest, &server.base_url, None).await;
    upload.0.write_all(&chunk(PART.as_bytes())).await.unwrap();
    let piece = chunk(&[b'x'; 65_536]);
    for _ in 0..20 {
        upload.0.write_all(&piece).await.unwrap();
    }
    assert_eq!(upload.answer().await, (413, "file_too_large".to_owned()));
    let headers = "content-type: application/json\r\ntransfer-encoding: chunked";
    for path in ["/v1/documents/document", "/v1/documents/prepare"] {
        let mut call = Sender::begin(&guest, &server.base_url, path, headers).await;
        for _ in 0..5 {
            call.0.write_all(&piece).await.unwrap();
        }
        assert_eq!(call.answer().await, (413, "body_too_large".to_owned()), "{path}");
    }
    assert_eq!(files_below(&data.path().join("receiving")), 0);
}

/// Server functions read the whole body into memory, so their limit is tested too.
#[tokio::test]
async fn body_of_a_server_function_does_not_fill_memory() {
    let data = TempDir::new().unwrap();
    let (server, url) = process(&data).await;
    let guest = TestClient::guest_at(&url).await;
    let headers = "content-type: application/json\r\ntransfer-encoding: chunked";
    let before = memory_peak(&server);
    let mut call = Sender::begin(&guest, &url, "/api/submit", headers).await;
    assert!(call.flood(&chunk(&[b' '; 65_536]), 80 << 20).await < 80 << 20, "the whole flood was accepted");
    let grown = memory_peak(&server).saturating_sub(before);
    assert!(grown < 16 << 20, "memory grew by {grown} bytes");
}

#[tokio::test]
async fn upload_exceeding_its_total_time_is_refused() {
    let data = TempDir::new().unwrap();
    let settings = [("COLDBREW_UPLOAD_TIMEOUT_MS", "1500"), ("COLDBREW_ACCOUNT_UPLOADS_MAX", "1")];
    let server = TestServer::start(&data, &settings).await;
    let guest = server.guest().await;
    let mut sender = Sender::form(&guest, &server.base_url, Some(9_999_999)).await;
    sender.0.write_all(PART.as_bytes()).await.unwrap();
    let (mut read, mut write) = sender.0.into_split();
    let sending = tokio::spawn(async move {
        while write.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let mut answer = [0; 4_096];
    let length = tokio::time::timeout(ANSWER_TIMEOUT, read.read(&mut answer)).await.expect("an answer").unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]);
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("upload_timeout"), "{answer}");
    sending.abort();
    // The upload has released its permit and left no file.
    guest.upload_pages(1).await;
    assert_eq!(files_below(&data.path().join("receiving")), 0);
}

/// An upload in progress: the server has created its file.
async fn held(guest: &TestClient, server: &TestServer, data: &TempDir, length: u64) -> Sender {
    let files = files_below(&data.path().join("receiving"));
    let mut sender = Sender::form(guest, &server.base_url, Some(length)).await;
    sender.0.write_all(format!("{PART}%PDF-1.7").as_bytes()).await.unwrap();
    while files_below(&data.path().join("receiving")) == files {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    sender
}

/// Waits until the server has at most `left` uploads in progress.
async fn released(data: &TempDir, left: usize) {
    while files_below(&data.path().join("receiving")) > left {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn uploads_at_once_are_bounded_by_account_and_server() {
    let data = TempDir::new().unwrap();
    let settings = [("COLDBREW_ACCOUNT_UPLOADS_MAX", "2"), ("COLDBREW_UPLOADS_MAX", "3")];
    let server = TestServer::start(&data, &settings).await;
    let (one, two) = (server.guest().await, server.guest().await);
    let first = held(&one, &server, &data, 5_000).await;
    let _second = held(&one, &server, &data, 5_000).await;
    let answer = one.upload("book.pdf", book(1)).await;
    assert!(answer.headers().contains_key("retry-after"));
    refused(answer, 429, "too_many_requests").await;
    let _third = held(&two, &server, &data, 5_000).await;
    let answer = two.upload("book.pdf", book(1)).await;
    assert!(answer.headers().contains_key("retry-after"));
    refused(answer, 503, "unavailable").await;
    drop(first);
    released(&data, 2).await;
    assert_eq!(two.upload("book.pdf", book(1)).await.status(), StatusCode::OK);
}

/// The bytes count from the start, and no longer after the upload is aborted. Without a length, the maximum counts.
#[tokio::test]
async fn upload_reserves_its_bytes_of_the_allowance_while_it_is_received() {
    let data = TempDir::new().unwrap();
    let settings = [("COLDBREW_STORED_BYTES_MAX", "2000000"), ("COLDBREW_UPLOAD_BYTES_MAX", "1500000")];
    let server = TestServer::start(&data, &settings).await;
    let guest = server.guest().await;
    let first = held(&guest, &server, &data, 1_000_000).await;
    let mut second = Sender::form(&guest, &server.base_url, Some(1_000_001)).await;
    assert_eq!(second.answer().await, (409, "limit_reached".to_owned()), "refused before its body is sent");
    let mut chunked = Sender::form(&guest, &server.base_url, None).await;
    assert_eq!(chunked.answer().await, (409, "limit_reached".to_owned()));
    assert_eq!(guest.upload("book.pdf", book(1)).await.status(), StatusCode::OK);
    assert_eq!(
        server.guest().await.upload("book.pdf", book(1)).await.status(),
        StatusCode::OK,
        "another account is not affected"
    );
    drop(first);
    released(&data, 0).await;
    let streamed =
        Part::stream(Body::wrap_stream(stream::iter([Ok::<_, std::io::Error>(book(1))]))).file_name("book.pdf");
    let request = reqwest::Client::new().post(format!("{}{UPLOAD}", server.base_url)).bearer_auth(&guest.token);
    let answer = request.multipart(Form::new().part("file", streamed)).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.json::<Value>().await.unwrap()["hash"].is_string());
}

#[tokio::test]
async fn upload_without_a_valid_token_is_refused_unread() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let stranger = server.guest().await.with_token("unknown");
    let mut sender = Sender::form(&stranger, &server.base_url, Some(50_000_000)).await;
    assert_eq!(sender.answer().await, (401, "unauthenticated".to_owned()));
}
