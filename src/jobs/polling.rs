//! Polls the batches of jobs that wait at Google. A poll is a read, so it needs no claim and writes nothing: only news is claimed.
//!
//! The live workers share the jobs. A worker keeps those of its part in memory, and polls each at its own moment of the interval. If an
//! answer changes what is stored, it claims exactly that job and carries on as for any claim. While workers disagree about who is live, a
//! batch is polled twice, which is harmless. `part` says who polls a batch and when.

mod part;
mod port;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Worker;
use super::job::Job;
use super::machine::{Event, Task, is_news, step};
use super::worker::{Done, unless};
use crate::crash::crash_point;
use crate::error::Result;
use crate::metrics::batch_polled;

use part::{Workers, wait_ms};
pub use port::{PollingJobs, Roster};

/// Jobs that are loaded with one statement.
const LOADED_AT_ONCE: usize = 500;

/// Polls the batches of one worker's part.
pub struct Poller {
    worker: Worker,
    state: Mutex<State>,
    /// Notified when a poll was planned that may be the next.
    planned: Notify,
}

#[derive(Default)]
struct State {
    watched: HashMap<String, PolledJob>,
    /// When each poll is due. An entry is void if the job has been planned anew.
    queue: BinaryHeap<Reverse<(Instant, String)>>,
    /// When this worker last renewed its place among the live ones.
    attended: Option<Instant>,
}

/// A job whose batch this worker polls.
struct PolledJob {
    /// As stored, but for `polls`, and for `due_at`: when its poll is, or was, due.
    job: Arc<Job>,
    /// When the next poll is due; `None` during a poll.
    next: Option<Instant>,
    /// Whether the last poll was blocked and that is not stored.
    was_blocked: bool,
}

/// A poll that is due. The caller must then [make](Poller::poll) it.
pub struct DuePoll {
    job: Arc<Job>,
    was_blocked: bool,
}

impl DuePoll {
    pub fn job_id(&self) -> &str {
        &self.job.id
    }
}

impl Poller {
    pub fn new(worker: Worker) -> Self {
        Self { worker, state: Mutex::default(), planned: Notify::new() }
    }

    /// Polls until `stop`, and then leaves its part to the other workers.
    pub async fn run(&self, stop: &CancellationToken) {
        tokio::join!(self.keep_part(stop), self.keep_polling(stop));
        if let Err(error) = self.worker.ports.polling.leave(&self.worker.name).await {
            tracing::info!(%error, "polls not handed over; the other workers wait for the lease");
        }
    }

    /// How often the worker reads which jobs are its part.
    pub fn refresh_interval(&self) -> Duration {
        let settings = &self.worker.policy.settings;
        let poll_ms = settings.timing.poll_ms.unsigned_abs();
        Duration::from_millis((poll_ms / 3).max(50)).min(settings.lease / 4)
    }

    async fn keep_part(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            let refreshed = unless(stop, self.refresh()).await;
            self.worker.ports.loops.beat("polling");
            if let Some(Err(error)) = refreshed {
                tracing::warn!(%error, "jobs to poll not read");
            }
            let _ = unless(stop, self.worker.clock.sleep(self.refresh_interval())).await;
        }
    }

    async fn keep_polling(&self, stop: &CancellationToken) {
        let mut polls = FuturesUnordered::new();
        while !stop.is_cancelled() {
            while polls.len() < self.worker.policy.settings.polls_max
                && let Some(due) = self.take_due()
            {
                polls.push(self.poll_guarded(due, stop.clone()));
            }
            let is_full = polls.len() >= self.worker.policy.settings.polls_max;
            tokio::select! {
                () = stop.cancelled() => {}
                Some(()) = polls.next() => {}
                () = self.wait(), if !is_full => {}
            }
        }
        // Those that have claimed a job hand it back.
        while polls.next().await.is_some() {}
    }

    /// Polls a batch, and survives a panic: the job is loaded again, and its claim counts as a crash when the lease expires.
    async fn poll_guarded(&self, due: DuePoll, stop: CancellationToken) {
        let id = due.job.id.clone();
        if AssertUnwindSafe(self.poll(due, stop)).catch_unwind().await.is_err() {
            self.state().watched.remove(&id);
        }
    }

    /// Waits until the next poll is due.
    async fn wait(&self) {
        let planned = self.planned.notified();
        let Some(next) = self.next_at() else { return planned.await };
        let left = next.saturating_duration_since(self.worker.clock.tick());
        tokio::select! {
            () = self.worker.clock.sleep(left) => {}
            () = planned => {}
        }
    }

    /// When the next poll may be due. `None`: there is no job to poll.
    pub fn next_at(&self) -> Option<Instant> {
        self.state().next_at()
    }

    /// Reads which jobs are this worker's part, and renews its place among the live workers.
    ///
    /// # Errors
    /// The database cannot be reached. The worker keeps the part that it knows.
    pub async fn refresh(&self) -> Result<()> {
        let (jobs, name, lease_ms) = (&self.worker.ports.polling, &self.worker.name, self.worker.lease_ms());
        let waiting = jobs.waiting().await?;
        if waiting.is_empty() {
            self.state().watched.clear();
            return Ok(());
        }
        let begun = self.worker.clock.tick();
        if self
            .state()
            .attended
            .is_none_or(|at| begun.saturating_duration_since(at) >= self.worker.policy.settings.lease / 4)
        {
            jobs.attend(name, self.behind_ms(), lease_ms).await?;
            self.state().attended = Some(begun);
        }
        let roster = jobs.roster(lease_ms).await?;
        let workers = Workers::new(name, roster.workers);
        let missing = self.state().keep(waiting.into_iter().filter(|(id, _)| workers.of(id) == Some(name)));
        for ids in missing.chunks(LOADED_AT_ONCE) {
            for job in jobs.load(ids).await? {
                self.watch(job, roster.unattended_ms);
            }
        }
        Ok(())
    }

    /// How long the oldest poll has been due; `None`: there are no jobs to poll.
    fn behind_ms(&self) -> Option<i64> {
        let oldest = self.state().watched.values().map(|watched| watched.job.due_at).min()?;
        Some((self.worker.clock.now().0 - oldest.0).max(0))
    }

    /// Adds a job. Until `unattended_ms` ago, other workers have polled it without a record.
    fn watch(&self, job: Job, unattended_ms: i64) {
        let now = self.worker.clock.now();
        let (id, due_at) = (job.id.clone(), job.due_at.max(now.plus(-unattended_ms.max(0))));
        let wait_ms = wait_ms(&id, now.0, self.worker.policy.settings.timing.poll_ms);
        let watched = PolledJob { job: Arc::new(Job { due_at, ..job }), next: None, was_blocked: false };
        let mut state = self.state();
        state.watched.insert(id.clone(), watched);
        self.plan(&mut state, &id, wait_ms);
    }

    fn plan(&self, state: &mut State, id: &str, wait_ms: i64) {
        let at = self.worker.clock.tick() + Duration::from_millis(wait_ms.unsigned_abs());
        if let Some(watched) = state.watched.get_mut(id) {
            watched.next = Some(at);
            let is_next = state.queue.peek().is_none_or(|Reverse((first, _))| at < *first);
            state.queue.push(Reverse((at, id.to_owned())));
            if is_next {
                self.planned.notify_one();
            }
        }
    }

    /// Takes the poll that has been due longest. `None`: no poll is due.
    pub fn take_due(&self) -> Option<DuePoll> {
        let now = self.worker.clock.tick();
        let mut state = self.state();
        while state.next_at().is_some_and(|at| at <= now) {
            let Some(Reverse((at, id))) = state.queue.pop() else { break };
            if let Some(watched) = state.watched.get_mut(&id)
                && watched.next == Some(at)
            {
                watched.next = None;
                batch_polled(now.saturating_duration_since(at));
                return Some(DuePoll { job: watched.job.clone(), was_blocked: watched.was_blocked });
            }
        }
        None
    }

    /// Polls a batch. Nothing is written unless the answer changes what is stored; then the job is claimed, and held until it has to wait.
    pub async fn poll(&self, due: DuePoll, stop: CancellationToken) {
        let worker = &self.worker;
        let polled = unless(&stop, worker.observe(Task::Poll, &due.job, worker.clock.moment(), &stop)).await;
        let Some(Done::Event(event)) = polled else { return };
        match step(&due.job, event.clone(), worker.clock.now(), &worker.policy.settings.timing) {
            Ok(step) if !is_news(&due.job, &step.job) => self.keep(&due.job, step.job, false),
            // One blocked poll between others is common, and no reason to write.
            Ok(step) if !due.was_blocked && step.job.stage == due.job.stage && step.job.blocked_by.is_some() => {
                let job = Job { blocked_by: due.job.blocked_by, ..step.job };
                self.keep(&due.job, job, true);
            }
            // An illegal event is reported when its step is committed.
            Ok(_) | Err(_) => self.claim_and_hold(&due, event, stop).await,
        }
    }

    /// Claims a job for which there is news, and holds it.
    async fn claim_and_hold(&self, due: &DuePoll, event: Event, stop: CancellationToken) {
        let (worker, job) = (&self.worker, &due.job);
        match worker.ports.polling.claim_waiting(&worker.name, &job.id, job.fence, worker.lease_ms()).await {
            Ok(claimed) => {
                crash_point("claim", "news");
                self.state().watched.remove(&job.id);
                if let Some(claimed) = claimed {
                    let polls = claimed.polls.max(job.polls);
                    worker.hold_with(Job { due_at: job.due_at, polls, ..claimed }, Some(event), stop).await;
                }
            }
            Err(error) => {
                tracing::warn!(job = %job.id, %error, "job with news not claimed");
                self.keep(job, Job::clone(job), due.was_blocked);
            }
        }
    }

    /// Plans the next poll of a job, unless the job has moved on meanwhile. `after`: the job after this poll.
    fn keep(&self, before: &Job, after: Job, was_blocked: bool) {
        let (now, interval_ms) = (self.worker.clock.now(), self.worker.policy.settings.timing.poll_ms);
        let mut wait_ms = wait_ms(&before.id, now.0, interval_ms);
        // Shortly before its moment, the job has just been polled.
        if wait_ms < interval_ms / 2 {
            wait_ms += interval_ms;
        }
        let mut state = self.state();
        if let Some(watched) = state.watched.get_mut(&before.id)
            && watched.job.fence == before.fence
            && watched.next.is_none()
        {
            watched.job = Arc::new(Job { due_at: now.plus(wait_ms), claims: before.claims, ..after });
            watched.was_blocked = was_blocked;
            self.plan(&mut state, &before.id, wait_ms);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next_at(&self) -> Option<Instant> {
        self.queue.peek().map(|Reverse((at, _))| *at)
    }

    /// Keeps the jobs that are as this worker knows them. Returns the ids of the others.
    fn keep(&mut self, part: impl Iterator<Item = (String, i64)>) -> Vec<String> {
        let (mut kept, mut missing) = (HashMap::with_capacity(self.watched.len()), Vec::new());
        for (id, fence) in part {
            match self.watched.remove(&id) {
                Some(watched) if watched.job.fence == fence => drop(kept.insert(id, watched)),
                _ => missing.push(id),
            }
        }
        self.watched = kept;
        missing
    }
}
