//! Routes for images: figures, and the original pages of a document. Only the owner of a document gets them.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::IntoResponse;
use tokio::fs::File;
use tokio_util::io::ReaderStream;

use super::ApiState;
use super::auth::Caller;
use super::error::{Failure, PathParams};
use crate::markdown::FigureId;
use crate::model::ApiError;
use crate::model::wire::ErrorBody;

/// Headers of an image. It cannot run script, and it never changes.
const HEADERS: [(HeaderName, &str); 3] = [
    (header::CONTENT_TYPE, "image/png"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
    (header::CACHE_CONTROL, "private, max-age=31536000, immutable"),
];

/// Get the image of a figure, at the address that the document's Markdown has.
#[utoipa::path(get, path = "/v1/images/{content_hash}/{name}", tag = "documents",
    params(
        ("content_hash" = String, Path, description = "The `content_hash` of the document."),
        ("name" = String, Path, description = "`{page}_{figure}.png`, both counted from 0.")),
    responses((status = 200, description = "The image.", body = Vec<u8>, content_type = "image/png")))]
pub(crate) async fn figure(
    State(state): State<ApiState>,
    Caller { account, .. }: Caller,
    PathParams((content_hash, name)): PathParams<(String, String)>,
) -> Result<impl IntoResponse, Failure> {
    let figure = FigureId::of_file(&content_hash, &name).ok_or_else(|| ApiError::not_found("image"))?;
    let path = state.services.library.figure(&account, &figure).await?;
    Ok((HEADERS, Body::from_stream(ReaderStream::new(File::open(path).await?))))
}

/// The same headers, with the media type of this picture.
fn page_headers(picture: &[u8]) -> [(HeaderName, &'static str); 3] {
    let media_type = if picture.starts_with(b"RIFF") { "image/webp" } else { "image/jpeg" };
    let [_, policy, caching] = HEADERS;
    [(header::CONTENT_TYPE, media_type), policy, caching]
}

/// Get an image of an original page, drawn from the stored file.
#[utoipa::path(get, path = "/v1/documents/{id}/pages/{page}/original", tag = "documents",
    params(
        ("id" = String, Path, description = "The id of the document."),
        ("page" = String, Path, description = "The 0-based index of the page in the file.")),
    responses(
        (status = 200, description = "At most 1,200 pixels wide. `image/webp`, or `image/jpeg` for scans and photographs.",
            body = Vec<u8>, content_type = "image/webp"),
        (status = 410, description = "The document's file is no longer stored.", body = ErrorBody),
        (status = 422, description = "The page is damaged.", body = ErrorBody),
        (status = 503, description = "Drawing the page takes too long now.", body = ErrorBody)))]
pub(crate) async fn original(
    State(state): State<ApiState>,
    caller: Caller,
    PathParams((id, page)): PathParams<(String, String)>,
) -> Result<impl IntoResponse, Failure> {
    let page = page.parse().map_err(|_| ApiError::not_found("page"))?;
    let picture = state.services.library.original(&caller, &id, page).await?;
    Ok((page_headers(&picture), picture))
}
