//! The names of all metrics, and the counters that are written as things happen. What is looked up when it is asked for is in
//! `operations::gauges`.
//!
//! Counters are written where the thing happens, by the functions here. No label holds an id, a title or a
//! text: their number must not grow with use. docs/OPERATIONS.md says what each means and when to worry.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::error::{Error, Result};
use crate::model::{JobStatus, Mode, TokenUsage};

pub const JOBS: &str = "coldbrew_jobs";
pub const JOB_AGE: &str = "coldbrew_job_age_max_seconds";
pub const JOBS_DUE: &str = "coldbrew_jobs_due";
pub const POLL_LAG: &str = "coldbrew_poll_lag_seconds";
const REQUESTS: &str = "coldbrew_http_requests_total";
const REQUEST_DURATION: &str = "coldbrew_http_request_duration_seconds";
const TOKENS: &str = "coldbrew_tokens_total";
const COST: &str = "gemini_cost_microdollars_total";
const JOBS_ENDED: &str = "coldbrew_jobs_ended_total";
const JOBS_TAKEN_OVER: &str = "coldbrew_jobs_taken_over_total";
const CONNECTIONS_REFUSED: &str = "coldbrew_connections_refused_total";
const REQUESTS_LIMITED: &str = "coldbrew_requests_limited_total";
pub const DEPENDENCY_UP: &str = "coldbrew_dependency_up";
pub const JOBS_BLOCKED: &str = "coldbrew_jobs_blocked";
const QUEUE_WAIT: &str = "coldbrew_queue_wait_seconds";
const GUESTS_MADE: &str = "coldbrew_guests_made_total";
pub const SPENT_TODAY: &str = "coldbrew_spending_today_microdollars";
pub const COMMITTED: &str = "coldbrew_spending_committed_microdollars";
pub const CEILING: &str = "coldbrew_spending_ceiling_microdollars";

/// The process's recorder. Servers in one process share it.
static HANDLE: Mutex<Option<PrometheusHandle>> = Mutex::new(None);

/// The recorder, which the first who asks installs.
pub fn recorder() -> Result<PrometheusHandle> {
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
    describe_counter!(TOKENS, "Tokens that Gemini reported for its answers, whatever they were worth.");
    describe_counter!(COST, "What those answers cost at Google's list prices, in millionths of a dollar.");
    describe_gauge!(SPENT_TODAY, "Micro-dollars spent on Gemini since midnight UTC, by kind of account.");
    describe_gauge!(COMMITTED, "The most that requests under way can cost, in micro-dollars, by kind of account.");
    describe_gauge!(
        CEILING,
        "Micro-dollars that may be spent in a UTC day: spend.daily-usd-max and spend.guests-daily-usd-max."
    );
    describe_gauge!(JOBS_BLOCKED, "Jobs that cannot go on just now, by reason.");
    describe_histogram!(QUEUE_WAIT, "Seconds from when a job was due until a worker took it up.");
    describe_counter!(GUESTS_MADE, "Guest accounts that were made.");
    describe_counter!(JOBS_ENDED, "Jobs that ended, by mode and status.");
    describe_counter!(JOBS_TAKEN_OVER, "Jobs taken up again because a worker died with them, or lost them.");
    describe_gauge!(DEPENDENCY_UP, "Whether what the service depends on answers: 1, or 0.");
    // Counters are told from the start, so that the first of each kind is seen as an increase.
    counter!(JOBS_TAKEN_OVER).absolute(0);
    counter!(GUESTS_MADE).absolute(0);
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

/// Gemini has answered: what it reports is what Google charges, whatever becomes of it here.
pub fn answers_paid(usage: TokenUsage, micro_dollars: u64, mode: Mode) {
    for (direction, tokens) in [("input", usage.input), ("output", usage.output), ("thoughts", usage.thoughts)] {
        counter!(TOKENS, "direction" => direction).increment(tokens);
    }
    counter!(COST, "mode" => mode.into_str()).increment(micro_dollars);
}

/// A guest's account was made.
pub fn guest_made() {
    counter!(GUESTS_MADE).increment(1);
}

/// A worker has taken up a job that had been due for so long, and for how many claims without a step.
pub fn job_claimed(waited: Duration, claims: u32) {
    histogram!(QUEUE_WAIT).record(waited);
    if claims > 1 {
        counter!(JOBS_TAKEN_OVER).increment(1);
    }
}

/// A job has moved to that status: counts it if that is an end.
pub fn job_ended(mode: Mode, status: JobStatus) {
    if status.is_active() {
        return;
    }
    counter!(JOBS_ENDED, "mode" => mode.into_str(), "status" => status.into_str()).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
