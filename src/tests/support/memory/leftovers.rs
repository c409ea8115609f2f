//! What jobs left at Google, in memory.

use async_trait::async_trait;
use coldbrew::error::Result;
use coldbrew::jobs::Leftover;
use coldbrew::jobs::Leftovers;
use coldbrew::model::UnixMs;

use super::Memory;

#[async_trait]
impl Leftovers for Memory {
    async fn next_leftover(&self, now: UnixMs, until: UnixMs) -> Result<Option<Leftover>> {
        let mut records = self.records();
        let due = records.leftovers.values_mut().filter(|left| left.due_at <= now).min_by_key(|left| left.due_at);
        Ok(due.map(|left| {
            left.due_at = until;
            left.clone()
        }))
    }

    async fn put_off(&self, leftover: &Leftover) -> Result<()> {
        if let Some(left) = self.records().leftovers.get_mut(&key(leftover)) {
            left.clone_from(leftover);
        }
        Ok(())
    }

    async fn strike_off(&self, leftover: &Leftover) -> Result<()> {
        self.records().leftovers.remove(&key(leftover));
        Ok(())
    }
}

fn key(leftover: &Leftover) -> (String, Option<String>) {
    (leftover.job_id.clone(), leftover.spared.clone())
}
