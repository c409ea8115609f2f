//! Permits for page workers: how many run at once, and for whom. Who comes next is decided in [`queue`].
//!
//! A permit is charged to its account for as long as it is held, whether it ends well, fails or its caller disconnects.

mod queue;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{self, Duration};

use metrics::{gauge, histogram};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use self::queue::{Claim, FairQueue};
use super::error::PdfError;

/// Whether a caller waits for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// A caller waits: the request fails rather than wait long, and its document has little time.
    Interactive,
    /// No caller waits: the request waits for as long as it takes.
    Background,
}

impl Priority {
    const fn name(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Background => "background",
        }
    }
}

/// For whom the engine works, and how much of it that one may have. The names are any that tell accounts and networks apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requester {
    pub account: String,
    /// Accounts of one network share its turns. `None`: the account has its own.
    pub network: Option<String>,
    /// Permits of the account at once, for each priority.
    pub permits_max: usize,
    /// Worker seconds of the account in an hour, 0 for no limit. [`WorkerTime`] enforces it.
    pub seconds_per_hour: u64,
}

impl Requester {
    /// A requester without limits of its own.
    pub fn unlimited(account: impl Into<String>) -> Self {
        Self { account: account.into(), network: None, permits_max: usize::MAX, seconds_per_hour: 0 }
    }
}

/// Counts how long each account has workers, and refuses those that had theirs. The program that uses the engine does the counting.
pub trait WorkerTime: fmt::Debug + Send + Sync {
    /// Whether the requester has worker time left at `now`.
    ///
    /// # Errors
    /// How long until it has.
    fn admit(&self, requester: &Requester, now: time::Instant) -> Result<(), Duration>;

    /// Counts the time for which the requester had one worker, which ended at `now`.
    fn charge(&self, requester: &Requester, time: Duration, now: time::Instant);
}

/// A pool of permits. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct WorkerPermits {
    pool: Arc<Pool>,
}

#[derive(Debug)]
struct Pool {
    name: &'static str,
    queue: Mutex<FairQueue<Waiter>>,
    /// How long an interactive request waits.
    patience: Duration,
    worker_time: Option<Arc<dyn WorkerTime>>,
}

/// The right to keep one worker busy, until it is dropped.
#[derive(Debug)]
pub(crate) struct WorkerPermit {
    pool: Arc<Pool>,
    claim: Claim,
    requester: Requester,
    since: Instant,
}

impl WorkerPermits {
    /// A pool of at least two permits. `name` is its label in metrics, `waiting_max` how many requests may wait.
    pub(crate) fn new(
        name: &'static str,
        permits: usize,
        waiting_max: usize,
        patience: Duration,
        worker_time: Option<Arc<dyn WorkerTime>>,
    ) -> Self {
        let queue = Mutex::new(FairQueue::new(permits, waiting_max));
        Self { pool: Arc::new(Pool { name, queue, patience, worker_time }) }
    }

    /// Waits for a permit.
    ///
    /// # Errors
    /// [`PdfError::BudgetSpent`] if the account has used its hour; [`PdfError::Busy`] if too many requests wait, or an interactive one
    /// waited too long.
    pub(crate) async fn acquire(&self, priority: Priority, requester: &Requester) -> Result<WorkerPermit, PdfError> {
        let (pool, begun) = (&self.pool, Instant::now());
        if let Some(worker_time) = &pool.worker_time {
            worker_time.admit(requester, begun.into_std()).map_err(PdfError::BudgetSpent)?;
        }
        let (sender, granted) = oneshot::channel();
        let waiter = Waiter { requester: requester.clone(), sender };
        let ticket = pool.queue().push(Claim::new(priority, requester), waiter);
        let _guard = WaitGuard::new(pool, ticket);
        pool.grant();
        drop(pool.queue().overflow());
        let patience = if priority == Priority::Interactive { pool.patience } else { Duration::MAX };
        let Ok(Ok(permit)) = timeout(patience, granted).await else { return Err(PdfError::Busy) };
        histogram!("coldbrew_page_permit_wait_seconds", "pool" => pool.name, "priority" => priority.name())
            .record(begun.elapsed());
        Ok(permit)
    }
}

impl Pool {
    /// Gives every permit that is free to the request whose turn it is.
    fn grant(self: &Arc<Self>) {
        loop {
            let next = self.queue().next();
            let Some((claim, Waiter { requester, sender })) = next else { return };
            // A caller that has gone meanwhile drops the permit, which comes back here.
            let _ = sender.send(self.permit(claim, requester));
        }
    }

    fn permit(self: &Arc<Self>, claim: Claim, requester: Requester) -> WorkerPermit {
        WorkerPermit { pool: Arc::clone(self), claim, requester, since: Instant::now() }
    }

    fn queue(&self) -> MutexGuard<'_, FairQueue<Waiter>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WorkerPermit {
    /// One more permit for the same claim, if one is left for the next request then.
    pub(crate) fn another(&self) -> Option<Self> {
        let widened = self.pool.queue().widen(&self.claim);
        widened.then(|| self.pool.permit(self.claim.clone(), self.requester.clone()))
    }
}

impl Drop for WorkerPermit {
    fn drop(&mut self) {
        if let Some(worker_time) = &self.pool.worker_time {
            let now = Instant::now();
            worker_time.charge(&self.requester, now - self.since, now.into_std());
        }
        self.pool.queue().release(&self.claim);
        self.pool.grant();
    }
}

/// A request that waits.
#[derive(Debug)]
struct Waiter {
    requester: Requester,
    sender: oneshot::Sender<WorkerPermit>,
}

/// Ends a request when its caller has the permit or is gone.
struct WaitGuard<'a> {
    pool: &'a Pool,
    ticket: u64,
}

impl<'a> WaitGuard<'a> {
    fn new(pool: &'a Pool, ticket: u64) -> Self {
        gauge!("coldbrew_page_permits_waiting", "pool" => pool.name).increment(1);
        Self { pool, ticket }
    }
}

impl Drop for WaitGuard<'_> {
    fn drop(&mut self) {
        gauge!("coldbrew_page_permits_waiting", "pool" => self.pool.name).decrement(1);
        self.pool.queue().cancel(self.ticket);
    }
}

#[cfg(test)]
mod tests;
