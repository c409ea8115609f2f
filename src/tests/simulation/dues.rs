//! When the work of a schedule is due.

use coldbrew::jobs::Stage;
use coldbrew::jobs::machine::Lane;
use coldbrew::model::UnixMs;

use crate::support::memory::Memory;

/// When the next job of each lane and the next orphaned resource are due, and when another job may be submitted.
pub struct Dues {
    pub local: Option<UnixMs>,
    pub remote: Option<UnixMs>,
    /// Whether a job waits for its batch.
    pub is_waiting: bool,
    pub orphan: Option<UnixMs>,
    pub submission: Option<UnixMs>,
}

impl Dues {
    /// Those of the recorded jobs and orphaned resources.
    pub fn of_records(memory: &Memory) -> Self {
        let records = memory.records();
        let orphan = records.orphans.values().map(|row| row.due_at).min();
        let mut dues = Self { local: None, remote: None, is_waiting: false, orphan, submission: None };
        for row in records.jobs.values().filter(|row| row.job.task().is_some()) {
            let due_at = row.job.due_at.max(row.lease_until);
            if let Stage::Polling(_) = row.job.stage {
                dues.is_waiting = true;
                continue;
            }
            let of_lane = match row.job.lane() {
                Lane::Local => &mut dues.local,
                Lane::Remote => &mut dues.remote,
            };
            *of_lane = Some(of_lane.map_or(due_at, |other| due_at.min(other)));
        }
        dues
    }

    /// Whether no job is due at any time.
    pub fn have_no_job(&self) -> bool {
        (self.local, self.remote, self.is_waiting) == (None, None, false)
    }

    pub const fn of(&self, lane: Lane) -> Option<UnixMs> {
        match lane {
            Lane::Local => self.local,
            Lane::Remote => self.remote,
        }
    }

    /// The earliest of them. `None`: nothing will be due any more. Polls are due at any time.
    pub fn next(&self) -> Option<UnixMs> {
        let polls = self.is_waiting.then_some(UnixMs(i64::MAX));
        [self.local, self.remote, self.orphan, self.submission, polls].into_iter().flatten().min()
    }
}
