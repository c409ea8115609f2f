//! The whole server under load, on loopback: how much it answers, how long that takes, and what memory it needs. `cargo bench --bench load`
//!
//! Driver and server share the machine, so the driver speaks as little HTTP as it can. `LOAD_SECONDS` (10) is how long each rate is
//! measured, `LOAD_MIXED_SECONDS` (60) how long the mixed load lasts: an hour is 3600.

#![allow(clippy::expect_used)]

mod memory;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use coldbrew::pdf::testing::simple_pdf;
use memory::{peak_bytes, resident_bytes};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const UPLOADS: usize = 100;
const UPLOAD_BYTES: usize = 20_000_000;
const STREAMS: usize = 2_000;

fn main() {
    // A stream of events is an open file, here and in the server, which inherits this.
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).expect("the limit may be raised");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.expect("a runtime can be started").block_on(measure());
}

async fn measure() {
    let rate_time = Duration::from_secs(seconds("LOAD_SECONDS", 10));
    println!("| what | requests/s | p50 | p99 | server's memory |\n|---|---|---|---|---|");
    let server = Server::start().await;
    let content = server.batch().await;
    let status = server.request("GET", &format!("/v1/documents/batch/{content}/status"), "", b"");
    print_rate("status of a batch, 32 at once", &server.rate(&status, 32, rate_time).await, &server);
    let home = server.request("GET", "/", "", b"");
    print_rate("Home, drawn by the server, 8 at once", &server.rate(&home, 8, rate_time).await, &server);
    drop(server);

    let server = Server::start().await;
    let took = server.upload_at_once().await;
    let megabytes = (UPLOADS * UPLOAD_BYTES) as f64 / 1e6;
    println!(
        "| {UPLOADS} uploads of 20 MB at once | {:.0} MB/s | | | {} |",
        megabytes / took.as_secs_f64(),
        server.peak()
    );
    drop(server);

    let server = Server::start().await;
    let streams = server.listen().await;
    println!("| {STREAMS} open streams of events | | | | {} |", server.peak());
    drop(streams);
    drop(server);

    let server = Server::start().await;
    let time = Duration::from_secs(seconds("LOAD_MIXED_SECONDS", 60));
    let (early, late) = server.mixed(time).await;
    let resident = |bytes: u64| format!("{:.0} MB", bytes as f64 / 1e6);
    println!(
        "| {} s of mixed load | | | | {} after a quarter, {} at the end |",
        time.as_secs(),
        resident(early),
        resident(late)
    );
}

fn seconds(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number of seconds"))
}

fn print_rate(what: &str, latencies: &[Duration], server: &Server) {
    let of = |percent: usize| latencies[(latencies.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    let rate = latencies.len() as u64 / seconds("LOAD_SECONDS", 10);
    println!("| {what} | {rate} | {:.1} ms | {:.1} ms | {} |", of(50), of(99), server.peak());
}

/// A server of its own, without limits on how often it is asked, and a guest of it.
struct Server {
    program: Child,
    addr: String,
    token: String,
    _data: tempfile::TempDir,
}

impl Server {
    async fn start() -> Self {
        let data = tempfile::tempdir().expect("there is room");
        std::fs::write(data.path().join("hash.txt"), "js: a\nwasm: b\ncss: c\n").expect("there is room");
        let mut program = Self::program(data.path());
        let mut greeting = String::new();
        BufReader::new(program.stdout.take().expect("it is piped")).read_line(&mut greeting).expect("it greets");
        let addr =
            greeting.split("http://").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("an address");
        let mut server = Self { addr: addr.to_owned(), program, token: String::new(), _data: data };
        let guest = server.ask(&server.request("POST", "/v1/users/guest", "", b"")).await;
        server.token = field(&guest, "token");
        server
    }

    fn program(data: &Path) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coldbrew"));
        command.arg("serve").current_dir(env!("CARGO_MANIFEST_DIR")).env("COLDBREW_DATA_DIR", data);
        command
            .env("LEPTOS_SITE_ROOT", data)
            .env("LEPTOS_SITE_ADDR", "127.0.0.1:0")
            .env("COLDBREW_DEMO_PENDING_MS", "86400000");
        for limit in ["READS_PER_MINUTE", "CHANGES_PER_MINUTE", "ENTRIES_PER_MINUTE"] {
            command.env(format!("COLDBREW_{limit}"), "0");
        }
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the server starts")
    }

    fn request(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
        let (addr, token, length) = (&self.addr, &self.token, body.len());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {addr}\r\nauthorization: Bearer {token}\r\ncontent-length: {length}\r\n{headers}\r\n"
        );
        [head.as_bytes(), body].concat()
    }

    fn upload(&self, file: &[u8]) -> Vec<u8> {
        let head = b"--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\n";
        let body = [head.as_slice(), file, b"\r\n--b--\r\n"].concat();
        self.request("POST", "/v1/documents/prepare/upload", "content-type: multipart/form-data; boundary=b\r\n", &body)
    }

    fn submit(&self, hash: &str, ai: bool) -> Vec<u8> {
        let wish = format!("{{\"hash\":\"{hash}\",\"ai_transform\":{ai},\"batch_mode\":{ai}}}");
        self.request("POST", "/v1/documents/document", "content-type: application/json\r\n", wish.as_bytes())
    }

    /// The answer to one request, on a connection of its own.
    async fn ask(&self, request: &[u8]) -> String {
        Connection::open(&self.addr).await.ask(request).await
    }

    /// A batch that waits at Google. Returns its content hash.
    async fn batch(&self) -> String {
        let prepared = self.ask(&self.upload(&simple_pdf(&["a page", "another"]))).await;
        field(&self.ask(&self.submit(&field(&prepared, "hash"), true)).await, "content_hash")
    }

    /// How long each answer took, shortest first, when as many callers ask one after the other for that time.
    async fn rate(&self, request: &[u8], callers: usize, time: Duration) -> Vec<Duration> {
        let until = Instant::now() + time;
        let mut tasks = JoinSet::new();
        for _ in 0..callers {
            let (mut connection, request) = (Connection::open(&self.addr).await, request.to_vec());
            tasks.spawn(async move {
                let mut latencies = Vec::new();
                while Instant::now() < until {
                    let begun = Instant::now();
                    let answer = connection.ask(&request).await;
                    latencies.push(begun.elapsed());
                    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
                }
                latencies
            });
        }
        let mut latencies = tasks.join_all().await.concat();
        latencies.sort();
        latencies
    }

    async fn upload_at_once(&self) -> Duration {
        // What stands behind the end of a PDF is passed over.
        let mut file = simple_pdf(&["a page"]);
        file.resize(UPLOAD_BYTES, b' ');
        let request: std::sync::Arc<[u8]> = self.upload(&file).into();
        let begun = Instant::now();
        let mut tasks = JoinSet::new();
        for _ in 0..UPLOADS {
            let (addr, request) = (self.addr.clone(), request.clone());
            tasks.spawn(async move { Connection::open(&addr).await.ask(&request).await });
        }
        for answer in tasks.join_all().await {
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
        begun.elapsed()
    }

    /// Streams of events, each of which has told its first.
    async fn listen(&self) -> Vec<Connection> {
        let request = self.request("GET", "/v1/events", "", b"");
        let mut streams = Vec::new();
        for _ in 0..STREAMS {
            let mut stream = Connection::open(&self.addr).await;
            stream.socket.write_all(&request).await.expect("the server listens");
            while !String::from_utf8_lossy(&stream.buffer).contains("event: change") {
                stream.more().await;
            }
            streams.push(stream);
        }
        streams
    }

    /// Documents come, are read and go, while pages and states are looked at. Memory after a quarter of the time, and at its end.
    async fn mixed(&self, time: Duration) -> (u64, u64) {
        let (begun, mut early) = (Instant::now(), 0);
        let (home, file) = (self.request("GET", "/", "", b""), self.upload(&simple_pdf(&["a page", "another"])));
        let mut connection = Connection::open(&self.addr).await;
        while begun.elapsed() < time {
            let hash = field(&connection.ask(&file).await, "hash");
            let id = field(&connection.ask(&self.submit(&hash, false)).await, "id");
            for _ in 0..10 {
                connection.ask(&home).await;
                connection.ask(&self.request("GET", &format!("/v1/documents/{id}"), "", b"")).await;
            }
            connection.ask(&self.request("DELETE", &format!("/v1/documents/{id}"), "", b"")).await;
            if early == 0 && begun.elapsed() > time / 4 {
                early = self.resident();
            }
        }
        (early, self.resident())
    }

    fn resident(&self) -> u64 {
        resident_bytes(&self.program.id().to_string())
    }

    fn peak(&self) -> String {
        format!("{:.0} MB", peak_bytes(&self.program.id().to_string()) as f64 / 1e6)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// A connection that stays open for the next request.
struct Connection {
    socket: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(addr: &str) -> Self {
        let socket = TcpStream::connect(addr).await.expect("the server listens");
        socket.set_nodelay(true).expect("it is a TCP socket");
        Self { socket, buffer: Vec::new() }
    }

    async fn more(&mut self) {
        let read = self.socket.read_buf(&mut self.buffer).await.expect("the server answers");
        assert!(read > 0, "the server closed: {}", String::from_utf8_lossy(&self.buffer));
    }

    /// The whole answer, head included.
    async fn ask(&mut self, request: &[u8]) -> String {
        self.socket.write_all(request).await.expect("the server listens");
        self.buffer.clear();
        while !self.is_whole() {
            self.more().await;
        }
        String::from_utf8_lossy(&self.buffer).into_owned()
    }

    fn is_whole(&self) -> bool {
        let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
        let head = String::from_utf8_lossy(&self.buffer[..end]);
        match head.lines().find_map(|line| line.strip_prefix("content-length: ")) {
            Some(length) => self.buffer.len() >= end + 4 + length.parse::<usize>().expect("a length"),
            None => head.starts_with("HTTP/1.1 204") || self.buffer.ends_with(b"\r\n0\r\n\r\n"),
        }
    }
}

/// A text of a JSON answer.
fn field(answer: &str, name: &str) -> String {
    let value = answer.split(&format!("\"{name}\":\"")).nth(1).and_then(|rest| rest.split('"').next());
    value.unwrap_or_else(|| panic!("no {name} in {answer}")).to_owned()
}
