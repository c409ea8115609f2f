//! Documents and jobs over REST.

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
use super::error::{Body, Failure, Named};
use crate::documents::content_disposition;
use crate::error::{Error, Result};
use crate::model::wire::{
    BatchStatus, Document, DocumentList, DocumentTicket, ErrorBody, ExportFormat, ExtractionStatus, JobView, Retry,
    Submission, Submitted,
};
use crate::model::{ErrorCode, FORMATS, Format, Mode, PageSet};

type Rejecting<T> = WithRejection<T, Failure>;

/// What can be sent, and what can be done with it.
#[derive(Serialize, ToSchema)]
pub(crate) struct SupportedFormats {
    formats: BTreeMap<&'static str, Format>,
    accept: Vec<&'static str>,
}

/// What can be sent, and what can be done with it.
#[utoipa::path(get, path = "/v1/documents/supported-formats", tag = "documents", security(()),
    responses((status = 200, description = "By MIME type, and what a file dialog may offer.", body = SupportedFormats)))]
pub(crate) async fn formats() -> Json<SupportedFormats> {
    Json(SupportedFormats {
        formats: FORMATS.iter().map(|format| (format.mime, *format)).collect(),
        accept: FORMATS
            .iter()
            .flat_map(|format| std::iter::once(format.mime).chain(format.extensions.iter().copied()))
            .collect(),
    })
}

/// Extract a prepared document.
///
/// The same document with the same pages, sent again while its job is active, gets that job's answer again. With an
/// `Idempotency-Key`, the same request gets the first one's answer for a day.
#[utoipa::path(post, path = "/v1/documents/document", tag = "documents", request_body = Submission,
    params(("Idempotency-Key" = Option<String>, Header, description = "Chosen by the caller, one for each request that is not a repetition.")),
    responses(
        (status = 201, description = "The document is there: read as text, or made of pages that were read before.", body = DocumentTicket),
        (status = 202, description = "A job is on record. A realtime job's answer has an `extraction_id`.", body = Submitted),
        (status = 402, description = "It does not fit in the quota; the message has the numbers.", body = ErrorBody),
        (status = 404, description = "There is no such upload.", body = ErrorBody),
        (status = 409, description = "It is being extracted with other pages, the account holds as much as it may, or the first request with this key is being answered.", body = ErrorBody),
        (status = 422, description = "The pages are not in the document, a batch was wished for without AI, or the key was used for another request.", body = ErrorBody),
        (status = 503, description = "Something that the service depends on is away, or the server's daily budget for Gemini is used up (`spending_limit`); `Retry-After` says how many seconds to wait.", body = ErrorBody)))]
pub(crate) async fn submit(
    State(state): State<ApiState>,
    caller: Caller,
    headers: HeaderMap,
    Body(wish): Body<Submission>,
) -> Result<(StatusCode, Json<Submitted>), Failure> {
    let (services, account) = (&state.services, caller.account.id.as_str());
    let submitted = services.submissions.submit(&caller, wish.clone());
    Ok(answer(match idempotency_key(&headers)? {
        Some(key) => services.idempotency.once(account, key, &wish, submitted).await?,
        None => submitted.await?,
    }))
}

/// Read the failed pages of a document again, for the price of those pages.
#[utoipa::path(post, path = "/v1/documents/{id}/retry", tag = "documents", request_body = Retry,
    params(("id" = String, Path, description = "Of the document.")),
    responses(
        (status = 201, description = "The pages had been read meanwhile: the document has them.", body = DocumentTicket),
        (status = 202, description = "A job is on record. A realtime job's answer has an `extraction_id`.", body = Submitted),
        (status = 402, description = "It does not fit in the quota; the message has the numbers.", body = ErrorBody),
        (status = 409, description = "It is being extracted with other pages, or the account holds as much as it may.", body = ErrorBody),
        (status = 422, description = "No page of it failed.", body = ErrorBody),
        (status = 503, description = "Something that the service depends on is away, or the server's daily budget for Gemini is used up (`spending_limit`); `Retry-After` says how many seconds to wait.", body = ErrorBody)))]
pub(crate) async fn retry(
    State(state): State<ApiState>,
    caller: Caller,
    Named(id): Named<String>,
    Body(Retry { batch_mode }): Body<Retry>,
) -> Result<(StatusCode, Json<Submitted>), Failure> {
    let mode = if batch_mode { Mode::Batch } else { Mode::Realtime };
    Ok(answer(state.services.submissions.retry(&caller, &id, mode).await?))
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
    let words = "An Idempotency-Key has 1 to 255 ASCII characters.";
    key.map(Some).ok_or_else(|| Error::refused(ErrorCode::InvalidRequest, words))
}

const IDEMPOTENCY_KEY_MAX: usize = 255;

/// How a batch is doing.
#[utoipa::path(get, path = "/v1/documents/batch/{content_hash}/status", tag = "documents",
    params(("content_hash" = String, Path, description = "Of the answer that accepted it.")),
    responses((status = 200, description = "Its state.", body = BatchStatus)))]
pub(crate) async fn batch_status(
    State(state): State<ApiState>,
    Caller { account, .. }: Caller,
    Named(content_hash): Named<String>,
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

/// How a realtime extraction is doing.
#[utoipa::path(get, path = "/v1/documents/extraction/{extraction_id}", tag = "documents",
    params(("extraction_id" = String, Path, description = "Of the answer that accepted it.")),
    responses((status = 200, description = "Its state and progress.", body = ExtractionStatus)))]
pub(crate) async fn extraction_status(
    State(state): State<ApiState>,
    Caller { account, .. }: Caller,
    Named(id): Named<String>,
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

/// Where a list goes on.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Paging {
    /// The `next_cursor` of the list before.
    cursor: Option<String>,
    /// At most so many; 50 without, and never more than 200.
    limit: Option<u32>,
}

const LIST_DEFAULT: u32 = 50;

/// The account's documents, newest first.
#[utoipa::path(get, path = "/v1/documents", tag = "documents", params(Paging),
    responses((status = 200, description = "A part of the list.", body = DocumentList)))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Caller { account, .. }: Caller,
    WithRejection(Query(paging), _): Rejecting<Query<Paging>>,
) -> Result<Json<DocumentList>, Failure> {
    let limit = paging.limit.unwrap_or(LIST_DEFAULT);
    Ok(Json(state.services.library.list(&account, paging.cursor.as_deref(), limit).await?))
}

/// A document with all its pages as Markdown.
///
/// It is sent as it is read. An answer that could not be written whole ends with an error of the connection.
#[utoipa::path(get, path = "/v1/documents/{id}", tag = "documents",
    params(("id" = String, Path, description = "Of the document.")),
    responses((status = 200, description = "The document.", body = Document)))]
pub(crate) async fn get(
    State(state): State<ApiState>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<impl IntoResponse, Failure> {
    let body = state.services.library.document(&caller, &id).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], Content::from_stream(body)))
}

/// What a document is to be exported as.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Export {
    /// Markdown, if it is not said.
    #[serde(default)]
    format: ExportFormat,
}

/// A document as a file to keep: Markdown, one web page with everything in it, or an archive of Markdown and figures.
///
/// Page marks stand where pages begin; words and paragraphs that a page break cut are whole again. A file that could not be
/// written whole ends with an error of the connection.
#[utoipa::path(get, path = "/v1/documents/{id}/export", tag = "documents",
    params(("id" = String, Path, description = "Of the document."), Export),
    responses((status = 200, description = "The file, named after the document.", content(
        (String = "text/markdown"), (String = "text/html"), (Vec<u8> = "application/zip")))))]
pub(crate) async fn export(
    State(state): State<ApiState>,
    caller: Caller,
    Named(id): Named<String>,
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

/// Delete a document for good, its file with it if no other document needs it. The receipt stays.
#[utoipa::path(delete, path = "/v1/documents/{id}", tag = "documents",
    params(("id" = String, Path, description = "Of the document.")),
    responses((status = 204, description = "It is gone.")))]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Caller { account, .. }: Caller,
    Named(id): Named<String>,
) -> Result<StatusCode, Failure> {
    state.services.library.delete(&account, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
