//! Parses a result file, and writes and uploads an input file: `cargo bench --package coldbrew-gemini-emulator --bench gemini`
//!
//! Each measurement runs in a process of its own. The upload goes over HTTP to an emulator in another process.

#![allow(clippy::expect_used)]

#[path = "../../../benches/measure.rs"]
mod measure;
#[path = "../../../benches/memory.rs"]
mod memory;

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use coldbrew_gemini::jsonl::{InputLine, InputWriter, Outcome, ResultReader};
use coldbrew_gemini::{Client, Config, Request, UploadSpec, models};
use coldbrew_gemini_emulator::{Emulator, EmulatorConfig, PageReader, ReadError, SystemClock, serve};
use measure::{in_a_process_of_its_own, print_row, report, wanted};
use tokio::net::TcpListener;

const RESULT_LINES: usize = 10_000;
const RESULT_LINE_BYTES: usize = 50_000;
const INPUT_BYTES: u64 = 1_000_000_000;
const PAGE_BYTES: usize = 100_000;

fn main() {
    match wanted().as_deref() {
        Some("parse") => report(|| block_on(parse(&folder()))),
        Some("write") => report(|| block_on(write(&folder()))),
        Some("upload") => report(|| block_on(upload(&folder()))),
        Some("emulate") => block_on(emulate(&folder())),
        _ => measure_all(),
    }
}

fn measure_all() {
    let folder = tempfile::tempdir().expect("there is room for files");
    let path = folder.path().to_str().expect("a plain path");
    write_results(&folder.path().join("results.jsonl"));
    println!("| what | size | time | rate | peak memory |\n|---|---|---|---|---|");
    let settings = [("BENCH_FOLDER", path)];
    print_row("parse a result file of 10,000 lines", &in_a_process_of_its_own("parse", &settings));
    print_row("write an input file", &in_a_process_of_its_own("write", &settings));
    let mut emulator = EmulatorProcess::start(folder.path());
    let settings = [("BENCH_FOLDER", path), ("BENCH_URL", &emulator.base_url)];
    print_row("upload an input file", &in_a_process_of_its_own("upload", &settings));
    emulator.program.kill().expect("it is still running");
    emulator.program.wait().expect("it was killed");
}

fn folder() -> PathBuf {
    std::env::var_os("BENCH_FOLDER").expect("the parent says where").into()
}

/// Runs the work on one thread, so that the time is that of one core.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be started").block_on(work)
}

/// Writes results as Gemini does: long texts with line feeds, quotes and a few letters beyond ASCII.
fn write_results(path: &Path) {
    let text = "A line of a \"page\" with math $e = mc^2$, and a naïve café.\n".repeat(RESULT_LINE_BYTES / 60);
    let mut file = BufWriter::new(std::fs::File::create(path).expect("there is room"));
    for index in 0..RESULT_LINES {
        let line = serde_json::json!({
            "key": format!("page_{index}"),
            "response": {
                "candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, "finishReason": "STOP", "index": 0}],
                "usageMetadata": {"promptTokenCount": 600, "candidatesTokenCount": 12_000, "totalTokenCount": 12_600},
                "modelVersion": models::DEFAULT,
            },
        });
        serde_json::to_writer(&mut file, &line).expect("there is room");
        file.write_all(b"\n").expect("there is room");
    }
    file.flush().expect("there is room");
}

async fn parse(folder: &Path) -> u64 {
    let path = folder.join("results.jsonl");
    let mut results = ResultReader::open(&path).await.expect("it was written");
    let mut answers = 0;
    while let Some(line) = results.next().await.expect("it can be read") {
        assert!(matches!(line.outcome, Outcome::Response(answer) if answer.text.len() > RESULT_LINE_BYTES / 2));
        answers += 1;
    }
    assert_eq!(answers, RESULT_LINES);
    size(&path)
}

async fn write(folder: &Path) -> u64 {
    let path = folder.join("input.jsonl");
    let file = tokio::io::BufWriter::new(tokio::fs::File::create(&path).await.expect("there is room"));
    let model = models::model(models::DEFAULT);
    let mut input = InputWriter::new(file);
    // The bytes may repeat: base64 takes the same time for any bytes.
    let page = Bytes::from((0..PAGE_BYTES).map(|index| (index % 251) as u8).collect::<Vec<_>>());
    let line_bytes = (PAGE_BYTES as u64).div_ceil(3) * 4;
    for index in 0..INPUT_BYTES.div_ceil(line_bytes) {
        let request = Request::page("application/pdf", page.clone(), "Transcribe this page as Markdown.");
        let line = InputLine::new(format!("page_{index}"), &request, &model).expect("a sound line");
        input.write(line).await.expect("there is room");
    }
    let (_, written) = input.finish().await.expect("there is room");
    written.bytes
}

async fn upload(folder: &Path) -> u64 {
    let path = folder.join("input.jsonl");
    let base_url = std::env::var("BENCH_URL").expect("the parent says where");
    let client = Client::new(Config::new(base_url, "key")).expect("a sound address");
    let spec = UploadSpec { display_name: "bench".into(), mime_type: "application/jsonl".into(), name: None };
    client.upload_file(&path, &spec).await.expect("the emulator takes it");
    size(&path)
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).expect("it is there").len()
}

/// Prints the URL of the emulator and serves it until the process is killed.
async fn emulate(folder: &Path) {
    let config = EmulatorConfig {
        data_dir: folder.join("emulator"),
        pending: Duration::ZERO,
        running: Duration::ZERO,
        reader: Arc::new(NoReader),
        clock: Arc::new(SystemClock),
        control: false,
    };
    let emulator = Emulator::open(config).await.expect("there is room");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    println!("http://{}", listener.local_addr().expect("it is bound"));
    serve(listener, emulator, std::future::pending()).await.expect("it serves");
}

/// Reads no page: the benchmark only uploads files.
struct NoReader;

#[async_trait]
impl PageReader for NoReader {
    async fn read(&self, _mime_type: &str, _bytes: &[u8]) -> Result<Vec<String>, ReadError> {
        Err(ReadError::Unavailable)
    }
}

/// An emulator in a process of its own.
struct EmulatorProcess {
    program: Child,
    base_url: String,
}

impl EmulatorProcess {
    fn start(folder: &Path) -> Self {
        let mut program = Command::new(std::env::current_exe().expect("this program has a path"))
            .arg("emulate")
            .env("BENCH_FOLDER", folder)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the emulator starts");
        let mut line = String::new();
        let output = program.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut line).expect("it says where it is");
        Self { program, base_url: line.trim_end().to_owned() }
    }
}
