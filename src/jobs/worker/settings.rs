//! What a worker is made of: its settings, ports and policy.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::Isolation;
use crate::accounts::spending::Budget;
use crate::changes::Changes;
use crate::jobs::machine::Timing;
use crate::jobs::{Google, Jobs, Listings, PageAttempts, PageSource, PollingJobs, Spending, Spool};
use crate::metrics::LoopAges;
use crate::model::Pricing;
use crate::settings::{SECOND, Settings};
use crate::uploads::{Figures, Uploads};
use coldbrew_gemini::models::Models;

/// The most batches that one process polls at once. A poll is one small request.
const POLLS_MAX: usize = 256;

/// The settings of a worker.
#[derive(Clone, Copy, Debug)]
pub struct WorkerSettings {
    pub timing: Timing,
    /// How long a claim holds without being renewed.
    pub lease: Duration,
    /// The most jobs of the local lane that one process holds at once.
    pub jobs_max: usize,
    /// The most batches that one process polls at once, and the most jobs of the remote lane that it holds at once.
    pub polls_max: usize,
    /// The most requests that one realtime job has under way at once.
    pub realtime_requests_max: usize,
    /// How long tasks under way may take to end after a stop.
    pub stop_timeout: Duration,
}

impl WorkerSettings {
    /// Reads the settings. `demo`: shorter intervals, because the emulator reads a batch in seconds and lists it at once. `stop_timeout`: that
    /// of the server.
    pub fn read(from: &mut Settings, demo: bool, stop_timeout: Duration) -> Self {
        let usual = Timing::default();
        let (poll_ms, reconcile_ms) = if demo { (2_000, 500) } else { (usual.poll_ms, usual.reconcile_ms) };
        Self {
            timing: Timing {
                poll_ms: from.positive("batch.poll-interval-ms", "COLDBREW_POLL_INTERVAL_MS", poll_ms),
                reconcile_ms: from.positive("batch.seek-interval-ms", "COLDBREW_SEEK_INTERVAL_MS", reconcile_ms),
                retry_ms: from.positive("batch.retry-interval-ms", "COLDBREW_RETRY_INTERVAL_MS", usual.retry_ms),
                pending_ms_max: from.positive("batch.pending-max-ms", "COLDBREW_PENDING_MAX_MS", usual.pending_ms_max),
                ..usual
            },
            lease: from.interval("batch.lease-ms", "COLDBREW_LEASE_MS", 20 * SECOND),
            jobs_max: from.positive("batch.jobs-max", "COLDBREW_JOBS_MAX", 16),
            polls_max: POLLS_MAX,
            realtime_requests_max: from.positive("batch.realtime-requests-max", "COLDBREW_REALTIME_REQUESTS_MAX", 8),
            stop_timeout,
        }
    }
}

/// The ports that a worker uses.
#[derive(Clone)]
pub struct WorkerPorts {
    pub jobs: Arc<dyn Jobs>,
    pub polling: Arc<dyn PollingJobs>,
    pub uploads: Arc<dyn Uploads>,
    pub attempts: Arc<dyn PageAttempts>,
    pub spending: Arc<dyn Spending>,
    pub figures: Arc<dyn Figures>,
    pub pages: Arc<dyn PageSource>,
    pub google: Arc<dyn Google>,
    pub listings: Listings,
    pub spool: Arc<dyn Spool>,
    pub changes: Changes,
    /// Notified when a job may be due.
    pub bell: Arc<Notify>,
    /// Runs suspected jobs in processes of their own; `None`: they run in this process.
    pub isolation: Option<Arc<dyn Isolation>>,
    pub loops: LoopAges,
}

/// The prices, limits and settings of a worker.
#[derive(Clone)]
pub struct WorkerPolicy {
    pub models: Models,
    /// The model that is asked for pages that the usual one does not read.
    pub fallback_model: Option<String>,
    pub pricing: Pricing,
    pub budget: Budget,
    pub settings: WorkerSettings,
}
