//! Figures about the service for whoever runs it: counted as things happen, or looked up when they are asked for.
//!
//! Counters are written with the `metrics` macros where the thing happens, under names from here. No label holds an id, a title or a
//! text: their number must not grow with use. docs/OPERATIONS.md says what each means and when to worry.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::civil::Date;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::error::{Error, Result};
use crate::gemini::models::Models;
use crate::model::{JobStatus, Mode, TokenUsage};
use crate::store::{Operations, PageOutcome, QueuedJob};
use crate::world::World;

const JOBS: &str = "coldbrew_jobs";
const JOB_AGE: &str = "coldbrew_job_age_max_seconds";
const JOBS_DUE: &str = "coldbrew_jobs_due";
const POLL_LAG: &str = "coldbrew_poll_lag_seconds";
const REQUESTS: &str = "coldbrew_http_requests_total";
const REQUEST_DURATION: &str = "coldbrew_http_request_duration_seconds";
const TOKENS: &str = "coldbrew_tokens_total";
const COST: &str = "gemini_cost_microdollars_total";
const JOBS_ENDED: &str = "coldbrew_jobs_ended_total";
const JOBS_TAKEN_OVER: &str = "coldbrew_jobs_taken_over_total";
const CONNECTIONS_REFUSED: &str = "coldbrew_connections_refused_total";
const REQUESTS_LIMITED: &str = "coldbrew_requests_limited_total";
const DEPENDENCY_UP: &str = "coldbrew_dependency_up";

/// The process's recorder. Servers in one process share it.
static HANDLE: Mutex<Option<PrometheusHandle>> = Mutex::new(None);

/// What `/metrics` is answered from.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
    store: Arc<dyn Operations>,
    world: Arc<dyn World>,
}

impl Metrics {
    /// Begins counting, if that has not begun.
    pub fn start(store: Arc<dyn Operations>, world: Arc<dyn World>) -> Result<Self> {
        Ok(Self { handle: recorder()?, store, world })
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
        }
        self.handle.run_upkeep();
        self.handle.render()
    }

    fn look_at_queue(&self, jobs: &[QueuedJob]) {
        let now = self.world.now();
        for mode in ["batch", "realtime"] {
            for status in ["preparing", "pending", "running"] {
                let these = jobs.iter().filter(|job| job.mode == mode && job.status == status);
                gauge!(JOBS, "mode" => mode, "status" => status).set(count(these.clone().count()));
                let oldest = these.map(|job| now.0 - job.submitted_at.0).max().unwrap_or(0);
                gauge!(JOB_AGE, "mode" => mode, "status" => status).set(seconds(oldest));
            }
        }
        let due = jobs.iter().filter(|job| job.due_at <= now && job.lease_until <= now);
        gauge!(JOBS_DUE).set(count(due.clone().count()));
        gauge!(POLL_LAG).set(seconds(due.map(|job| now.0 - job.due_at.0).max().unwrap_or(0)));
    }
}

// A double counts milliseconds exactly for longer than anything here lasts.
#[allow(clippy::cast_precision_loss)]
fn seconds(ms: i64) -> f64 {
    ms.max(0) as f64 / 1_000.0
}

fn count(things: usize) -> f64 {
    u32::try_from(things).unwrap_or(u32::MAX).into()
}

/// The recorder, which the first who asks installs.
fn recorder() -> Result<PrometheusHandle> {
    let mut installed = HANDLE.lock().unwrap_or_else(PoisonError::into_inner);
    match installed.clone() {
        Some(handle) => Ok(handle),
        None => Ok(installed.insert(install()?).clone()),
    }
}

fn install() -> Result<PrometheusHandle> {
    let buckets = [0.005, 0.025, 0.1, 0.5, 2.5, 10.0];
    let builder = PrometheusBuilder::new().set_buckets(&buckets).map_err(Error::internal)?;
    let handle = builder.install_recorder().map_err(Error::internal)?;
    describe_gauge!(JOBS, "Jobs that are not over, by mode and status.");
    describe_gauge!(JOB_AGE, "Seconds since the oldest of them was submitted.");
    describe_gauge!(JOBS_DUE, "Jobs that are due and that no worker has taken up.");
    describe_gauge!(POLL_LAG, "Seconds that the longest of those has been waiting.");
    describe_counter!(REQUESTS, "Requests by method and class of status.");
    describe_histogram!(REQUEST_DURATION, "Seconds until a request's answer began.");
    describe_counter!(CONNECTIONS_REFUSED, "Connections closed at once because too many were open, by limit.");
    describe_counter!(REQUESTS_LIMITED, "Requests answered 429, by kind of limit.");
    describe_counter!(TOKENS, "Tokens that Gemini reported for pages that were read.");
    describe_counter!(COST, "What those pages cost at Google's list prices, in millionths of a dollar.");
    describe_counter!(JOBS_ENDED, "Jobs that ended, by mode and status.");
    describe_counter!(JOBS_TAKEN_OVER, "Jobs taken up again because a worker died with them, or lost them.");
    describe_gauge!(DEPENDENCY_UP, "Whether what the service depends on answers: 1, or 0.");
    // Counters are told from the start, so that the first of each kind is seen as an increase.
    counter!(JOBS_TAKEN_OVER).absolute(0);
    describe_counter!("gemini_errors_total", "Calls of Gemini that failed, by kind.");
    describe_counter!(
        "coldbrew_page_workers_started_total",
        "Page processes started: one for each document, one for each crash."
    );
    describe_counter!(
        "coldbrew_page_workers_lost_total",
        "Page processes that crashed or were killed for taking too long."
    );
    describe_gauge!("coldbrew_page_permits_waiting", "Requests that wait for a page process, by pool.");
    describe_histogram!(
        "coldbrew_page_permit_wait_seconds",
        "Seconds that requests waited for a page process, by pool and priority."
    );
    Ok(handle)
}

/// A request was answered. `status_class` is `2xx` and the like.
pub fn request_answered(method: &'static str, status_class: &'static str, took: Duration) {
    counter!(REQUESTS, "method" => method, "status" => status_class).increment(1);
    histogram!(REQUEST_DURATION).record(took);
}

/// A connection was closed at once. `limit` is `server` or `network`.
pub fn connection_refused(limit: &'static str) {
    counter!(CONNECTIONS_REFUSED, "limit" => limit).increment(1);
}

/// A request was one too many. `kind`: `reads`, `changes`, `entries`, `streams` or `passwords`.
pub fn request_limited(kind: &'static str) {
    counter!(REQUESTS_LIMITED, "kind" => kind).increment(1);
}

/// What Google charges for a job's answers: by the model that gave them, whichever was asked.
#[derive(Clone, Copy)]
pub struct Tariff<'a> {
    pub models: &'a Models,
    pub asked: &'a str,
    pub mode: Mode,
    pub today: Date,
}

impl Tariff<'_> {
    fn cost(self, usage: TokenUsage, answered: &str) -> u64 {
        let prices = |model: &str| self.models.get(model).prices_on(self.today);
        let prices = prices(answered).or_else(|| prices(self.asked));
        prices.map_or(0, |prices| prices.cost(usage.input, usage.output + usage.thoughts, self.mode == Mode::Batch))
    }
}

/// Gemini has answered for a page: what it reports is what Google charges, whatever becomes of it here.
pub fn page_answered(outcome: &PageOutcome, tariff: Tariff<'_>) {
    let PageOutcome::Read { usage, model, .. } = outcome else { return };
    for (direction, tokens) in [("input", usage.input), ("output", usage.output), ("thoughts", usage.thoughts)] {
        counter!(TOKENS, "direction" => direction).increment(tokens);
    }
    counter!(COST, "mode" => tariff.mode.name()).increment(tariff.cost(*usage, model));
}

/// A worker has taken up a job, for the so manieth time without a step of it being finished.
pub fn job_claimed(claims: u32) {
    if claims > 1 {
        counter!(JOBS_TAKEN_OVER).increment(1);
    }
}

/// A job has moved to that status: counts it if that is an end.
pub fn job_ended(mode: Mode, status: JobStatus) {
    let status = match status {
        JobStatus::Succeeded => "succeeded",
        JobStatus::Failed => "failed",
        JobStatus::Expired => "expired",
        JobStatus::Preparing | JobStatus::Pending | JobStatus::Running => return,
    };
    counter!(JOBS_ENDED, "mode" => mode.name(), "status" => status).increment(1);
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::gemini::models::DEFAULT;

    #[test]
    fn servers_that_start_at_the_same_time_share_one_recorder() {
        let start = std::sync::Barrier::new(16);
        let asks = || {
            start.wait();
            recorder().is_ok()
        };
        std::thread::scope(|scope| {
            let asking: Vec<_> = (0..16).map(|_| scope.spawn(asks)).collect();
            assert!(asking.into_iter().all(|asks| asks.join().is_ok_and(|installed| installed)));
        });
    }

    #[test]
    fn what_ran_is_what_costs() {
        let usage = TokenUsage { input: 1_000_000, output: 60_000, thoughts: 40_000 };
        let tariff =
            Tariff { models: &Models::default(), asked: DEFAULT, mode: Mode::Realtime, today: date(2026, 11, 23) };
        assert_eq!(tariff.cost(usage, DEFAULT), 750_000 + 375_000);
        assert_eq!(tariff.cost(usage, "gemini-3.5-flash-lite"), 300_000 + 250_000, "another model answered");
        assert_eq!(tariff.cost(usage, ""), 750_000 + 375_000, "it did not say which");
        assert_eq!(Tariff { mode: Mode::Batch, ..tariff }.cost(usage, DEFAULT), (750_000 + 375_000) / 2);
        assert_eq!(Tariff { today: date(2027, 1, 1), ..tariff }.cost(usage, DEFAULT), 1_500_000 + 750_000);
        assert_eq!(Tariff { asked: "tuned-thing", ..tariff }.cost(usage, "tuned-thing"), 0, "its price is not known");
    }
}
