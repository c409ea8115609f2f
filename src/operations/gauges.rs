//! What `/metrics` is answered from: the counters, and gauges that are looked up when they are asked for.

use std::sync::Arc;

use metrics::gauge;
use metrics_exporter_prometheus::PrometheusHandle;
use strum::VariantArray;

use super::{Operations, QueuedJob};
use crate::accounts::spending::Budget;
use crate::clock::Clock;
use crate::error::Result;
use crate::jobs::Spending;
use crate::metrics::{
    CEILING, COMMITTED, DEPENDENCY_UP, JOB_AGE, JOBS, JOBS_BLOCKED, JOBS_DUE, POLL_LAG, SPENT_TODAY, recorder,
};
use crate::model::{BlockedReason, JobStatus, Mode};

/// See the module.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
    store: Arc<dyn Operations>,
    spending: Arc<dyn Spending>,
    budget: Budget,
    clock: Arc<dyn Clock>,
}

impl Metrics {
    /// Begins counting, if that has not begun.
    pub fn start(
        store: Arc<dyn Operations>,
        spending: Arc<dyn Spending>,
        budget: Budget,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        Ok(Self { handle: recorder()?, store, spending, budget, clock })
    }

    /// All figures as Prometheus reads them. `dependencies`: each by name, and whether it answers. What is counted here is told even
    /// when the record cannot be asked; the queue is then as it was.
    pub async fn render(&self, dependencies: &[(&'static str, bool)]) -> String {
        for &(name, there) in dependencies {
            gauge!(DEPENDENCY_UP, "dependency" => name).set(count(there.into()));
        }
        if !dependencies.contains(&("database", false)) {
            match self.store.queue().await {
                Ok(jobs) => self.look_at_queue(&jobs),
                Err(error) => tracing::warn!(%error, "the queue could not be counted"),
            }
            if let Err(error) = self.look_at_spending().await {
                tracing::warn!(%error, "spending could not be summed");
            }
        }
        self.handle.run_upkeep();
        self.handle.render()
    }

    fn look_at_queue(&self, jobs: &[QueuedJob]) {
        let now = self.clock.now();
        for mode in [Mode::Batch, Mode::Realtime] {
            for status in [JobStatus::Preparing, JobStatus::Pending, JobStatus::Running] {
                let these = jobs.iter().filter(|job| job.mode == mode && job.status == status);
                let labels = [("mode", mode.into_str()), ("status", status.into_str())];
                gauge!(JOBS, &labels).set(count(these.clone().count()));
                let oldest = these.map(|job| now.0 - job.submitted_at.0).max().unwrap_or(0);
                gauge!(JOB_AGE, &labels).set(seconds(oldest));
            }
        }
        for &reason in BlockedReason::VARIANTS {
            let blocked = jobs.iter().filter(|job| job.blocked_by == Some(reason));
            gauge!(JOBS_BLOCKED, "reason" => reason.into_str()).set(count(blocked.count()));
        }
        let due = jobs.iter().filter(|job| job.due_at <= now && job.lease_until <= now);
        gauge!(JOBS_DUE).set(count(due.clone().count()));
        gauge!(POLL_LAG).set(seconds(due.map(|job| now.0 - job.due_at.0).max().unwrap_or(0)));
    }

    async fn look_at_spending(&self) -> Result<()> {
        let day = self.spending.spent_on(self.clock.now().day()).await?;
        for (account, sums) in [("member", day.members), ("guest", day.guests)] {
            gauge!(SPENT_TODAY, "account" => account).set(amount(sums.settled));
            gauge!(COMMITTED, "account" => account).set(amount(sums.committed));
        }
        for (accounts, ceiling) in [("all", self.budget.daily_max), ("guests", self.budget.guests_daily_max)] {
            if let Some(ceiling) = ceiling {
                gauge!(CEILING, "accounts" => accounts).set(amount(ceiling));
            }
        }
        Ok(())
    }
}

// A double counts micro-dollars exactly up to nine billion dollars.
#[allow(clippy::cast_precision_loss)]
const fn amount(micro_dollars: u64) -> f64 {
    micro_dollars as f64
}

// A double counts milliseconds exactly for longer than anything here lasts.
#[allow(clippy::cast_precision_loss)]
fn seconds(ms: i64) -> f64 {
    ms.max(0) as f64 / 1_000.0
}

fn count(things: usize) -> f64 {
    u32::try_from(things).unwrap_or(u32::MAX).into()
}
