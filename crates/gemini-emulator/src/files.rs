//! `files`: get, list, delete, download.

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
use super::reply::{Failure, Rpc, ok};

type Named = Path<(String, String)>;

/// A file of the project, unless it has expired.
pub(crate) fn find(emulator: &Inner, project: &str, id: &str) -> Result<FileRow, Failure> {
    let now = emulator.now();
    let file = emulator.files.get(id).filter(|file| file.project == project);
    match file {
        Some(file) if file.is_expired(now) => {
            emulator.files.remove(id, &["bin"]);
            Err(Failure::no_file(id))
        }
        Some(file) if file.generated && !is_published(emulator, id) => Err(Failure::no_file(id)),
        found => found.ok_or_else(|| Failure::no_file(id)),
    }
}

/// What refuses to use a file that is still processed, or that failed.
pub(crate) fn not_active(id: &str) -> Failure {
    let message = format!("The File {id} is not in an ACTIVE state and usage is not allowed.");
    Failure::new(Rpc::FailedPrecondition, message)
}

/// An output is written before its batch is said to have succeeded.
fn is_published(emulator: &Inner, id: &str) -> bool {
    let batch = id.strip_prefix("batch-").and_then(|id| emulator.batches.get(id));
    batch.is_none_or(|batch| batch.phase(emulator.now()) == Phase::Succeeded)
}

pub(crate) async fn list(State(emulator): State<Emulator>, caller: Caller) -> Result<Response, Failure> {
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

/// The File object; with `:download`, its bytes.
pub(crate) async fn get(
    State(emulator): State<Emulator>,
    Path((_, name)): Named,
    caller: Caller,
) -> Result<Response, Failure> {
    if let Some(id) = name.strip_suffix(":download") {
        return download(&emulator, &caller, id).await;
    }
    emulator.count("get_file");
    if name.len() > 40 && emulator.faults.happens(Fault::OutputFileUnreadable) {
        return Err(name_too_long("GetFileRequest"));
    }
    let file = find(&emulator, &caller.project, &name)?;
    if file.processing_looks > 0 {
        emulator.files.update(&name, |file| file.processing_looks = file.processing_looks.saturating_sub(1))?;
    }
    Ok(ok(file.show(&caller.version)))
}

async fn download(emulator: &Emulator, caller: &Caller, id: &str) -> Result<Response, Failure> {
    emulator.count("download");
    let file = find(emulator, &caller.project, id)?;
    if caller.query("alt") != Some("media") {
        return Ok(ok(file.show(&caller.version)));
    }
    if !file.generated {
        return Err(Failure::new(Rpc::FailedPrecondition, "Only generated files can be downloaded."));
    }
    let stream = ReaderStream::with_capacity(tokio::fs::File::open(emulator.files.path(id, "bin")).await?, 64 << 10);
    let body = if emulator.faults.happens(Fault::DownloadHangsUp) {
        // The first bytes are there, then the connection is not.
        let hang_up = futures::stream::once(async {
            tokio::task::yield_now().await;
            Err(std::io::Error::other("hang up"))
        });
        Body::from_stream(stream.take(1).map(|chunk| chunk.map(|bytes| bytes.slice(..bytes.len() / 2))).chain(hang_up))
    } else {
        Body::from_stream(stream)
    };
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(file.size_bytes));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    Ok(response)
}

/// Metadata without media.
pub(crate) async fn create(State(_): State<Emulator>, _: Caller) -> Failure {
    Failure::invalid("A file is created by an upload.")
}

pub(crate) async fn delete(
    State(emulator): State<Emulator>,
    Path((_, id)): Named,
    caller: Caller,
) -> Result<Response, Failure> {
    emulator.count("delete_file");
    if id.len() > 40 {
        return Err(name_too_long("DeleteFileRequest"));
    }
    find(&emulator, &caller.project, &id)?;
    emulator.files.remove(&id, &["bin"]);
    Ok(ok(json!({})))
}

fn name_too_long(request: &str) -> Failure {
    Failure::invalid(format!(
        "* {request}.name: File ID (name excluding 'files/') cannot be more than 40 characters.\n"
    ))
}

/// Some of many, newest first.
pub(crate) struct Page<T> {
    pub items: Vec<T>,
    next_page_token: Option<String>,
}

impl<T> Page<T> {
    /// `{}` when there is nothing to tell.
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

/// The page that the caller asks for. `key` sorts by age, so a page stays where it is when newer items come.
pub(crate) fn page<T>(
    mut items: Vec<T>,
    key: impl Fn(&T) -> String,
    size: usize,
    caller: &Caller,
) -> Result<Page<T>, Failure> {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    if let Some(token) = caller.page_token() {
        let before = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let before = before.ok_or_else(|| Failure::invalid("* page_token: page token is not valid.\n"))?;
        items.retain(|item| key(item) < before);
    }
    items.sort_by_key(|item| std::cmp::Reverse(key(item)));
    let more = items.len() > size;
    items.truncate(size);
    let next_page_token = items.last().filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(key(last)));
    Ok(Page { items, next_page_token })
}
