//! Files over REST: uploaded as a form, or fetched from an address.

use axum::Json;
use axum::extract::multipart::MultipartError;
use axum::extract::{FromRequest, Multipart, Request, State};
use axum::http::StatusCode;
use futures::StreamExt;
use serde::Deserialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::ApiState;
use super::auth::Caller;
use super::body::{FormBody, length_of};
use super::error::{Body, Failure};
use crate::error::{Error, Result};
use crate::model::ErrorCode;
use crate::model::wire::{ErrorBody, Prepared};
use crate::uploads::ReceivedFile;

/// Where files are uploaded to.
pub(crate) const PATH: &str = "/v1/documents/prepare/upload";

/// The form of an upload.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it only describes")]
pub(crate) struct UploadForm {
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    file: String,
}

/// Upload a file: it is measured, and priced page by page.
#[utoipa::path(post, path = "/v1/documents/prepare/upload", tag = "documents",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "It can be submitted under its `hash`.", body = Prepared),
        (status = 408, description = "The upload took too long.", body = ErrorBody),
        (status = 409, description = "The account holds as much as it may.", body = ErrorBody),
        (status = 413, description = "The file is too large.", body = ErrorBody),
        (status = 415, description = "The file is of no kind that is accepted.", body = ErrorBody),
        (status = 422, description = "The document cannot be opened, or has too many pages.", body = ErrorBody),
        (status = 429, description = "Too many files are being uploaded from here, or too many requests were sent; `Retry-After` says how many seconds to wait.", body = ErrorBody),
        (status = 503, description = "The disk is nearly full, too many files are being uploaded, or something is away; `Retry-After` says how many seconds to wait.", body = ErrorBody)))]
pub(crate) async fn prepare(
    State(state): State<ApiState>,
    caller: Caller,
    request: Request,
) -> Result<Json<Prepared>, Failure> {
    let length = length_of(request.headers());
    let (request, body) = FormBody::of(request);
    let received = async {
        let permit = state.services.intake.admit(&caller, length).await?;
        let received = timeout(state.site.settings.upload_timeout, receive(&state, request, &body)).await;
        Ok((received.unwrap_or_else(|_| Err(too_slow()))?, permit))
    };
    let (file, permit) = received.await.inspect_err(|_: &Error| body.drain())?;
    let prepared = state.services.intake.receive(&caller, file).await?;
    drop(permit);
    Ok(Json(prepared))
}

/// Brings the file of a form to disk.
async fn receive(state: &ApiState, request: Request, body: &FormBody) -> Result<ReceivedFile> {
    let receiver = &state.services.intake.receiver;
    let broken = |error: MultipartError| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => receiver.too_large(),
        _ if body.is_overhead() => {
            Error::refused(ErrorCode::InvalidRequest, "The form has too much in it beside its file.")
        }
        _ => Error::refused(ErrorCode::InvalidRequest, "The upload broke off or is not multipart/form-data."),
    };
    let mut form = Multipart::from_request(request, state).await?;
    while let Some(field) = form.next_field().await.map_err(broken)? {
        if field.name() == Some("file") {
            let name = field.file_name().map(str::to_owned);
            let chunks = field.map(|chunk| chunk.inspect(|_| body.content_received()).map_err(broken));
            return receiver.receive(chunks, name.as_deref()).await;
        }
    }
    Err(Error::refused(ErrorCode::InvalidRequest, "The form has no part named “file”."))
}

fn too_slow() -> Error {
    Error::refused(ErrorCode::UploadTimeout, "The upload took too long. Try again over a faster connection.")
}

/// Where a file is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileAddress {
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
        (status = 503, description = "The disk is nearly full, too many files are being uploaded, or something is away; `Retry-After` says how many seconds to wait.", body = ErrorBody),
        (status = 504, description = "The address took too long.", body = ErrorBody)))]
pub(crate) async fn prepare_url(
    State(state): State<ApiState>,
    caller: Caller,
    Body(file): Body<FileAddress>,
) -> Result<Json<Prepared>, Failure> {
    Ok(Json(state.services.intake.import(&caller, &file.url).await?))
}
