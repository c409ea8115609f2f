//! The queue for gauges and the doctor, the clock, and the backup of SQLite.

use std::path::Path;

use async_trait::async_trait;
use sqlx::AssertSqlSafe;

use super::SqlStore;
use super::columns::from_row;
use super::polling::{ATTENDED_UNTIL, is_polling};
use crate::error::{Error, Result};
use crate::model::UnixMs;
use crate::operations::{DatabaseTime, Operations, QueuedJob};

/// No wait and no lease is longer than this. A longer one was written before the clock was set back.
const WAIT_MS_MAX: i64 = 3 * 3_600_000;

#[async_trait]
impl Operations for SqlStore {
    async fn queue(&self) -> Result<Vec<QueuedJob>> {
        let sql = format!(
            "SELECT mode, status, submitted_at, lease_until, hindered_by,
                    CASE WHEN {} AND due_at < attended_until THEN attended_until ELSE due_at END AS due_at
             FROM jobs, (SELECT {ATTENDED_UNTIL} AS attended_until) AS polls WHERE active = 1",
            is_polling!()
        );
        Ok(sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&self.pool).await?)
    }

    async fn copy_to(&self, file: &Path) -> Result<()> {
        if !self.sqlite {
            return Err(Error::internal("a PostgreSQL database is backed up with pg_dump"));
        }
        let name = file.to_str().ok_or_else(|| Error::internal("the backup's path is not UTF-8"))?;
        sqlx::query("VACUUM INTO $1").bind(name).execute(&self.pool).await?;
        Ok(())
    }
}

#[async_trait]
impl DatabaseTime for SqlStore {
    async fn database_time(&self) -> Result<UnixMs> {
        let now_ms = sqlx::query_scalar("SELECT now_ms FROM clock").fetch_one(&self.pool).await?;
        Ok(UnixMs(now_ms))
    }

    async fn clock_went_back(&self, by_ms: i64) -> Result<()> {
        // Instants further ahead than half of the jump were written before it. So a second server that detects the same jump changes
        // nothing.
        let now = self.database_time().await?;
        let sql = "UPDATE jobs SET due_at = CASE WHEN due_at - $1 BETWEEN $2 AND $3 THEN due_at - $1 ELSE $2 END
                   WHERE active = 1 AND due_at > $2 + $1 / 2";
        sqlx::query(sql).bind(by_ms).bind(now.0).bind(now.plus(WAIT_MS_MAX).0).execute(&self.pool).await?;
        let sql = "UPDATE jobs SET lease_until = CASE WHEN lease_until - $1 <= $3 THEN lease_until - $1 ELSE $2 END
                   WHERE active = 1 AND lease_until > $2 + $1 / 2";
        sqlx::query(sql).bind(by_ms).bind(now.0).bind(now.plus(WAIT_MS_MAX).0).execute(&self.pool).await?;
        let sql = "UPDATE leftovers SET due_at = $2 WHERE due_at > $2 + $1 / 2";
        sqlx::query(sql).bind(by_ms).bind(now.0).execute(&self.pool).await?;
        Ok(())
    }
}

from_row!(QueuedJob { mode, status, submitted_at, due_at, lease_until, blocked_by = hindered_by });
