//! Orphaned resources at Google.

use async_trait::async_trait;
use sqlx::AnyConnection;

use super::jobs::job_columns;
use super::{SqlStore, from_row, to_json};
use crate::error::Result;
use crate::jobs::OrphanedResources;
use crate::jobs::{Job, OrphanedResource};

#[async_trait]
impl OrphanedResources for SqlStore {
    async fn claim_orphan(&self, lease_ms: i64) -> Result<Option<OrphanedResource>> {
        let due = sqlx::query_as(
            "UPDATE leftovers SET due_at = (SELECT now_ms FROM clock) + $1
             WHERE (job_id, spared) IN (SELECT job_id, spared FROM leftovers
                                        WHERE due_at <= (SELECT now_ms FROM clock) ORDER BY due_at LIMIT 1)
             RETURNING job_id, NULLIF(spared, '') AS spared, last_stage, (SELECT now_ms FROM clock) - recorded_at AS age_ms,
                 CAST(0 AS BIGINT) AS wait_ms, quiet_looks",
        )
        .bind(lease_ms)
        // Fetches all rows, because SQLite commits after the last one (<https://github.com/canonical/dqlite/issues/527>, read 2026-11-30).
        .fetch_all(&self.pool)
        .await?;
        Ok(due.into_iter().next())
    }

    async fn postpone_orphan(&self, orphan: &OrphanedResource) -> Result<()> {
        let sql = "UPDATE leftovers SET due_at = (SELECT now_ms FROM clock) + $1, quiet_looks = $2
                   WHERE job_id = $3 AND spared = $4";
        sqlx::query(sql)
            .bind(orphan.wait_ms)
            .bind(i64::from(orphan.quiet_looks))
            .bind(&orphan.job_id)
            .bind(spared(orphan))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    async fn remove_orphan(&self, orphan: &OrphanedResource) -> Result<()> {
        let sql = "DELETE FROM leftovers WHERE job_id = $1 AND spared = $2";
        sqlx::query(sql).bind(&orphan.job_id).bind(spared(orphan)).execute(&self.pool).await?;
        Ok(())
    }
}

/// Deletes the active jobs of an account and records their orphaned resources. Deletion comes first, so that no worker changes the jobs.
pub(super) async fn delete_active_jobs(connection: &mut AnyConnection, account_id: &str) -> Result<()> {
    let delete = concat!("DELETE FROM jobs WHERE account_id = $1 AND active = 1 RETURNING ", job_columns!());
    let jobs: Vec<Job> = sqlx::query_as(delete).bind(account_id).fetch_all(&mut *connection).await?;
    for job in &jobs {
        if let Some(left) = OrphanedResource::of(job) {
            record(connection, &left).await?;
        }
    }
    Ok(())
}

/// Records an orphaned resource. It replaces an earlier record with the same key, which it includes.
pub(super) async fn record(connection: &mut AnyConnection, orphan: &OrphanedResource) -> Result<()> {
    sqlx::query(
        "INSERT INTO leftovers (job_id, spared, last_stage, recorded_at, due_at, quiet_looks)
         VALUES ($1, $2, $3, (SELECT now_ms FROM clock), (SELECT now_ms FROM clock) + $4, $5)
         ON CONFLICT (job_id, spared) DO UPDATE SET last_stage = excluded.last_stage, recorded_at = excluded.recorded_at,
             due_at = excluded.due_at, quiet_looks = excluded.quiet_looks",
    )
    .bind(&orphan.job_id)
    .bind(spared(orphan))
    .bind(to_json(&orphan.stage)?)
    .bind(orphan.wait_ms)
    .bind(i64::from(orphan.quiet_looks))
    .execute(connection)
    .await?;
    Ok(())
}

/// The stored form, which is part of the primary key and cannot be NULL.
fn spared(orphan: &OrphanedResource) -> &str {
    orphan.spared.as_deref().unwrap_or_default()
}

from_row!(OrphanedResource { job_id, spared, stage = last_stage, age_ms, wait_ms, quiet_looks });
