//! Pictures of figures, for the one who owns the document.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::IntoResponse;
use tokio::fs::File;
use tokio_util::io::ReaderStream;

use super::ApiState;
use super::auth::Caller;
use super::error::{Failure, Named};
use crate::model::ApiError;

/// What a picture is sent with: nothing in it may run, and it never changes.
const HEADERS: [(HeaderName, &str); 3] = [
    (header::CONTENT_TYPE, "image/png"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
    (header::CACHE_CONTROL, "private, max-age=31536000, immutable"),
];

/// The picture of a figure, as a document's Markdown names it.
#[utoipa::path(get, path = "/v1/images/{content_hash}/{name}", tag = "documents",
    params(
        ("content_hash" = String, Path, description = "Of the document's content."),
        ("name" = String, Path, description = "`{page}_{figure}.png`, both counted from 0.")),
    responses((status = 200, description = "The picture.", body = Vec<u8>, content_type = "image/png")))]
pub async fn figure(
    State(state): State<ApiState>,
    Caller(account): Caller,
    Named((content_hash, name)): Named<(String, String)>,
) -> Result<impl IntoResponse, Failure> {
    let (page, figure) = numbers(&name).ok_or_else(|| ApiError::not_found("image"))?;
    let path = state.services.library.figure(&account, &content_hash, page, figure).await?;
    Ok((HEADERS, Body::from_stream(ReaderStream::new(File::open(path).await?))))
}

/// `12_0.png`
fn numbers(name: &str) -> Option<(u32, usize)> {
    let (page, figure) = name.strip_suffix(".png")?.split_once('_')?;
    Some((page.parse().ok()?, figure.parse().ok()?))
}
