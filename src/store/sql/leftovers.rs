//! What deleted accounts left at Google.

use async_trait::async_trait;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::jobs::{job_columns, job_of};
use super::{SqlStore, count, json, to_json};
use crate::batch::Leftover;
use crate::error::Result;
use crate::model::UnixMs;
use crate::store::Leftovers;

#[async_trait]
impl Leftovers for SqlStore {
    async fn next_leftover(&self, now: UnixMs, until: UnixMs) -> Result<Option<Leftover>> {
        let row = sqlx::query(
            "UPDATE leftovers SET due_at = $1
             WHERE job_id IN (SELECT job_id FROM leftovers WHERE due_at <= $2 ORDER BY due_at LIMIT 1)
             RETURNING job_id, stage, recorded_at, due_at, quiet_looks",
        )
        .bind(until.0)
        .bind(now.0)
        // All rows: only the end of a statement says whether SQLite could commit it.
        .fetch_all(&self.pool)
        .await?;
        row.first().map(leftover).transpose()
    }

    async fn put_off(&self, leftover: &Leftover) -> Result<()> {
        sqlx::query("UPDATE leftovers SET due_at = $1, quiet_looks = $2 WHERE job_id = $3")
            .bind(leftover.due_at.0)
            .bind(i64::from(leftover.quiet_looks))
            .bind(leftover.job_id.as_str())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    async fn strike_off(&self, job_id: &str) -> Result<()> {
        sqlx::query("DELETE FROM leftovers WHERE job_id = $1").bind(job_id).execute(&self.pool).await?;
        Ok(())
    }
}

/// Deletes the active jobs of an account, and records what they leave. They are deleted first: no worker can move them any more then.
pub(super) async fn leave(connection: &mut AnyConnection, account_id: &str, now: UnixMs) -> Result<()> {
    let delete = concat!("DELETE FROM jobs WHERE account_id = $1 AND active = 1 RETURNING ", job_columns!());
    let rows = sqlx::query(delete).bind(account_id).fetch_all(&mut *connection).await?;
    for row in &rows {
        if let Some(left) = Leftover::of(&job_of(row)?, now) {
            insert(connection, &left).await?;
        }
    }
    Ok(())
}

async fn insert(connection: &mut AnyConnection, leftover: &Leftover) -> Result<()> {
    sqlx::query("INSERT INTO leftovers (job_id, stage, recorded_at, due_at, quiet_looks) VALUES ($1, $2, $3, $4, $5)")
        .bind(leftover.job_id.as_str())
        .bind(to_json(&leftover.stage)?)
        .bind(leftover.recorded_at.0)
        .bind(leftover.due_at.0)
        .bind(i64::from(leftover.quiet_looks))
        .execute(connection)
        .await?;
    Ok(())
}

fn leftover(row: &AnyRow) -> Result<Leftover> {
    Ok(Leftover {
        job_id: row.try_get("job_id")?,
        stage: json(row, "stage")?,
        recorded_at: UnixMs(row.try_get("recorded_at")?),
        due_at: UnixMs(row.try_get("due_at")?),
        quiet_looks: count(row, "quiet_looks")?,
    })
}
