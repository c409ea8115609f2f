//! Claims jobs that are due and carries out what they need, until it is told to stop.
//!
//! One job is one task of the runtime: it holds a lease that it keeps renewing, does what the job's stage asks for,
//! commits the step, and goes on until the job has to wait. Whatever ends it half-way (a stop, a lost lease, a crash) leaves
//! the job as it was at the last commit, for the next claim. How a job is held is in `lease`.

mod isolation;
mod lease;
mod shares;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::field::Empty;
use tracing::{Instrument, info_span};

use super::job::{Job, Stage};
use super::machine::{Effect, Event, Lane, Task, Timing, step};
use super::{Google, PageSource, Spool};
use crate::accounts::spending::Budget;
use crate::changes::Changes;
use crate::clock::{Clock, IdGenerator};
use crate::crash::crash_point;
use crate::error::{Error, Result};
use crate::jobs::Spending;
use crate::jobs::{Completion, Jobs};
use crate::metrics::{job_claimed, job_ended};
use crate::model::wire::JobError;
use crate::model::{BlockedReason, ErrorCode, Pricing};
use crate::settings::{SECOND, Settings};
use crate::telemetry::traces;
use crate::uploads::{Figures, Uploads};
use coldbrew_gemini::models::Models;

pub use isolation::Isolation;
use shares::{AccountSlot, AccountSlots};

/// A job that was taken up this often without finishing a step kills its workers: it is set aside.
const CLAIMS_MAX: u32 = 5;
/// A job that was taken up more often than this without finishing a step is worked on while no other such job is. Not at the first
/// crash: a power cut ends everybody's work, and is nobody's fault.
const CLAIMS_UNSUSPICIOUS: u32 = 2;
/// Jobs that are taken up by one claim at most.
const CLAIMED_AT_ONCE_MAX: usize = 64;
/// How long to wait for the bell before looking for due jobs anyway.
const IDLE: Duration = Duration::from_millis(500);
/// How long a job waits whose account has its share of this worker, in milliseconds.
const SHARE_WAIT_MS: i64 = 2_000;
/// How long to leave a database alone that does not answer.
const PAUSE: Duration = Duration::from_secs(2);

/// Batches that one process looks at at once. A look is one small request.
const POLLS_MAX: usize = 256;

/// How a worker works.
#[derive(Clone, Copy, Debug)]
pub struct WorkerSettings {
    pub timing: Timing,
    /// A claim that is not renewed for this long is free again.
    pub lease: Duration,
    /// Jobs that are worked on at once.
    pub jobs_max: usize,
    /// Batches that are looked at at once.
    pub polls_max: usize,
    /// Realtime requests that one job has under way at once.
    pub realtime_requests_max: usize,
}

impl WorkerSettings {
    /// `demo`: the stand-in reads in seconds, and lists a batch as soon as it is made.
    pub fn read(from: &mut Settings, demo: bool) -> Self {
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
        }
    }
}

/// What a worker reaches outside.
#[derive(Clone)]
pub struct WorkerPorts {
    pub jobs: Arc<dyn Jobs>,
    pub uploads: Arc<dyn Uploads>,
    pub spending: Arc<dyn Spending>,
    pub figures: Arc<dyn Figures>,
    pub pages: Arc<dyn PageSource>,
    pub google: Arc<dyn Google>,
    pub spool: Arc<dyn Spool>,
    pub changes: Changes,
    /// Rung when there is work.
    pub bell: Arc<Notify>,
    /// Where jobs under suspicion run; `None`: here, one at a time.
    pub isolation: Option<Arc<dyn Isolation>>,
}

/// What a worker decides by.
#[derive(Clone)]
pub struct WorkerPolicy {
    pub models: Models,
    pub pricing: Pricing,
    pub budget: Budget,
    pub settings: WorkerSettings,
}

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Worker {
    /// Tells workers apart in the record.
    pub name: Arc<str>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdGenerator>,
    pub ports: WorkerPorts,
    pub policy: WorkerPolicy,
}

/// What carrying out a task came to.
pub(super) enum Done {
    /// It is for the machine to say where this leads.
    Event(Event),
    /// The step is committed already, together with what it stores.
    Committed(Box<Job>),
    /// Somebody else has the job now.
    Superseded,
}

impl Worker {
    /// Works until `stop`; then hands back what it holds.
    pub async fn run(self, stop: CancellationToken) {
        self.purge_spool().await;
        self.wake_waiting().await;
        let held = TaskTracker::new();
        let (jobs_max, polls_max) = (self.policy.settings.jobs_max, self.policy.settings.polls_max);
        tokio::join!(
            self.run_lane(Lane::Local, jobs_max, &held, &stop),
            self.run_lane(Lane::Remote, polls_max, &held, &stop),
        );
        held.close();
        held.wait().await;
    }

    async fn run_lane(&self, lane: Lane, held_max: usize, held: &TaskTracker, stop: &CancellationToken) {
        let slots = Arc::new(Semaphore::new(held_max));
        let (suspicion, account_slots) = (Arc::new(Semaphore::new(1)), AccountSlots::new(held_max));
        while unless(stop, slots.acquire()).await.is_some() {
            let free = slots.available_permits().min(CLAIMED_AT_ONCE_MAX);
            match self.claim(lane, free).await {
                Ok(jobs) if jobs.is_empty() => self.idle(lane, stop).await,
                Ok(jobs) => {
                    crash_point("claim", "taken");
                    for (job, account_slot, suspected) in self.sort_out(lane, jobs, &account_slots, &suspicion).await {
                        job_claimed(job.waited(self.clock.now()), job.claims);
                        // Nobody else takes slots, so there are as many as before.
                        let slot = slots.clone().try_acquire_owned();
                        let (worker, stop) = (self.clone(), stop.clone());
                        held.spawn(async move {
                            match suspected {
                                Some(_) => worker.hold_suspected(job, stop).await,
                                None => worker.hold(job, stop).await,
                            }
                            drop((slot, account_slot, suspected));
                        });
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "no jobs can be claimed");
                    let _ = unless(stop, self.clock.sleep(PAUSE)).await;
                }
            }
        }
    }

    /// Picks the jobs to hold now. The others are handed back for a while: those of an account that has its share of this worker, and all
    /// but one of those that workers have died with again and again. If one of these is the reason, the others must not be blamed for it.
    async fn sort_out(
        &self,
        lane: Lane,
        jobs: Vec<Job>,
        account_slots: &AccountSlots,
        suspicion: &Arc<Semaphore>,
    ) -> Vec<(Job, Option<AccountSlot>, Option<OwnedSemaphorePermit>)> {
        let mut sorted = Vec::new();
        for job in jobs {
            // A look at a batch takes milliseconds.
            if lane == Lane::Remote {
                sorted.push((job, None, None));
                continue;
            }
            let slot = account_slots.take(&job.account_id);
            let is_suspected = job.claims > CLAIMS_UNSUSPICIOUS;
            let suspected = is_suspected.then(|| suspicion.clone().try_acquire_owned().ok()).flatten();
            if slot.is_some() && suspected.is_some() == is_suspected {
                sorted.push((job, slot, suspected));
                continue;
            }
            let wait_ms = if slot.is_some() { self.lease_ms() } else { SHARE_WAIT_MS };
            if let Err(error) = self.ports.jobs.release(&job, Some(self.clock.now().plus(wait_ms))).await {
                tracing::warn!(job = %job.id, %error, "job left until its lease runs out");
            }
        }
        sorted
    }

    /// Waits until there may be work. The bell rings for new work; what is due at its time is looked for.
    async fn idle(&self, lane: Lane, stop: &CancellationToken) {
        let _ = match lane {
            Lane::Local => unless(stop, tokio::time::timeout(IDLE, self.ports.bell.notified())).await.map(drop),
            Lane::Remote => unless(stop, self.clock.sleep(IDLE)).await,
        };
    }

    async fn purge_spool(&self) {
        let purged = async { self.ports.spool.purge(&self.ports.jobs.active_ids().await?).await };
        if let Err(error) = purged.await {
            tracing::warn!(%error, "orphan job files could not be removed");
        }
    }

    /// A budget is raised by a restart: jobs that wait for it try again at once.
    async fn wake_waiting(&self) {
        if let Err(error) = self.ports.spending.wake_waiting(self.clock.now()).await {
            tracing::warn!(%error, "jobs that wait for the budget try again only later");
        }
    }

    /// Takes up at most `max` jobs that are due, each of which is then to be [held](Self::hold).
    pub async fn claim(&self, lane: Lane, max: usize) -> Result<Vec<Job>> {
        self.ports.jobs.claim(&self.name, lane, max, self.clock.now(), self.lease_ms()).await
    }

    /// Takes a job step by step to where it has to wait, or somebody of the other lane is to go on. What is still held is returned:
    /// a step that has to wait hands the job back by itself.
    async fn walk(&self, mut job: Job) -> Result<Option<Job>> {
        let lane = job.lane();
        let mut finding = self.finding(&job).await?;
        let mut step_begun = self.clock.tick();
        loop {
            let Some(task) = job.task() else { return Ok(None) };
            let done = match finding.take() {
                Some(done) => done,
                None if lane == Lane::Remote && job.lane() == Lane::Local => {
                    self.ports.bell.notify_one();
                    return Ok(Some(job));
                }
                None => {
                    let span = info_span!("job", job = %job.id, task = task.into_str(), otel.name = Empty);
                    traces::name(&span, task.into_str());
                    self.carry_out(task, &job, step_begun).instrument(span).await
                }
            };
            step_begun = self.clock.tick();
            job = match done {
                Done::Event(event) => match self.commit(&job, event).await? {
                    Some(job) => job,
                    None => return Ok(None),
                },
                Done::Committed(job) => *job,
                Done::Superseded => return Ok(None),
            };
        }
    }

    /// What a fresh claim says by itself.
    async fn finding(&self, job: &Job) -> Result<Option<Done>> {
        // Another process had recorded the attempt, and nobody knows how far its create got: before anything else, that is to be found out.
        if let Stage::Creating { .. } = job.stage {
            return Ok(Some(Done::Event(Event::AnswerLost)));
        }
        if job.claims > CLAIMS_MAX {
            let words = "This document stopped our workers again and again, so it was set aside.";
            let failure = JobError::new("set_aside", words);
            return Ok(Some(match job.stage {
                // Pages that were read and paid for are not thrown away.
                Stage::Realtime { .. } => self.end_reading(job, failure).await?,
                _ => Done::Event(Event::Refused(failure)),
            }));
        }
        Ok(None)
    }

    /// `step_begun` is from before the commit that led to this task.
    async fn carry_out(&self, task: Task, job: &Job, step_begun: Instant) -> Done {
        crash_point(task.into_str(), "begun");
        let done = match task {
            Task::Prepare => self.prepare(job).await,
            Task::Upload => self.upload(job).await.map(Done::Event),
            Task::RecordAttempt => self.record_attempt(job).await,
            Task::Create => Ok(Done::Event(self.create(job, step_begun).await)),
            Task::Reconcile => Ok(Done::Event(self.reconcile(job).await)),
            Task::Poll => Ok(Done::Event(self.poll(job).await)),
            Task::Cancel => Ok(Done::Event(self.cancel(job).await)),
            Task::Download => self.download(job).await,
            Task::Realtime => self.read_pages(job).await,
        };
        crash_point(task.into_str(), "done");
        done.unwrap_or_else(|error| {
            tracing::warn!(job = %job.id, ?task, %error, "task hindered");
            Done::Event(match error {
                // The account has used its time of the page engine: its job waits for the next hour's.
                Error::Refused(error) if error.code == ErrorCode::TooManyRequests => {
                    let retry_after_ms = error.retry_after_s().map(|seconds| i64::from(seconds) * 1_000);
                    Event::Blocked { by: BlockedReason::EngineTime, retry_after_ms }
                }
                Error::Refused(error) => Event::Refused(JobError::new(error.code.into_str(), error.message)),
                Error::Unavailable(_) | Error::Internal(_) => {
                    Event::Blocked { by: BlockedReason::Server, retry_after_ms: None }
                }
            })
        })
    }

    /// Commits the step that an event makes, and tidies up after it. `None`: the job is not held any more, because it has to wait
    /// or because the claim was lost.
    async fn commit(&self, job: &Job, event: Event) -> Result<Option<Job>> {
        let now = self.clock.now();
        let step = step(job, event, now, &self.policy.settings.timing).map_err(Error::internal)?;
        if let Some(unanswered) = step.unanswered {
            self.ports.spending.close(job, None, unanswered, now).await?;
            crash_point("end", "money accounted");
        }
        if !self.ports.jobs.advance(&step.job, step.left.as_ref(), now).await? {
            // A file that was uploaded for this step is known to nobody else.
            if let (Stage::Upload { .. }, Some(file)) = (&job.stage, step.job.stage.input_file()) {
                self.clean_up(job, vec![Effect::DeleteInput { input_file: file.to_owned() }]).await;
            }
            return Ok(None);
        }
        crash_point(job.task().map_or("over", |task| task.into_str()), "committed");
        self.report(job, &step.job);
        self.clean_up(&step.job, step.effects).await;
        Ok((step.job.due_at <= now).then_some(step.job))
    }

    /// Commits the step that stores a job's results, in the transaction that stores them.
    pub(super) async fn complete(
        &self,
        job: &Job,
        results: futures::stream::BoxStream<'_, Result<crate::extract::PageResult>>,
    ) -> Result<Done> {
        let now = self.clock.now();
        let step = step(job, Event::Stored, now, &self.policy.settings.timing).map_err(Error::internal)?;
        Ok(match lease::storing(self.ports.jobs.complete(&step.job, results, now)).await? {
            Completion::NothingUsable => Done::Event(Event::NothingUsable),
            Completion::Superseded => Done::Superseded,
            Completion::Stored => {
                self.report(job, &step.job);
                self.clean_up(&step.job, step.effects).await;
                Done::Committed(Box::new(step.job))
            }
        })
    }

    fn report(&self, before: &Job, after: &Job) {
        self.ports.changes.tell(&after.account_id, &after.content_hash);
        if before.status() != after.status() {
            tracing::info!(job = %after.id, from = ?before.status(), to = ?after.status(), "job moved");
            job_ended(after.mode, after.status());
        }
    }

    /// What is not cleaned now is purged at the next start, or runs out at Google by itself.
    async fn clean_up(&self, job: &Job, effects: Vec<Effect>) {
        for effect in effects {
            crash_point("cleanup", "begun");
            let cleaned = match effect {
                Effect::ClearSpool => self.ports.spool.clear(job).await,
                Effect::DeleteInput { input_file } => {
                    self.ports.google.delete(&input_file).await.map_err(Error::unavailable)
                }
            };
            if let Err(error) = cleaned {
                tracing::info!(job = %job.id, %error, "something was left behind");
            }
        }
    }
}

/// The future's value, unless `stop` comes first.
async fn unless<F: Future>(stop: &CancellationToken, future: F) -> Option<F::Output> {
    tokio::select! {
        () = stop.cancelled() => None,
        value = future => Some(value),
    }
}
