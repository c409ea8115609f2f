//! Permits for page workers: they limit how many run at once, and for whom. [`queue`] decides who is next.
//!
//! The time for which a permit is held is charged to its account, also after a failure or a disconnect.

mod queue;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{self, Duration};

use metrics::{gauge, histogram};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use self::queue::{FairQueue, PermitRequest};
use super::error::PdfError;

/// The priority of a request for a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// A person waits: the wait for a permit and the time for the document are short.
    Interactive,
    /// No person waits: the wait for a permit is unlimited.
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

/// The account that the engine works for, with its limits. Names of accounts and networks only have to be unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requester {
    pub account: String,
    /// Accounts of one network share its turns. `None`: the account has its own.
    pub network: Option<String>,
    /// The most concurrent permits of the account, for each priority.
    pub permits_max: usize,
    /// The most worker seconds of the account in an hour; 0 for no limit. [`WorkerTime`] enforces it.
    pub seconds_per_hour: u64,
}

impl Requester {
    /// A requester without limits.
    pub fn unlimited(account: impl Into<String>) -> Self {
        Self { account: account.into(), network: None, permits_max: usize::MAX, seconds_per_hour: 0 }
    }
}

/// Counts the worker time of each account, and rejects accounts that have used it up. The program that uses the engine implements it.
pub trait WorkerTime: fmt::Debug + Send + Sync {
    /// Checks that the requester has worker time left at `now`.
    ///
    /// # Errors
    /// The time until it has some again.
    fn admit(&self, requester: &Requester, now: time::Instant) -> Result<(), Duration>;

    /// Charges the time for which the requester had one worker, until `now`.
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
    /// The longest wait of an interactive request.
    wait_max: Duration,
    worker_time: Option<Arc<dyn WorkerTime>>,
}

/// The right to use one worker, until it is dropped.
#[derive(Debug)]
pub(crate) struct WorkerPermit {
    pool: Arc<Pool>,
    request: PermitRequest,
    requester: Requester,
    since: Instant,
}

impl WorkerPermits {
    /// A pool of at least two permits. `name` is its label in metrics, `waiting_max` the most waiting requests, and `wait_max` the longest
    /// wait of an interactive one.
    pub(crate) fn new(
        name: &'static str,
        permits: usize,
        waiting_max: usize,
        wait_max: Duration,
        worker_time: Option<Arc<dyn WorkerTime>>,
    ) -> Self {
        let queue = Mutex::new(FairQueue::new(permits, waiting_max));
        Self { pool: Arc::new(Pool { name, queue, wait_max, worker_time }) }
    }

    /// Waits for a permit.
    ///
    /// # Errors
    /// [`PdfError::BudgetSpent`] if the account has used up its time. [`PdfError::Busy`] if too many requests wait, or an interactive one
    /// waited too long.
    pub(crate) async fn acquire(&self, priority: Priority, requester: &Requester) -> Result<WorkerPermit, PdfError> {
        let (pool, begun) = (&self.pool, Instant::now());
        if let Some(worker_time) = &pool.worker_time {
            worker_time.admit(requester, begun.into_std()).map_err(PdfError::BudgetSpent)?;
        }
        let (sender, granted) = oneshot::channel();
        let waiter = Waiter { requester: requester.clone(), sender };
        let ticket = pool.queue().push(PermitRequest::new(priority, requester), waiter);
        let _guard = WaitGuard::new(pool, ticket);
        pool.grant();
        drop(pool.queue().overflow());
        let wait_max = if priority == Priority::Interactive { pool.wait_max } else { Duration::MAX };
        let Ok(Ok(permit)) = timeout(wait_max, granted).await else { return Err(PdfError::Busy) };
        histogram!("coldbrew_page_permit_wait_seconds", "pool" => pool.name, "priority" => priority.name())
            .record(begun.elapsed());
        Ok(permit)
    }
}

impl Pool {
    /// Grants every free permit to the next request.
    fn grant(self: &Arc<Self>) {
        loop {
            let next = self.queue().next();
            let Some((request, Waiter { requester, sender })) = next else { return };
            // If the caller has gone, the permit is dropped and returns here.
            let _ = sender.send(self.permit(request, requester));
        }
    }

    fn permit(self: &Arc<Self>, request: PermitRequest, requester: Requester) -> WorkerPermit {
        WorkerPermit { pool: Arc::clone(self), request, requester, since: Instant::now() }
    }

    fn queue(&self) -> MutexGuard<'_, FairQueue<Waiter>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WorkerPermit {
    /// One more permit for the same request, if another one stays free for the next request.
    pub(crate) fn another(&self) -> Option<Self> {
        let widened = self.pool.queue().widen(&self.request);
        widened.then(|| self.pool.permit(self.request.clone(), self.requester.clone()))
    }
}

impl Drop for WorkerPermit {
    fn drop(&mut self) {
        if let Some(worker_time) = &self.pool.worker_time {
            let now = Instant::now();
            worker_time.charge(&self.requester, now - self.since, now.into_std());
        }
        self.pool.queue().release(&self.request);
        self.pool.grant();
    }
}

/// A waiting request.
#[derive(Debug)]
struct Waiter {
    requester: Requester,
    sender: oneshot::Sender<WorkerPermit>,
}

/// Removes a request from the queue when its caller has the permit or has gone.
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
