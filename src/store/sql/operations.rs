//! The queue as a whole, and the copy of the embedded database.

use std::path::Path;

use async_trait::async_trait;
use sqlx::Row;

use super::accounts::mode;
use super::{SqlStore, json};
use crate::batch::Stage;
use crate::error::{Error, Result};
use crate::model::{JobStatus, UnixMs};
use crate::store::{Operations, QueuedJob};

#[async_trait]
impl Operations for SqlStore {
    async fn queue(&self) -> Result<Vec<QueuedJob>> {
        let rows = sqlx::query("SELECT mode, stage, submitted_at, due_at, lease_until FROM jobs WHERE active = 1")
            .fetch_all(&self.pool)
            .await?;
        let job = |row: &sqlx::any::AnyRow| {
            let stage: Stage = json(row, "stage")?;
            Ok(QueuedJob {
                mode: mode(row)?.name(),
                status: match stage.status() {
                    JobStatus::Preparing => "preparing",
                    JobStatus::Pending => "pending",
                    _ => "running",
                },
                submitted_at: UnixMs(row.try_get("submitted_at")?),
                due_at: UnixMs(row.try_get("due_at")?),
                lease_until: UnixMs(row.try_get("lease_until")?),
            })
        };
        rows.iter().map(job).collect()
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
