//! The whole server under load, on loopback: requests a second, latency, CPU time and memory. `cargo bench --bench load`
//!
//! Client and server share the machine, so the client is one thread with a minimal HTTP implementation. `LOAD_SECONDS` (10) is the time of
//! each rate, and `LOAD_MIXED_SECONDS` (60) that of the mixed load. `LOAD_FORMER` names a former build of the program, which is measured
//! first; the ratios of the two are printed at the end. The program exits with 1 if a goal is missed.

#![allow(clippy::expect_used)]

mod http;
mod memory;
mod process;
mod server;

use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use coldbrew_pdf::testing::simple_pdf;
use http::{Connection, field};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use server::Server;
use tokio::task::{JoinSet, LocalSet};

const UPLOADS: usize = 100;
const UPLOAD_BYTES: usize = 20_000_000;
const STREAMS: usize = 2_000;
/// People who use the server at once under mixed load, and event streams that each has open.
const PEOPLE: usize = 4;
const STREAMS_EACH: usize = 25;

fn main() -> ExitCode {
    // Each event stream is an open file. The server raises its own limit.
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).expect("the limit may be raised");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be started");
    let reached = runtime.block_on(LocalSet::new().run_until(measure()));
    if reached { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The result of one measurement.
struct Measured {
    what: String,
    /// Requests, megabytes, streams or documents a second.
    rate: f64,
    is_goal_reached: bool,
}

/// Prints tables for BENCHMARKS.md. Returns whether every goal was reached.
async fn measure() -> bool {
    let former = match std::env::var_os("LOAD_FORMER") {
        Some(program) => measure_program(Path::new(&program)).await,
        None => Vec::new(),
    };
    let measured = measure_program(Path::new(env!("CARGO_BIN_EXE_coldbrew"))).await;
    for (measured, former) in measured.iter().zip(&former) {
        println!("{}: {:.2} of the former build's rate", measured.what, measured.rate / former.rate);
    }
    measured.iter().all(|measured| measured.is_goal_reached)
}

async fn measure_program(program: &Path) -> Vec<Measured> {
    println!("\n| what | goal | measured | server's computing | server's memory |\n|---|---|---|---|---|");
    let mut measured = rates(&Rc::new(Server::start_program(program).await)).await;
    measured.push(uploads(&Server::start_program(program).await).await);
    measured.push(streams(&Server::start_program(program).await).await);
    measured.push(mixed(&Rc::new(Server::start_program(program).await)).await);
    measured
}

fn seconds(variable: &str, default: u64) -> Duration {
    let seconds = std::env::var(variable).map_or(default, |text| text.parse().expect("a number of seconds"));
    Duration::from_secs(seconds)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.0} MB", bytes as f64 / 1e6)
}

async fn rates(server: &Rc<Server>) -> Vec<Measured> {
    let content = server.furnish().await;
    let status = server.request("GET", &format!("/v1/documents/batch/{content}/status"), "", b"");
    let status = rate(server, "status of a batch, 32 at once", &status, 32, (3_000, 25)).await;
    let home = rate(server, "Home, drawn by the server, 8 at once", &server.page("/"), 8, (500, 40)).await;
    vec![status, home]
}

/// Measures the rate and the latency of answers to `callers` that each send one request after the other. The goals: requests a second, and
/// the 99th percentile of the latency in milliseconds.
async fn rate(
    server: &Rc<Server>,
    what: &str,
    request: &[u8],
    callers: usize,
    (goal, p99_goal): (u32, u32),
) -> Measured {
    // Warms up: the first request of a kind fills caches.
    ask_for(server, request, callers, Duration::from_secs(1)).await;
    let (begun, before) = (Instant::now(), server.cpu());
    let latencies = ask_for(server, request, callers, seconds("LOAD_SECONDS", 10)).await;
    let (rate, computing) = (latencies.len() as f64 / begun.elapsed().as_secs_f64(), server.cpu() - before);
    let of = |percent: usize| latencies[(latencies.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    let cpu_us = computing.as_secs_f64() * 1e6 / latencies.len() as f64;
    println!(
        "| {what} | {goal}/s, p99 below {p99_goal} ms | {rate:.0}/s, p50 {:.1} ms, p99 {:.1} ms | {cpu_us:.0} µs a request: {:.0}/s a core | {} |",
        of(50),
        of(99),
        1e6 / cpu_us,
        megabytes(server.peak())
    );
    let is_goal_reached = rate >= f64::from(goal) && of(99) < f64::from(p99_goal);
    Measured { what: what.to_owned(), rate, is_goal_reached }
}

/// Sends requests for that time. Returns the latencies, shortest first.
async fn ask_for(server: &Rc<Server>, request: &[u8], callers: usize, time: Duration) -> Vec<Duration> {
    let until = Instant::now() + time;
    let mut tasks = JoinSet::new();
    for _ in 0..callers {
        let (server, request) = (server.clone(), request.to_vec());
        tasks.spawn_local(async move {
            let (mut connection, mut latencies) = (Connection::open(&server.addr).await, Vec::new());
            while Instant::now() < until {
                let begun = Instant::now();
                connection.ask(&request).await;
                latencies.push(begun.elapsed());
            }
            latencies
        });
    }
    let mut latencies = tasks.join_all().await.concat();
    latencies.sort();
    latencies
}

async fn uploads(server: &Server) -> Measured {
    // Bytes after the end of a PDF are ignored.
    let mut file = simple_pdf(&["a page"]);
    file.resize(UPLOAD_BYTES, b' ');
    let request: Rc<[u8]> = server.upload(&file).into();
    let (begun, before) = (Instant::now(), server.cpu());
    let mut tasks = JoinSet::new();
    for _ in 0..UPLOADS {
        let (addr, request) = (server.addr.clone(), request.clone());
        tasks.spawn_local(async move { Connection::open(&addr).await.ask(&request).await.len() });
    }
    tasks.join_all().await;
    let computing = (server.cpu() - before) / UPLOADS as u32;
    let rate = (UPLOADS * UPLOAD_BYTES) as f64 / 1e6 / begun.elapsed().as_secs_f64();
    println!(
        "| {UPLOADS} uploads of 20 MB at once | below 200 MB | {rate:.0} MB/s | {} ms each | {} |",
        computing.as_millis(),
        megabytes(server.peak())
    );
    Measured { what: "uploads".to_owned(), rate, is_goal_reached: server.peak() < 200_000_000 }
}

async fn streams(server: &Server) -> Measured {
    let (begun, before) = (Instant::now(), server.cpu());
    let streams = listen(server, STREAMS).await;
    let rate = STREAMS as f64 / begun.elapsed().as_secs_f64();
    let computing = (server.cpu() - before) / STREAMS as u32;
    println!(
        "| {} open streams of events | below 120 MB | | {} µs each to open | {} |",
        streams.len(),
        computing.as_micros(),
        megabytes(server.peak())
    );
    Measured { what: "streams opened".to_owned(), rate, is_goal_reached: server.peak() < 120_000_000 }
}

/// Opens event streams, and waits for the first event of each.
async fn listen(server: &Server, number: usize) -> Vec<Connection> {
    let request = server.request("GET", "/v1/events", "", b"");
    let mut streams = Vec::new();
    for _ in 0..number {
        let mut stream = Connection::open(&server.addr).await;
        stream.listen(&request, b"event: change").await;
        streams.push(stream);
    }
    streams
}

/// People upload, submit, read and delete documents, while event streams are open. At the end, memory must be as after a quarter of the
/// time.
async fn mixed(server: &Rc<Server>) -> Measured {
    let time = seconds("LOAD_MIXED_SECONDS", 60);
    let (begun, before) = (Instant::now(), server.cpu());
    let streams = listen(server, PEOPLE * STREAMS_EACH).await;
    let mut people = JoinSet::new();
    for person in 0..PEOPLE {
        let server = server.clone();
        people.spawn_local(async move {
            let (mut connection, mut rounds) = (Connection::open(&server.addr).await, 0);
            while begun.elapsed() < time {
                rounds += 1;
                work(&server, &mut connection, &format!("Book {rounds} of person {person}")).await;
            }
            rounds
        });
    }
    tokio::time::sleep(time / 4).await;
    let early = server.resident();
    let rounds: usize = people.join_all().await.into_iter().sum();
    let (late, computing) = (server.resident(), server.cpu() - before);
    drop(streams);
    println!(
        "| {} s of mixed load | flat memory | {rounds} documents come and gone | {:.0} % of a core | {} after a quarter, {} at the end |",
        time.as_secs(),
        computing.as_secs_f64() / begun.elapsed().as_secs_f64() * 100.0,
        megabytes(early),
        megabytes(late)
    );
    // Memory that the allocator keeps varies by less than a quarter.
    let is_goal_reached = late < early + early / 4;
    Measured { what: "mixed load".to_owned(), rate: rounds as f64 / time.as_secs_f64(), is_goal_reached }
}

/// What a person does with a document, from its upload to its deletion.
async fn work(server: &Server, connection: &mut Connection, title: &str) {
    let prepared = connection.ask(&server.upload(&simple_pdf(&[title, "another page"]))).await;
    let hash = field(prepared, "hash");
    let text = field(connection.ask(&server.submit(&hash, false, false)).await, "id");
    let extraction = field(connection.ask(&server.submit(&hash, true, false)).await, "extraction_id");
    for path in ["/", "/library", &format!("/documents/{text}")] {
        connection.ask(&server.page(path)).await;
    }
    let status = server.request("GET", &format!("/v1/documents/extraction/{extraction}"), "", b"");
    let document = loop {
        let answer = connection.ask(&status).await;
        match field(answer, "status").as_str() {
            "SUCCEEDED" => break field(answer, "document_id"),
            "PREPARING" | "PENDING" | "RUNNING" => tokio::time::sleep(Duration::from_millis(100)).await,
            other => panic!("{title} ended {other}"),
        }
    };
    for format in ["md", "html", "zip"] {
        let path = format!("/v1/documents/{document}/export?format={format}");
        connection.ask(&server.request("GET", &path, "", b"")).await;
    }
    for id in [text, document] {
        connection.ask(&server.request("DELETE", &format!("/v1/documents/{id}"), "", b"")).await;
    }
}
