//! Takes files in: by the resumable protocol, or whole with `uploadType=multipart` or `media`.

use std::io;
use std::path::Path;

use axum::body::Body;
use axum::extract::{FromRequestParts, OriginalUri, Query, Request, State};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Uri};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt;

use super::caller::Caller;
use super::emulator::{Emulator, random_id};
use super::faults::Fault;
use super::file::{FILE_BYTES_MAX, FileRow};
use super::multipart;
use super::reply::{Failure, Rpc, hang_up, ok};
use crate::gemini::{lenient, schema};

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

/// How the file is to be called.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct FileWish {
    /// Without `files/`.
    pub id: Option<String>,
    pub display_name: String,
    pub mime_type: String,
}

#[derive(Deserialize)]
struct Session {
    upload_id: Option<String>,
    #[serde(rename = "uploadType")]
    upload_type: Option<String>,
}

pub async fn receive(State(emulator): State<Emulator>, request: Request) -> Result<Response, Failure> {
    let (mut parts, body) = request.into_parts();
    let Query(session) = Query::<Session>::try_from_uri(&parts.uri).map_err(|error| Failure::invalid(error.to_string()))?;
    if let Some(id) = session.upload_id {
        // The address is the credential: no key is needed.
        let upload = emulator.uploads.get(&id).ok_or_else(Failure::no_entity)?;
        return proceed(&emulator, upload, &parts.headers, body).await;
    }
    let caller = Caller::from_request_parts(&mut parts, &emulator).await?;
    emulator.count("upload");
    if let Some(failure) = storage_full(&emulator, &caller.project) {
        return Err(failure);
    }
    let protocol = text(&parts.headers, "x-goog-upload-protocol").unwrap_or_default();
    if protocol == "resumable" {
        return start(&emulator, caller, &mut parts, body).await;
    }
    let kind = session.upload_type.unwrap_or(protocol);
    whole(&emulator, caller, &kind, &parts.headers, body).await
}

async fn start(emulator: &Emulator, caller: Caller, parts: &mut Parts, body: Body) -> Result<Response, Failure> {
    let wish = wish(&super::caller::body(body, &schema::CREATE_FILE).await?, &parts.headers)?;
    let declared_bytes = text(&parts.headers, "x-goog-upload-header-content-length").and_then(|length| length.parse().ok());
    if declared_bytes.is_some_and(|bytes| bytes > FILE_BYTES_MAX) {
        return Err(Failure::invalid(format!("File size exceeds the limit: {FILE_BYTES_MAX} bytes.")));
    }
    is_free(emulator, &wish)?;
    let id = random_id(40);
    File::create(emulator.uploads.path(&id, "part")).await?;
    let Caller { project, version, .. } = caller;
    emulator.uploads.put(&id, UploadRow { id: id.clone(), project, version, wish, declared_bytes, file: None })?;
    let OriginalUri(uri) = OriginalUri::from_request_parts(parts, emulator).await.unwrap_or_else(|never| match never {});
    let url = session_url(&uri, &parts.headers, &id);
    let mut response = with_status("active", ().into_response());
    for (name, value) in [
        ("x-goog-upload-url", url.as_str()),
        ("x-goog-upload-control-url", url.as_str()),
        ("x-goog-upload-chunk-granularity", &GRANULARITY.to_string()),
        ("x-guploader-uploadid", &id),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(http::HeaderName::from_bytes(name.as_bytes()).map_err(|_| Failure::internal())?, value);
        }
    }
    Ok(response)
}

/// Under the address by which the caller found us.
fn session_url(uri: &Uri, headers: &HeaderMap, id: &str) -> String {
    let scheme = text(headers, "x-forwarded-proto").unwrap_or_else(|| "http".into());
    let host = text(headers, "x-forwarded-host").or_else(|| text(headers, "host")).unwrap_or_else(|| "localhost".into());
    let prefix = text(headers, "x-forwarded-prefix").unwrap_or_default();
    format!("{scheme}://{host}{}{}?upload_id={id}&upload_protocol=resumable", prefix.trim_end_matches('/'), uri.path())
}

async fn proceed(emulator: &Emulator, upload: UploadRow, headers: &HeaderMap, body: Body) -> Result<Response, Failure> {
    let command = text(headers, "x-goog-upload-command").unwrap_or_default();
    let part = emulator.uploads.path(&upload.id, "part");
    if emulator.faults.happens(Fault::UploadForgotten) {
        emulator.uploads.remove(&upload.id, &["part"]);
        return Err(Failure::no_entity());
    }
    match command.replace(' ', "").as_str() {
        "query" => query(emulator, &upload, &part).await,
        "cancel" => {
            emulator.uploads.remove(&upload.id, &["part"]);
            Ok(with_status("cancelled", ok(json!({}))))
        }
        "upload" if upload.file.is_none() => {
            append(emulator, &part, headers, body, false).await?;
            if emulator.faults.happens(Fault::UploadOmitsStatus) {
                return Ok(().into_response());
            }
            Ok(with_status("active", ().into_response()))
        }
        "upload,finalize" | "finalize" if upload.file.is_none() => {
            append(emulator, &part, headers, body, true).await?;
            finalize(emulator, upload, &part).await
        }
        _ => Err(Failure::invalid("The upload is final, or the command is not known.")),
    }
}

async fn query(emulator: &Emulator, upload: &UploadRow, part: &Path) -> Result<Response, Failure> {
    if upload.file.is_some() {
        return Ok(with_status("final", ().into_response()));
    }
    emulator.count("upload_query");
    let received = tokio::fs::metadata(part).await?.len();
    let mut response = with_status("active", ().into_response());
    response.headers_mut().insert("x-goog-upload-size-received", HeaderValue::from(received));
    Ok(response)
}

/// Appends a chunk; what arrives of one that breaks off is kept.
async fn append(emulator: &Emulator, part: &Path, headers: &HeaderMap, body: Body, last: bool) -> Result<(), Failure> {
    let received = tokio::fs::metadata(part).await?.len();
    let offset = text(headers, "x-goog-upload-offset").map_or(Ok(received), |offset| offset.parse());
    if offset != Ok(received) {
        return Err(Failure::invalid(format!("The offset must be {received}.")));
    }
    let length = text(headers, "content-length").and_then(|length| length.parse::<u64>().ok()).unwrap_or(0);
    if !last && !length.is_multiple_of(GRANULARITY) {
        return Err(Failure::invalid(format!("All chunks but the last must be multiples of {GRANULARITY} bytes.")));
    }
    let drop_after = (length > 1 && emulator.faults.happens(Fault::UploadDropsChunk)).then_some(length / 2);
    let mut file = OpenOptions::new().append(true).open(part).await?;
    let arrived = copy(body.into_data_stream(), &mut file, drop_after).await;
    file.flush().await?;
    if drop_after.is_some() {
        hang_up();
    }
    arrived
}

async fn copy<E>(
    mut bytes: impl Stream<Item = Result<bytes::Bytes, E>> + Unpin,
    file: &mut File,
    bytes_max: Option<u64>,
) -> Result<(), Failure> {
    let mut left = bytes_max.unwrap_or(FILE_BYTES_MAX);
    while let Some(chunk) = bytes.next().await {
        let mut chunk = chunk.map_err(|_| Failure::invalid("The body broke off."))?;
        chunk.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        file.write_all(&chunk).await?;
        left -= chunk.len() as u64;
        if left == 0 {
            break;
        }
    }
    Ok(())
}

async fn finalize(emulator: &Emulator, upload: UploadRow, part: &Path) -> Result<Response, Failure> {
    let received = tokio::fs::metadata(part).await?.len();
    if upload.declared_bytes.is_some_and(|declared| declared != received) {
        return Err(Failure::invalid(format!("{received} bytes were received, others were announced.")));
    }
    let file = keep(emulator, &upload.project, upload.wish, part).await?;
    emulator.uploads.update(&upload.id, |upload| upload.file = Some(file.id.clone()))?;
    if emulator.faults.happens(Fault::UploadLosesFinalize) {
        hang_up();
    }
    if emulator.faults.happens(Fault::UploadStaysActive) {
        return Ok(with_status("active", ().into_response()));
    }
    if emulator.faults.happens(Fault::UploadNamesNoFile) {
        return Ok(with_status("final", ok(json!({}))));
    }
    Ok(with_status("final", ok(json!({"file": file.show(&upload.version)}))))
}

async fn whole(emulator: &Emulator, caller: Caller, kind: &str, headers: &HeaderMap, body: Body) -> Result<Response, Failure> {
    let content_type = text(headers, "content-type").unwrap_or_default();
    let (metadata, media) = match kind {
        "multipart" => multipart::read(&content_type, body).await?,
        "media" | "raw" => (json!({}), multipart::media(content_type, body).await?),
        _ => return Err(Failure::invalid("Upload protocol not recognised.")),
    };
    let mut wish = wish(&metadata, headers)?;
    if wish.mime_type.is_empty() {
        wish.mime_type = media.mime_type;
    }
    is_free(emulator, &wish)?;
    let part = emulator.uploads.path(&random_id(40), "part");
    tokio::fs::write(&part, &media.bytes).await?;
    let file = keep(emulator, &caller.project, wish, &part).await?;
    Ok(ok(json!({"file": file.show(&caller.version)})))
}

/// Makes a file of what has arrived.
async fn keep(emulator: &Emulator, project: &str, wish: FileWish, part: &Path) -> Result<FileRow, Failure> {
    let id = wish.id.unwrap_or_else(|| random_id(12));
    let path = emulator.files.path(&id, "bin");
    tokio::fs::rename(part, &path).await?;
    let (sha256, size_bytes) = tokio::task::spawn_blocking(move || digest(&path)).await.map_err(|_| Failure::internal())??;
    let file = FileRow {
        id: id.clone(),
        project: project.to_owned(),
        display_name: wish.display_name,
        mime_type: wish.mime_type,
        size_bytes,
        sha256,
        created: emulator.now(),
        generated: false,
        processing_looks: emulator.faults.draw(Fault::FileProcessing).map_or(0, |looks| looks.max(1)),
        failed: emulator.faults.happens(Fault::FileFailed),
    };
    emulator.files.put(&id, file.clone())?;
    Ok(file)
}

/// SHA-256 in hexadecimal, and size in bytes.
pub fn digest(path: &Path) -> io::Result<(String, u64)> {
    let mut hasher = Sha256::new();
    let mut reader = io::BufReader::with_capacity(1 << 20, std::fs::File::open(path)?);
    let mut size_bytes = 0;
    loop {
        let block = io::BufRead::fill_buf(&mut reader)?;
        if block.is_empty() {
            break;
        }
        hasher.update(block);
        let length = block.len();
        size_bytes += length as u64;
        io::BufRead::consume(&mut reader, length);
    }
    Ok((hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect(), size_bytes))
}

fn wish(body: &Value, headers: &HeaderMap) -> Result<FileWish, Failure> {
    let empty = json!({});
    let file = lenient::member(body, "file").unwrap_or(&empty);
    let id = lenient::string(file, "name").map(|name| name.strip_prefix("files/").unwrap_or(&name).to_owned());
    if id.as_deref().is_some_and(|id| !is_id(id)) {
        let rule = "may only contain lowercase alphanumeric characters or dashes (-), cannot begin or end with a dash, and has at \
                    most 40 characters";
        return Err(Failure::invalid(format!("* CreateFileRequest.file.name: File ID (name excluding 'files/') {rule}.\n")));
    }
    let announced = text(headers, "x-goog-upload-header-content-type");
    Ok(FileWish {
        id,
        display_name: lenient::string(file, "displayName").unwrap_or_default(),
        mime_type: lenient::string(file, "mimeType").or(announced).unwrap_or_default(),
    })
}

fn is_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=40).contains(&id.len()) && id.bytes().all(plain) && !id.starts_with('-') && !id.ends_with('-')
}

fn is_free(emulator: &Emulator, wish: &FileWish) -> Result<(), Failure> {
    match &wish.id {
        Some(id) if emulator.files.get(id).is_some() => {
            Err(Failure::new(Rpc::AlreadyExists, format!("Requested entity already exists: files/{id}")))
        }
        _ => Ok(()),
    }
}

fn storage_full(emulator: &Emulator, project: &str) -> Option<Failure> {
    let (now, max) = (emulator.now(), emulator.settings().storage_bytes_max);
    let ours = |file: &FileRow| file.project == project && !file.is_expired(now);
    let used: u64 = emulator.files.all().iter().filter(|file| ours(file)).map(|file| file.size_bytes).sum();
    let full = used >= max || emulator.faults.happens(Fault::StorageFull);
    full.then(|| {
        Failure::new(Rpc::ResourceExhausted, "You exceeded your current quota, please check your plan and billing details.")
            .with(json!({
                "@type": "type.googleapis.com/google.rpc.QuotaFailure",
                "violations": [{
                    "quotaMetric": "generativelanguage.googleapis.com/file_storage_bytes",
                    "quotaId": "FileStorageBytesPerProject",
                    "quotaValue": max.to_string(),
                }],
            }))
            .with(help())
            .with(retry_info("9223372036854775807s"))
    })
}

pub fn help() -> Value {
    json!({
        "@type": "type.googleapis.com/google.rpc.Help",
        "links": [{
            "description": "Learn more about Gemini API quotas",
            "url": "https://ai.google.dev/gemini-api/docs/rate-limits",
        }],
    })
}

pub fn retry_info(delay: &str) -> Value {
    json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay})
}

fn with_status(status: &'static str, mut response: Response) -> Response {
    response.headers_mut().insert("x-goog-upload-status", HeaderValue::from_static(status));
    response
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}
