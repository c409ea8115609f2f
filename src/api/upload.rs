//! Routes for files: uploaded as a form, or fetched from a URL.

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

/// The path of uploads, which has a larger body limit.
pub(crate) const PATH: &str = "/v1/documents/prepare/upload";

/// The form of an upload.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it only describes the form")]
pub(crate) struct UploadForm {
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    file: String,
}

/// Upload a file. The response has its price for each page.
#[utoipa::path(post, path = "/v1/documents/prepare/upload", tag = "documents",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "The file can be submitted by its `hash`.", body = Prepared),
        (status = 408, description = "The upload took too long.", body = ErrorBody),
        (status = 409, description = "A storage limit of the account is reached.", body = ErrorBody),
        (status = 413, description = "The file is too large.", body = ErrorBody),
        (status = 415, description = "The file format is not supported.", body = ErrorBody),
        (status = 422, description = "The document cannot be opened, or has too many pages.", body = ErrorBody),
        (status = 429, description = "Too many uploads or requests at once. Wait `Retry-After` seconds.", body = ErrorBody),
        (status = 503, description = "The disk is nearly full, or the server is busy. Wait `Retry-After` seconds.", body = ErrorBody)))]
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

/// Writes the file of a form to disk.
async fn receive(state: &ApiState, request: Request, body: &FormBody) -> Result<ReceivedFile> {
    let receiver = &state.services.intake.receiver;
    let refusal = |error: MultipartError| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => receiver.too_large(),
        _ if body.is_overhead() => {
            Error::refused(ErrorCode::InvalidRequest, "The form has too much data besides its file.")
        }
        _ => {
            let message = "The upload was interrupted or is not multipart/form-data. Try again.";
            Error::refused(ErrorCode::InvalidRequest, message)
        }
    };
    let mut form = Multipart::from_request(request, state).await?;
    while let Some(field) = form.next_field().await.map_err(refusal)? {
        if field.name() == Some("file") {
            let name = field.file_name().map(str::to_owned);
            let chunks = field.map(|chunk| chunk.inspect(|_| body.content_received()).map_err(refusal));
            return receiver.receive(chunks, name.as_deref()).await;
        }
    }
    Err(Error::refused(ErrorCode::InvalidRequest, "The form has no part named “file”."))
}

fn too_slow() -> Error {
    Error::refused(ErrorCode::UploadTimeout, "The upload took too long. Try again over a faster connection.")
}

/// The address of a file.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileAddress {
    /// `http://` or `https://`, on the public internet. The address of an arXiv abstract gives its PDF.
    url: String,
}

/// Fetch a file from a URL. The response has its price for each page.
#[utoipa::path(post, path = "/v1/documents/prepare", tag = "documents", request_body = FileAddress,
    responses(
        (status = 200, description = "The file can be submitted by its `hash`.", body = Prepared),
        (status = 409, description = "A storage limit of the account is reached.", body = ErrorBody),
        (status = 413, description = "The file is too large.", body = ErrorBody),
        (status = 415, description = "The file format is not supported.", body = ErrorBody),
        (status = 422, description = "The URL is not allowed or has no file, or the file cannot be opened.", body = ErrorBody),
        (status = 503, description = "The disk is nearly full, or the server is busy. Wait `Retry-After` seconds.", body = ErrorBody),
        (status = 504, description = "Fetching the file took too long.", body = ErrorBody)))]
pub(crate) async fn prepare_url(
    State(state): State<ApiState>,
    caller: Caller,
    Body(file): Body<FileAddress>,
) -> Result<Json<Prepared>, Failure> {
    Ok(Json(state.services.intake.import(&caller, &file.url).await?))
}
