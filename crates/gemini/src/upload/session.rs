//! One session of the resumable protocol. Its address is a secret: no key is sent to it, and it is shown nowhere.

use bytes::Bytes;
use http::{HeaderMap, Method};
use reqwest::Response;
use serde_json::{Value, json};

use super::UploadSpec;
use crate::client::Client;
use crate::error::Error;
use crate::file::File;
use crate::lenient;

const GRANULARITY: u64 = 8 << 20;
/// No server asks for larger pieces; memory is what limits us.
const GRANULARITY_MAX: u64 = 64 << 20;

pub(super) struct Session {
    url: String,
    granularity: u64,
}

/// What the server says of the upload.
pub(super) enum Chunk {
    Active,
    /// The file, if the body had it.
    Final(Option<Box<File>>),
    /// A success that tells nothing, or an upload that was cancelled.
    Unclear,
}

impl Session {
    pub(super) async fn start(client: &Client, spec: &UploadSpec, size_bytes: u64) -> Result<Self, Error> {
        let mut file = json!({
            "displayName": spec.display_name,
            "mimeType": spec.mime_type,
            "sizeBytes": size_bytes.to_string(),
        });
        if let Some(name) = &spec.name {
            file["name"] = json!(name);
        }
        let request = client
            .request(Method::POST, &client.service_url("upload", "files"))
            .timeout(client.timeouts().call)
            .header("X-Goog-Upload-Protocol", "resumable")
            .header("X-Goog-Upload-Command", "start")
            .header("X-Goog-Upload-Header-Content-Length", size_bytes)
            .header("X-Goog-Upload-Header-Content-Type", &spec.mime_type)
            .json(&json!({"file": file}));
        let response = client.send(request).await?;
        let url = header(response.headers(), "x-goog-upload-url").and_then(|url| client.session_url(url));
        let url = url.ok_or_else(|| Error::retry("the answer has no address to upload to"))?;
        let granularity =
            header(response.headers(), "x-goog-upload-chunk-granularity").and_then(|value| value.parse().ok());
        let granularity = granularity.filter(|bytes| (1..=GRANULARITY_MAX).contains(bytes)).unwrap_or(GRANULARITY);
        Ok(Self { url, granularity })
    }

    /// How much to send from `offset`: a multiple of the granularity of about 8 MiB, or the rest.
    pub(super) fn chunk_bytes(&self, offset: u64, size_bytes: u64) -> usize {
        let whole = self.granularity * (GRANULARITY / self.granularity).max(1);
        usize::try_from(whole.min(size_bytes - offset)).unwrap_or(0)
    }

    pub(super) async fn send(
        &self,
        client: &Client,
        offset: u64,
        chunk: Bytes,
        finalize: bool,
    ) -> Result<Chunk, Error> {
        let command = if finalize { "upload, finalize" } else { "upload" };
        let request = client
            .keyless_request(Method::POST, &self.url)
            .timeout(client.timeouts().chunk)
            .header("X-Goog-Upload-Command", command)
            .header("X-Goog-Upload-Offset", offset)
            .header("Content-Type", "application/octet-stream")
            .body(chunk);
        let response = client.send(request).await?;
        outcome(client, response).await
    }

    /// What the server has so far, and how many bytes of it.
    pub(super) async fn query(&self, client: &Client) -> Result<(Chunk, Option<u64>), Error> {
        let request = client
            .keyless_request(Method::POST, &self.url)
            .timeout(client.timeouts().call)
            .header("X-Goog-Upload-Command", "query")
            .header("Content-Length", 0);
        let response = client.send(request).await?;
        let received = header(response.headers(), "x-goog-upload-size-received").and_then(|value| value.parse().ok());
        outcome(client, response).await.map(|chunk| (chunk, received))
    }
}

async fn outcome(client: &Client, response: Response) -> Result<Chunk, Error> {
    let status = header(response.headers(), "x-goog-upload-status").unwrap_or_default().to_ascii_lowercase();
    if status == "active" {
        return Ok(Chunk::Active);
    }
    // The file is there even if what describes it is not readable, or if only what describes it is.
    let body = client.json(response).await.unwrap_or(Value::Null);
    let file = lenient::member(&body, "file").cloned().map(File::read).filter(|file| !file.name.is_empty());
    match file {
        None if status != "final" => Ok(Chunk::Unclear),
        file => Ok(Chunk::Final(file.map(Box::new))),
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}
