//! Several processes on one PostgreSQL, one Redis and one folder: another worker claims the job of a killed one, and a worker that resumes
//! late changes nothing.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::harness::{TestClient, TestGemini, variables};
use crate::support::services::{Postgres, Redis};

const LEASE_MS: &str = "3000";
const PAGES: usize = 24;

/// A process of the server or a worker. Dropping it kills it.
struct Process(Child);

impl Process {
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The services that the processes share.
struct Site {
    data: TempDir,
    postgres: Postgres,
    redis: Redis,
    gemini: TestGemini,
}

impl Site {
    async fn open() -> Self {
        let data = TempDir::new().unwrap();
        let gemini = TestGemini::start(&data).await;
        let site = Self { postgres: Postgres::start(), redis: Redis::start(), gemini, data };
        site.postgres.database("shared").await;
        site
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let (database, redis) = (self.postgres.url("shared"), self.redis.url());
        let settings = [("DATABASE_URL", database.as_str()), ("REDIS_URL", &redis), ("COLDBREW_LEASE_MS", LEASE_MS)];
        let settings: Vec<_> = settings.into_iter().chain(self.gemini.settings()).collect();
        let mut command = Command::new(env!("CARGO_BIN_EXE_coldbrew"));
        command.args(arguments).envs(variables(self.data.path(), &settings)).current_dir(self.data.path());
        command.stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn worker(&self) -> Process {
        Process(self.command(&["worker"]).spawn().unwrap())
    }

    /// A server that runs no jobs, and a guest of it.
    async fn server(&self) -> (Process, TestClient) {
        let mut server = self.command(&["serve", "--no-worker"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut greeting = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut greeting).unwrap();
        let (_, base_url) = greeting.trim().split_once("ready at ").expect("no greeting");
        (Process(server), TestClient::guest_at(base_url).await)
    }
}

/// Submits a realtime job. Returns the path of its status.
async fn reading(guest: &TestClient) -> String {
    let answer = guest.submit(&guest.upload_pages(PAGES).await, true, false).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let ticket: Value = answer.json().await.unwrap();
    format!("/v1/documents/extraction/{}", ticket["extraction_id"].as_str().unwrap())
}

/// Waits until a worker has read some of its pages.
async fn begun(guest: &TestClient, path: &str) {
    while guest.get(path).await["completed_pages"] == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(guest.get(path).await["status"], "RUNNING", "the job ended too soon for this test");
}

/// Checks that each of the [`PAGES`] pages of a document was read and charged once. Returns the document.
async fn assert_read_once(guest: &TestClient, path: &str) -> Value {
    let ended = guest.end_of(path).await;
    assert_eq!((&ended["status"], &ended["completed_pages"]), (&"SUCCEEDED".into(), &PAGES.into()), "{ended}");
    let document = guest.get(&format!("/v1/documents/{}", ended["document_id"].as_str().unwrap())).await;
    assert_eq!(document["content"].as_array().unwrap().len(), PAGES);
    let usage = guest.get("/v1/users/me/usage").await;
    assert_eq!((&usage["reserved_tokens"], &usage["used_tokens"]), (&0.into(), &document["charged_tokens"]));
    assert_eq!(usage["receipts"][0]["pages"], PAGES);
    document
}

#[tokio::test]
async fn job_of_a_killed_worker_is_claimed_by_another() {
    let site = Site::open().await;
    let (_server, guest) = site.server().await;
    let first = site.worker();
    let path = reading(&guest).await;
    begun(&guest, &path).await;
    let _second = site.worker();
    first.signal(Signal::KILL);
    let killed = Instant::now();
    assert_read_once(&guest, &path).await;
    assert!(killed.elapsed() < Duration::from_secs(30), "{:?}", killed.elapsed());
}

#[tokio::test]
async fn worker_that_resumes_after_its_lease_changes_nothing() {
    let site = Site::open().await;
    let (_server, guest) = site.server().await;
    let slow = site.worker();
    let path = reading(&guest).await;
    begun(&guest, &path).await;
    slow.signal(Signal::STOP);
    let quick = site.worker();
    let document = assert_read_once(&guest, &path).await;
    drop(quick);
    slow.signal(Signal::CONT);
    // The resumed worker is the only one, so it runs this batch.
    let ticket: Value = guest.submit(&guest.upload_pages(2).await, true, true).await.json().await.unwrap();
    let ended = guest.batch_end(ticket["content_hash"].as_str().unwrap()).await;
    assert_eq!(ended["status"], "SUCCEEDED");
    let again = guest.get(&format!("/v1/documents/{}", document["id"].as_str().unwrap())).await;
    assert_eq!(again, document);
    let usage = guest.get("/v1/users/me/usage").await;
    assert_eq!(usage["reserved_tokens"], 0);
    assert_eq!(usage["receipts"].as_array().unwrap().len(), 2);
}
