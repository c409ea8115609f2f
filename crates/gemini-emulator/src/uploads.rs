//! The handlers for uploads: the resumable protocol, or one request with `uploadType=multipart` or `media`.
//!
//! The protocols are described in `docs/GEMINI.md`, "Resumable upload" and "Other uploads".

mod finish;
mod multipart;
mod session;

use std::borrow::Cow;

use axum::body::Body;
use axum::extract::{FromRequestParts, OriginalUri, Query, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::fs::File;

pub(crate) use self::finish::digest;
use self::finish::{FileMetadata, check_name_is_free, create_file, metadata};
use super::caller::{Caller, parse_json, read_bytes};
use super::emulator::{Emulator, random_id};
use super::file::FILE_BYTES_MAX;
use super::reply::{ApiError, ok};
use super::{quota, schema};

const GRANULARITY: u64 = 8 << 20;

/// The stored row of an upload session. The received bytes are in a file beside the row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UploadRow {
    pub id: String,
    pub project: String,
    /// The API version of the path, for the URI of the file.
    pub version: String,
    // The name in the files of earlier versions.
    #[serde(rename = "wish")]
    pub metadata: FileMetadata,
    /// The size that the start of the upload announced.
    pub declared_bytes: Option<u64>,
    /// The id of the file, once the upload is final.
    pub file: Option<String>,
}

#[derive(Deserialize)]
struct Session {
    upload_id: Option<String>,
    #[serde(rename = "uploadType")]
    upload_type: Option<String>,
}

pub(crate) async fn receive(State(emulator): State<Emulator>, request: Request) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    let Query(session) =
        Query::<Session>::try_from_uri(&parts.uri).map_err(|error| ApiError::invalid(error.to_string()))?;
    if let Some(id) = session.upload_id {
        // The session URL is the credential, so no key is needed.
        let upload = emulator.uploads.get(&id).ok_or_else(ApiError::no_entity)?;
        return session::handle(&emulator, upload, &parts.headers, body).await;
    }
    let caller = Caller::from_request_parts(&mut parts, &emulator).await?;
    emulator.count("upload");
    quota::check_storage(&emulator, &caller.project)?;
    let protocol = text(&parts.headers, "x-goog-upload-protocol").unwrap_or_default();
    if protocol == "resumable" {
        return start(&emulator, caller, &mut parts, body).await;
    }
    let kind = session.upload_type.unwrap_or(protocol);
    upload_at_once(&emulator, caller, &kind, &parts.headers, body).await
}

async fn start(emulator: &Emulator, caller: Caller, parts: &mut Parts, body: Body) -> Result<Response, ApiError> {
    let body = parse_json(&with_double_quotes(&read_bytes(body).await?), &schema::CREATE_FILE)?;
    let metadata = metadata(&body, &parts.headers)?;
    let declared_bytes =
        text(&parts.headers, "x-goog-upload-header-content-length").and_then(|length| length.parse().ok());
    if declared_bytes.is_some_and(|bytes| bytes > FILE_BYTES_MAX) {
        return Err(ApiError::invalid(format!("File size exceeds the limit: {FILE_BYTES_MAX} bytes.")));
    }
    check_name_is_free(emulator, &metadata)?;
    let id = random_id(40);
    File::create(emulator.uploads.path(&id, "part")).await?;
    let Caller { project, version, .. } = caller;
    emulator.uploads.put(&id, UploadRow { id: id.clone(), project, version, metadata, declared_bytes, file: None })?;
    let OriginalUri(uri) =
        OriginalUri::from_request_parts(parts, emulator).await.unwrap_or_else(|never| match never {});
    let url = session_url(&uri, &parts.headers, &id);
    let mut response = with_status("active", ().into_response());
    for (name, value) in [
        ("x-goog-upload-url", url.as_str()),
        ("x-goog-upload-control-url", url.as_str()),
        ("x-goog-upload-chunk-granularity", &GRANULARITY.to_string()),
        ("x-guploader-uploadid", &id),
    ] {
        let value = HeaderValue::from_str(value).map_err(|_| ApiError::invalid("The Host header is not usable."))?;
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
    Ok(response)
}

/// Replaces single quotes in a body that is not JSON. Google's shell samples send such a body here, and Google accepts it
/// (<https://ai.google.dev/gemini-api/docs/files>, read 2026-09-01).
fn with_double_quotes(body: &[u8]) -> Cow<'_, [u8]> {
    match serde_json::from_slice::<serde::de::IgnoredAny>(body) {
        Ok(_) => body.into(),
        Err(_) => body.iter().map(|&byte| if byte == b'\'' { b'"' } else { byte }).collect(),
    }
}

/// The session URL, with the host and scheme of the request.
fn session_url(uri: &Uri, headers: &HeaderMap, id: &str) -> String {
    let scheme = text(headers, "x-forwarded-proto").unwrap_or_else(|| "http".into());
    let host =
        text(headers, "x-forwarded-host").or_else(|| text(headers, "host")).unwrap_or_else(|| "localhost".into());
    let prefix = text(headers, "x-forwarded-prefix").unwrap_or_default();
    format!("{scheme}://{host}{}{}?upload_id={id}&upload_protocol=resumable", prefix.trim_end_matches('/'), uri.path())
}

async fn upload_at_once(
    emulator: &Emulator,
    caller: Caller,
    kind: &str,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let content_type = text(headers, "content-type").unwrap_or_default();
    let (json, media) = match kind {
        "multipart" => multipart::read(&content_type, body).await?,
        "media" | "raw" => (Bytes::new(), multipart::media(content_type, body).await?),
        _ => return Err(ApiError::invalid("Upload protocol not recognised.")),
    };
    let mut metadata = self::metadata(&parse_json(&json, &schema::CREATE_FILE)?, headers)?;
    if metadata.mime_type.is_empty() {
        metadata.mime_type = media.mime_type;
    }
    let part = emulator.uploads.path(&random_id(40), "part");
    tokio::fs::write(&part, &media.bytes).await?;
    let file = create_file(emulator, &caller.project, metadata, &part).await?;
    Ok(ok(json!({"file": file.show(&caller.version)})))
}

fn with_status(status: &'static str, mut response: Response) -> Response {
    response.headers_mut().insert("x-goog-upload-status", HeaderValue::from_static(status));
    response
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}
