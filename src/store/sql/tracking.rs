//! [`Tracking`] in the database itself, which needs no mirroring and loses nothing.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use sqlx::FromRow;
use sqlx::any::AnyRow;

use super::SqlStore;
use super::columns::Column;
use super::jobs::view_columns;
use crate::error::Result;
use crate::jobs::Stage;
use crate::model::wire::{JobView, Metadata};
use crate::store::tracking::{TrackedJob, Tracking};
use crate::uploads::{Figures, figure_ids};

pub(super) const TRACKED: &str = concat!(
    "SELECT j.account_id, j.version, j.total_pages, j.polls, u.metadata, COALESCE(r.tokens, 0) AS reserved, ",
    view_columns!(),
    " FROM jobs j LEFT JOIN uploads u ON u.hash = j.upload_hash LEFT JOIN reservations r ON r.job_id = j.id
     WHERE j.content_hash = $1 ORDER BY j.id DESC LIMIT 1"
);

#[async_trait]
impl Tracking for SqlStore {
    /// Does nothing: a committed job is published.
    async fn publish(&self, _job: &TrackedJob) -> Result<()> {
        Ok(())
    }

    async fn tracked(&self, content_hash: &str) -> Result<Option<TrackedJob>> {
        let job = sqlx::query_as(TRACKED).bind(content_hash).fetch_optional(&self.pool).await?;
        let Some(mut job): Option<TrackedJob> = job else { return Ok(None) };
        for figure in figure_ids(content_hash, &self.figures(&job.user_id, content_hash).await?) {
            job.figure_urls_by_page.entry(figure.page).or_default().push(figure.to_string());
        }
        Ok(Some(job))
    }

    async fn active(&self) -> Result<BTreeSet<String>> {
        let contents: Vec<String> =
            sqlx::query_scalar("SELECT content_hash FROM jobs WHERE active = 1").fetch_all(&self.pool).await?;
        Ok(contents.into_iter().collect())
    }

    async fn gone(&self) -> Result<BTreeSet<String>> {
        let contents: Vec<String> =
            sqlx::query_scalar("SELECT content_hash FROM gone_contents").fetch_all(&self.pool).await?;
        Ok(contents.into_iter().collect())
    }

    async fn reserved(&self, account_id: &str) -> Result<BTreeMap<String, u64>> {
        let rows = sqlx::query(
            "SELECT j.content_hash, r.tokens FROM reservations r JOIN jobs j ON j.id = r.job_id WHERE r.account_id = $1",
        )
        .bind(account_id)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| Ok((String::read(row, "content_hash")?, u64::read(row, "tokens")?))).collect()
    }
}

impl FromRow<'_, AnyRow> for TrackedJob {
    fn from_row(row: &AnyRow) -> sqlx::Result<Self> {
        let view = JobView::from_row(row)?;
        // The upload is deleted with the last document of its content.
        let file: Option<Metadata> = Column::read(row, "metadata")?;
        let (content_type, file_size) = file.map(|file| (file.content_type, file.file_size)).unwrap_or_default();
        Ok(Self {
            user_id: Column::read(row, "account_id")?,
            version: Column::read(row, "version")?,
            job_name: Stage::read(row, "stage")?.batch().map(str::to_owned),
            file_size,
            content_type,
            total_pages: Column::read(row, "total_pages")?,
            pages_requested: u32::try_from(view.pages.len()).unwrap_or(u32::MAX),
            pages_submitted: Column::read(row, "pages_submitted")?,
            figure_urls_by_page: BTreeMap::new(),
            poll_count: Column::read(row, "polls")?,
            reserved_tokens: Column::read(row, "reserved")?,
            view,
        })
    }
}
