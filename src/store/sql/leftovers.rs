//! What jobs left at Google.

use async_trait::async_trait;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::jobs::{job_columns, job_of};
use super::{SqlStore, count, json, to_json};
use crate::error::Result;
use crate::jobs::Leftover;
use crate::jobs::Leftovers;
use crate::model::UnixMs;

#[async_trait]
impl Leftovers for SqlStore {
    async fn next_leftover(&self, now: UnixMs, until: UnixMs) -> Result<Option<Leftover>> {
        let row = sqlx::query(
            "UPDATE leftovers SET due_at = $1
             WHERE (job_id, spared) IN (SELECT job_id, spared FROM leftovers WHERE due_at <= $2 ORDER BY due_at LIMIT 1)
             RETURNING job_id, spared, last_stage, recorded_at, due_at, quiet_looks",
        )
        .bind(until.0)
        .bind(now.0)
        // All rows: only the end of a statement says whether SQLite could commit it.
        .fetch_all(&self.pool)
        .await?;
        row.first().map(leftover).transpose()
    }

    async fn put_off(&self, leftover: &Leftover) -> Result<()> {
        sqlx::query("UPDATE leftovers SET due_at = $1, quiet_looks = $2 WHERE job_id = $3 AND spared = $4")
            .bind(leftover.due_at.0)
            .bind(i64::from(leftover.quiet_looks))
            .bind(leftover.job_id.as_str())
            .bind(spared(leftover))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    async fn strike_off(&self, leftover: &Leftover) -> Result<()> {
        sqlx::query("DELETE FROM leftovers WHERE job_id = $1 AND spared = $2")
            .bind(leftover.job_id.as_str())
            .bind(spared(leftover))
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

/// Deletes the active jobs of an account, and records what they leave. They are deleted first: no worker can move them any more then.
pub(super) async fn leave(connection: &mut AnyConnection, account_id: &str, now: UnixMs) -> Result<()> {
    let delete = concat!("DELETE FROM jobs WHERE account_id = $1 AND active = 1 RETURNING ", job_columns!());
    let rows = sqlx::query(delete).bind(account_id).fetch_all(&mut *connection).await?;
    for row in &rows {
        if let Some(left) = Leftover::of(&job_of(row)?, now) {
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
    .bind(leftover.job_id.as_str())
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

fn leftover(row: &AnyRow) -> Result<Leftover> {
    Ok(Leftover {
        job_id: row.try_get("job_id")?,
        spared: Some(row.try_get::<String, _>("spared")?).filter(|batch| !batch.is_empty()),
        stage: json(row, "last_stage")?,
        recorded_at: UnixMs(row.try_get("recorded_at")?),
        due_at: UnixMs(row.try_get("due_at")?),
        quiet_looks: count(row, "quiet_looks")?,
    })
}
