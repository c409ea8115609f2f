//! Jobs that wait for their batch, and live workers, in memory.

use async_trait::async_trait;
use coldbrew::clock::{Clock, SystemClock};
use coldbrew::error::Result;
use coldbrew::jobs::{Job, PollingJobs, Roster, Stage};
use coldbrew::model::UnixMs;

use super::{JobRow, Memory, Records};

/// A worker that polls.
#[derive(Clone, Copy, Default)]
pub struct WorkerRow {
    alive_until: i64,
    attended_until: i64,
}

impl Records {
    /// The store's own time.
    fn time(&self) -> UnixMs {
        self.time.unwrap_or_else(|| SystemClock.now())
    }

    fn waits(&self, row: &JobRow) -> bool {
        matches!(row.job.stage, Stage::Polling(_)) && row.lease_until <= self.time()
    }

    pub(super) fn attended_until(&self) -> UnixMs {
        UnixMs(self.workers.values().map(|worker| worker.attended_until).max().unwrap_or_default())
    }
}

#[async_trait]
impl PollingJobs for Memory {
    async fn waiting(&self) -> Result<Vec<(String, i64)>> {
        let records = self.records();
        let waiting = records.jobs.values().filter(|row| records.waits(row));
        Ok(waiting.map(|row| (row.job.id.clone(), row.job.fence)).collect())
    }

    async fn load(&self, ids: &[String]) -> Result<Vec<Job>> {
        let records = self.records();
        let found = records.jobs.values().filter(|row| ids.contains(&row.job.id));
        Ok(found.filter(|row| matches!(row.job.stage, Stage::Polling(_))).map(|row| row.job.clone()).collect())
    }

    async fn claim_waiting(&self, worker: &str, job_id: &str, fence: i64, lease_ms: i64) -> Result<Option<Job>> {
        let mut records = self.records();
        let now = records.time();
        let is_free = records.jobs.get(job_id).is_some_and(|row| row.job.fence == fence && records.waits(row));
        let row = records.jobs.get_mut(job_id).filter(|_| is_free);
        Ok(row.map(|row| row.claim(worker, now, lease_ms)))
    }

    async fn attend(&self, worker: &str, behind_ms: Option<i64>, lease_ms: i64) -> Result<()> {
        let mut records = self.records();
        let (alive_until, attended_until) = (records.time().0 + lease_ms, records.attended_until().0);
        let is_known = records.workers.contains_key(worker);
        let attended_until = behind_ms.filter(|_| is_known).map_or(attended_until, |behind_ms| alive_until - behind_ms);
        records.workers.insert(worker.to_owned(), WorkerRow { alive_until, attended_until });
        Ok(())
    }

    async fn roster(&self, lease_ms: i64) -> Result<Roster> {
        let records = self.records();
        let now = records.time().0;
        let live = |row: &WorkerRow| row.alive_until > now && row.alive_until <= now + 2 * lease_ms;
        let workers = records.workers.iter().filter(|(_, row)| live(row)).map(|(name, _)| name.clone()).collect();
        let unattended_ms = if records.workers.is_empty() { i64::MAX } else { now - records.attended_until().0 };
        Ok(Roster { workers, unattended_ms })
    }

    async fn leave(&self, worker: &str) -> Result<()> {
        let mut records = self.records();
        let now = records.time().0;
        if let Some(row) = records.workers.get_mut(worker) {
            row.alive_until = now;
        }
        Ok(())
    }
}
