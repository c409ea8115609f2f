//! Claims jobs that are due and carries out what they need, until it is told to stop.
//!
//! One job is one task of the runtime: it holds a lease that it keeps renewing, does what the job's stage asks for,
//! commits the step, and goes on until the job has to wait. Whatever ends it half-way (a stop, a lost lease, a crash) leaves
//! the job as it was at the last commit, for the next claim.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Spool;
use super::job::{Job, JobFailure, Stage};
use super::machine::{Effect, Event, Task, Timing, step};
use crate::changes::Changes;
use crate::crash::crash_point;
use crate::error::{Error, Result};
use crate::gemini::{self, models::Models};
use crate::metrics::{job_claimed, job_ended};
use crate::model::Pricing;
use crate::pdf::Engine;
use crate::store::{Blobs, Completion, Figures, Jobs};
use crate::world::World;

/// A job that was taken up this often without finishing a step kills its workers: it is set aside.
const CLAIMS_MAX: u32 = 5;
/// How long to wait for the bell before looking for due jobs anyway.
const IDLE: Duration = Duration::from_millis(500);
/// How long to leave a database alone that does not answer.
const PAUSE: Duration = Duration::from_secs(2);

/// How a worker works.
#[derive(Clone, Copy, Debug)]
pub struct WorkerSettings {
    pub timing: Timing,
    /// A claim that is not renewed for this long is free again.
    pub lease: Duration,
    pub jobs_max: usize,
    /// Realtime requests that one job has under way at once.
    pub realtime_requests_max: usize,
}

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Worker {
    /// Tells workers apart in the record.
    pub name: Arc<str>,
    pub jobs: Arc<dyn Jobs>,
    pub figures: Arc<dyn Figures>,
    pub blobs: Arc<dyn Blobs>,
    pub engine: Engine,
    pub gemini: gemini::Client,
    pub models: Models,
    pub pricing: Pricing,
    pub spool: Spool,
    pub world: Arc<dyn World>,
    pub changes: Changes,
    /// Rung when there is work.
    pub bell: Arc<Notify>,
    pub settings: WorkerSettings,
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
        self.sweep().await;
        let slots = Arc::new(Semaphore::new(self.settings.jobs_max));
        let jobs = TaskTracker::new();
        while let Some(slot) = unless(&stop, slots.clone().acquire_owned()).await.and_then(Result::ok) {
            match self.claim().await {
                Ok(Some(job)) => {
                    crash_point("claim", "taken");
                    job_claimed(job.claims);
                    jobs.spawn(self.clone().hold(job, stop.clone(), slot));
                }
                Ok(None) => {
                    drop(slot);
                    let _ = unless(&stop, tokio::time::timeout(IDLE, self.bell.notified())).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "no jobs can be claimed");
                    let _ = unless(&stop, tokio::time::sleep(PAUSE)).await;
                }
            }
        }
        jobs.close();
        jobs.wait().await;
    }

    async fn sweep(&self) {
        let swept = async { self.spool.sweep(&self.jobs.active_ids().await?).await };
        if let Err(error) = swept.await {
            tracing::warn!(%error, "leftover job files could not be removed");
        }
    }

    async fn claim(&self) -> Result<Option<Job>> {
        self.jobs.claim(&self.name, self.world.now(), self.lease_ms()).await
    }

    pub(super) fn lease_ms(&self) -> i64 {
        i64::try_from(self.settings.lease.as_millis()).unwrap_or(i64::MAX)
    }

    /// Holds a claimed job until it has to wait, is over, is lost, or the worker stops.
    async fn hold(self, job: Job, stop: CancellationToken, _slot: OwnedSemaphorePermit) {
        let id = job.id.clone();
        let fence = job.clone();
        let ended = tokio::select! {
            ended = self.walk(job) => ended,
            () = self.keep_lease(&fence) => return tracing::warn!(job = %id, "lease lost"),
            () = stop.cancelled() => Ok(fence.clone()),
        };
        let handed_back = match ended {
            Ok(job) => {
                crash_point("claim", "done with");
                self.jobs.release(&job).await
            }
            Err(error) => Err(error),
        };
        // A step that could not be committed counts as a crash would: it is tried again when the lease has run out.
        if let Err(error) = handed_back {
            tracing::warn!(job = %id, %error, "job left until its lease runs out");
        }
    }

    /// Renews the lease for as long as that is possible. A lease that has run out is lost, also when the database cannot say so.
    async fn keep_lease(&self, job: &Job) {
        let pause = self.settings.lease / 4;
        loop {
            tokio::time::sleep(pause).await;
            match tokio::time::timeout(self.settings.lease - pause, self.renew(job)).await {
                Ok(true) => {}
                Ok(false) | Err(_) => return,
            }
        }
    }

    /// Renews the lease, however long the database takes. `false`: somebody else has it.
    async fn renew(&self, job: &Job) -> bool {
        loop {
            match self.jobs.renew(job, self.world.now().plus(self.lease_ms())).await {
                Ok(renewed) => return renewed,
                Err(error) => tracing::warn!(job = %job.id, %error, "lease not renewed"),
            }
            tokio::time::sleep(self.settings.lease / 16).await;
        }
    }

    /// Takes a job step by step to where it has to wait.
    async fn walk(&self, mut job: Job) -> Result<Job> {
        let mut finding = self.finding(&job).await?;
        loop {
            let Some(task) = job.task() else { return Ok(job) };
            let done = match finding.take() {
                Some(done) => done,
                None if job.due_at > self.world.now() => return Ok(job),
                None => self.carry_out(task, &job).await,
            };
            job = match done {
                Done::Event(event) => match self.commit(&job, event).await? {
                    Some(job) => job,
                    None => return Ok(job),
                },
                Done::Committed(job) => *job,
                Done::Superseded => return Ok(job),
            };
        }
    }

    /// What a fresh claim says by itself.
    async fn finding(&self, job: &Job) -> Result<Option<Done>> {
        if job.claims > CLAIMS_MAX {
            let words = "This document stopped our workers again and again, so it was set aside.";
            let failure = JobFailure::new("set_aside", words);
            return Ok(Some(match job.stage {
                // Pages that were read and paid for are not thrown away.
                Stage::Read { .. } => self.end_reading(job, failure).await?,
                _ => Done::Event(Event::Refused(failure)),
            }));
        }
        // Another process had recorded the attempt, and nobody knows how far its create got.
        Ok(matches!(job.stage, Stage::Creating { .. }).then_some(Done::Event(Event::AnswerLost)))
    }

    async fn carry_out(&self, task: Task, job: &Job) -> Done {
        crash_point(task.name(), "begun");
        let done = match task {
            Task::Prepare => self.prepare(job).await,
            Task::Upload => self.upload(job).await.map(Done::Event),
            Task::RecordAttempt => Ok(Done::Event(Event::AttemptRecorded)),
            Task::Create => Ok(Done::Event(self.create(job).await)),
            Task::Seek => Ok(Done::Event(self.seek(job).await)),
            Task::Poll => Ok(Done::Event(self.poll(job).await)),
            Task::Withdraw => Ok(Done::Event(self.withdraw(job).await)),
            Task::Collect => self.collect(job).await,
            Task::Read => self.read(job).await,
        };
        crash_point(task.name(), "done");
        done.unwrap_or_else(|error| {
            tracing::warn!(job = %job.id, ?task, %error, "task hindered");
            Done::Event(match error {
                Error::Refused(error) => Event::Refused(JobFailure::new(error.code.name(), error.message)),
                Error::Unavailable(_) | Error::Internal(_) => Event::Hindered { retry_after_ms: None },
            })
        })
    }

    /// Commits the step that an event makes, and tidies up after it. `None`: the claim was lost.
    async fn commit(&self, job: &Job, event: Event) -> Result<Option<Job>> {
        let now = self.world.now();
        let step = step(job, event, now, &self.settings.timing).map_err(Error::internal)?;
        if !self.jobs.advance(&step.job, now).await? {
            return Ok(None);
        }
        crash_point(job.task().map_or("over", Task::name), "committed");
        self.report(job, &step.job);
        self.tidy(&step.job, step.effects).await;
        Ok(Some(step.job))
    }

    /// Commits the step that stores a job's results, in the transaction that stores them.
    pub(super) async fn complete(
        &self,
        job: &Job,
        results: futures::stream::BoxStream<'_, Result<crate::store::PageResult>>,
    ) -> Result<Done> {
        let now = self.world.now();
        let step = step(job, Event::Stored, now, &self.settings.timing).map_err(Error::internal)?;
        Ok(match self.jobs.complete(&step.job, results, now).await? {
            Completion::NothingUsable => Done::Event(Event::NothingUsable),
            Completion::Superseded => Done::Superseded,
            Completion::Stored => {
                self.report(job, &step.job);
                self.tidy(&step.job, step.effects).await;
                Done::Committed(Box::new(step.job))
            }
        })
    }

    fn report(&self, before: &Job, after: &Job) {
        self.changes.tell(&after.account_id, &after.content_hash);
        if before.status() != after.status() {
            tracing::info!(job = %after.id, from = ?before.status(), to = ?after.status(), "job moved");
            job_ended(after.mode, after.status());
        }
    }

    /// What is not tidied now is swept at the next start, or runs out at Google by itself.
    async fn tidy(&self, job: &Job, effects: Vec<Effect>) {
        for effect in effects {
            crash_point("tidy", "begun");
            let tidied = match effect {
                Effect::ClearSpool => self.spool.clear(job).await,
                Effect::DeleteInput { input_file } => {
                    self.gemini.delete_file(&input_file).await.map_err(Error::unavailable)
                }
                Effect::CancelBatch { batch } => self.gemini.cancel_batch(&batch).await.map_err(Error::unavailable),
            };
            if let Err(error) = tidied {
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
