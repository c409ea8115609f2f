//! Several processes on one PostgreSQL, one Redis and one folder: another worker claims the job of a killed one, and a worker that resumes
//! late changes nothing.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::ops::failures::Clock;
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

    /// A command on a machine whose clock is wrong by `offset`, such as `+10m`.
    fn command_with_clock(&self, arguments: &[&str], offset: &str) -> Command {
        let folder = self.data.path().join(format!("clock{offset}"));
        std::fs::create_dir_all(&folder).unwrap();
        let clock = Clock::new(&folder);
        clock.show(offset);
        let mut command = self.command(arguments);
        command.envs(clock.variables());
        command
    }

    fn worker(&self) -> Process {
        Process(self.command(&["worker"]).spawn().unwrap())
    }

    /// A server that runs no jobs, and a guest of it.
    async fn server(&self) -> (Process, TestClient) {
        let (server, base_url) = Self::listening(self.command(&["serve", "--no-worker"]));
        (server, TestClient::guest_at(&base_url).await)
    }

    /// The server that a command starts, and its address.
    fn listening(mut command: Command) -> (Process, String) {
        let mut server = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut greeting = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut greeting).unwrap();
        let (_, base_url) = greeting.trim().split_once("ready at ").expect("no greeting");
        (Process(server), base_url.to_owned())
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
async fn job_of_a_worker_two_days_ahead_is_claimed_when_its_lease_has_expired() {
    let site = Site::open().await;
    let (_server, guest) = site.server().await;
    let ahead = Process(site.command_with_clock(&["worker"], "+2d").spawn().unwrap());
    let path = reading(&guest).await;
    begun(&guest, &path).await;
    ahead.signal(Signal::KILL);
    let killed = Instant::now();
    let _behind = Process(site.command_with_clock(&["worker"], "-2d").spawn().unwrap());
    assert_read_once(&guest, &path).await;
    assert!(killed.elapsed() < Duration::from_secs(60), "{:?}", killed.elapsed());
}

/// The emulator answers while a command runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_between_machines_that_disagree_by_twenty_minutes_ends_at_once() {
    let site = Site::open().await;
    let (_server, base_url) = Site::listening(site.command_with_clock(&["serve", "--no-worker"], "+10m"));
    let guest = TestClient::guest_at(&base_url).await;
    let _worker = Process(site.command_with_clock(&["worker"], "-10m").spawn().unwrap());
    let submitted = Instant::now();
    let ticket: Value = guest.submit(&guest.upload_pages(2).await, true, true).await.json().await.unwrap();
    let content_hash = ticket["content_hash"].as_str().unwrap();
    let status = guest.get(&format!("/v1/documents/batch/{content_hash}/status")).await;
    let submitted_at: jiff::Timestamp = status["submitted_at"].as_str().unwrap().parse().unwrap();
    let age_s = submitted_at.duration_until(jiff::Timestamp::now()).as_secs();
    assert!((-1..30).contains(&age_s), "it is dated by the database's time: {status}");
    assert_eq!(guest.batch_end(content_hash).await["status"], "SUCCEEDED");
    assert!(submitted.elapsed() < Duration::from_secs(60), "{:?}", submitted.elapsed());

    let metrics = reqwest::get(format!("{base_url}/metrics")).await.unwrap().text().await.unwrap();
    let offset = metrics.lines().find_map(|line| line.strip_prefix("coldbrew_clock_offset_seconds "));
    let offset: f64 = offset.expect("the metric exists").parse().unwrap();
    assert!((offset - 600.0).abs() < 5.0, "{offset}");
    for (offset, complaint) in [("+10m", "600 seconds ahead of"), ("-10m", "600 seconds behind"), ("+0", "")] {
        let examined = site.command_with_clock(&["doctor"], offset).output().unwrap();
        let output = String::from_utf8(examined.stdout).unwrap();
        assert_eq!(examined.status.success(), complaint.is_empty(), "{offset}: {output}");
        assert!(output.contains(complaint), "{offset}: {output}");
    }
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
