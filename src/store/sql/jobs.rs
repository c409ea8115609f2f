//! Jobs: admission, claims and steps. `complete` stores the results of a job.

mod rows;

use crate::documents::JobViews;
use async_trait::async_trait;
use futures::stream::BoxStream;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, FromRow, Row};

use super::accounts::{amount, usage_of};
use super::columns::Column;
use super::locks::lock_account;
use super::{SqlStore, complete, contents, orphans, page_indices, spending, storage, to_db, to_json};
use crate::accounts::Account;
use crate::accounts::Allowance;
use crate::crash::crash_point;
use crate::error::{Error, Result};
use crate::extract::PageResult;
use crate::jobs::machine::Lane;
use crate::jobs::{Acceptance, Completion, Jobs};
use crate::jobs::{Job, OrphanedResource, PaidAnswer, Stage};
use crate::model::wire::JobView;
use crate::model::{ApiError, PageSet, UnixMs};

pub(super) use rows::{job_columns, view_columns};

macro_rules! select_views {
    ($condition:literal) => {
        concat!("SELECT ", view_columns!(), " FROM jobs j WHERE ", $condition)
    };
}

/// Claims the jobs that have been due longest. SQLite has one writer at a time. In PostgreSQL, a claim skips the rows that concurrent
/// claims have locked. Jobs that wait for their batch are not claimed: they are polled, and then claimed one by one if there is news.
macro_rules! claim {
    ($index:literal, $of_lane:expr, $skip_locked:literal) => {
        concat!(
            "UPDATE jobs SET lease_owner = $1, lease_until = (SELECT now_ms FROM clock) + $2, fence = fence + 1,
                 claims = claims + CASE WHEN lease_owner = $1 AND lease_until > 0 THEN 0 ELSE 1 END
             WHERE id IN (SELECT id FROM jobs ",
            $index,
            " WHERE active = 1 AND lane = $3 AND due_at <= (SELECT now_ms FROM clock)
                            AND lease_until <= (SELECT now_ms FROM clock) ",
            $of_lane,
            " ORDER BY due_at LIMIT $4 ",
            $skip_locked,
            ") RETURNING ",
            job_columns!()
        )
    };
}

/// The condition of the index `jobs_remote_due`.
macro_rules! is_remote_due {
    () => {
        r#"AND lane = 'watch' AND stage NOT LIKE '{"at":"watch"%'"#
    };
}

pub(super) const CLAIM: &str = claim!("", "", "");
pub(super) const CLAIM_REMOTE: &str = claim!("INDEXED BY jobs_remote_due", is_remote_due!(), "");
pub(super) const ACTIVE: &str =
    concat!("SELECT ", job_columns!(), " FROM jobs WHERE account_id = $1 AND content_hash = $2 AND active = 1");
pub(super) const LATEST: &str = select_views!("j.account_id = $1 AND j.content_hash = $2 ORDER BY j.id DESC LIMIT 1");
/// Open jobs of a list. A later document or job for the same content hides a failed job: the user has tried again.
pub(super) const OPEN: &str = select_views!(
    "j.account_id = $1 AND j.status <> 'succeeded'
     AND (j.active = 1
          OR (NOT EXISTS (SELECT 1 FROM documents d WHERE d.id = j.document_id)
              AND NOT EXISTS (SELECT 1 FROM jobs newer WHERE newer.account_id = j.account_id
                              AND newer.content_hash = j.content_hash AND newer.id > j.id)))
     ORDER BY j.id DESC LIMIT 200"
);

#[async_trait]
impl Jobs for SqlStore {
    async fn accept(
        &self,
        job: &Job,
        reserve: u64,
        account: &Account,
        default_quota: u64,
        allowance: &Allowance,
    ) -> Result<Acceptance> {
        let mut tx = self.write().await?;
        crash_point("accept", "begun");
        if !lock_account(&mut tx, &account.id).await? {
            return Err(Error::internal("the account does not exist"));
        }
        if let Some(active) = active_job(&mut tx, &account.id, &job.content_hash).await? {
            return Ok(Acceptance::Active(Box::new(active)));
        }
        if !has_upload(&mut tx, job).await? {
            return Err(ApiError::not_found("upload").into());
        }
        let held = storage::usage(&mut tx, &account.id).await?;
        allowance.admits_job(&held, job.pages_submitted)?;
        if !contents::has_document(&mut tx, &account.id, &job.document_id).await? {
            allowance.admits_document(&held)?;
        }
        let usage = usage_of(&mut tx, account, default_quota).await?;
        if reserve > usage.available_tokens {
            return Ok(Acceptance::OverQuota(usage));
        }
        crash_point("accept", "admitted");
        insert_job(&mut tx, job).await?;
        crash_point("accept", "job on record");
        let sql = "INSERT INTO reservations (job_id, account_id, tokens) VALUES ($1, $2, $3)";
        sqlx::query(sql).bind(&job.id).bind(&account.id).bind(amount(reserve)).execute(&mut *tx).await?;
        crash_point("accept", "reserved");
        tx.commit().await?;
        crash_point("accept", "committed");
        Ok(Acceptance::Accepted)
    }

    async fn claim(&self, worker: &str, lane: Lane, max: usize, lease_ms: i64) -> Result<Vec<Job>> {
        let claim = match (lane, self.sqlite) {
            (Lane::Local, true) => CLAIM,
            (Lane::Local, false) => claim!("", "", "FOR UPDATE SKIP LOCKED"),
            (Lane::Remote, true) => CLAIM_REMOTE,
            (Lane::Remote, false) => claim!("", is_remote_due!(), "FOR UPDATE SKIP LOCKED"),
        };
        // Fetches all rows, because SQLite commits after the last one (<https://github.com/canonical/dqlite/issues/527>, read 2026-11-30).
        let rows = sqlx::query(claim)
            .bind(worker)
            .bind(lease_ms)
            .bind(lane.into_str())
            .bind(i64::try_from(max).unwrap_or(i64::MAX))
            .fetch_all(&self.pool)
            .await?;
        let mut jobs = Vec::with_capacity(rows.len());
        for row in &rows {
            match Job::from_row(row) {
                Ok(job) => jobs.push(job),
                Err(error) => self.return_unreadable(row, error).await?,
            }
        }
        jobs.sort_by_key(|job| job.due_at);
        Ok(jobs)
    }

    async fn adopt(&self, worker: &str, job_id: &str, fence: i64, lease_ms: i64) -> Result<Option<Job>> {
        let job = sqlx::query_as(concat!(
            "UPDATE jobs SET lease_owner = $1, lease_until = (SELECT now_ms FROM clock) + $2
             WHERE id = $3 AND fence = $4 AND active = 1 AND lease_until > 0 RETURNING ",
            job_columns!()
        ))
        .bind(worker)
        .bind(lease_ms)
        .bind(job_id)
        .bind(fence)
        .fetch_optional(&self.pool)
        .await?;
        Ok(job)
    }

    async fn renew(&self, job: &Job, lease_ms: i64) -> Result<bool> {
        let sql = "UPDATE jobs SET lease_until = (SELECT now_ms FROM clock) + $1
                   WHERE id = $2 AND fence = $3 AND active = 1 AND lease_until > 0";
        let done = sqlx::query(sql).bind(lease_ms).bind(&job.id).bind(job.fence).execute(&self.pool).await?;
        Ok(done.rows_affected() == 1)
    }

    async fn release(&self, job: &Job, wait_ms: Option<i64>) -> Result<()> {
        let sql = "UPDATE jobs SET lease_until = 0, lease_owner = NULL,
                       due_at = COALESCE((SELECT now_ms FROM clock) + $1, due_at),
                       claims = CASE WHEN claims > 0 THEN claims - 1 ELSE 0 END
                   WHERE id = $2 AND fence = $3";
        sqlx::query(sql).bind(wait_ms).bind(&job.id).bind(job.fence).execute(&self.pool).await?;
        Ok(())
    }

    async fn advance(&self, job: &Job, wait_ms: i64, left: Option<&OrphanedResource>, now: UnixMs) -> Result<bool> {
        if job.task().is_some() && left.is_none() {
            // A single statement is a transaction.
            let mut connection = self.pool.acquire().await?;
            return commit_step(&mut connection, job, wait_ms, now).await;
        }
        let mut tx = self.write().await?;
        if !commit_step(&mut tx, job, wait_ms, now).await? {
            return Ok(false);
        }
        if let Some(left) = left {
            orphans::record(&mut tx, left).await?;
        }
        crash_point("end", "written");
        if job.task().is_none() {
            release_reservation(&mut tx, &job.id).await?;
            contents::delete_draft(&mut tx, job).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    async fn record_pages(&self, job: &Job, pages: &[PageResult], paid: &[PaidAnswer], now: UnixMs) -> Result<bool> {
        let mut tx = self.write().await?;
        if !guard(&mut tx, job, now).await? {
            return Ok(false);
        }
        crash_point("record page", "guarded");
        for answer in paid {
            spending::settle(&mut tx, job, answer, now).await?;
        }
        let bytes = complete::store_pages(&mut tx, job, pages, now).await?;
        storage::add(&mut tx, &job.account_id, bytes).await?;
        crash_point("record page", "stored");
        tx.commit().await?;
        crash_point("record page", "committed");
        Ok(true)
    }

    async fn finished_pages(&self, job: &Job) -> Result<PageSet> {
        let pages = sqlx::query_scalar(
            "SELECT page_index FROM page_results WHERE account_id = $1 AND content_hash = $2 AND recipe = $3 AND $5 = 0
             UNION SELECT page_index FROM ledger WHERE job_id = $4
             UNION SELECT page_index FROM page_failures WHERE job_id = $4",
        )
        .bind(&job.account_id)
        .bind(&job.content_hash)
        .bind(job.recipe.name())
        .bind(&job.id)
        .bind(i64::from(job.rereads))
        .fetch_all(&self.pool)
        .await?;
        page_indices(pages)
    }

    async fn complete(
        &self,
        done: &Job,
        results: BoxStream<'_, Result<PageResult>>,
        now: UnixMs,
    ) -> Result<Completion> {
        let mut tx = self.write().await?;
        if !commit_step(&mut tx, done, 0, now).await? {
            return Ok(Completion::Superseded);
        }
        crash_point("complete", "step written");
        // Dropping the transaction rolls it back.
        if !complete::store_document(&mut tx, done, results, now).await? {
            return Ok(Completion::NothingUsable);
        }
        crash_point("complete", "pages put in place");
        release_reservation(&mut tx, &done.id).await?;
        crash_point("complete", "reservation released");
        tx.commit().await?;
        crash_point("complete", "committed");
        Ok(Completion::Stored)
    }

    async fn active_ids(&self) -> Result<Vec<String>> {
        Ok(sqlx::query_scalar("SELECT id FROM jobs WHERE active = 1").fetch_all(&self.pool).await?)
    }
}

#[async_trait]
impl JobViews for SqlStore {
    async fn latest(&self, account_id: &str, content_hash: &str) -> Result<Option<JobView>> {
        Ok(sqlx::query_as(LATEST).bind(account_id).bind(content_hash).fetch_optional(&self.pool).await?)
    }

    async fn job(&self, account_id: &str, id: &str) -> Result<Option<JobView>> {
        let job = sqlx::query_as(select_views!("j.account_id = $1 AND j.id = $2"));
        Ok(job.bind(account_id).bind(id).fetch_optional(&self.pool).await?)
    }

    async fn filling(&self, account_id: &str, document_id: &str) -> Result<Option<JobView>> {
        let job = sqlx::query_as(select_views!("j.account_id = $1 AND j.document_id = $2 ORDER BY j.id DESC LIMIT 1"));
        Ok(job.bind(account_id).bind(document_id).fetch_optional(&self.pool).await?)
    }

    async fn open_jobs(&self, account_id: &str) -> Result<Vec<JobView>> {
        Ok(sqlx::query_as(OPEN).bind(account_id).fetch_all(&self.pool).await?)
    }

    async fn dismiss(&self, account_id: &str, content_hash: &str) -> Result<()> {
        let sql = "DELETE FROM jobs WHERE account_id = $1 AND content_hash = $2 AND active = 0
                   AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.id = jobs.document_id)
                   AND NOT EXISTS (SELECT 1 FROM ledger l WHERE l.job_id = jobs.id)";
        sqlx::query(sql).bind(account_id).bind(content_hash).execute(&self.pool).await?;
        Ok(())
    }
}

/// Locks the job of a current claim. It also counts as progress: a job that makes progress does not crash its worker. `false`: the claim
/// was lost.
pub(super) async fn guard(connection: &mut AnyConnection, job: &Job, now: UnixMs) -> Result<bool> {
    let sql = "UPDATE jobs SET claims = 0, updated_at = $1 WHERE id = $2 AND fence = $3 AND active = 1";
    let guard = sqlx::query(sql).bind(now.0).bind(&job.id).bind(job.fence).execute(connection).await?;
    Ok(guard.rows_affected() == 1)
}

async fn active_job(connection: &mut AnyConnection, account_id: &str, content_hash: &str) -> Result<Option<Job>> {
    Ok(sqlx::query_as(ACTIVE).bind(account_id).bind(content_hash).fetch_optional(connection).await?)
}

async fn has_upload(connection: &mut AnyConnection, job: &Job) -> Result<bool> {
    let sql = "SELECT COUNT(*) FROM uploads WHERE account_id = $1 AND hash = $2";
    let count: i64 = sqlx::query_scalar(sql).bind(&job.account_id).bind(&job.upload_hash).fetch_one(connection).await?;
    Ok(count > 0)
}

async fn insert_job(connection: &mut AnyConnection, job: &Job) -> Result<()> {
    sqlx::query(
        "INSERT INTO jobs (id, account_id, upload_hash, content_hash, mode, title, recipe, total_pages, pages,
                           pages_submitted, document_id, active, stage, requeued, submitted_at, updated_at, due_at,
                           claims, fence, lease_until, lane, polls, network, status, rereads)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, $12, 0, $13, $13, (SELECT now_ms FROM clock), 0, 0, 0, $14, 0,
                 $15, $16, $17)",
    )
    .bind(&job.id)
    .bind(&job.account_id)
    .bind(&job.upload_hash)
    .bind(&job.content_hash)
    .bind(job.mode.into_str())
    .bind(&job.title)
    .bind(job.recipe.name())
    .bind(to_db(job.total_pages.into()))
    .bind(job.pages.to_string())
    .bind(to_db(job.pages_submitted.into()))
    .bind(&job.document_id)
    .bind(to_json(&job.stage)?)
    .bind(job.submitted_at.0)
    .bind(job.lane().into_str())
    .bind(job.network.as_deref())
    .bind(job.status().into_str())
    .bind(i64::from(job.rereads))
    .execute(connection)
    .await?;
    Ok(())
}

impl SqlStore {
    /// Updates `status` of jobs that servers of an older version have changed: those write `stage` only.
    pub(super) async fn catch_up_statuses(&self) -> Result<()> {
        let sql = "SELECT id, version, stage, status FROM jobs
                   WHERE status <> 'succeeded' AND status IN ('preparing', 'pending', 'running')";
        let rows = sqlx::query(sql).fetch_all(&self.pool).await?;
        for row in &rows {
            // An unreadable stage is that of a newer server, which writes the status itself.
            let Ok(stage) = Stage::read(row, "stage") else { continue };
            let status = stage.status().into_str();
            if String::read(row, "status")? != status {
                sqlx::query("UPDATE jobs SET status = $1 WHERE id = $2 AND version = $3")
                    .bind(status)
                    .bind(String::read(row, "id")?)
                    .bind(i64::read(row, "version")?)
                    .execute(&self.pool)
                    .await?;
            }
        }
        Ok(())
    }

    /// Gives back a claim of a job that this program cannot read, because a newer one has written it. The claim does not count. The lease
    /// stays, so that the job is not claimed again immediately.
    async fn return_unreadable(&self, row: &AnyRow, error: sqlx::Error) -> Result<()> {
        let (id, fence): (&str, i64) = (row.try_get("id")?, row.try_get("fence")?);
        tracing::error!(job = id, %error, "job is unreadable for this version");
        let sql =
            "UPDATE jobs SET claims = CASE WHEN claims > 0 THEN claims - 1 ELSE 0 END WHERE id = $1 AND fence = $2";
        sqlx::query(sql).bind(id).bind(fence).execute(&self.pool).await?;
        Ok(())
    }
}

/// Stores the job after a step, if the claim is still current. The lease ends if the job has to wait.
async fn commit_step(connection: &mut AnyConnection, job: &Job, wait_ms: i64, now: UnixMs) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE jobs SET stage = $1, due_at = (SELECT now_ms FROM clock) + $2, claims = $3, requeued = $4, active = $5, updated_at = $6,
                version = version + 1, lease_until = CASE WHEN $2 > 0 THEN 0 ELSE lease_until END, lane = $9, polls = $10, hindered_by = $11,
                budget_wait_ms = $12, status = $13, shard = $14
         WHERE id = $7 AND fence = $8 AND active = 1",
    )
    .bind(to_json(&job.stage)?)
    .bind(wait_ms)
    .bind(i64::from(job.claims))
    .bind(i64::from(job.requeued))
    .bind(i64::from(job.task().is_some()))
    .bind(now.0)
    .bind(&job.id)
    .bind(job.fence)
    .bind(job.lane().into_str())
    .bind(i64::from(job.polls))
    .bind(job.blocked_by.map(|by| by.into_str()))
    .bind(job.budget_wait_ms)
    .bind(job.status().into_str())
    .bind(job.shard.as_ref().map(to_json).transpose()?)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

async fn release_reservation(connection: &mut AnyConnection, job_id: &str) -> Result<()> {
    sqlx::query("DELETE FROM reservations WHERE job_id = $1").bind(job_id).execute(connection).await?;
    Ok(())
}
