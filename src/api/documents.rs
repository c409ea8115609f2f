//! Documents and jobs over REST.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum_extra::extract::WithRejection;
use serde::{Deserialize, Serialize};

use super::ApiState;
use super::auth::Caller;
use super::error::{Body, Failure};
use crate::batch::rfc3339;
use crate::model::wire::{
    BatchStatus, Document, DocumentList, ExtractionStatus, JobView, Retry, Submission, Submitted,
};
use crate::model::{FORMATS, Format, Mode, PageSet};

type Rejecting<T> = WithRejection<T, Failure>;

/// What can be sent, and what can be done with it.
#[derive(Serialize)]
pub struct SupportedFormats {
    formats: BTreeMap<&'static str, Format>,
    accept: Vec<&'static str>,
}

/// `GET /v1/documents/supported-formats`
pub async fn formats() -> Json<SupportedFormats> {
    Json(SupportedFormats {
        formats: FORMATS.iter().map(|format| (format.mime, *format)).collect(),
        accept: FORMATS
            .iter()
            .flat_map(|format| std::iter::once(format.mime).chain(format.extensions.iter().copied()))
            .collect(),
    })
}

/// `POST /v1/documents/document`
pub async fn submit(
    State(state): State<ApiState>,
    Caller(account): Caller,
    Body(wish): Body<Submission>,
) -> Result<(StatusCode, Json<Submitted>), Failure> {
    Ok(answer(state.services.submissions.submit(&account, wish).await?))
}

/// `POST /v1/documents/{id}/retry`
pub async fn retry(
    State(state): State<ApiState>,
    Caller(account): Caller,
    Path(id): Path<String>,
    Body(Retry { batch_mode }): Body<Retry>,
) -> Result<(StatusCode, Json<Submitted>), Failure> {
    let mode = if batch_mode { Mode::Batch } else { Mode::Realtime };
    Ok(answer(state.services.submissions.retry(&account, &id, mode).await?))
}

fn answer(submitted: Submitted) -> (StatusCode, Json<Submitted>) {
    let status = match submitted {
        Submitted::Document(_) => StatusCode::CREATED,
        Submitted::Batch(_) | Submitted::Realtime(_) => StatusCode::ACCEPTED,
    };
    (status, Json(submitted))
}

/// `GET /v1/documents/batch/{content_hash}/status`
pub async fn batch_status(
    State(state): State<ApiState>,
    Caller(account): Caller,
    Path(content_hash): Path<String>,
) -> Result<Json<BatchStatus>, Failure> {
    let job = state.services.job(&account, &content_hash).await?;
    Ok(Json(BatchStatus {
        status: job.status,
        submitted_at: rfc3339(job.submitted_at),
        total_pages: page_count(&job),
        document_id: job.document_id,
        error: job.error,
    }))
}

/// `GET /v1/documents/extraction/{extraction_id}`
pub async fn extraction_status(
    State(state): State<ApiState>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<Json<ExtractionStatus>, Failure> {
    let job = state.services.extraction(&account, &id).await?;
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
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    cursor: Option<String>,
    limit: Option<u32>,
}

const LIST_DEFAULT: u32 = 50;

/// `GET /v1/documents`
pub async fn list(
    State(state): State<ApiState>,
    Caller(account): Caller,
    WithRejection(Query(paging), _): Rejecting<Query<Paging>>,
) -> Result<Json<DocumentList>, Failure> {
    let limit = paging.limit.unwrap_or(LIST_DEFAULT);
    Ok(Json(state.services.library.list(&account, paging.cursor.as_deref(), limit).await?))
}

/// `GET /v1/documents/{id}`
pub async fn get(
    State(state): State<ApiState>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<Json<Document>, Failure> {
    Ok(Json(state.services.library.document(&account, &id).await?))
}

/// `DELETE /v1/documents/{id}`
pub async fn delete(
    State(state): State<ApiState>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    state.services.library.delete(&account, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
