//! Takes files in: by the resumable protocol, or whole with `uploadType=multipart` or `media`.

mod keep;
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

pub(crate) use self::keep::digest;
use self::keep::{FileWish, is_free, keep, wish};
use super::caller::{Caller, checked, whole as whole_body};
use super::emulator::{Emulator, random_id};
use super::file::FILE_BYTES_MAX;
use super::reply::{Failure, ok};
use super::{quota, schema};

const GRANULARITY: u64 = 8 << 20;

/// An upload under way, or done. What has arrived lies beside it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UploadRow {
    pub id: String,
    pub project: String,
    pub version: String,
    pub wish: FileWish,
    pub declared_bytes: Option<u64>,
    /// Once it is final.
    pub file: Option<String>,
}

#[derive(Deserialize)]
struct Session {
    upload_id: Option<String>,
    #[serde(rename = "uploadType")]
    upload_type: Option<String>,
}

pub(crate) async fn receive(State(emulator): State<Emulator>, request: Request) -> Result<Response, Failure> {
    let (mut parts, body) = request.into_parts();
    let Query(session) =
        Query::<Session>::try_from_uri(&parts.uri).map_err(|error| Failure::invalid(error.to_string()))?;
    if let Some(id) = session.upload_id {
        // The address is the credential: no key is needed.
        let upload = emulator.uploads.get(&id).ok_or_else(Failure::no_entity)?;
        return session::proceed(&emulator, upload, &parts.headers, body).await;
    }
    let caller = Caller::from_request_parts(&mut parts, &emulator).await?;
    emulator.count("upload");
    quota::check_storage(&emulator, &caller.project)?;
    let protocol = text(&parts.headers, "x-goog-upload-protocol").unwrap_or_default();
    if protocol == "resumable" {
        return start(&emulator, caller, &mut parts, body).await;
    }
    let kind = session.upload_type.unwrap_or(protocol);
    whole(&emulator, caller, &kind, &parts.headers, body).await
}

async fn start(emulator: &Emulator, caller: Caller, parts: &mut Parts, body: Body) -> Result<Response, Failure> {
    let wish = wish(&checked(&forgiven(&whole_body(body).await?), &schema::CREATE_FILE)?, &parts.headers)?;
    let declared_bytes =
        text(&parts.headers, "x-goog-upload-header-content-length").and_then(|length| length.parse().ok());
    if declared_bytes.is_some_and(|bytes| bytes > FILE_BYTES_MAX) {
        return Err(Failure::invalid(format!("File size exceeds the limit: {FILE_BYTES_MAX} bytes.")));
    }
    is_free(emulator, &wish)?;
    let id = random_id(40);
    File::create(emulator.uploads.path(&id, "part")).await?;
    let Caller { project, version, .. } = caller;
    emulator.uploads.put(&id, UploadRow { id: id.clone(), project, version, wish, declared_bytes, file: None })?;
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
        let value = HeaderValue::from_str(value).map_err(|_| Failure::invalid("The Host header is not usable."))?;
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
    Ok(response)
}

/// Google's samples for the shell quote this one body by single quotes, and Google takes it.
fn forgiven(body: &[u8]) -> Cow<'_, [u8]> {
    match serde_json::from_slice::<serde::de::IgnoredAny>(body) {
        Ok(_) => body.into(),
        Err(_) => body.iter().map(|&byte| if byte == b'\'' { b'"' } else { byte }).collect(),
    }
}

/// Under the address by which the caller found us.
fn session_url(uri: &Uri, headers: &HeaderMap, id: &str) -> String {
    let scheme = text(headers, "x-forwarded-proto").unwrap_or_else(|| "http".into());
    let host =
        text(headers, "x-forwarded-host").or_else(|| text(headers, "host")).unwrap_or_else(|| "localhost".into());
    let prefix = text(headers, "x-forwarded-prefix").unwrap_or_default();
    format!("{scheme}://{host}{}{}?upload_id={id}&upload_protocol=resumable", prefix.trim_end_matches('/'), uri.path())
}

async fn whole(
    emulator: &Emulator,
    caller: Caller,
    kind: &str,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let content_type = text(headers, "content-type").unwrap_or_default();
    let (metadata, media) = match kind {
        "multipart" => multipart::read(&content_type, body).await?,
        "media" | "raw" => (Bytes::new(), multipart::media(content_type, body).await?),
        _ => return Err(Failure::invalid("Upload protocol not recognised.")),
    };
    let mut wish = wish(&checked(&metadata, &schema::CREATE_FILE)?, headers)?;
    if wish.mime_type.is_empty() {
        wish.mime_type = media.mime_type;
    }
    let part = emulator.uploads.path(&random_id(40), "part");
    tokio::fs::write(&part, &media.bytes).await?;
    let file = keep(emulator, &caller.project, wish, &part).await?;
    Ok(ok(json!({"file": file.show(&caller.version)})))
}

fn with_status(status: &'static str, mut response: Response) -> Response {
    response.headers_mut().insert("x-goog-upload-status", HeaderValue::from_static(status));
    response
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}
