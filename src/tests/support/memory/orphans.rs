//! Orphaned resources at Google, in memory.

use async_trait::async_trait;
use coldbrew::error::Result;
use coldbrew::jobs::OrphanedResource;
use coldbrew::jobs::OrphanedResources;

use super::{Memory, OrphanRow};

#[async_trait]
impl OrphanedResources for Memory {
    async fn claim_orphan(&self, lease_ms: i64) -> Result<Option<OrphanedResource>> {
        let (now, mut records) = (self.now(), self.records());
        let due = records.orphans.values_mut().filter(|row| row.due_at <= now).min_by_key(|row| row.due_at);
        Ok(due.map(|row| {
            row.due_at = now.plus(lease_ms);
            OrphanedResource { wait_ms: 0, age_ms: now.0 - row.recorded_at.0, ..row.orphan.clone() }
        }))
    }

    async fn postpone_orphan(&self, orphan: &OrphanedResource) -> Result<()> {
        if let Some(left) = self.records().orphans.get_mut(&key(orphan)) {
            *left = OrphanRow { orphan: orphan.clone(), due_at: self.now().plus(orphan.wait_ms), ..left.clone() };
        }
        Ok(())
    }

    async fn remove_orphan(&self, orphan: &OrphanedResource) -> Result<()> {
        self.records().orphans.remove(&key(orphan));
        Ok(())
    }
}

fn key(orphan: &OrphanedResource) -> (String, Option<String>) {
    (orphan.job_id.clone(), orphan.spared.clone())
}
