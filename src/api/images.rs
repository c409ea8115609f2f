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
use crate::markdown::FigureId;
use crate::model::ApiError;
use crate::model::wire::ErrorBody;

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
pub(crate) async fn figure(
    State(state): State<ApiState>,
    Caller { account, .. }: Caller,
    Named((content_hash, name)): Named<(String, String)>,
) -> Result<impl IntoResponse, Failure> {
    let figure = FigureId::of_file(&content_hash, &name).ok_or_else(|| ApiError::not_found("image"))?;
    let path = state.services.library.figure(&account, &figure).await?;
    Ok((HEADERS, Body::from_stream(ReaderStream::new(File::open(path).await?))))
}

/// What a page's picture is sent with: nothing in it may run, and it never changes.
fn page_headers(picture: &[u8]) -> [(HeaderName, &'static str); 3] {
    let media_type = if picture.starts_with(b"RIFF") { "image/webp" } else { "image/jpeg" };
    let [_, policy, caching] = HEADERS;
    [(header::CONTENT_TYPE, media_type), policy, caching]
}

/// A page as it was before it was read, drawn from the kept file.
#[utoipa::path(get, path = "/v1/documents/{id}/pages/{page}/original", tag = "documents",
    params(
        ("id" = String, Path, description = "Of the document."),
        ("page" = String, Path, description = "Its place in the file, from 0.")),
    responses(
        (status = 200, description = "The picture, at most 1,200 pixels wide: `image/webp`, or `image/jpeg` of scans and photographs.",
            body = Vec<u8>, content_type = "image/webp"),
        (status = 410, description = "The document's file is not kept any more.", body = ErrorBody),
        (status = 422, description = "The page is damaged.", body = ErrorBody),
        (status = 503, description = "Drawing it takes too long at the moment.", body = ErrorBody)))]
pub(crate) async fn original(
    State(state): State<ApiState>,
    caller: Caller,
    Named((id, page)): Named<(String, String)>,
) -> Result<impl IntoResponse, Failure> {
    let page = page.parse().map_err(|_| ApiError::not_found("page"))?;
    let picture = state.services.library.original(&caller, &id, page).await?;
    Ok((page_headers(&picture), picture))
}
