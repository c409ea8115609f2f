//! An emulator on a free port, with a clock that only tests move.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::{Clock, Emulator, EmulatorConfig, PageReader, ReadError, SystemClock, serve};
use coldbrew_gemini::jsonl::{InputLine, InputWriter, Outcome, ResultLine, ResultReader};
use coldbrew_gemini::{Answer, Batch, Client, Config, File, Request, UploadSpec, models};

pub(super) const MODEL: &str = "gemini-3.8-flash";
pub(super) const HOUR: i64 = 3_600_000;

/// Returns the bytes of a document as its text. A form feed separates pages.
struct Reader;

#[async_trait]
impl PageReader for Reader {
    async fn read(&self, _: &str, bytes: &[u8]) -> Result<Vec<String>, ReadError> {
        match bytes {
            b"unreadable" => Err(ReadError::Unreadable),
            b"unavailable" => Err(ReadError::Unavailable),
            bytes => Ok(String::from_utf8_lossy(bytes).split('\x0c').map(str::to_owned).collect()),
        }
    }
}

pub(super) struct ManualClock(AtomicI64);

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

pub(super) struct TestEmulator {
    pub url: String,
    pub client: Client,
    clock: Arc<ManualClock>,
    folder: TempDir,
    stop: Option<oneshot::Sender<()>>,
    served: Option<tokio::task::JoinHandle<()>>,
}

impl TestEmulator {
    pub(super) async fn start() -> Self {
        let clock = Arc::new(ManualClock(AtomicI64::new(1_795_000_000_000)));
        let mut emulator = Self {
            url: String::new(),
            client: client("http://127.0.0.1:9", "key"),
            clock,
            folder: tempfile::tempdir().unwrap(),
            stop: None,
            served: None,
        };
        emulator.serve().await;
        emulator
    }

    async fn serve(&mut self) {
        let folder = self.folder.path().join("emulator");
        let config = EmulatorConfig { clock: Arc::clone(&self.clock) as Arc<dyn Clock>, ..config(&folder, true) };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.url = format!("http://{}", listener.local_addr().unwrap());
        self.client = client(&self.url, "key");
        let emulator = Emulator::open(config).await.unwrap();
        let (stop, stopped) = oneshot::channel();
        self.stop = Some(stop);
        self.served = Some(tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            serve(listener, emulator, stopped).await.unwrap();
        }));
    }

    /// Restarts the emulator on the same folder and another port.
    pub(super) async fn restart(&mut self) {
        self.client = client("http://127.0.0.1:9", "key");
        self.stop.take();
        self.served.take().unwrap().await.unwrap();
        self.serve().await;
    }

    pub(super) fn advance(&self, ms: i64) {
        self.clock.0.fetch_add(ms, Ordering::Relaxed);
    }

    /// Arms a fault that happens once.
    pub(super) async fn once(&self, fault: &str) {
        self.arm(json!({"fault": fault, "times": 1})).await;
    }

    pub(super) async fn arm(&self, fault: Value) {
        let (status, answer) = self.call("POST", "_control/faults", Some(fault)).await;
        assert_eq!(status, 200, "{answer}");
    }

    pub(super) async fn calls(&self, name: &str) -> u64 {
        let (_, control) = self.call("GET", "_control", None).await;
        control["calls"][name].as_u64().unwrap_or(0)
    }

    /// Sends a request without the client. Returns the status, and the body as JSON or as a string.
    pub(super) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let method = method.parse().unwrap();
        let mut request =
            reqwest::Client::new().request(method, format!("{}/{path}", self.url)).header("x-goog-api-key", "key");
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub(super) async fn upload(&self, text: &str) -> File {
        let path = self.folder.path().join("upload");
        std::fs::write(&path, text).unwrap();
        let spec = UploadSpec { display_name: "in".into(), mime_type: "application/jsonl".into(), name: None };
        self.client.upload_file(&path, &spec).await.unwrap()
    }

    /// Uploads an input with one request for each page.
    pub(super) async fn input(&self, pages: &[&str]) -> File {
        let mut writer = InputWriter::new(Vec::new());
        for (index, page) in pages.iter().enumerate() {
            let request = Request::page("application/pdf", Bytes::copy_from_slice(page.as_bytes()), "Transcribe.");
            let line = InputLine::new(format!("page_{index}"), &request, &models::model(MODEL)).unwrap();
            writer.write(line).await.unwrap();
        }
        self.upload(std::str::from_utf8(&writer.finish().await.unwrap().0).unwrap()).await
    }

    pub(super) async fn create(&self, pages: &[&str]) -> Batch {
        let input = self.input(pages).await;
        self.client.create_batch(MODEL, "job", &input.name).await.unwrap()
    }

    /// Moves the clock by two hours and waits until the batch has ended.
    pub(super) async fn finish(&self, batch: &Batch) -> Batch {
        self.advance(2 * HOUR);
        for _ in 0..2_000 {
            let batch = self.client.get_batch(&batch.name).await.unwrap();
            if batch.state.is_terminal() {
                return batch;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the batch does not end");
    }

    pub(super) async fn results(&self, batch: &Batch) -> Vec<ResultLine> {
        let path = self.folder.path().join("results");
        self.client.download(batch.output_file.as_deref().unwrap(), &path).await.unwrap();
        let mut reader = ResultReader::open(&path).await.unwrap();
        let mut lines = Vec::new();
        while let Some(line) = reader.next().await.unwrap() {
            lines.push(line);
        }
        lines
    }

    /// Runs a batch of these pages and returns its results.
    pub(super) async fn run(&self, pages: &[&str]) -> Vec<ResultLine> {
        let batch = self.create(pages).await;
        self.results(&self.finish(&batch).await).await
    }

    /// The raw bytes of a batch's output.
    pub(super) async fn output(&self, batch: &Batch) -> String {
        let path = self.folder.path().join("output");
        self.client.download(batch.output_file.as_deref().unwrap(), &path).await.unwrap();
        std::fs::read_to_string(path).unwrap()
    }
}

/// A configuration in which a batch is one hour in PENDING and one hour in RUNNING.
pub(super) fn config(folder: &Path, control: bool) -> EmulatorConfig {
    let hour = Duration::from_secs(3_600);
    EmulatorConfig {
        data_dir: folder.to_owned(),
        pending: hour,
        running: hour,
        reader: Arc::new(Reader),
        clock: Arc::new(SystemClock),
        control,
    }
}

pub(super) fn client(url: &str, key: &str) -> Client {
    let mut config = Config::new(url, key);
    config.timeouts.backoff = Duration::from_millis(1);
    Client::new(config).unwrap()
}

pub(super) fn answer(line: &ResultLine) -> &Answer {
    match &line.outcome {
        Outcome::Response(answer) => answer,
        other => panic!("{other:?}"),
    }
}

pub(super) fn keys(lines: &[ResultLine]) -> Vec<&str> {
    lines.iter().map(|line| line.key.as_deref().unwrap_or("-")).collect()
}
