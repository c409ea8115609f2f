//! The names of all metrics, and the functions that count events. `operations::gauges` computes the gauges.
//!
//! No label contains an id, a title or a text: the number of time series must not grow with use. docs/OPERATIONS.md has the meaning of
//! each metric, and the alerts.

mod loops;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::error::{Error, Result};
use crate::model::{JobStatus, Mode, TokenUsage};

pub use loops::LoopAges;

pub const JOBS: &str = "coldbrew_jobs";
pub const JOB_AGE: &str = "coldbrew_job_age_max_seconds";
pub const JOBS_DUE: &str = "coldbrew_jobs_due";
pub const POLL_LAG: &str = "coldbrew_poll_lag_seconds";
const REQUESTS: &str = "coldbrew_http_requests_total";
const REQUEST_DURATION: &str = "coldbrew_http_request_duration_seconds";
const TOKENS: &str = "coldbrew_tokens_total";
const COST: &str = "gemini_cost_microdollars_total";
const JOBS_ENDED: &str = "coldbrew_jobs_ended_total";
const PAGES_CHECKED: &str = "coldbrew_pages_checked_total";
const JOBS_TAKEN_OVER: &str = "coldbrew_jobs_taken_over_total";
const REQUESTS_MISCOUNTED: &str = "coldbrew_batch_requests_miscounted_total";
const CONNECTIONS_REFUSED: &str = "coldbrew_connections_refused_total";
const REQUESTS_LIMITED: &str = "coldbrew_requests_limited_total";
pub const CLOCK_OFFSET: &str = "coldbrew_clock_offset_seconds";
pub const DEPENDENCY_UP: &str = "coldbrew_dependency_up";
pub const READY: &str = "coldbrew_ready";
pub const LOOP_AGE: &str = "coldbrew_loop_age_seconds";
pub const JOBS_BLOCKED: &str = "coldbrew_jobs_blocked";
const QUEUE_WAIT: &str = "coldbrew_queue_wait_seconds";
const POLL_DELAY: &str = "coldbrew_poll_delay_seconds";
const GUESTS_MADE: &str = "coldbrew_guests_made_total";
pub const SPENT_TODAY: &str = "coldbrew_spending_today_microdollars";
pub const COMMITTED: &str = "coldbrew_spending_committed_microdollars";
pub const CEILING: &str = "coldbrew_spending_ceiling_microdollars";

/// The recorder of this process. Servers in one process share it.
static HANDLE: Mutex<Option<PrometheusHandle>> = Mutex::new(None);

/// The recorder. The first call installs it.
///
/// # Errors
/// The recorder cannot be installed.
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
    describe_gauge!(JOBS, "Active jobs, by mode and status.");
    describe_gauge!(JOB_AGE, "Seconds since the oldest active job was submitted, by mode and status.");
    describe_gauge!(JOBS_DUE, "Jobs that are due and that no worker has claimed.");
    describe_gauge!(POLL_LAG, "Seconds for which the first of these jobs has been due.");
    describe_counter!(REQUESTS, "Requests, by method and class of status.");
    describe_histogram!(REQUEST_DURATION, "Seconds until the answer to a request began.");
    describe_counter!(CONNECTIONS_REFUSED, "Connections closed at once because too many were open, by limit.");
    describe_counter!(REQUESTS_LIMITED, "Requests answered with 429, by kind of limit.");
    describe_counter!(TOKENS, "Tokens that Gemini reported for its answers, usable or not, by direction.");
    describe_counter!(COST, "Cost of these answers at Google's list prices, in micro-dollars, by mode.");
    describe_gauge!(SPENT_TODAY, "Micro-dollars spent on Gemini since midnight UTC, by kind of account.");
    describe_gauge!(COMMITTED, "The most that requests under way can cost, in micro-dollars, by kind of account.");
    describe_gauge!(
        CEILING,
        "Micro-dollars that may be spent in a UTC day: spend.daily-usd-max and spend.guests-daily-usd-max."
    );
    describe_gauge!(JOBS_BLOCKED, "Active jobs that are blocked, by reason.");
    describe_histogram!(QUEUE_WAIT, "Seconds from when a job was due until a worker claimed it.");
    describe_histogram!(POLL_DELAY, "Seconds from when a poll of a batch was due until it began.");
    describe_counter!(GUESTS_MADE, "Guest accounts that were made.");
    describe_counter!(JOBS_ENDED, "Jobs that ended, by mode and status.");
    describe_counter!(PAGES_CHECKED, "Pages read with AI that were compared with the file's own text, by result.");
    describe_counter!(JOBS_TAKEN_OVER, "Jobs claimed again because the worker before crashed or lost its lease.");
    describe_gauge!(CLOCK_OFFSET, "Seconds by which this machine's clock is ahead of the database's.");
    describe_gauge!(DEPENDENCY_UP, "Whether a dependency of the server answers: 1, or 0.");
    describe_gauge!(READY, "Whether the server answers /readyz with 200: 1, or 0.");
    describe_gauge!(LOOP_AGE, "Seconds since the last iteration of a loop of this process, by loop.");
    describe_counter!(REQUESTS_MISCOUNTED, "Batches of which Google counted other requests than lines were sent.");
    // These counters start at 0, so that the first event is visible as an increase.
    counter!(JOBS_TAKEN_OVER).absolute(0);
    counter!(GUESTS_MADE).absolute(0);
    counter!(REQUESTS_MISCOUNTED).absolute(0);
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

/// Counts an answered request. `status_class`: `2xx` to `5xx`.
pub fn request_answered(method: &'static str, status_class: &'static str, took: Duration) {
    counter!(REQUESTS, "method" => method, "status" => status_class).increment(1);
    histogram!(REQUEST_DURATION).record(took);
}

/// Counts a connection that was closed at once. `limit`: `server` or `network`.
pub fn connection_refused(limit: &'static str) {
    counter!(CONNECTIONS_REFUSED, "limit" => limit).increment(1);
}

/// Counts a request that exceeded a limit. `kind`: `reads`, `changes`, `entries`, `streams` or `passwords`.
pub fn request_limited(kind: &'static str) {
    counter!(REQUESTS_LIMITED, "kind" => kind).increment(1);
}

/// Counts the tokens and the cost of answers of Gemini. Google charges them whether or not they can be used.
pub fn answers_paid(usage: TokenUsage, micro_dollars: u64, mode: Mode) {
    for (direction, tokens) in [("input", usage.input), ("output", usage.output), ("thoughts", usage.thoughts)] {
        counter!(TOKENS, "direction" => direction).increment(tokens);
    }
    counter!(COST, "mode" => mode.into_str()).increment(micro_dollars);
}

/// Counts a guest account that was made.
pub fn guest_made() {
    counter!(GUESTS_MADE).increment(1);
}

/// Counts a claim of a job that had been due for `waited`. `claims`: its claims without progress, this one included.
pub fn job_claimed(waited: Duration, claims: u32) {
    histogram!(QUEUE_WAIT).record(waited);
    if claims > 1 {
        counter!(JOBS_TAKEN_OVER).increment(1);
    }
}

/// Counts a poll of a batch, which had been due for `late`.
pub fn batch_polled(late: Duration) {
    histogram!(POLL_DELAY).record(late);
}

/// Counts a batch of which Google counted other requests than lines were sent.
pub fn requests_miscounted() {
    counter!(REQUESTS_MISCOUNTED).increment(1);
}

/// Counts a page that was compared with the file's own text.
pub fn page_checked(is_worth_checking: bool) {
    counter!(PAGES_CHECKED, "result" => if is_worth_checking { "differs" } else { "agrees" }).increment(1);
}

/// Counts a job that has moved to `status`, if that is an end.
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
        let install = || {
            start.wait();
            recorder().is_ok()
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(install)).collect();
            assert!(threads.into_iter().all(|thread| thread.join().is_ok_and(|installed| installed)));
        });
    }
}
