//! A complete server in this process, with free ports and its own data folder, and a client for it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use coldbrew::serve::{Config, Server, serve_emulator};
use coldbrew_pdf::testing::simple_pdf;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::web::accounts::with_arguments;

/// A running server. Dropping it stops it; its data is kept as long as `data` lives.
pub struct TestServer {
    pub base_url: String,
    stop: CancellationToken,
    running: Option<JoinHandle<()>>,
}

impl TestServer {
    /// Starts a server on this data folder. `settings` are environment variables, which override fast defaults.
    pub async fn start(data: &TempDir, settings: &[(&str, &str)]) -> Self {
        let config = config(data.path(), settings);
        let stop = CancellationToken::new();
        let server = Server::open(&config).await.unwrap();
        let base_url = format!("http://{}", server.addr().unwrap());
        let stopped = stop.clone();
        let running = tokio::spawn(async move { server.run(stopped).await.unwrap() });
        Self { base_url, stop, running: Some(running) }
    }

    /// Stops the server as a service manager does, and waits until it has ended.
    pub async fn stop(mut self) {
        self.stop.cancel();
        self.running.take().unwrap().await.unwrap();
    }

    /// A client with a new guest account.
    pub async fn guest(&self) -> TestClient {
        TestClient::guest_at(&self.base_url).await
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The environment variables of a server with fast defaults on this data folder. `settings` override them.
pub fn variables(data_dir: &Path, settings: &[(&str, &str)]) -> HashMap<String, String> {
    let site = data_dir.join("site");
    std::fs::create_dir_all(&site).unwrap();
    std::fs::write(site.join("hash.txt"), "js: a\nwasm: b\ncss: c\n").unwrap();
    let vendor = |name: &str| format!("{}/vendor/{name}", env!("CARGO_MANIFEST_DIR"));
    let defaults = [
        ("LEPTOS_SITE_ADDR", "127.0.0.1:0"),
        ("LEPTOS_SITE_ROOT", site.to_str().unwrap()),
        ("COLDBREW_DATA_DIR", data_dir.to_str().unwrap()),
        ("COLDBREW_PDFIUM", &vendor("libpdfium.so")),
        ("COLDBREW_FONTS", &vendor("fonts")),
        ("COLDBREW_FIGURE_MODEL", &vendor("pp-doclayout-s.onnx")),
        ("COLDBREW_FIGURE_LIBRARY", &vendor("libonnxruntime.so")),
        ("COLDBREW_PAGE_WORKER_EXE", env!("CARGO_BIN_EXE_coldbrew")),
        ("COLDBREW_LAME_DUCK_MS", "0"),
        // The disk of a build machine is often nearly full.
        ("COLDBREW_FREE_PERCENT_MIN", "0"),
        ("COLDBREW_POLL_INTERVAL_MS", "50"),
        ("COLDBREW_DEMO_PENDING_MS", "100"),
        ("COLDBREW_DEMO_RUNNING_MS", "100"),
    ];
    defaults.iter().chain(settings).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The configuration that [`variables`] gives.
pub fn config(data_dir: &Path, settings: &[(&str, &str)]) -> Config {
    choose_cryptography();
    let variables = variables(data_dir, settings);
    Config::read("", move |name| variables.get(name).cloned()).unwrap()
}

/// The emulator of the Gemini API. Tests can arm faults in it.
pub struct TestGemini {
    pub base_url: String,
    config: Config,
    stop: CancellationToken,
}

impl TestGemini {
    /// Starts an emulator on this data folder.
    pub async fn start(data: &TempDir) -> Self {
        let addr = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (base_url, config) = (format!("http://{addr}"), config(data.path(), &[]));
        let mut gemini = Self { base_url, config, stop: CancellationToken::new() };
        gemini.start_again().await;
        gemini
    }

    fn addr(&self) -> SocketAddr {
        self.base_url.trim_start_matches("http://").parse().unwrap()
    }

    /// Makes the emulator unreachable. It keeps its state.
    pub async fn stop(&mut self) {
        self.stop.cancel();
        while tokio::net::TcpStream::connect(self.addr()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Starts the emulator again at the same address, with its state.
    pub async fn start_again(&mut self) {
        self.stop = CancellationToken::new();
        let (config, addr, stop) = (self.config.clone(), self.addr(), self.stop.clone());
        tokio::spawn(async move { serve_emulator(&config, addr, None, stop).await.unwrap() });
        while tokio::net::TcpStream::connect(addr).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The settings that make a server use this emulator.
    pub fn settings(&self) -> [(&str, &str); 2] {
        [("GEMINI_BASE_URL", &self.base_url), ("GEMINI_API_KEY", "a-key")]
    }

    /// Arms a fault; see `crates/gemini-emulator/src/faults.rs`.
    pub async fn arm(&self, fault: Value) {
        let request = http().post(format!("{}/_control/faults", self.base_url)).json(&fault);
        assert!(request.send().await.unwrap().status().is_success());
    }

    /// Disarms all faults.
    pub async fn disarm(&self) {
        let request = http().delete(format!("{}/_control/faults", self.base_url));
        assert!(request.send().await.unwrap().status().is_success());
    }
}

impl Drop for TestGemini {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Installs the TLS provider, as `main` does.
pub fn choose_cryptography() {
    // This fails if a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The batches that an emulator has made for a key, with those that were deleted since.
pub async fn made_batches(gemini_url: &str, key: &str) -> Vec<Value> {
    let request = http().get(format!("{gemini_url}/_control/batches")).header("x-goog-api-key", key);
    let made: Value = request.send().await.unwrap().json().await.unwrap();
    made["operations"].as_array().unwrap().clone()
}

/// An HTTP client. It also works in a process without a server.
pub fn http() -> reqwest::Client {
    choose_cryptography();
    reqwest::Client::new()
}

/// A REST client of one account.
#[derive(Clone)]
pub struct TestClient {
    http: reqwest::Client,
    base_url: String,
    pub token: String,
}

impl TestClient {
    /// A client of the same account at another server with the same data.
    pub fn at(&self, base_url: &str) -> Self {
        Self { base_url: base_url.to_owned(), ..self.clone() }
    }

    /// A client with a new guest account of this server.
    pub async fn guest_at(base_url: &str) -> Self {
        let http = http();
        let answer = http.post(format!("{base_url}/v1/users/guest")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        let guest: Value = answer.json().await.unwrap();
        Self::new(base_url, guest["token"].as_str().unwrap())
    }

    /// A client with this token.
    pub fn new(base_url: &str, token: &str) -> Self {
        Self { http: reqwest::Client::new(), base_url: base_url.to_owned(), token: token.to_owned() }
    }

    /// The same client with another token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    /// Sends one request with this account's token.
    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        self.try_send(method, path, body).await.unwrap()
    }

    /// Like [`Self::send`], for a server that may end during the request.
    pub async fn try_send(&self, method: Method, path: &str, body: Option<Value>) -> reqwest::Result<Response> {
        let request = self.http.request(method, format!("{}{path}", self.base_url)).bearer_auth(&self.token);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        request.send().await
    }

    /// Calls a server function.
    pub async fn call(&self, name: &str, arguments: Value) -> Response {
        let request = self.http.post(format!("{}/api/{name}", self.base_url)).bearer_auth(&self.token);
        with_arguments(request, name, &arguments).send().await.unwrap()
    }

    /// The JSON response of a request that must succeed.
    pub async fn get(&self, path: &str) -> Value {
        let answer = self.send(Method::GET, path, None).await;
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap()
    }

    /// The text response of a request that must succeed.
    pub async fn get_text(&self, path: &str) -> String {
        let answer = self.send(Method::GET, path, None).await;
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.text().await.unwrap()
    }

    /// The HTML of a page for a browser with this account's session.
    pub async fn page(&self, path: &str) -> String {
        let request = self.http.get(format!("{}{path}", self.base_url));
        request.header("cookie", format!("coldbrew={}", self.token)).send().await.unwrap().text().await.unwrap()
    }

    /// Uploads a file.
    pub async fn upload(&self, name: &str, bytes: Vec<u8>) -> Response {
        self.try_upload(name, bytes).await.unwrap()
    }

    /// Like [`Self::upload`], for a server that may end during the request.
    pub async fn try_upload(&self, name: &str, bytes: Vec<u8>) -> reqwest::Result<Response> {
        let form = Form::new().part("file", Part::bytes(bytes).file_name(name.to_owned()));
        let request = self.http.post(format!("{}/v1/documents/prepare/upload", self.base_url));
        request.bearer_auth(&self.token).multipart(form).send().await
    }

    /// Uploads a PDF with this many pages, each with its own text.
    pub async fn upload_pages(&self, pages: usize) -> Value {
        let answer = self.upload("book.pdf", book(pages)).await;
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json().await.unwrap()
    }

    /// Submits all pages of a prepared document.
    pub async fn submit(&self, prepared: &Value, ai_transform: bool, batch_mode: bool) -> Response {
        let submission = json!({"hash": prepared["hash"], "ai_transform": ai_transform, "batch_mode": batch_mode});
        self.send(Method::POST, "/v1/documents/document", Some(submission)).await
    }

    /// Waits until a batch has ended. Returns its last status.
    pub async fn batch_end(&self, content_hash: &str) -> Value {
        self.end_of(&format!("/v1/documents/batch/{content_hash}/status")).await
    }

    /// Waits until the status at `path` is final, and returns it. REST has no event for this, so it is polled.
    pub async fn end_of(&self, path: &str) -> Value {
        for _ in 0..1_200 {
            let status = self.get(path).await;
            if !["PREPARING", "PENDING", "RUNNING"].contains(&status["status"].as_str().unwrap()) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{path} did not end within a minute");
    }
}

/// A PDF with this many pages, each with its own text.
pub fn book(pages: usize) -> Vec<u8> {
    let texts: Vec<String> =
        (1..=pages).map(|page| format!("This is what stands on page {page} of the book.")).collect();
    simple_pdf(&texts.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Checks the status and code of an error response. Returns its `error`.
pub async fn refused(answer: Response, status: u16, code: &str) -> Value {
    let got = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    assert_eq!((got, body["error"]["code"].as_str().unwrap_or_default()), (status, code), "{body}");
    assert!(!body["error"]["request_id"].as_str().unwrap().is_empty());
    body["error"].clone()
}

/// Waits until there are this many files below a folder: files are purged soon after their records were deleted.
pub async fn wait_for_files(folder: &Path, count: usize) {
    for _ in 0..1_500 {
        if files_below(folder) == count {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("there are {} files in {}, not {count}", files_below(folder), folder.display());
}

/// The number of files below a folder.
pub fn files_below(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, |entries| {
        entries.map(|entry| entry.unwrap().path()).map(|path| if path.is_dir() { files_below(&path) } else { 1 }).sum()
    })
}
