//! The client: addresses, the key, one request and its answer. The calls themselves are in the modules beside it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method};
use jiff::Timestamp;
use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::Url;

use super::error::Error;
use super::file::hex;

/// What a [`Client`] needs to know.
#[derive(Clone)]
pub struct Config {
    /// `https://generativelanguage.googleapis.com`, or a proxy or stand-in of it, possibly with a path.
    pub base_url: String,
    pub api_key: String,
    /// `v1`, `v1beta` or `v1alpha`.
    pub api_version: String,
    pub timeouts: Timeouts,
}

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    pub connect: Duration,
    /// A whole call with a small answer.
    pub call: Duration,
    /// A whole `generateContent`.
    pub generate: Duration,
    /// The creation of a batch: Google parses all of its input before it answers.
    pub create: Duration,
    /// One chunk of an upload, 8 MiB.
    pub chunk: Duration,
    /// Until the next bytes of a download.
    pub idle: Duration,
    /// Before an upload or a download goes on after a fault; doubled with each fault in a row, up to 32 times this.
    pub backoff: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            call: Duration::from_secs(60),
            generate: Duration::from_secs(600),
            create: Duration::from_secs(300),
            chunk: Duration::from_secs(300),
            idle: Duration::from_secs(60),
            backoff: Duration::from_secs(1),
        }
    }
}

impl Config {
    /// `v1beta` at `base_url`, with ordinary timeouts.
    pub fn new(base_url: impl Into<String>, api_key: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            api_key: api_key.into(),
            api_version: "v1beta".into(),
            timeouts: Timeouts::default(),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { base_url, api_version, timeouts, .. } = self;
        let mut shown = f.debug_struct("Config");
        shown
            .field("base_url", base_url)
            .field("api_version", api_version)
            .field("timeouts", timeouts)
            .finish_non_exhaustive()
    }
}

/// A connection to the Gemini API with one key. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    http: reqwest::Client,
    /// Marked sensitive: it shows as `Sensitive`.
    key: HeaderValue,
    base_url: String,
    config: Config,
}

/// Answers that are read into memory are small; this is far above any of them.
const BODY_BYTES_MAX: usize = 64 << 20;
const ERROR_BODY_BYTES_MAX: usize = 256 << 10;

impl Client {
    /// A client that has not called anything yet.
    ///
    /// # Errors
    /// [`super::ErrorKind::Rejected`] if the address or the key cannot be used at all.
    pub fn new(config: Config) -> Result<Self, Error> {
        let url = Url::parse(&config.base_url).map_err(|error| Error::rejected(format!("base URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() {
            return Err(Error::rejected("base URL: it must be http(s) and have no query"));
        }
        let mut key = HeaderValue::from_str(config.api_key.trim())
            .map_err(|_| Error::rejected("API key: it has characters no key has"))?;
        if key.is_empty() {
            return Err(Error::rejected("API key: it is empty"));
        }
        key.set_sensitive(true);
        // Fails only if the process has chosen a provider already, which is then used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // A redirect would carry the key, or a create, to who knows where; and whether a call may be sent again is for its
        // caller to say, not for the library, which does so where it holds it for safe.
        let mut http = reqwest::Client::builder()
            .connect_timeout(config.timeouts.connect)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&url) {
            http = http.no_proxy();
        }
        let http = http.build().map_err(Error::transport)?;
        let base_url = config.base_url.trim_end_matches('/').to_owned();
        Ok(Self { inner: Arc::new(Inner { http, key, base_url, config }) })
    }

    /// Tells keys apart without telling them: the first 12 hexadecimal digits of the key's SHA-256. All files and batches
    /// belong to the key's project, so an answer of "not found" means nothing once this has changed.
    pub fn key_fingerprint(&self) -> String {
        hex(&Sha256::digest(self.inner.key.as_bytes())[..6])
    }

    pub(super) fn timeouts(&self) -> &Timeouts {
        &self.inner.config.timeouts
    }

    /// `{base}/{version}/{path}`.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}/{}/{path}", self.inner.base_url, self.inner.config.api_version)
    }

    /// `{base}/{service}/{version}/{path}`, for `upload` and `download`.
    pub(super) fn service_url(&self, service: &str, path: &str) -> String {
        format!("{}/{service}/{}/{path}", self.inner.base_url, self.inner.config.api_version)
    }

    /// Where an upload goes on. A proxy that passes on Google's own address means that we should come through it again.
    pub(super) fn session_url(&self, sent: &str) -> Option<String> {
        const GOOGLE: &str = "https://generativelanguage.googleapis.com/";
        match sent.strip_prefix(GOOGLE) {
            Some(rest) => Some(format!("{}/{rest}", self.inner.base_url)),
            None => sent.starts_with("http").then(|| sent.to_owned()),
        }
    }

    /// A request with the key.
    pub(super) fn request(&self, method: Method, url: &str) -> RequestBuilder {
        self.keyless_request(method, url).header("x-goog-api-key", self.inner.key.clone())
    }

    /// A request to an address that is a credential by itself.
    pub(super) fn keyless_request(&self, method: Method, url: &str) -> RequestBuilder {
        self.inner.http.request(method, url)
    }

    /// One call with a small JSON answer.
    pub(super) async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Error> {
        let request = self.request(method, &self.url(path)).timeout(self.timeouts().call);
        self.fetch(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await
    }

    /// Sends, and reads the JSON that comes.
    pub(super) async fn fetch(&self, request: RequestBuilder) -> Result<Value, Error> {
        let response = self.send(request).await?;
        self.json(response).await
    }

    /// Sends, and makes an error of every answer that is not a success.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        let response = request.send().await.map_err(|error| counted(Error::transport(error)))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let headers = response.headers().clone();
        // An error whose body breaks off is still that error.
        let body = read(response, ERROR_BODY_BYTES_MAX).await.unwrap_or_default();
        Err(counted(Error::answered(status, &headers, &self.without_key(body), Timestamp::now())))
    }

    /// The JSON of a successful answer; nothing is `{}`.
    pub(super) async fn json(&self, response: Response) -> Result<Value, Error> {
        let body = read(response, BODY_BYTES_MAX).await?;
        if body.trim_ascii().is_empty() {
            return Ok(Value::Object(serde_json::Map::new()));
        }
        serde_json::from_slice(&body).map_err(|_| Error::retry("the answer is not JSON"))
    }

    /// A server that echoes a request must not bring the key into our logs.
    fn without_key(&self, body: Vec<u8>) -> Vec<u8> {
        let key = self.inner.key.to_str().unwrap_or_default();
        match String::from_utf8(body) {
            Ok(text) if text.contains(key) => text.replace(key, "[key]").into_bytes(),
            Ok(text) => text.into_bytes(),
            Err(not_text) => not_text.into_bytes(),
        }
    }
}

/// Counts a call that failed under `gemini_errors_total`, for whatever recorder the program has.
fn counted(error: Error) -> Error {
    metrics::counter!("gemini_errors_total", "kind" => error.kind.name()).increment(1);
    error
}

/// A proxy of the environment cannot reach this machine's own ports.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

async fn read(mut response: Response, bytes_max: usize) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Error::transport)? {
        if body.len() + chunk.len() > bytes_max {
            return Err(Error::retry(format!("the answer is larger than {bytes_max} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Refuses what would lead to another address than that of `collection/{id}`.
pub(super) fn checked_name<'a>(name: &'a str, collection: &str) -> Result<&'a str, Error> {
    let id = name.strip_prefix(collection).and_then(|rest| rest.strip_prefix('/'));
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    match id {
        Some(id) if !id.is_empty() && !id.starts_with('.') && id.chars().all(plain) => Ok(name),
        _ => Err(Error::rejected(format!("the name must be of the form {collection}/…"))),
    }
}
