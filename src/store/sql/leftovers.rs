//! What jobs left at Google.

use async_trait::async_trait;
use sqlx::AnyConnection;

use super::jobs::job_columns;
use super::{SqlStore, from_row, to_json};
use crate::error::Result;
use crate::jobs::Leftovers;
use crate::jobs::{Job, Leftover};
use crate::model::UnixMs;

#[async_trait]
impl Leftovers for SqlStore {
    async fn next_leftover(&self, now: UnixMs, until: UnixMs) -> Result<Option<Leftover>> {
        let due = sqlx::query_as(
            "UPDATE leftovers SET due_at = $1
             WHERE (job_id, spared) IN (SELECT job_id, spared FROM leftovers WHERE due_at <= $2 ORDER BY due_at LIMIT 1)
             RETURNING job_id, NULLIF(spared, '') AS spared, last_stage, recorded_at, due_at, quiet_looks",
        )
        .bind(until.0)
        .bind(now.0)
        // All rows: only the end of a statement says whether SQLite could commit it.
        .fetch_all(&self.pool)
        .await?;
        Ok(due.into_iter().next())
    }

    async fn put_off(&self, leftover: &Leftover) -> Result<()> {
        sqlx::query("UPDATE leftovers SET due_at = $1, quiet_looks = $2 WHERE job_id = $3 AND spared = $4")
            .bind(leftover.due_at.0)
            .bind(i64::from(leftover.quiet_looks))
            .bind(&leftover.job_id)
            .bind(spared(leftover))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    async fn strike_off(&self, leftover: &Leftover) -> Result<()> {
        let sql = "DELETE FROM leftovers WHERE job_id = $1 AND spared = $2";
        sqlx::query(sql).bind(&leftover.job_id).bind(spared(leftover)).execute(&self.pool).await?;
        Ok(())
    }
}

/// Deletes the active jobs of an account, and records what they leave. They are deleted first: no worker can move them any more then.
pub(super) async fn leave(connection: &mut AnyConnection, account_id: &str, now: UnixMs) -> Result<()> {
    let delete = concat!("DELETE FROM jobs WHERE account_id = $1 AND active = 1 RETURNING ", job_columns!());
    let jobs: Vec<Job> = sqlx::query_as(delete).bind(account_id).fetch_all(&mut *connection).await?;
    for job in &jobs {
        if let Some(left) = Leftover::of(job, now) {
            record(connection, &left).await?;
        }
    }
    Ok(())
}

/// Records it; what was recorded under the same name before is part of it.
pub(super) async fn record(connection: &mut AnyConnection, leftover: &Leftover) -> Result<()> {
    sqlx::query(
        "INSERT INTO leftovers (job_id, spared, last_stage, recorded_at, due_at, quiet_looks) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (job_id, spared) DO UPDATE SET last_stage = excluded.last_stage, recorded_at = excluded.recorded_at,
             due_at = excluded.due_at, quiet_looks = excluded.quiet_looks",
    )
    .bind(&leftover.job_id)
    .bind(spared(leftover))
    .bind(to_json(&leftover.stage)?)
    .bind(leftover.recorded_at.0)
    .bind(leftover.due_at.0)
    .bind(i64::from(leftover.quiet_looks))
    .execute(connection)
    .await?;
    Ok(())
}

/// As it is on record: a part of a key cannot be absent.
fn spared(leftover: &Leftover) -> &str {
    leftover.spared.as_deref().unwrap_or_default()
}

from_row!(Leftover { job_id, spared, stage = last_stage, recorded_at, due_at, quiet_looks });
