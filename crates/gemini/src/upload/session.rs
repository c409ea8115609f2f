//! One session of the resumable protocol.
//!
//! The session URL is a credential: the client sends no key to it and never logs it.

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
/// The largest granularity that is accepted, because a chunk is held in memory.
const GRANULARITY_MAX: u64 = 64 << 20;

pub(super) struct Session {
    url: String,
    granularity: u64,
}

/// `X-Goog-Upload-Status` of a reply.
pub(super) enum UploadStatus {
    Active,
    /// The upload is complete. Holds the file if the body has it.
    Final(Option<Box<File>>),
    /// The status is missing or `cancelled`.
    Unknown,
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
        let url = url.ok_or_else(|| Error::retry("the reply has no upload URL"))?;
        let granularity =
            header(response.headers(), "x-goog-upload-chunk-granularity").and_then(|value| value.parse().ok());
        let granularity = granularity.filter(|bytes| (1..=GRANULARITY_MAX).contains(bytes)).unwrap_or(GRANULARITY);
        Ok(Self { url, granularity })
    }

    /// The length of the chunk at `offset` in bytes: a multiple of the granularity near 8 MiB, or the rest of the file.
    pub(super) fn chunk_length(&self, offset: u64, size_bytes: u64) -> usize {
        let whole = self.granularity * (GRANULARITY / self.granularity).max(1);
        usize::try_from(whole.min(size_bytes - offset)).unwrap_or(0)
    }

    pub(super) async fn send(
        &self,
        client: &Client,
        offset: u64,
        chunk: Bytes,
        finalize: bool,
    ) -> Result<UploadStatus, Error> {
        let command = if finalize { "upload, finalize" } else { "upload" };
        let request = client
            .keyless_request(Method::POST, &self.url)
            .timeout(client.timeouts().chunk)
            .header("X-Goog-Upload-Command", command)
            .header("X-Goog-Upload-Offset", offset)
            .header("Content-Type", "application/octet-stream")
            .body(chunk);
        let response = client.send(request).await?;
        status(client, response).await
    }

    /// Queries the status of the upload and the number of bytes that the server has.
    pub(super) async fn query(&self, client: &Client) -> Result<(UploadStatus, Option<u64>), Error> {
        let request = client
            .keyless_request(Method::POST, &self.url)
            .timeout(client.timeouts().call)
            .header("X-Goog-Upload-Command", "query")
            .header("Content-Length", 0);
        let response = client.send(request).await?;
        let received = header(response.headers(), "x-goog-upload-size-received").and_then(|value| value.parse().ok());
        status(client, response).await.map(|status| (status, received))
    }
}

async fn status(client: &Client, response: Response) -> Result<UploadStatus, Error> {
    let status = header(response.headers(), "x-goog-upload-status").unwrap_or_default().to_ascii_lowercase();
    if status == "active" {
        return Ok(UploadStatus::Active);
    }
    // `final` without a readable body and a file without a status both mean that the upload is complete.
    let body = client.json(response).await.unwrap_or(Value::Null);
    let file = lenient::member(&body, "file").cloned().map(File::from_json).filter(|file| !file.name.is_empty());
    match file {
        None if status != "final" => Ok(UploadStatus::Unknown),
        file => Ok(UploadStatus::Final(file.map(Box::new))),
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}
