//! The answer of `/metrics`: counters, and gauges that are computed for each answer.

use std::sync::Arc;

use metrics::gauge;
use metrics_exporter_prometheus::PrometheusHandle;
use strum::VariantArray;

use super::{Dependency, Operations, QueuedJob};
use crate::accounts::spending::Budget;
use crate::clock::Clock;
use crate::error::Result;
use crate::jobs::Spending;
use crate::metrics::{
    CEILING, COMMITTED, DEPENDENCY_UP, JOB_AGE, JOBS, JOBS_BLOCKED, JOBS_DUE, LOOP_AGE, LoopAges, POLL_LAG, READY,
    SPENT_TODAY, recorder,
};
use crate::model::{BlockedReason, JobStatus, Mode};

/// Renders all metrics. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
    store: Arc<dyn Operations>,
    spending: Arc<dyn Spending>,
    budget: Budget,
    loops: LoopAges,
    clock: Arc<dyn Clock>,
}

impl Metrics {
    /// Installs the recorder of this process, unless that was done before.
    ///
    /// # Errors
    /// The recorder cannot be installed.
    pub fn start(
        store: Arc<dyn Operations>,
        spending: Arc<dyn Spending>,
        budget: Budget,
        loops: LoopAges,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        Ok(Self { handle: recorder()?, store, spending, budget, loops, clock })
    }

    /// All metrics in the text format of Prometheus. `is_ready`: the answer of `/readyz`. Without the database, the gauges of the queue and
    /// of spending keep their last values.
    pub async fn render(&self, dependencies: &[Dependency], is_ready: bool) -> String {
        gauge!(READY).set(count(is_ready.into()));
        for Dependency { name, state, .. } in dependencies {
            gauge!(DEPENDENCY_UP, "dependency" => *name).set(count(state.is_ok().into()));
        }
        for (name, age) in self.loops.ages() {
            gauge!(LOOP_AGE, "loop" => name).set(age.as_secs_f64());
        }
        if dependencies.iter().all(|dependency| dependency.name != "database" || dependency.state.is_ok()) {
            match self.store.queue().await {
                Ok(jobs) => self.set_queue_gauges(&jobs),
                Err(error) => tracing::warn!(%error, "counting the queue failed"),
            }
            if let Err(error) = self.set_spending_gauges().await {
                tracing::warn!(%error, "summing the spending failed");
            }
        }
        self.handle.run_upkeep();
        self.handle.render()
    }

    fn set_queue_gauges(&self, jobs: &[QueuedJob]) {
        let now = self.clock.now();
        for mode in [Mode::Batch, Mode::Realtime] {
            for status in [JobStatus::Preparing, JobStatus::Pending, JobStatus::Running] {
                let matching = jobs.iter().filter(|job| job.mode == mode && job.status == status);
                let labels = [("mode", mode.into_str()), ("status", status.into_str())];
                gauge!(JOBS, &labels).set(count(matching.clone().count()));
                let oldest = matching.map(|job| now.0 - job.submitted_at.0).max().unwrap_or(0);
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

    async fn set_spending_gauges(&self) -> Result<()> {
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

// An f64 holds micro-dollars exactly up to nine billion dollars.
#[allow(clippy::cast_precision_loss)]
const fn amount(micro_dollars: u64) -> f64 {
    micro_dollars as f64
}

// An f64 holds milliseconds exactly for 285,000 years.
#[allow(clippy::cast_precision_loss)]
fn seconds(ms: i64) -> f64 {
    ms.max(0) as f64 / 1_000.0
}

fn count(number: usize) -> f64 {
    u32::try_from(number).unwrap_or(u32::MAX).into()
}
