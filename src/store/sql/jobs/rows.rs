//! Rows of jobs: the selected columns, and their conversion. This module has no statements.

use sqlx::FromRow;
use sqlx::any::AnyRow;

use crate::jobs::{Job, Stage};
use crate::model::PageSet;
use crate::model::wire::JobView;
use crate::store::sql::columns::Column;
use crate::store::sql::from_row;

from_row!(pub(in crate::store::sql) job_columns: Job {
    id, account_id, upload_hash, content_hash, mode, title, recipe, total_pages, pages, pages_submitted, submitted_at, document_id,
    stage, due_at, claims, fence, requeued, blocked_by = hindered_by, polls, network, budget_wait_ms, rereads, shard
});

/// The columns of a [`JobView`]. `failed` is a list of 1-based pages, `0` for none.
macro_rules! view_columns {
    () => {
        "j.id, j.content_hash, j.upload_hash, j.mode, j.title, j.stage, j.submitted_at, j.pages, j.document_id,
         j.requeued, j.hindered_by, j.pages_submitted, j.rereads,
         (SELECT COUNT(*) FROM ledger l WHERE l.job_id = j.id) AS charged,
         (SELECT COALESCE(STRING_AGG(CAST(f.page_index + 1 AS TEXT), ','), '0')
          FROM page_failures f WHERE f.job_id = j.id) AS failed"
    };
}
pub(in crate::store::sql) use view_columns;

impl FromRow<'_, AnyRow> for JobView {
    fn from_row(row: &AnyRow) -> sqlx::Result<Self> {
        let (stage, pages) = (Stage::read(row, "stage")?, PageSet::read(row, "pages")?);
        let document_id = String::read(row, "document_id")?;
        let free_pages = u32::try_from(pages.len()).unwrap_or(u32::MAX);
        let free_pages = free_pages.saturating_sub(u32::read(row, "pages_submitted")?);
        let failed = String::read(row, "failed")?;
        Ok(Self {
            id: Column::read(row, "id")?,
            content_hash: Column::read(row, "content_hash")?,
            upload_hash: Column::read(row, "upload_hash")?,
            mode: Column::read(row, "mode")?,
            title: Column::read(row, "title")?,
            status: stage.status(),
            submitted_at: Column::read(row, "submitted_at")?,
            pages,
            completed_pages: free_pages.saturating_add(u32::read(row, "charged")?),
            failed_pages: failed.split(',').filter_map(|page| page.parse::<u32>().ok()?.checked_sub(1)).collect(),
            document_id: (stage == Stage::Succeeded).then(|| document_id.clone()),
            draft_id: document_id,
            error: stage.error(),
            requeued: Column::read(row, "requeued")?,
            blocked_by: Column::read(row, "hindered_by")?,
            rereads: Column::read(row, "rereads")?,
        })
    }
}
