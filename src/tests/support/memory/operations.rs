//! Operations on all jobs in memory.

use std::path::Path;

use async_trait::async_trait;
use coldbrew::error::{Error, Result};
use coldbrew::jobs::Stage;
use coldbrew::model::UnixMs;
use coldbrew::operations::{DatabaseTime, Operations, QueuedJob};

use super::Memory;

const WAIT_MS_MAX: i64 = 3 * 3_600_000;

#[async_trait]
impl Operations for Memory {
    async fn queue(&self) -> Result<Vec<QueuedJob>> {
        let records = self.records();
        let active = records.jobs.values().filter(|row| row.job.task().is_some());
        let queued = active.map(|row| QueuedJob {
            mode: row.job.mode,
            status: row.job.status(),
            submitted_at: row.job.submitted_at,
            due_at: match row.job.stage {
                Stage::Polling(_) => row.job.due_at.max(records.attended_until()),
                _ => row.job.due_at,
            },
            lease_until: row.lease_until,
            blocked_by: row.job.blocked_by,
        });
        Ok(queued.collect())
    }

    async fn copy_to(&self, _file: &Path) -> Result<()> {
        Err(Error::internal("records in memory cannot be backed up"))
    }
}

#[async_trait]
impl DatabaseTime for Memory {
    async fn database_time(&self) -> Result<UnixMs> {
        Ok(self.now())
    }

    async fn clock_went_back(&self, by_ms: i64) -> Result<()> {
        let (now, mut records) = (self.now(), self.records());
        let ahead = |at: UnixMs| at.0 > now.0 + by_ms / 2;
        records.orphans.values_mut().filter(|row| ahead(row.due_at)).for_each(|row| row.due_at = now);
        for row in records.jobs.values_mut().filter(|row| row.job.task().is_some()) {
            let due_at = row.job.due_at.plus(-by_ms);
            if ahead(row.job.due_at) {
                row.job.due_at = if due_at < now || due_at > now.plus(WAIT_MS_MAX) { now } else { due_at };
            }
            let lease_until = row.lease_until.plus(-by_ms);
            if ahead(row.lease_until) {
                row.lease_until = if lease_until > now.plus(WAIT_MS_MAX) { now } else { lease_until };
            }
        }
        Ok(())
    }
}
