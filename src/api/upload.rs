//! Files over REST: uploaded as a form, or fetched from an address.

use axum::Json;
use axum::extract::{Multipart, State};
use axum_extra::extract::WithRejection;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use serde::Deserialize;
use utoipa::ToSchema;

use super::ApiState;
use super::auth::Caller;
use super::error::{Body, Failure};
use crate::error::{Error, Result};
use crate::model::ErrorCode;
use crate::model::wire::{ErrorBody, Prepared};

const DISCARDED_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The form of an upload.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it only describes")]
pub struct UploadForm {
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    file: String,
}

/// Upload a file: it is measured, and priced page by page.
#[utoipa::path(post, path = "/v1/documents/prepare/upload", tag = "documents",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "It can be submitted under its `hash`.", body = Prepared),
        (status = 409, description = "The account holds as much as it may.", body = ErrorBody),
        (status = 413, description = "The file is too large.", body = ErrorBody),
        (status = 415, description = "The file is of no kind that is accepted.", body = ErrorBody),
        (status = 422, description = "The document cannot be opened, or has too many pages.", body = ErrorBody)))]
pub async fn prepare(
    State(state): State<ApiState>,
    caller: Caller,
    WithRejection(mut form, _): WithRejection<Multipart, Failure>,
) -> Result<Json<Prepared>, Failure> {
    while let Some(field) = form.next_field().await.map_err(broken)? {
        if field.name() == Some("file") {
            let name = field.file_name().map(str::to_owned);
            let mut chunks = field.map(|chunk| chunk.map_err(broken));
            let received = state.services.receiver.receive(&mut chunks, name.as_deref()).await;
            if received.is_err() {
                discard(&mut chunks).await;
            }
            return Ok(Json(state.services.take_in(&caller, received?).await?));
        }
    }
    Err(Error::refused(ErrorCode::InvalidRequest, "The form has no part named “file”.").into())
}

/// Where a file is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FileAddress {
    /// `http://` or `https://`, on the public internet. An arXiv abstract stands for its PDF.
    url: String,
}

/// Fetch a file from an address: it is measured, and priced page by page.
#[utoipa::path(post, path = "/v1/documents/prepare", tag = "documents", request_body = FileAddress,
    responses(
        (status = 200, description = "It can be submitted under its `hash`.", body = Prepared),
        (status = 409, description = "The account holds as much as it may.", body = ErrorBody),
        (status = 413, description = "The file is too large.", body = ErrorBody),
        (status = 415, description = "The file is of no kind that is accepted.", body = ErrorBody),
        (status = 422, description = "The address is not fetched, has no file, or the file cannot be opened.", body = ErrorBody),
        (status = 504, description = "The address took too long.", body = ErrorBody)))]
pub async fn prepare_url(
    State(state): State<ApiState>,
    caller: Caller,
    Body(file): Body<FileAddress>,
) -> Result<Json<Prepared>, Failure> {
    Ok(Json(state.services.import(&caller, &file.url).await?))
}

/// Lets a caller that is nearly done finish sending: one that is cut off while it sends never hears why.
async fn discard(mut chunks: impl Stream<Item = Result<Bytes>> + Unpin) {
    let mut left = DISCARDED_BYTES_MAX;
    while let (1.., Some(Ok(chunk))) = (left, chunks.next().await) {
        left = left.saturating_sub(chunk.len());
    }
}

fn broken(_: axum::extract::multipart::MultipartError) -> Error {
    Error::refused(ErrorCode::InvalidRequest, "The upload broke off or is not multipart/form-data.")
}
