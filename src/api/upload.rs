//! Files over REST: streamed to disk and measured on the way, so that an upload of any size needs the same memory.

use axum::Json;
use axum::extract::{Multipart, State};
use axum_extra::extract::WithRejection;
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use super::ApiState;
use super::auth::Caller;
use super::error::Failure;
use crate::accounts::hex;
use crate::error::{Error, Result};
use crate::extract::ReceivedFile;
use crate::model::wire::Prepared;
use crate::model::{ErrorCode, size_words};

const DISCARDED_BYTES_MAX: usize = 8 * 1024 * 1024;

/// `POST /v1/documents/prepare/upload`
pub async fn prepare(
    State(state): State<ApiState>,
    Caller(account): Caller,
    WithRejection(mut form, _): WithRejection<Multipart, Failure>,
) -> Result<Json<Prepared>, Failure> {
    while let Some(field) = form.next_field().await.map_err(broken)? {
        if field.name() == Some("file") {
            let file = receive(&state, field).await?;
            return Ok(Json(state.services.intake.receive(&account, file).await?));
        }
    }
    Err(Error::refused(ErrorCode::InvalidRequest, "The form has no part named “file”.").into())
}

/// Writes a part to a file that goes away by itself unless it is kept. Stops at the limit, not at the end.
async fn receive(state: &ApiState, mut part: axum::extract::multipart::Field<'_>) -> Result<ReceivedFile> {
    let file_name = part.file_name().map(|name| name.chars().filter(|c| !c.is_control()).take(300).collect());
    let path = tempfile::Builder::new().prefix("upload").tempfile_in(&state.receive_dir)?.into_temp_path();
    let mut file = File::create(&path).await?;
    let (mut size, mut hasher) = (0, Sha256::new());
    while let Some(chunk) = part.chunk().await.map_err(broken)? {
        size += chunk.len() as u64;
        if size > state.upload_bytes_max {
            discard(part).await;
            let words = format!("This file is too large; at most {} are accepted.", size_words(state.upload_bytes_max));
            return Err(Error::refused(ErrorCode::FileTooLarge, words));
        }
        hasher.update(&chunk);
        file.write_all(&chunk).await?;
    }
    file.flush().await?;
    Ok(ReceivedFile { path, size, sha256: hex(&hasher.finalize()), file_name })
}

/// Lets a caller that is nearly done finish sending: one that is cut off while it sends never hears why.
async fn discard(mut part: axum::extract::multipart::Field<'_>) {
    let mut left = DISCARDED_BYTES_MAX;
    while let (1.., Ok(Some(chunk))) = (left, part.chunk().await) {
        left = left.saturating_sub(chunk.len());
    }
}

fn broken(_: axum::extract::multipart::MultipartError) -> Error {
    Error::refused(ErrorCode::InvalidRequest, "The upload broke off or is not multipart/form-data.")
}
