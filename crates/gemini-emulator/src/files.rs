//! The handlers for files: get, list, delete and download.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use http::{HeaderValue, header};
use serde_json::json;
use tokio_util::io::ReaderStream;

use super::batch::Phase;
use super::caller::Caller;
use super::emulator::{Emulator, Inner};
use super::faults::Fault;
use super::file::FileRow;
use super::reply::{ApiError, RpcCode, ok};

type Named = Path<(String, String)>;

/// Finds a file of the project. An expired file is not found.
pub(crate) fn find(emulator: &Inner, project: &str, id: &str) -> Result<FileRow, ApiError> {
    let now = emulator.now();
    let file = emulator.files.get(id).filter(|file| file.project == project);
    match file {
        Some(file) if file.is_expired(now) => {
            emulator.files.remove(id, &["bin"]);
            Err(ApiError::no_file(id))
        }
        Some(file) if file.generated && !is_published(emulator, id) => Err(ApiError::no_file(id)),
        found => found.ok_or_else(|| ApiError::no_file(id)),
    }
}

/// The error for a file that is in PROCESSING or FAILED.
pub(crate) fn not_active(id: &str) -> ApiError {
    let message = format!("The File {id} is not in an ACTIVE state and usage is not allowed.");
    ApiError::new(RpcCode::FailedPrecondition, message)
}

/// Whether the batch of an output has succeeded. The output is written before that.
fn is_published(emulator: &Inner, id: &str) -> bool {
    let batch = id.strip_prefix("batch-").and_then(|id| emulator.batches.get(id));
    batch.is_none_or(|batch| batch.phase(emulator.now()) == Phase::Succeeded)
}

pub(crate) async fn list(State(emulator): State<Emulator>, caller: Caller) -> Result<Response, ApiError> {
    let now = emulator.now();
    let visible = |file: &FileRow| {
        file.project == caller.project
            && !file.is_expired(now)
            && (!file.generated || is_published(&emulator, &file.id))
    };
    let files: Vec<FileRow> = emulator.files.all().into_iter().filter(visible).collect();
    let page = page(
        files,
        |file| format!("{:030}{}", file.created.as_nanosecond(), file.id),
        caller.page_size(10, 100)?,
        &caller,
    )?;
    let shown: Vec<_> = page.items.iter().map(|file| file.show(&caller.version)).collect();
    Ok(ok(page.wrap("files", shown)))
}

/// Returns the File object, or the bytes for `:download`.
pub(crate) async fn get(
    State(emulator): State<Emulator>,
    Path((_, name)): Named,
    caller: Caller,
) -> Result<Response, ApiError> {
    if let Some(id) = name.strip_suffix(":download") {
        return download(&emulator, &caller, id).await;
    }
    emulator.count("get_file");
    if name.len() > 40 && emulator.faults.happens(Fault::OutputFileUnreadable) {
        return Err(name_too_long_error("GetFileRequest"));
    }
    let file = find(&emulator, &caller.project, &name)?;
    if file.processing_polls > 0 {
        emulator.files.update(&name, |file| file.processing_polls = file.processing_polls.saturating_sub(1))?;
    }
    Ok(ok(file.show(&caller.version)))
}

async fn download(emulator: &Emulator, caller: &Caller, id: &str) -> Result<Response, ApiError> {
    emulator.count("download");
    let file = find(emulator, &caller.project, id)?;
    if caller.query("alt") != Some("media") {
        return Ok(ok(file.show(&caller.version)));
    }
    if !file.generated {
        return Err(ApiError::new(RpcCode::FailedPrecondition, "Only generated files can be downloaded."));
    }
    let stream = ReaderStream::with_capacity(tokio::fs::File::open(emulator.files.path(id, "bin")).await?, 64 << 10);
    let body = if emulator.faults.happens(Fault::DownloadHangsUp) {
        // Sends some bytes, then drops the connection.
        let drop_connection = futures::stream::once(async {
            tokio::task::yield_now().await;
            Err(std::io::Error::other("hang up"))
        });
        Body::from_stream(
            stream.take(1).map(|chunk| chunk.map(|bytes| bytes.slice(..bytes.len() / 2))).chain(drop_connection),
        )
    } else {
        Body::from_stream(stream)
    };
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(file.size_bytes));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    Ok(response)
}

/// Refuses the create of a file without bytes.
pub(crate) async fn create(State(_): State<Emulator>, _: Caller) -> ApiError {
    ApiError::invalid("A file is created by an upload.")
}

pub(crate) async fn delete(
    State(emulator): State<Emulator>,
    Path((_, id)): Named,
    caller: Caller,
) -> Result<Response, ApiError> {
    emulator.count("delete_file");
    if id.len() > 40 {
        return Err(name_too_long_error("DeleteFileRequest"));
    }
    find(&emulator, &caller.project, &id)?;
    emulator.files.remove(&id, &["bin"]);
    Ok(ok(json!({})))
}

fn name_too_long_error(request: &str) -> ApiError {
    ApiError::invalid(format!(
        "* {request}.name: File ID (name excluding 'files/') cannot be more than 40 characters.\n"
    ))
}

/// One page of a list, newest first.
pub(crate) struct Page<T> {
    pub items: Vec<T>,
    next_page_token: Option<String>,
}

impl<T> Page<T> {
    /// The JSON of the page: `{}` for an empty list.
    pub(crate) fn wrap(&self, name: &str, shown: Vec<serde_json::Value>) -> serde_json::Value {
        let mut page = json!({});
        if !shown.is_empty() {
            page[name] = json!(shown);
        }
        if let Some(token) = &self.next_page_token {
            page["nextPageToken"] = json!(token);
        }
        page
    }
}

/// The requested page. `key` sorts items by age, so that new items do not move a page.
pub(crate) fn page<T>(
    mut items: Vec<T>,
    key: impl Fn(&T) -> String,
    size: usize,
    caller: &Caller,
) -> Result<Page<T>, ApiError> {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    if let Some(token) = caller.page_token() {
        let before = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let before = before.ok_or_else(|| ApiError::invalid("* page_token: page token is not valid.\n"))?;
        items.retain(|item| key(item) < before);
    }
    items.sort_by_key(|item| std::cmp::Reverse(key(item)));
    let more = items.len() > size;
    items.truncate(size);
    let next_page_token = items.last().filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(key(last)));
    Ok(Page { items, next_page_token })
}
