//! REST routes for documents and jobs.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body as Content;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum_extra::extract::WithRejection;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ApiState;
use super::auth::Caller;
use super::error::{Body, Failure, PathParams};
use crate::documents::content_disposition;
use crate::error::{Error, Result};
use crate::model::wire::{
    BatchStatus, Document, DocumentList, DocumentTicket, ErrorBody, ExportFormat, ExtractionStatus, JobView, Reread,
    Retry, Submission, Submitted,
};
use crate::model::{ErrorCode, FORMATS, Format, Mode, PageSet};

type Rejecting<T> = WithRejection<T, Failure>;

/// The accepted file formats.
#[derive(Serialize, ToSchema)]
pub(crate) struct SupportedFormats {
    formats: BTreeMap<&'static str, Format>,
    accept: Vec<&'static str>,
}

/// List the accepted file formats.
#[utoipa::path(get, path = "/v1/documents/supported-formats", tag = "documents", security(()),
    responses((status = 200, description = "By MIME type, and for the `accept` attribute of a file input.", body = SupportedFormats)))]
pub(crate) async fn formats() -> Json<SupportedFormats> {
    Json(SupportedFormats {
        formats: FORMATS.iter().map(|format| (format.mime, *format)).collect(),
        accept: FORMATS
            .iter()
            .flat_map(|format| std::iter::once(format.mime).chain(format.extensions.iter().copied()))
            .collect(),
    })
}

/// Start the extraction of a prepared document.
///
/// While a job for the same document and pages is active, a repeated request returns that job. A request with an `Idempotency-Key` that was
/// used before gets the stored response, for one day.
#[utoipa::path(post, path = "/v1/documents/document", tag = "documents", request_body = Submission,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 ASCII characters, new for each new request.")),
    responses(
        (status = 201, description = "The document is complete. No job was needed.", body = DocumentTicket),
        (status = 202, description = "A job was accepted. The response for realtime mode has an `extraction_id`.", body = Submitted),
        (status = 402, description = "The quota is too small for this request. The message has the numbers.", body = ErrorBody),
        (status = 404, description = "There is no upload with this `hash`, or it has expired.", body = ErrorBody),
        (status = 409, description = "A job with other pages is active, a limit is reached, or the key is in use.", body = ErrorBody),
        (status = 422, description = "The pages do not exist, the mode needs AI, or the key was used before.", body = ErrorBody),
        (status = 503, description = "Unavailable, or out of budget (`spending_limit`). Wait `Retry-After` seconds.", body = ErrorBody)))]
pub(crate) async fn submit(
    State(state): State<ApiState>,
    caller: Caller,
    headers: HeaderMap,
    Body(submission): Body<Submission>,
) -> Result<(StatusCode, Json<Submitted>), Failure> {
    let (services, account) = (&state.services, caller.account.id.as_str());
    let submitted = services.submissions.submit(&caller, submission.clone());
    Ok(answer(match idempotency_key(&headers)? {
        Some(key) => services.idempotency.once(account, key, &submission, submitted).await?,
        None => submitted.await?,
    }))
}

/// Read the failed pages of a document again, at the price of those pages.
#[utoipa::path(post, path = "/v1/documents/{id}/retry", tag = "documents", request_body = Retry,
    params(("id" = String, Path, description = "The id of the document.")),
    responses(
        (status = 201, description = "The pages had been read meanwhile. The document now has them.", body = DocumentTicket),
        (status = 202, description = "A job was accepted. The response for realtime mode has an `extraction_id`.", body = Submitted),
        (status = 402, description = "The quota is too small for this request. The message has the numbers.", body = ErrorBody),
        (status = 409, description = "A job with other pages is active, or a limit of the account is reached.", body = ErrorBody),
        (status = 422, description = "The document has no failed pages.", body = ErrorBody),
        (status = 503, description = "Unavailable, or out of budget (`spending_limit`). Wait `Retry-After` seconds.", body = ErrorBody)))]
pub(crate) async fn retry(
    State(state): State<ApiState>,
    caller: Caller,
    PathParams(id): PathParams<String>,
    Body(Retry { batch_mode }): Body<Retry>,
) -> Result<(StatusCode, Json<Submitted>), Failure> {
    let mode = if batch_mode { Mode::Batch } else { Mode::Realtime };
    Ok(answer(state.services.submissions.retry(&caller, &id, mode).await?))
}

/// Read pages of a document again, whether or not they were read before, at the price of those pages.
///
/// Each page is asked for in another way than the usual one first. Its text stays until the job ends, and a page that cannot be read again
/// keeps it and is free. A request with an `Idempotency-Key` that was used before gets the stored response, for one day.
#[utoipa::path(post, path = "/v1/documents/{id}/reread", tag = "documents", request_body = Reread,
    params(("id" = String, Path, description = "The id of the document."),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 ASCII characters, new for each new request.")),
    responses(
        (status = 202, description = "A job was accepted. The response for realtime mode has an `extraction_id`.", body = Submitted),
        (status = 402, description = "The quota is too small for this request. The message has the numbers.", body = ErrorBody),
        (status = 404, description = "There is no such document, or its file is no longer stored.", body = ErrorBody),
        (status = 409, description = "Another job for this document is active, a limit is reached, or the key is in use.", body = ErrorBody),
        (status = 422, description = "A page is not in the document, AI did not read it, or the key was used before.", body = ErrorBody),
        (status = 503, description = "Unavailable, or out of budget (`spending_limit`). Wait `Retry-After` seconds.", body = ErrorBody)))]
pub(crate) async fn reread(
    State(state): State<ApiState>,
    caller: Caller,
    PathParams(id): PathParams<String>,
    headers: HeaderMap,
    Body(wish): Body<Reread>,
) -> Result<(StatusCode, Json<Submitted>), Failure> {
    let (services, account) = (&state.services, caller.account.id.as_str());
    let mode = if wish.batch_mode { Mode::Batch } else { Mode::Realtime };
    let submitted = services.submissions.reread(&caller, &id, &wish.pages, mode);
    Ok(answer(match idempotency_key(&headers)? {
        Some(key) => services.idempotency.once(account, key, &(&id, &wish), submitted).await?,
        None => submitted.await?,
    }))
}

fn answer(submitted: Submitted) -> (StatusCode, Json<Submitted>) {
    let status = match submitted {
        Submitted::Document(_) => StatusCode::CREATED,
        Submitted::Batch(_) | Submitted::Realtime(_) => StatusCode::ACCEPTED,
    };
    (status, Json(submitted))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=IDEMPOTENCY_KEY_MAX).contains(&key.len()));
    let message = "The Idempotency-Key must have 1 to 255 ASCII characters.";
    key.map(Some).ok_or_else(|| Error::refused(ErrorCode::InvalidRequest, message))
}

const IDEMPOTENCY_KEY_MAX: usize = 255;

/// Get the status of a batch.
#[utoipa::path(get, path = "/v1/documents/batch/{content_hash}/status", tag = "documents",
    params(("content_hash" = String, Path, description = "The `content_hash` of the response that accepted the batch.")),
    responses((status = 200, description = "The status of the newest job for this content.", body = BatchStatus)))]
pub(crate) async fn batch_status(
    State(state): State<ApiState>,
    Caller { account, .. }: Caller,
    PathParams(content_hash): PathParams<String>,
) -> Result<Json<BatchStatus>, Failure> {
    let job = state.services.library.job(&account, &content_hash).await?;
    Ok(Json(BatchStatus {
        status: job.status,
        submitted_at: job.submitted_at.rfc3339(),
        total_pages: page_count(&job),
        document_id: job.document_id,
        error: job.error,
    }))
}

/// Get the status of a realtime extraction.
#[utoipa::path(get, path = "/v1/documents/extraction/{extraction_id}", tag = "documents",
    params(("extraction_id" = String, Path, description = "The `extraction_id` of the response that accepted it.")),
    responses((status = 200, description = "The status and the progress.", body = ExtractionStatus)))]
pub(crate) async fn extraction_status(
    State(state): State<ApiState>,
    Caller { account, .. }: Caller,
    PathParams(id): PathParams<String>,
) -> Result<Json<ExtractionStatus>, Failure> {
    let job = state.services.library.extraction(&account, &id).await?;
    Ok(Json(ExtractionStatus {
        status: job.status,
        total_pages: page_count(&job),
        completed_pages: job.completed_pages,
        failed_pages: job.failed_pages,
        document_id: job.document_id,
        error: job.error,
    }))
}

fn page_count(job: &JobView) -> u32 {
    u32::try_from(PageSet::len(&job.pages)).unwrap_or(u32::MAX)
}

/// The position in a list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Paging {
    /// The `next_cursor` of the previous part.
    cursor: Option<String>,
    /// The most documents to return: 1 to 200, by default 50.
    limit: Option<u32>,
}

const LIST_DEFAULT: u32 = 50;

/// List the account's documents, newest first.
#[utoipa::path(get, path = "/v1/documents", tag = "documents", params(Paging),
    responses((status = 200, description = "One part of the list, with the `next_cursor` if there are more.", body = DocumentList)))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Caller { account, .. }: Caller,
    WithRejection(Query(paging), _): Rejecting<Query<Paging>>,
) -> Result<Json<DocumentList>, Failure> {
    let limit = paging.limit.unwrap_or(LIST_DEFAULT);
    Ok(Json(state.services.library.list(&account, paging.cursor.as_deref(), limit).await?))
}

/// Get a document with all its pages as Markdown.
///
/// The body is streamed. If the server cannot complete it, it closes the connection early.
#[utoipa::path(get, path = "/v1/documents/{id}", tag = "documents",
    params(("id" = String, Path, description = "The id of the document.")),
    responses((status = 200, description = "The document.", body = Document)))]
pub(crate) async fn get(
    State(state): State<ApiState>,
    caller: Caller,
    PathParams(id): PathParams<String>,
) -> Result<impl IntoResponse, Failure> {
    let body = state.services.library.document(&caller, &id).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], Content::from_stream(body)))
}

/// The format of an export.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Export {
    /// Markdown by default.
    #[serde(default)]
    format: ExportFormat,
}

/// Export a document as a file: Markdown, one self-contained web page, or a ZIP archive of Markdown and figures.
///
/// Marks show where pages begin. Words and paragraphs that a page break divided are joined. If the server cannot complete the file, it
/// closes the connection early.
#[utoipa::path(get, path = "/v1/documents/{id}/export", tag = "documents",
    params(("id" = String, Path, description = "The id of the document."), Export),
    responses((status = 200, description = "The file. `Content-Disposition` has a name made from the title.", content(
        (String = "text/markdown"), (String = "text/html"), (Vec<u8> = "application/zip")))))]
pub(crate) async fn export(
    State(state): State<ApiState>,
    caller: Caller,
    PathParams(id): PathParams<String>,
    headers: HeaderMap,
    WithRejection(Query(Export { format }), _): Rejecting<Query<Export>>,
) -> Result<impl IntoResponse, Failure> {
    let origin = state.site.origin(&headers);
    let file = state.services.library.export(&caller, &id, format, &origin).await?;
    let name = content_disposition(&file.file_name);
    Ok((
        [(header::CONTENT_TYPE, file.media_type.to_owned()), (header::CONTENT_DISPOSITION, name)],
        Content::from_stream(file.body),
    ))
}

/// Delete a document permanently. Its file is deleted too, unless another document needs it. The receipt is kept.
#[utoipa::path(delete, path = "/v1/documents/{id}", tag = "documents",
    params(("id" = String, Path, description = "The id of the document.")),
    responses((status = 204, description = "The document is deleted.")))]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Caller { account, .. }: Caller,
    PathParams(id): PathParams<String>,
) -> Result<StatusCode, Failure> {
    state.services.library.delete(&account, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
