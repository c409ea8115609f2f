//! The client: its configuration, URLs, API key, and how it sends one request. The calls are in the modules beside this one.

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
use super::request::Store;
use super::store::StoreRefusals;

/// The configuration of a [`Client`].
#[derive(Clone)]
pub struct Config {
    /// `https://generativelanguage.googleapis.com`, or the URL of a proxy or emulator. It may have a path, but no query.
    pub base_url: String,
    pub api_key: String,
    /// `v1`, `v1beta` or `v1alpha`.
    pub api_version: String,
    pub timeouts: Timeouts,
}

/// The timeouts of a [`Client`].
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Opening a connection. Default: 10 s.
    pub connect: Duration,
    /// A whole call with a small reply. Default: 60 s.
    pub call: Duration,
    /// A whole `generateContent`. Default: 600 s.
    pub generate: Duration,
    /// A whole `generateContent` by flex, whose target is 15 min (<https://ai.google.dev/gemini-api/docs/flex-inference>, read
    /// 2026-11-30). Default: 20 min.
    pub flex: Duration,
    /// The create of a batch. Google parses the whole input before it answers. Default: 300 s.
    pub create: Duration,
    /// One chunk of an upload, usually 8 MiB. Default: 300 s.
    pub chunk: Duration,
    /// The time between two pieces of a download. Default: 60 s.
    pub idle: Duration,
    /// The first wait after a fault of an upload or a download. It doubles with each fault in a row, up to 32 times. Default: 1 s.
    pub backoff: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            call: Duration::from_secs(60),
            generate: Duration::from_secs(600),
            flex: Duration::from_secs(1_200),
            create: Duration::from_secs(300),
            chunk: Duration::from_secs(300),
            idle: Duration::from_secs(60),
            backoff: Duration::from_secs(1),
        }
    }
}

impl Config {
    /// Version `v1beta` at `base_url`, with the default timeouts.
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

/// A client of the Gemini API with one key. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    http: reqwest::Client,
    /// Marked as sensitive, so debug output shows `Sensitive` in its place.
    key: HeaderValue,
    base_url: String,
    config: Config,
    refusals: StoreRefusals,
}

/// The header that sets the deadline of Google's front end, in seconds. Without it the deadline is 60 s
/// (<https://discuss.ai.google.dev/t/174261>, read 2026-11-30).
pub(super) const SERVER_TIMEOUT: &str = "x-server-timeout";

/// The limit for a JSON reply, which is read into memory.
const BODY_BYTES_MAX: usize = 64 << 20;
const ERROR_BODY_BYTES_MAX: usize = 256 << 10;

impl Client {
    /// Creates a client and sends nothing.
    ///
    /// # Errors
    /// [`super::ErrorKind::Rejected`] if the base URL or the key is malformed.
    pub fn new(config: Config) -> Result<Self, Error> {
        let url = Url::parse(&config.base_url).map_err(|error| Error::rejected(format!("base URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() {
            return Err(Error::rejected("base URL: it must be http(s) and have no query"));
        }
        let mut key = HeaderValue::from_str(config.api_key.trim())
            .map_err(|_| Error::rejected("API key: it has characters that no key has"))?;
        if key.is_empty() {
            return Err(Error::rejected("API key: it is empty"));
        }
        key.set_sensitive(true);
        // Fails only if the process has installed a provider already. That one is used then.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // A redirect could send the key or a create to an unknown host. The HTTP library must not retry: only the caller knows
        // whether a call may be repeated.
        let mut http = reqwest::Client::builder()
            .connect_timeout(config.timeouts.connect)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&url) {
            http = http.no_proxy();
        }
        let http = http.build().map_err(Error::from_transport)?;
        let base_url = config.base_url.trim_end_matches('/').to_owned();
        Ok(Self { inner: Arc::new(Inner { http, key, base_url, config, refusals: StoreRefusals::default() }) })
    }

    /// Identifies the key without revealing it: the first 12 hexadecimal digits of its SHA-256.
    ///
    /// Files and batches belong to the project of the key. After a change of this value, "not found" does not show that something is
    /// gone.
    pub fn key_fingerprint(&self) -> String {
        hex(&Sha256::digest(self.inner.key.as_bytes())[..6])
    }

    /// The value of [`crate::Request::store`] for the lines of a batch: [`Store::Never`] until a create refuses the field.
    pub fn batch_store(&self) -> Store {
        if self.refusals().by_batches() { Store::AsProject } else { Store::Never }
    }

    pub(super) fn refusals(&self) -> &StoreRefusals {
        &self.inner.refusals
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

    /// The URL of an upload session. A session URL of Google is moved to the base URL, so that a proxy sees the chunks too.
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

    /// A request without the key, for a session URL, which is a credential by itself.
    pub(super) fn keyless_request(&self, method: Method, url: &str) -> RequestBuilder {
        self.inner.http.request(method, url)
    }

    /// Sends one call and returns its small JSON reply.
    pub(super) async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Error> {
        let request = self.request(method, &self.url(path)).timeout(self.timeouts().call);
        self.fetch(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await
    }

    /// Sends a request and returns its JSON reply.
    pub(super) async fn fetch(&self, request: RequestBuilder) -> Result<Value, Error> {
        let response = self.send(request).await?;
        self.json(response).await
    }

    /// Sends a request. A reply whose status is not a success becomes an error.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        let response = request.send().await.map_err(|error| record_error(Error::from_transport(error)))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let headers = response.headers().clone();
        // The status alone gives the error if its body cannot be read.
        let body = read_body(response, ERROR_BODY_BYTES_MAX).await.unwrap_or_default();
        Err(record_error(Error::from_response(status, &headers, &self.without_key(body), Timestamp::now())))
    }

    /// The JSON of a successful reply. An empty body is `{}`.
    pub(super) async fn json(&self, response: Response) -> Result<Value, Error> {
        let body = read_body(response, BODY_BYTES_MAX).await?;
        if body.trim_ascii().is_empty() {
            return Ok(Value::Object(serde_json::Map::new()));
        }
        serde_json::from_slice(&body).map_err(|_| Error::retry("the reply is not JSON"))
    }

    /// Replaces the key in an error body, which may echo the request and end up in logs.
    fn without_key(&self, body: Vec<u8>) -> Vec<u8> {
        let key = self.inner.key.to_str().unwrap_or_default();
        match String::from_utf8(body) {
            Ok(text) if text.contains(key) => text.replace(key, "[key]").into_bytes(),
            Ok(text) => text.into_bytes(),
            Err(not_text) => not_text.into_bytes(),
        }
    }
}

/// Counts a failed call in the metric `gemini_errors_total`.
fn record_error(error: Error) -> Error {
    metrics::counter!("gemini_errors_total", "kind" => error.kind.name()).increment(1);
    error
}

/// Whether the URL is on this machine. Such a URL needs no proxy.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

async fn read_body(mut response: Response, bytes_max: usize) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Error::from_transport)? {
        if body.len() + chunk.len() > bytes_max {
            return Err(Error::retry(format!("the reply is larger than {bytes_max} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Returns the name if it is `collection/{id}`. Other names could change the path of the request.
pub(super) fn checked_name<'a>(name: &'a str, collection: &str) -> Result<&'a str, Error> {
    let id = name.strip_prefix(collection).and_then(|rest| rest.strip_prefix('/'));
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    match id {
        Some(id) if !id.is_empty() && !id.starts_with('.') && id.chars().all(plain) => Ok(name),
        _ => Err(Error::rejected(format!("the name must be of the form {collection}/…"))),
    }
}
