//! Rows of jobs: the columns that a statement selects, and the values that they make. No statement is made here.

use sqlx::Row;
use sqlx::any::AnyRow;

use crate::batch::{Job, Stage};
use crate::error::Result;
use crate::extract::Recipe;
use crate::model::wire::JobView;
use crate::model::{Hindrance, JobStatus, UnixMs};
use crate::store::sql::accounts::mode;
use crate::store::sql::{count, json, pages};

/// The columns that make a [`Job`].
macro_rules! job_columns {
    () => {
        "id, account_id, upload_hash, content_hash, mode, title, recipe, total_pages, pages, pages_submitted, document_id, stage, requeued,
         hindered_by, submitted_at, due_at, claims, fence, polls, network, budget_wait_ms"
    };
}

/// The columns that make a [`JobView`]. `failed` are 1-based pages, `0` for none.
macro_rules! view_columns {
    () => {
        "j.id, j.content_hash, j.upload_hash, j.mode, j.title, j.stage, j.submitted_at, j.pages, j.document_id,
         j.requeued, j.hindered_by, j.pages_submitted,
         (SELECT COUNT(*) FROM ledger l WHERE l.job_id = j.id) AS charged,
         (SELECT COALESCE(STRING_AGG(CAST(f.page_index + 1 AS TEXT), ','), '0')
          FROM page_failures f WHERE f.job_id = j.id) AS failed"
    };
}
pub(in crate::store::sql) use {job_columns, view_columns};

pub(in crate::store::sql) fn job_of(row: &AnyRow) -> Result<Job> {
    Ok(Job {
        id: row.try_get("id")?,
        account_id: row.try_get("account_id")?,
        upload_hash: row.try_get("upload_hash")?,
        content_hash: row.try_get("content_hash")?,
        mode: mode(row)?,
        title: row.try_get("title")?,
        recipe: Recipe::named(row.try_get("recipe")?),
        total_pages: count(row, "total_pages")?,
        pages: pages(row, "pages")?,
        pages_submitted: count(row, "pages_submitted")?,
        submitted_at: UnixMs(row.try_get("submitted_at")?),
        document_id: row.try_get("document_id")?,
        stage: json(row, "stage")?,
        due_at: UnixMs(row.try_get("due_at")?),
        claims: count(row, "claims")?,
        fence: row.try_get("fence")?,
        requeued: row.try_get::<i64, _>("requeued")? != 0,
        hindered_by: hindered_by(row)?,
        polls: count(row, "polls")?,
        network: row.try_get("network")?,
        budget_wait_ms: row.try_get("budget_wait_ms")?,
    })
}

/// What the column `status` holds.
pub(in crate::store::sql) const fn status_name(status: JobStatus) -> &'static str {
    match status {
        JobStatus::Preparing => "preparing",
        JobStatus::Pending => "pending",
        JobStatus::Running => "running",
        JobStatus::Succeeded => "succeeded",
        JobStatus::Failed => "failed",
        JobStatus::Expired => "expired",
    }
}

/// A newer program may know others: they are not worth a job.
pub(in crate::store::sql) fn hindered_by(row: &AnyRow) -> Result<Option<Hindrance>> {
    Ok(row.try_get::<Option<&str>, _>("hindered_by")?.and_then(Hindrance::named))
}

pub(in crate::store::sql) fn view_of(row: &AnyRow) -> Result<JobView> {
    let stage: Stage = json(row, "stage")?;
    let document_id: String = row.try_get("document_id")?;
    let pages = pages(row, "pages")?;
    let free_pages = u32::try_from(pages.len()).unwrap_or(u32::MAX).saturating_sub(count(row, "pages_submitted")?);
    let failed: &str = row.try_get("failed")?;
    Ok(JobView {
        id: row.try_get("id")?,
        content_hash: row.try_get("content_hash")?,
        upload_hash: row.try_get("upload_hash")?,
        mode: mode(row)?,
        title: row.try_get("title")?,
        status: stage.status(),
        submitted_at: UnixMs(row.try_get("submitted_at")?),
        pages,
        completed_pages: free_pages.saturating_add(count(row, "charged")?),
        failed_pages: failed.split(',').filter_map(|page| page.parse::<u32>().ok()?.checked_sub(1)).collect(),
        document_id: (stage == Stage::Succeeded).then(|| document_id.clone()),
        draft_id: document_id,
        error: stage.error(),
        requeued: row.try_get::<i64, _>("requeued")? != 0,
        hindered_by: hindered_by(row)?,
    })
}
