//! Orphaned resources at Google, in memory.

use async_trait::async_trait;
use coldbrew::error::Result;
use coldbrew::jobs::OrphanedResource;
use coldbrew::jobs::OrphanedResources;
use coldbrew::model::UnixMs;

use super::Memory;

#[async_trait]
impl OrphanedResources for Memory {
    async fn claim_orphan(&self, now: UnixMs, until: UnixMs) -> Result<Option<OrphanedResource>> {
        let mut records = self.records();
        let due = records.orphans.values_mut().filter(|orphan| orphan.due_at <= now).min_by_key(|orphan| orphan.due_at);
        Ok(due.map(|orphan| {
            orphan.due_at = until;
            orphan.clone()
        }))
    }

    async fn postpone_orphan(&self, orphan: &OrphanedResource) -> Result<()> {
        if let Some(left) = self.records().orphans.get_mut(&key(orphan)) {
            left.clone_from(orphan);
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
