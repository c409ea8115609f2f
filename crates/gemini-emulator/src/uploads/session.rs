//! The commands of an upload session: upload, finalize, query and cancel.

use std::path::Path;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt};
use http::{HeaderMap, HeaderValue};
use serde_json::json;
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt;

use super::finish::create_file;
use super::{GRANULARITY, UploadRow, text, with_status};
use crate::emulator::Emulator;
use crate::faults::Fault;
use crate::file::FILE_BYTES_MAX;
use crate::reply::{ApiError, drop_connection, ok};

/// Handles a request to a session URL. Every reply has the status of the upload, error replies too.
pub(super) async fn handle(
    emulator: &Emulator,
    upload: UploadRow,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    if emulator.faults.happens(Fault::UploadForgotten) {
        emulator.uploads.remove(&upload.id, &["part"]);
        return Err(ApiError::no_entity());
    }
    let status = if upload.file.is_some() { "final" } else { "active" };
    let answer = run_command(emulator, upload, headers, body).await;
    Ok(answer.unwrap_or_else(|failure| with_status(status, failure.into_response())))
}

async fn run_command(
    emulator: &Emulator,
    upload: UploadRow,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let command = text(headers, "x-goog-upload-command").unwrap_or_default();
    let part = emulator.uploads.path(&upload.id, "part");
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
        _ => Err(ApiError::invalid("The upload is final, or the command is not known.")),
    }
}

async fn query(emulator: &Emulator, upload: &UploadRow, part: &Path) -> Result<Response, ApiError> {
    if upload.file.is_some() {
        return Ok(with_status("final", ().into_response()));
    }
    emulator.count("upload_query");
    let received = received_bytes(part).await?;
    let mut response = with_status("active", ().into_response());
    response.headers_mut().insert("x-goog-upload-size-received", HeaderValue::from(received));
    Ok(response)
}

/// Appends a chunk. If the body breaks off, the received bytes are kept.
async fn append(emulator: &Emulator, part: &Path, headers: &HeaderMap, body: Body, last: bool) -> Result<(), ApiError> {
    let received = received_bytes(part).await?;
    let offset = text(headers, "x-goog-upload-offset").map_or(Ok(received), |offset| offset.parse());
    if offset != Ok(received) {
        return Err(ApiError::invalid(format!("The offset must be {received}.")));
    }
    let announced = text(headers, "content-length").and_then(|length| length.parse::<u64>().ok());
    let length = announced.unwrap_or(0);
    if !last && announced.is_none_or(|length| !length.is_multiple_of(GRANULARITY)) {
        return Err(ApiError::invalid(format!("All chunks but the last must be multiples of {GRANULARITY} bytes.")));
    }
    let drop_after = (length > 1 && emulator.faults.happens(Fault::UploadDropsChunk)).then_some(length / 2);
    let mut file = OpenOptions::new().append(true).open(part).await?;
    let arrived = copy(body.into_data_stream(), &mut file, drop_after).await;
    file.flush().await?;
    if drop_after.is_some() {
        drop_connection();
    }
    arrived
}

async fn copy<E>(
    mut bytes: impl Stream<Item = Result<bytes::Bytes, E>> + Unpin,
    file: &mut File,
    bytes_max: Option<u64>,
) -> Result<(), ApiError> {
    let mut left = bytes_max.unwrap_or(FILE_BYTES_MAX);
    while let Some(chunk) = bytes.next().await {
        let mut chunk = chunk.map_err(|_| ApiError::invalid("The body broke off."))?;
        chunk.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        file.write_all(&chunk).await?;
        left -= chunk.len() as u64;
        if left == 0 {
            break;
        }
    }
    Ok(())
}

async fn finalize(emulator: &Emulator, upload: UploadRow, part: &Path) -> Result<Response, ApiError> {
    let received = received_bytes(part).await?;
    if upload.declared_bytes.is_some_and(|declared| declared != received) {
        return Err(ApiError::invalid(format!("{received} bytes were received, others were announced.")));
    }
    let file = create_file(emulator, &upload.project, upload.metadata, part).await?;
    emulator.uploads.update(&upload.id, |upload| upload.file = Some(file.id.clone()))?;
    if emulator.faults.happens(Fault::UploadLosesFinalize) {
        drop_connection();
    }
    if emulator.faults.happens(Fault::UploadStaysActive) {
        return Ok(with_status("active", ().into_response()));
    }
    if emulator.faults.happens(Fault::UploadNamesNoFile) {
        return Ok(with_status("final", ok(json!({}))));
    }
    let made = ok(json!({"file": file.show(&upload.version)}));
    Ok(if emulator.faults.happens(Fault::UploadOmitsStatus) { made } else { with_status("final", made) })
}

/// The number of received bytes. A session without its file counts as lost.
async fn received_bytes(part: &Path) -> Result<u64, ApiError> {
    tokio::fs::metadata(part).await.map(|metadata| metadata.len()).map_err(|_| ApiError::no_entity())
}
