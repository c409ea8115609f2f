//! Real processes of this program for tests that kill them: servers, and an emulator of Google that outlives them.
//!
//! [`Errand`] submits a document until that succeeds. [`Google::check`] and [`check_books`] check the result.

use std::collections::HashMap;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::support::harness::{TestClient, http, made_batches, variables};

/// Short enough for many restarts, and long enough for a busy machine.
const QUICK: [(&str, &str); 9] = [
    ("COLDBREW_LEASE_MS", "1500"),
    ("COLDBREW_POLL_INTERVAL_MS", "40"),
    ("COLDBREW_SEEK_INTERVAL_MS", "60"),
    ("COLDBREW_DEMO_PENDING_MS", "60"),
    ("COLDBREW_DEMO_RUNNING_MS", "60"),
    ("COLDBREW_FIGURE_RUNTIME", "none"),
    // The tests' guests need more than a guest's quota with a real key.
    ("COLDBREW_GUEST_QUOTA_TOKENS", "20000000"),
    ("COLDBREW_SPEND_GUESTS_DAILY_USD_MAX", "none"),
    ("RUST_LOG", "error"),
];

/// A process of this program. Dropping it kills it.
pub struct Program {
    pub base_url: String,
    child: Child,
}

impl Program {
    /// Starts a server on this data folder. `settings` are environment variables, which override fast defaults.
    pub async fn serve(data: &Path, settings: &[(&str, &str)]) -> Self {
        Self::run(&["serve"], data, settings).await
    }

    /// Starts a process that prints its address.
    pub async fn run(arguments: &[&str], data: &Path, settings: &[(&str, &str)]) -> Self {
        let mut child = Self::spawn(arguments, data, settings);
        let mut greeting = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut greeting).await.unwrap();
        let url = greeting.split_whitespace().find(|word| word.starts_with("http://"));
        let base_url = url.unwrap_or_else(|| panic!("{arguments:?} did not start: {greeting:?}")).to_owned();
        Self { base_url, child }
    }

    /// Starts a worker without a listener.
    pub fn work(data: &Path, settings: &[(&str, &str)]) -> Self {
        Self { base_url: String::new(), child: Self::spawn(&["worker"], data, settings) }
    }

    fn spawn(arguments: &[&str], data: &Path, settings: &[(&str, &str)]) -> Child {
        let settings: Vec<_> = QUICK.iter().chain(settings).copied().collect();
        let mut command = Command::new(env!("CARGO_BIN_EXE_coldbrew"));
        command.args(arguments).envs(variables(data, &settings));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap()
    }

    /// The address of a server, `None` for a worker.
    pub fn address(&self) -> Option<&str> {
        Some(self.base_url.as_str()).filter(|url| !url.is_empty())
    }

    /// Runs `coldbrew doctor` on this data folder. It must find no problem.
    pub async fn see_doctor(data: &Path, settings: &[(&str, &str)]) {
        let settings: Vec<_> = QUICK.iter().chain(settings).copied().collect();
        let mut doctor = Command::new(env!("CARGO_BIN_EXE_coldbrew"));
        let output = doctor.arg("doctor").envs(variables(data, &settings)).output().await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }

    /// Kills the process, as a power failure does.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Stops the process as a service manager does: it finishes its requests. Returns the exit status.
    pub async fn stop(mut self) -> ExitStatus {
        let pid = self.child.id().and_then(|id| rustix::process::Pid::from_raw(id.try_into().unwrap()));
        rustix::process::kill_process(pid.unwrap(), rustix::process::Signal::TERM).unwrap();
        self.ended(Duration::from_secs(60)).await.expect("it ends")
    }

    /// The exit status of a process that ends by itself, or `None` after the time limit.
    pub async fn ended(&mut self, within: Duration) -> Option<ExitStatus> {
        tokio::time::timeout(within, self.child.wait()).await.ok().map(Result::unwrap)
    }
}

/// An emulator in its own process. Each API key is a project that sees only its own batches.
pub struct Google {
    program: Program,
    http: reqwest::Client,
    _data: TempDir,
}

impl Google {
    pub async fn start() -> Self {
        let data = TempDir::new().unwrap();
        let program = Program::run(&["fake-gemini", "--addr", "127.0.0.1:0"], data.path(), &[]).await;
        Self { program, http: http(), _data: data }
    }

    /// The settings that make a server use this emulator with this key.
    pub fn settings<'a>(&'a self, key: &'a str) -> [(&'a str, &'a str); 2] {
        [("GEMINI_BASE_URL", &self.program.base_url), ("GEMINI_API_KEY", key)]
    }

    /// The number of times that a call was made, with any key.
    pub async fn calls(&self, name: &str) -> u64 {
        let answer = self.http.get(format!("{}/_control", self.program.base_url)).send().await.unwrap();
        answer.json::<Value>().await.unwrap()["calls"][name].as_u64().unwrap_or_default()
    }

    /// From now on, the answers that the fault delays come this much later.
    pub async fn delay(&self, fault: &str, ms: u64) {
        self.control(Method::POST, json!({"fault": fault, "amount": ms})).await;
    }

    /// Arms a fault for its next `times` occasions.
    pub async fn arm(&self, fault: &str, times: u32) {
        self.control(Method::POST, json!({"fault": fault, "times": times})).await;
    }

    /// From now on, an uploaded file stays in PROCESSING for this many polls.
    pub async fn process_files_for(&self, looks: u32) {
        self.control(Method::POST, json!({"fault": "file_processing", "amount": looks, "times": 1_000})).await;
    }

    /// Disarms all faults.
    pub async fn disarm(&self) {
        self.control(Method::DELETE, Value::Null).await;
    }

    async fn control(&self, method: Method, fault: Value) {
        let url = format!("{}/_control/faults", self.program.base_url);
        let answer = self.http.request(method, url).json(&fault).send().await.unwrap();
        assert!(answer.status().is_success());
    }

    /// All batches of the project with this key, with those that were deleted since.
    pub async fn batches(&self, key: &str) -> Vec<Value> {
        made_batches(&self.program.base_url, key).await
    }

    /// Waits until the project with this key has no input file.
    pub async fn no_input_is_left(&self, key: &str) -> bool {
        for _ in 0..500 {
            let url = format!("{}/v1beta/files?pageSize=100", self.program.base_url);
            let answer = self.http.get(url).header("x-goog-api-key", key).send().await.unwrap();
            let page: Value = answer.json().await.unwrap();
            // Google does not let clients delete output files; see docs/GEMINI.md.
            if page["files"].as_array().is_none_or(|files| files.iter().all(|file| file["source"] == "GENERATED")) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }

    /// Checks that no job has had two live batches at once, or two paid ones. Returns the number of batches.
    pub async fn check(&self, key: &str) -> usize {
        let batches = self.batches(key).await;
        let mut by_job: HashMap<String, Vec<Life>> = HashMap::new();
        for batch in &batches {
            let name = batch["metadata"]["displayName"].as_str().unwrap();
            let job = name.rsplit_once('-').unwrap().0.to_owned();
            by_job.entry(job).or_default().push(Life::of(batch));
        }
        for (job, mut lives) in by_job {
            lives.sort_by_key(|life| life.born);
            let paid = lives.iter().filter(|life| life.state == "BATCH_STATE_SUCCEEDED").count();
            assert!(paid <= 1, "{job} was paid for {paid} times: {lives:#?}");
            for pair in lives.windows(2) {
                assert!(pair[0].died.is_some_and(|died| died <= pair[1].born), "{job} had two batches: {lives:#?}");
            }
        }
        batches.len()
    }
}

/// The lifetime of a batch.
#[derive(Debug)]
struct Life {
    born: Timestamp,
    died: Option<Timestamp>,
    state: String,
}

impl Life {
    fn of(batch: &Value) -> Self {
        let time = |name: &str| batch["metadata"][name].as_str().map(|time| time.parse().unwrap());
        let state = batch["metadata"]["state"].as_str().unwrap().to_owned();
        Self { born: time("createTime").unwrap(), died: time("endTime"), state }
    }
}

/// A document that a test submits repeatedly until it is accepted.
#[derive(Clone)]
pub struct Errand {
    pub book: Vec<u8>,
    pub batch_mode: bool,
}

impl Errand {
    /// Uploads and submits the document, unless that has succeeded before. Returns `None` if the server ended meanwhile or was too busy.
    pub async fn try_once(&self, guest: &TestClient) -> Option<String> {
        let prepared = guest.try_upload("book.pdf", self.book.clone()).await.ok()?;
        if prepared.status() != StatusCode::OK {
            return None;
        }
        let prepared: Value = prepared.json().await.ok()?;
        let content_hash = prepared["content_hash"].as_str().unwrap().to_owned();
        let status = format!("/v1/documents/batch/{content_hash}/status");
        if guest.try_send(Method::GET, &status, None).await.ok()?.status() == StatusCode::OK {
            return Some(content_hash);
        }
        let submission = json!({"hash": prepared["hash"], "ai_transform": true, "batch_mode": self.batch_mode});
        let answer = guest.try_send(Method::POST, "/v1/documents/document", Some(submission)).await.ok()?;
        (answer.status() == StatusCode::ACCEPTED).then_some(content_hash)
    }
}

/// Checks the account after all its jobs have ended. No tokens are reserved. The used tokens equal the sum of the receipts, and the sum of
/// the documents' charges. Returns the used tokens.
pub async fn check_books(guest: &TestClient, documents_expected: usize) -> u64 {
    let usage = guest.get("/v1/users/me/usage").await;
    assert_eq!(usage["reserved_tokens"], 0, "{usage}");
    let sum = |list: &Value| list.as_array().unwrap().iter().map(|row| row["charged_tokens"].as_u64().unwrap()).sum();
    let receipts: u64 = sum(&usage["receipts"]);
    let mut documents = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = guest.get(&format!("/v1/documents?limit=100{cursor}")).await;
        documents.extend(page["documents"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(documents.len(), documents_expected);
    let used = usage["used_tokens"].as_u64().unwrap();
    assert_eq!((receipts, sum(&Value::Array(documents))), (used, used));
    used
}
