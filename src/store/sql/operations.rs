//! The queue as a whole, and the copy of the embedded database.

use std::path::Path;

use async_trait::async_trait;
use sqlx::Row;

use super::SqlStore;
use super::accounts::mode;
use super::jobs::hindered_by;
use crate::error::{Error, Result};
use crate::model::UnixMs;
use crate::store::{Operations, QueuedJob};

/// No job waits, and no claim holds, for longer: what seems to was written by a clock that has been set back since.
const WAIT_MS_MAX: i64 = 3 * 3_600_000;

#[async_trait]
impl Operations for SqlStore {
    async fn queue(&self) -> Result<Vec<QueuedJob>> {
        let rows = sqlx::query(
            "SELECT mode, status, submitted_at, due_at, lease_until, hindered_by FROM jobs WHERE active = 1",
        )
        .fetch_all(&self.pool)
        .await?;
        let job = |row: &sqlx::any::AnyRow| {
            Ok(QueuedJob {
                mode: mode(row)?.name(),
                status: match row.try_get("status")? {
                    "preparing" => "preparing",
                    "pending" => "pending",
                    _ => "running",
                },
                submitted_at: UnixMs(row.try_get("submitted_at")?),
                due_at: UnixMs(row.try_get("due_at")?),
                lease_until: UnixMs(row.try_get("lease_until")?),
                hindered_by: hindered_by(row)?,
            })
        };
        rows.iter().map(job).collect()
    }

    async fn clock_went_back(&self, now: UnixMs, by_ms: i64) -> Result<()> {
        // What lies further ahead than half of the jump was written before it. So a second server that has seen the same changes nothing.
        sqlx::query(
            "UPDATE jobs SET due_at = CASE WHEN due_at - $1 BETWEEN $2 AND $3 THEN due_at - $1 ELSE $2 END
             WHERE active = 1 AND due_at > $2 + $1 / 2",
        )
        .bind(by_ms)
        .bind(now.0)
        .bind(now.plus(WAIT_MS_MAX).0)
        .execute(&self.pool)
        .await?;
        sqlx::query(
            "UPDATE jobs SET lease_until = CASE WHEN lease_until - $1 <= $3 THEN lease_until - $1 ELSE $2 END
             WHERE active = 1 AND lease_until > $2 + $1 / 2",
        )
        .bind(by_ms)
        .bind(now.0)
        .bind(now.plus(WAIT_MS_MAX).0)
        .execute(&self.pool)
        .await?;
        sqlx::query("UPDATE leftovers SET due_at = $2 WHERE due_at > $2 + $1 / 2")
            .bind(by_ms)
            .bind(now.0)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    async fn copy_to(&self, file: &Path) -> Result<()> {
        if !self.sqlite {
            return Err(Error::internal("a PostgreSQL database is backed up with pg_dump"));
        }
        let name = file.to_str().ok_or_else(|| Error::internal("the backup's path is not text"))?;
        sqlx::query("VACUUM INTO $1").bind(name).execute(&self.pool).await?;
        Ok(())
    }
}
