//! Claims due jobs and carries out their tasks, until it is stopped.
//!
//! One job is one task of the runtime. It renews the job's lease, carries out what the stage needs, commits the step, and continues until
//! the job has to wait. A lost lease or a crash in between leaves the job at its last committed step, for the next claim. `lease` holds the
//! lease.
//!
//! At a stop, no task begins. A create, answers in realtime, and results that are being stored may finish within the stop timeout: another
//! process would have to repeat or pay them. Every other task is cut off. Then the worker hands its jobs back.

mod isolation;
mod lease;
mod settings;
mod shares;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::field::Empty;
use tracing::{Instrument, info_span};

use super::Poller;
use super::job::{Job, Stage};
use super::machine::{Effect, Event, Lane, Task, step};
use crate::clock::{Clock, IdGenerator, Moment};
use crate::crash::crash_point;
use crate::error::{Error, Result};
use crate::jobs::Completion;
use crate::metrics::{job_claimed, job_ended};
use crate::model::wire::JobError;
use crate::model::{BlockedReason, ErrorCode};
use crate::telemetry::traces;

pub use isolation::Isolation;
pub use settings::{WorkerPolicy, WorkerPorts, WorkerSettings};
use shares::{AccountSlot, AccountSlots};

/// Above this many claims without progress, a job is set aside: it crashes its workers.
const CLAIMS_MAX: u32 = 5;
/// Above this many claims without progress, a job is suspected of crashing its worker. A process holds one suspected job at a time. One
/// crash is not enough evidence: a power cut ends every job's claim.
const CLAIMS_UNSUSPICIOUS: u32 = 2;
/// The most jobs of one claim.
const CLAIMED_AT_ONCE_MAX: usize = 64;
/// How long a lane without due jobs waits before it looks for some again. A notification ends the wait of the local lane.
const IDLE: Duration = Duration::from_millis(500);
/// How long a job waits if its account has all its slots of this worker, in milliseconds.
const SHARE_WAIT_MS: i64 = 2_000;
/// After this time without a free slot, the turn of a lane counts as completed.
const SLOT_WAIT: Duration = Duration::from_secs(5);
const SPOOL_PURGED_EVERY: Duration = Duration::from_secs(3_600);
/// How long to wait after the database failed.
const PAUSE: Duration = Duration::from_secs(2);

/// Claims due jobs and carries out their tasks. Cheap to clone.
#[derive(Clone)]
pub struct Worker {
    /// Identifies this worker in the database.
    pub name: Arc<str>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdGenerator>,
    pub ports: WorkerPorts,
    pub policy: WorkerPolicy,
}

/// The outcome of a task.
pub(super) enum Done {
    /// An event for the state machine.
    Event(Event),
    /// The step was committed in the transaction that stored the results.
    Committed(Box<Job>),
    /// Another worker has the job.
    Superseded,
    /// The worker was asked to stop before the task was carried out.
    Stopped,
}

impl Worker {
    /// Claims and holds jobs until `stop`, and then hands back those that it holds. It ends soon after the stop timeout, unless the database
    /// answers no call.
    pub async fn run(self, stop: CancellationToken) {
        let (held, poller) = (TaskTracker::new(), Poller::new(self.clone()));
        let claiming = async {
            self.wake_waiting().await;
            let (jobs_max, polls_max) = (self.policy.settings.jobs_max, self.policy.settings.polls_max);
            tokio::join!(
                self.run_lane(Lane::Local, jobs_max, &held, &stop),
                self.run_lane(Lane::Remote, polls_max, &held, &stop),
                self.keep_spool_purged(&stop),
            )
        };
        let claiming = async {
            tokio::select! {
                ((), (), ()) = claiming => {}
                // Not earlier: jobs that were claimed without an answer count as crashed.
                () = self.overdue(&stop) => tracing::warn!("stop timeout reached, a claim of jobs was cut off"),
            }
        };
        tokio::join!(claiming, poller.run(&stop));
        held.close();
        held.wait().await;
    }

    async fn run_lane(&self, lane: Lane, held_max: usize, held: &TaskTracker, stop: &CancellationToken) {
        let slots = Arc::new(Semaphore::new(held_max));
        let (suspicion, account_slots) = (Arc::new(Semaphore::new(1)), AccountSlots::new(held_max));
        while let Some(free) = unless(stop, self.free_slots(lane, &slots)).await {
            let claimed = self.claim(lane, free).await;
            self.beat(lane);
            match claimed {
                Ok(jobs) if jobs.is_empty() => self.idle(lane, stop).await,
                Ok(jobs) => {
                    crash_point("claim", "taken");
                    for (job, account_slot, suspected) in self.pick(lane, jobs, &account_slots, &suspicion).await {
                        job_claimed(job.waited(self.clock.now()), job.claims);
                        // Only this loop takes slots, so there are at least as many as were counted.
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
                    tracing::warn!(%error, "claiming jobs failed");
                    let _ = unless(stop, self.clock.sleep(PAUSE)).await;
                }
            }
        }
    }

    /// Waits for a free slot. Returns how many jobs the next claim may take.
    async fn free_slots(&self, lane: Lane, slots: &Semaphore) -> usize {
        while tokio::time::timeout(SLOT_WAIT, slots.acquire()).await.is_err() {
            self.beat(lane);
        }
        slots.available_permits().min(CLAIMED_AT_ONCE_MAX)
    }

    /// Records that a lane completed a turn.
    fn beat(&self, lane: Lane) {
        let name = match lane {
            Lane::Local => "local lane",
            Lane::Remote => "remote lane",
        };
        self.ports.loops.beat(name);
    }

    /// Picks the jobs to hold now, and hands the others back for a while. Those are the jobs of accounts that have all their slots, and
    /// suspected jobs beside another one: if both ran, a crash would count against both.
    async fn pick(
        &self,
        lane: Lane,
        jobs: Vec<Job>,
        account_slots: &AccountSlots,
        suspicion: &Arc<Semaphore>,
    ) -> Vec<(Job, Option<AccountSlot>, Option<OwnedSemaphorePermit>)> {
        let mut picked = Vec::new();
        for job in jobs {
            // A call of Google takes milliseconds, so it needs no slot of its account.
            if lane == Lane::Remote {
                picked.push((job, None, None));
                continue;
            }
            let slot = account_slots.take(&job.account_id);
            let is_suspected = job.claims > CLAIMS_UNSUSPICIOUS;
            let suspected = is_suspected.then(|| suspicion.clone().try_acquire_owned().ok()).flatten();
            if slot.is_some() && suspected.is_some() == is_suspected {
                picked.push((job, slot, suspected));
                continue;
            }
            let wait_ms = if slot.is_some() { self.lease_ms() } else { SHARE_WAIT_MS };
            if let Err(error) = self.ports.jobs.release(&job, Some(wait_ms)).await {
                tracing::warn!(job = %job.id, %error, "job not handed back; its lease expires");
            }
        }
        picked
    }

    /// Waits until a job may be due. The local lane is notified of new jobs; jobs that become due later are found by looking.
    async fn idle(&self, lane: Lane, stop: &CancellationToken) {
        let _ = match lane {
            Lane::Local => unless(stop, tokio::time::timeout(IDLE, self.ports.bell.notified())).await.map(drop),
            Lane::Remote => unless(stop, self.clock.sleep(IDLE)).await,
        };
    }

    /// Deletes the files of jobs that are not active, now and every hour until `stop`. Another worker may have ended them, or a crash came
    /// before the cleanup. An active job keeps its files on every worker: a later attempt sends the same input file.
    async fn keep_spool_purged(&self, stop: &CancellationToken) {
        loop {
            if let Err(error) = self.purge_spool().await {
                tracing::warn!(%error, "purging job files failed");
            }
            if unless(stop, self.clock.sleep(SPOOL_PURGED_EVERY)).await.is_none() {
                return;
            }
        }
    }

    /// # Errors
    /// The database or the disk cannot be used.
    pub async fn purge_spool(&self) -> Result<()> {
        // The files are listed first, so that each job that is accepted later keeps its files.
        let mut ended = self.ports.spool.job_ids().await?;
        for id in self.ports.jobs.active_ids().await? {
            ended.remove(&id);
        }
        self.ports.spool.clear(&ended).await
    }

    /// Makes jobs due that wait for the spending ceiling: a restart may have raised it.
    async fn wake_waiting(&self) {
        if let Err(error) = self.ports.spending.wake_waiting().await {
            tracing::warn!(%error, "jobs that wait for the spending ceiling not made due");
        }
    }

    /// Claims at most `max` due jobs. The caller must then [hold](Self::hold) each.
    ///
    /// # Errors
    /// The database cannot be reached. If only its answer was lost, jobs were claimed, and their leases expire.
    pub async fn claim(&self, lane: Lane, max: usize) -> Result<Vec<Job>> {
        self.ports.jobs.claim(&self.name, lane, max, self.lease_ms()).await
    }

    /// Takes a job from step to step until it has to wait or ends. Returns a job that moved from the remote to the local lane: it is still
    /// held. So is the job of a walk that `stop` ended. `None`: the job ended, a step that has to wait ended its lease, or the claim was lost.
    /// `news`: what happened before the claim.
    async fn walk(&self, mut job: Job, news: Option<Event>, stop: &CancellationToken) -> Result<Option<Job>> {
        let lane = job.lane();
        let mut outcome = self.outcome_of_claim(&job).await?.or(news.map(Done::Event));
        let mut step_begun = self.clock.moment();
        loop {
            let Some(task) = job.task() else { return Ok(None) };
            let done = match outcome.take() {
                Some(done) => done,
                None if lane == Lane::Remote && job.lane() == Lane::Local => {
                    self.ports.bell.notify_one();
                    return Ok(Some(job));
                }
                // This walk has recorded the attempt.
                None if stop.is_cancelled() && task == Task::Create => Done::Event(Event::NotSent),
                None if stop.is_cancelled() => return Ok(Some(job)),
                None => tokio::select! {
                    biased;
                    done = self.observe(task, &job, step_begun, stop) => done,
                    () = lease::cut_off(task, stop) => Done::Stopped,
                },
            };
            step_begun = self.clock.moment();
            job = match done {
                Done::Event(event) => match self.commit(&job, event).await? {
                    Some(job) => job,
                    None => return Ok(None),
                },
                Done::Committed(job) => *job,
                Done::Superseded => return Ok(None),
                Done::Stopped => return Ok(Some(job)),
            };
        }
    }

    /// The outcome that follows from the claim itself, before any task: a create was interrupted, or the job crashes its workers.
    async fn outcome_of_claim(&self, job: &Job) -> Result<Option<Done>> {
        // An earlier claim committed the attempt, and may have sent its create.
        if let Stage::Creating { .. } = job.stage {
            return Ok(Some(Done::Event(Event::AnswerLost)));
        }
        if job.claims > CLAIMS_MAX {
            let words = "Reading this document failed several times on our side, so we stopped.";
            let failure = JobError::new("set_aside", words);
            return Ok(Some(match job.stage {
                // Pages that were read are paid for, so they become a document.
                Stage::Realtime { .. } | Stage::Flex { .. } => self.end_reading(job, failure).await?,
                _ => Done::Event(Event::Refused(failure)),
            }));
        }
        Ok(None)
    }

    /// Carries out one task in a span of its own. `step_begun` is a moment before the commit that led to it.
    pub(super) async fn observe(&self, task: Task, job: &Job, step_begun: Moment, stop: &CancellationToken) -> Done {
        let span = info_span!("job", job = %job.id, task = task.into_str(), otel.name = Empty);
        traces::name(&span, task.into_str());
        self.carry_out(task, job, step_begun, stop).instrument(span).await
    }

    async fn carry_out(&self, task: Task, job: &Job, step_begun: Moment, stop: &CancellationToken) -> Done {
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
            Task::Realtime | Task::Flex => self.read_pages(job, stop).await,
        };
        crash_point(task.into_str(), "done");
        done.unwrap_or_else(|error| {
            tracing::warn!(job = %job.id, ?task, %error, "task failed");
            Done::Event(match error {
                // The account has used its engine time, so the job waits for the next hour.
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

    /// Commits the step of an event, and then cleans up. `None`: the job is no longer held, because it has to wait or the claim was lost.
    async fn commit(&self, job: &Job, event: Event) -> Result<Option<Job>> {
        let now = self.clock.now();
        let step = step(job, event, now, &self.policy.settings.timing).map_err(Error::internal)?;
        if let Some(unanswered) = step.unanswered {
            self.ports.spending.close(job, None, unanswered, now).await?;
            crash_point("end", "money accounted");
        }
        if !self.ports.jobs.advance(&step.job, step.wait_ms, step.left.as_ref(), now).await? {
            // No record names the file that was uploaded for this step.
            if let (Stage::Upload { .. }, Some(file)) = (&job.stage, step.job.stage.input_file()) {
                self.clean_up(job, vec![Effect::DeleteInput { input_file: file.to_owned() }]).await;
            }
            return Ok(None);
        }
        crash_point(job.task().map_or("over", |task| task.into_str()), "committed");
        self.report(job, &step.job);
        self.clean_up(&step.job, step.effects).await;
        Ok((step.wait_ms == 0).then_some(step.job))
    }

    /// Commits the step that ends a job with a document, in the transaction that stores its results.
    ///
    /// # Errors
    /// The first error of `results`. The database cannot be reached.
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
            tracing::info!(job = %after.id, from = ?before.status(), to = ?after.status(), "job status changed");
            job_ended(after.mode, after.status());
        }
    }

    /// Carries out the effects of a step. Files that it cannot delete are purged within the hour, or expire at Google. A batch that it cannot
    /// delete only makes listings longer.
    async fn clean_up(&self, job: &Job, effects: Vec<Effect>) {
        for effect in effects {
            crash_point("cleanup", "begun");
            let cleaned = match effect {
                Effect::ClearSpool => self.ports.spool.clear(&HashSet::from([job.id.clone()])).await,
                Effect::DeleteInput { input_file } => {
                    self.ports.google.delete(&input_file).await.map_err(Error::unavailable)
                }
                Effect::DeleteBatch { batch } => {
                    crash_point("delete batch", "begun");
                    self.ports.google.delete_batch(&batch).await.map_err(Error::unavailable)
                }
            };
            if let Err(error) = cleaned {
                tracing::info!(job = %job.id, %error, "cleanup failed");
            }
        }
    }
}

/// The value of `future`; `None`: `stop` came first.
pub(super) async fn unless<F: Future>(stop: &CancellationToken, future: F) -> Option<F::Output> {
    tokio::select! {
        () = stop.cancelled() => None,
        value = future => Some(value),
    }
}
