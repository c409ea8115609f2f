//! A server without rate limits, and a guest of it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use coldbrew_pdf::testing::simple_pdf;

use crate::http::{Connection, field};
use crate::memory::{peak_bytes, resident_bytes};
use crate::process::cpu;

/// A running server. Dropping it ends the server and deletes its data.
pub struct Server {
    program: Child,
    pub addr: String,
    /// The guest's credential, both as a token and as a session.
    secret: String,
    _data: tempfile::TempDir,
}

impl Server {
    /// Starts this build of the program.
    #[allow(dead_code, reason = "not every benchmark uses it")]
    pub async fn start() -> Self {
        Self::start_program(Path::new(env!("CARGO_BIN_EXE_coldbrew"))).await
    }

    /// Starts a build of the program.
    pub async fn start_program(program: &Path) -> Self {
        let data = tempfile::tempdir().expect("there is room");
        std::fs::write(data.path().join("hash.txt"), "js: a\nwasm: b\ncss: c\n").expect("there is room");
        let mut program = Self::spawn(program, data.path());
        let mut greeting = String::new();
        BufReader::new(program.stdout.take().expect("it is piped")).read_line(&mut greeting).expect("it greets");
        let addr = greeting.split("http://").nth(1).and_then(|rest| rest.split_whitespace().next());
        let addr = addr.expect("an address").to_owned();
        let mut server = Self { addr, program, secret: String::new(), _data: data };
        let headers = "content-type: application/x-www-form-urlencoded\r\nsec-fetch-site: same-origin\r\n";
        let begun = server.ask(&server.request("POST", "/api/start_session", headers, b"")).await;
        let begun = String::from_utf8_lossy(&begun).into_owned();
        let cookie = begun.split("coldbrew=").nth(1).and_then(|rest| rest.split(';').next());
        server.secret = cookie.expect("a session").to_owned();
        server
    }

    fn spawn(program: &Path, data: &Path) -> Child {
        let mut command = Command::new(program);
        command.arg("serve").current_dir(env!("CARGO_MANIFEST_DIR")).env("COLDBREW_DATA_DIR", data);
        command
            .env("LEPTOS_SITE_ROOT", data)
            .env("LEPTOS_SITE_ADDR", "127.0.0.1:0")
            .env("COLDBREW_QUOTA_TOKENS", "1000000000000")
            .env("COLDBREW_DEMO_PENDING_MS", "86400000");
        for limit in ["READS_PER_MINUTE", "CHANGES_PER_MINUTE", "ENTRIES_PER_MINUTE", "EVENT_STREAMS_MAX"] {
            command.env(format!("COLDBREW_{limit}"), "0");
        }
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the server starts")
    }

    /// A request with the guest's token.
    pub fn request(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
        let (addr, secret, length) = (&self.addr, &self.secret, body.len());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {addr}\r\nauthorization: Bearer {secret}\r\ncontent-length: {length}\r\n{headers}\r\n"
        );
        [head.as_bytes(), body].concat()
    }

    /// A request for a page, as the guest's browser sends it.
    pub fn page(&self, path: &str) -> Vec<u8> {
        let (addr, secret) = (&self.addr, &self.secret);
        format!(
            "GET {path} HTTP/1.1\r\nhost: {addr}\r\naccept: text/html\r\naccept-encoding: gzip, deflate, br, zstd\r\n\
             sec-fetch-site: none\r\ncookie: coldbrew={secret}\r\n\r\n"
        )
        .into_bytes()
    }

    /// A request that uploads a file.
    pub fn upload(&self, file: &[u8]) -> Vec<u8> {
        let head = b"--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\n";
        let body = [head.as_slice(), file, b"\r\n--b--\r\n"].concat();
        self.request("POST", "/v1/documents/prepare/upload", "content-type: multipart/form-data; boundary=b\r\n", &body)
    }

    /// A request that submits an upload.
    pub fn submit(&self, hash: &str, ai: bool, batch: bool) -> Vec<u8> {
        let wish = format!("{{\"hash\":\"{hash}\",\"ai_transform\":{ai},\"batch_mode\":{batch}}}");
        self.request("POST", "/v1/documents/document", "content-type: application/json\r\n", wish.as_bytes())
    }

    /// The answer to one request, on a connection of its own.
    pub async fn ask(&self, request: &[u8]) -> Vec<u8> {
        Connection::open(&self.addr).await.ask(request).await.to_vec()
    }

    /// Gives the guest five documents, and a batch that waits at Google. Returns the content hash of the batch.
    pub async fn furnish(&self) -> String {
        for number in 1..=5 {
            let prepared = self.ask(&self.upload(&simple_pdf(&[&format!("Book {number}"), "another page"]))).await;
            self.ask(&self.submit(&field(&prepared, "hash"), false, false)).await;
        }
        let prepared = self.ask(&self.upload(&simple_pdf(&["a page", "another"]))).await;
        field(&self.ask(&self.submit(&field(&prepared, "hash"), true, true)).await, "content_hash")
    }

    /// The CPU time of the server, without its page processes.
    pub fn cpu(&self) -> Duration {
        cpu(&self.pid())
    }

    /// The present resident memory of the server, in bytes, without its page processes.
    pub fn resident(&self) -> u64 {
        resident_bytes(&self.pid())
    }

    /// The peak of its resident memory, in bytes.
    pub fn peak(&self) -> u64 {
        peak_bytes(&self.pid())
    }

    fn pid(&self) -> String {
        self.program.id().to_string()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
