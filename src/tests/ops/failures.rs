//! Each dependency of the server fails while requests arrive: each gives a clear error, and the server recovers without help.
//!
//! `redis` has the tests of Redis, `jobs::workers` and `jobs::crash` those of killed processes.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::harness::{TestClient, TestGemini, TestServer, book, files_below, refused, variables};
use crate::support::services::{Postgres, S3Server};

/// The real program, started by a shell that prepares its process. Dropping it kills it.
pub struct Program {
    child: Child,
    pub base_url: String,
}

impl Program {
    /// Starts the shell command `shell`, which must end with `exec "$@"`.
    pub fn start(shell: &str, data: &Path, settings: &[(&str, &str)]) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", shell, "sh", env!("CARGO_BIN_EXE_coldbrew"), "serve"]).envs(variables(data, settings));
        let started =
            command.current_dir(data).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn();
        let mut child = started.unwrap();
        let mut greeting = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut greeting).unwrap();
        let url = greeting.split_whitespace().find(|word| word.starts_with("http://"));
        let base_url = url.unwrap_or_else(|| panic!("it did not start: {greeting:?}")).to_owned();
        Self { child, base_url }
    }

    /// Limits the size of files, which has the effect of a full disk. `None`: no limit.
    fn limit_files(&self, bytes: Option<u64>) {
        let limit = Rlimit { current: bytes, maximum: None };
        prlimit(Some(Pid::from_child(&self.child)), Resource::Fsize, limit).unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The dependencies that `/readyz` reports as unavailable; `None`: none. The server is ready if it needs none of them.
async fn unavailable(base_url: &str) -> Option<Vec<String>> {
    let answer = reqwest::get(format!("{base_url}/readyz")).await.unwrap();
    let status = answer.status();
    let body: Value = answer.json().await.unwrap();
    let checks = body["checks"].as_object().unwrap();
    let failed: Vec<_> = checks.iter().filter(|(_, state)| *state == "away").map(|(name, _)| name.clone()).collect();
    assert_eq!(status == StatusCode::OK, failed.iter().all(|name| ["files", "redis"].contains(&name.as_str())));
    (!failed.is_empty()).then_some(failed)
}

/// Waits until the server is ready again. It polls, because nothing notifies of it.
async fn recovered(base_url: &str) {
    for _ in 0..600 {
        if unavailable(base_url).await.is_none() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the server does not recover");
}

/// Submits a document of that many pages as a batch. Returns its content hash.
async fn submitted(guest: &TestClient, pages: usize) -> String {
    let answer = guest.submit(&guest.upload_pages(pages).await, true, true).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    answer.json::<Value>().await.unwrap()["content_hash"].as_str().unwrap().to_owned()
}

/// Checks that each batch succeeded and was charged once, and that nothing is reserved.
async fn assert_succeed(guest: &TestClient, batches: &[&str]) {
    for content in batches {
        let ended = guest.batch_end(content).await;
        assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
    }
    let usage = guest.get("/v1/users/me/usage").await;
    assert_eq!((&usage["reserved_tokens"], usage["receipts"].as_array().unwrap().len()), (&json!(0), batches.len()));
    let documents = guest.get("/v1/documents").await;
    assert_eq!(documents["documents"].as_array().unwrap().len(), batches.len());
}

#[tokio::test]
async fn full_disk_refuses_new_files_and_loses_nothing() {
    let (data, google) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let gemini = TestGemini::start(&google).await;
    // The shell ignores SIGXFSZ, so that a write beyond the limit fails, as on a full disk, and does not kill the process.
    let server = Program::start("trap '' XFSZ; exec \"$@\"", data.path(), &gemini.settings());
    let guest = TestClient::guest_at(&server.base_url).await;
    let prepared = guest.upload_pages(1).await;
    let before = submitted(&guest, 3).await;

    server.limit_files(Some(0));
    assert!(unavailable(&server.base_url).await.unwrap().contains(&"disk".to_owned()));
    refused(guest.upload("book.pdf", book(2)).await, 503, "unavailable").await;
    let answer = guest.submit(&prepared, true, true).await;
    assert_eq!(answer.headers().get("retry-after").map(|wait| wait.as_bytes()), Some(b"5".as_slice()), "{answer:?}");
    refused(answer, 503, "unavailable").await;
    let answer = reqwest::Client::new().post(format!("{}/v1/users/guest", server.base_url)).send().await.unwrap();
    refused(answer, 503, "unavailable").await;
    // Requests that only read succeed.
    let status = guest.get(&format!("/v1/documents/batch/{before}/status")).await;
    assert_ne!(status["status"], "FAILED", "{status}");
    let alive = reqwest::get(format!("{}/healthz", server.base_url)).await.unwrap();
    assert_eq!(alive.status(), StatusCode::OK);

    server.limit_files(None);
    recovered(&server.base_url).await;
    let after = submitted(&guest, 2).await;
    assert_succeed(&guest, &[&before, &after]).await;
    assert_eq!(files_below(&data.path().join("receiving")), 0, "nothing is left behind");
}

#[tokio::test]
async fn unavailable_database_is_reported_and_recovers() {
    let (data, google) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (mut postgres, gemini) = (Postgres::start(), TestGemini::start(&google).await);
    let database = postgres.database("records").await;
    let settings = [gemini.settings().as_slice(), &[("DATABASE_URL", &database)]].concat();
    let server = TestServer::start(&data, &settings).await;
    let guest = server.guest().await;
    refused(guest.send(Method::GET, "/v1/documents/%00", None).await, 400, "invalid_request").await;
    let before = submitted(&guest, 3).await;

    postgres.stop();
    let asked = Instant::now();
    let answer = guest.send(Method::GET, "/v1/users/me", None).await;
    assert!(asked.elapsed() < Duration::from_secs(15), "the answer took too long: {:?}", asked.elapsed());
    assert_eq!(answer.headers()["retry-after"], "5");
    let error = refused(answer, 503, "unavailable").await;
    assert!(!error.to_string().contains("postgres"), "internals: {error}");
    assert_eq!(unavailable(&server.base_url).await.unwrap(), ["database"]);
    let metrics = reqwest::get(format!("{}/metrics", server.base_url)).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("coldbrew_dependency_up{dependency=\"database\"} 0"), "metrics need no database");
    let page = reqwest::Client::new().get(format!("{}/account", server.base_url)).header("cookie", "coldbrew=x");
    let page = page.send().await.unwrap();
    assert_eq!(page.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(page.text().await.unwrap().contains("Try again in a moment"));

    postgres.start_again();
    recovered(&server.base_url).await;
    let after = submitted(&guest, 2).await;
    assert_succeed(&guest, &[&before, &after]).await;
}

#[tokio::test]
async fn unavailable_file_store_is_reported_and_documents_can_be_read() {
    let (data, mut s3) = (TempDir::new().unwrap(), S3Server::start().await);
    let endpoint = s3.endpoint();
    let settings = [
        ("BLOB_URL", "s3://coldbrew/files"),
        ("AWS_ENDPOINT_URL", &endpoint),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    let server = TestServer::start(&data, &settings).await;
    let guest = server.guest().await;
    let batch = submitted(&guest, 3).await;
    assert_succeed(&guest, &[&batch]).await;
    s3.stop();
    assert_eq!(unavailable(&server.base_url).await.unwrap(), ["files"]);
    assert_eq!(guest.get("/readyz").await["degraded"], json!(["files"]));
    assert_eq!(guest.get("/v1/documents").await["documents"].as_array().unwrap().len(), 1);
    refused(guest.upload("book.pdf", book(2)).await, 503, "unavailable").await;
    let ended = guest.batch_end(&batch).await;
    let document = format!("/v1/documents/{}", ended["document_id"].as_str().unwrap());
    let begun = Instant::now();
    assert_eq!(guest.send(Method::DELETE, &document, None).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(guest.send(Method::DELETE, "/v1/users/me", None).await.status(), StatusCode::NO_CONTENT);
    assert!(begun.elapsed() < Duration::from_secs(5), "a deletion does not wait for the store of files");
}

#[tokio::test]
async fn batch_waits_while_google_is_unavailable() {
    let (data, google) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut gemini = TestGemini::start(&google).await;
    let settings = gemini.settings().map(|(name, value)| (name, value.to_owned()));
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let server = TestServer::start(&data, &settings).await;
    let guest = server.guest().await;
    let before = submitted(&guest, 3).await;
    gemini.stop().await;
    // Jobs are accepted without Google.
    let meanwhile = submitted(&guest, 2).await;
    let realtime = guest.submit(&guest.upload_pages(4).await, true, false).await;
    assert_eq!(realtime.status(), StatusCode::ACCEPTED);
    assert_eq!(unavailable(&server.base_url).await, None, "readiness does not depend on Google");
    for content in [&before, &meanwhile] {
        let status = guest.get(&format!("/v1/documents/batch/{content}/status")).await;
        assert!(
            ["PREPARING", "PENDING", "RUNNING", "SUCCEEDED"].contains(&status["status"].as_str().unwrap()),
            "{status}"
        );
    }
    gemini.start_again().await;
    let ticket: Value = realtime.json().await.unwrap();
    let path = format!("/v1/documents/extraction/{}", ticket["extraction_id"].as_str().unwrap());
    assert_eq!(guest.end_of(&path).await["status"], "SUCCEEDED");
    for content in [&before, &meanwhile] {
        assert_eq!(guest.batch_end(content).await["status"], "SUCCEEDED");
    }
    assert_eq!(guest.get("/v1/users/me/usage").await["reserved_tokens"], 0);
}

/// The path of libfaketime, which shows a process another time than the machine's.
fn faketime() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").unwrap().flatten().map(|folder| folder.path());
    let found = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1")).find(|library| library.exists());
    found.expect("run `scripts/setup test`")
}

/// The wall clock of a process, which a test sets.
pub struct Clock(PathBuf);

impl Clock {
    /// A clock with the right time. A file in `folder` holds its offset.
    pub fn new(folder: &Path) -> Self {
        let clock = Self(folder.join("clock"));
        clock.show("+0");
        clock
    }

    /// Sets the offset from the machine's clock, for example `+40h`.
    pub fn show(&self, offset: &str) {
        std::fs::write(&self.0, format!("{offset}\n")).unwrap();
    }

    /// The variables that start a program with this clock. The monotonic clock is not changed.
    pub fn variables(&self) -> [(&'static str, PathBuf); 4] {
        [
            ("LD_PRELOAD", faketime()),
            ("FAKETIME_TIMESTAMP_FILE", self.0.clone()),
            ("FAKETIME_NO_CACHE", "1".into()),
            ("DONT_FAKE_MONOTONIC", "1".into()),
        ]
    }

    /// The shell command that starts a program with this clock.
    pub fn shell(&self) -> String {
        let variables = self.variables().map(|(name, value)| format!("{name}={}", value.display()));
        format!("export {}; exec \"$@\"", variables.join(" "))
    }
}

#[tokio::test]
async fn clock_jumps_change_no_result() {
    let (data, google) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let gemini = TestGemini::start(&google).await;
    let clock = Clock::new(google.path());
    let server = Program::start(&clock.shell(), data.path(), &gemini.settings());
    let guest = TestClient::guest_at(&server.base_url).await;
    let mut batches = Vec::new();
    for (pages, offset) in [(2, "+40h"), (3, "+0"), (4, "-40h")] {
        batches.push(submitted(&guest, pages).await);
        clock.show(offset);
        guest.get("/v1/users/me").await;
    }
    let batches: Vec<_> = batches.iter().map(String::as_str).collect();
    assert_succeed(&guest, &batches).await;
    // The process does see the other time: after 400 days its token has expired.
    clock.show("+400d");
    refused(guest.send(Method::GET, "/v1/users/me", None).await, 401, "unauthenticated").await;
    clock.show("+0");
    guest.get("/v1/users/me").await;
}
