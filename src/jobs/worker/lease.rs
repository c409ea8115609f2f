//! Holds a job: renews its lease while the worker works on it, and hands the claim back afterwards. A process that crashes hands nothing
//! back, and only that counts as a crash of the job.

use std::cell::Cell;

use tokio_util::sync::CancellationToken;

use super::{Event, Job, Task, Worker, crash_point, unless};

tokio::task_local! {
    /// Whether the results of the job that this task holds are being stored.
    static STORING: Cell<bool>;
}

/// Stores the results of the job that this task holds. The transaction blocks renewals and claims of the job. So no other worker gets the
/// job while it runs, even if the lease expires. If another worker claimed the job before, the transaction stores nothing.
pub(in crate::jobs) async fn storing<T>(stored: impl Future<Output = T>) -> T {
    // It fails outside of `hold`, where there is no lease that could be lost.
    let _ = STORING.try_with(|storing| storing.set(true));
    let stored = stored.await;
    let _ = STORING.try_with(|storing| storing.set(false));
    stored
}

/// Returns at `stop` if the task can be cut off then: another process repeats it, and nothing is paid again. A create or an admission ends by
/// itself, and so does the storing of results. Realtime sends no further page.
pub(super) async fn cut_off(task: Task, stop: &CancellationToken) {
    stop.cancelled().await;
    if matches!(task, Task::RecordAttempt | Task::Create | Task::Realtime) || STORING.with(Cell::get) {
        std::future::pending().await
    }
}

impl Worker {
    pub(in crate::jobs) fn lease_ms(&self) -> i64 {
        i64::try_from(self.policy.settings.lease.as_millis()).unwrap_or(i64::MAX)
    }

    /// Returns when the stop timeout has passed after `stop`.
    pub(super) async fn overdue(&self, stop: &CancellationToken) {
        stop.cancelled().await;
        self.clock.sleep(self.policy.settings.stop_timeout).await;
    }

    /// Holds a claimed job until it has to wait or ends, or its lease is lost. At `stop`, its task may end within the stop timeout.
    pub async fn hold(&self, job: Job, stop: CancellationToken) {
        self.hold_with(job, None, stop).await;
    }

    /// The same. `news`: what happened before the claim.
    pub(in crate::jobs) async fn hold_with(&self, job: Job, news: Option<Event>, stop: CancellationToken) {
        STORING.scope(Cell::new(false), self.walk_with_lease(job, news, stop)).await;
    }

    async fn walk_with_lease(&self, job: Job, news: Option<Event>, stop: CancellationToken) {
        let fence = job.clone();
        let ended = tokio::select! {
            // Polled in this order, so that a simulation with the same seed is the same.
            biased;
            ended = self.walk(job, news, &stop) => ended,
            () = self.keep_lease(&fence) => {
                tracing::warn!(job = %fence.id, "lease lost");
                Ok(Some(fence.clone()))
            }
            () = self.overdue(&stop) => {
                tracing::warn!(job = %fence.id, "stop timeout reached, task cut off");
                Ok(Some(fence.clone()))
            }
        };
        match ended {
            Ok(None) => {}
            Ok(Some(job)) => {
                crash_point("claim", "done with");
                self.hand_back(&job, &stop).await;
            }
            Err(error) => {
                tracing::warn!(job = %fence.id, %error, "step not committed");
                let _ = unless(&stop, self.clock.sleep(self.policy.settings.lease / 8)).await;
                self.hand_back(&fence, &stop).await;
            }
        }
    }

    /// Hands a job back, and retries until the database answers or `stop` comes: a claim that is not handed back would count as a crash.
    async fn hand_back(&self, job: &Job, stop: &CancellationToken) {
        while let Err(error) = self.ports.jobs.release(job, None).await {
            tracing::warn!(job = %job.id, %error, "job not handed back");
            if unless(stop, self.clock.sleep(self.policy.settings.lease / 8)).await.is_none() {
                return;
            }
        }
    }

    /// Renews the lease, and returns when it is lost. It is also lost if the database has not answered until the lease expires, unless the
    /// results are being stored.
    async fn keep_lease(&self, job: &Job) {
        let pause = self.policy.settings.lease / 4;
        loop {
            self.clock.sleep(pause).await;
            let renewed = tokio::select! {
                biased;
                renewed = self.renew(job) => renewed,
                () = self.clock.sleep(self.policy.settings.lease - pause) => false,
            };
            if !renewed && !STORING.with(Cell::get) {
                return;
            }
        }
    }

    /// Renews the lease, and retries until the database answers. `false`: the claim was lost.
    async fn renew(&self, job: &Job) -> bool {
        loop {
            match self.ports.jobs.renew(job, self.lease_ms()).await {
                Ok(renewed) => return renewed,
                Err(error) => tracing::warn!(job = %job.id, %error, "lease not renewed"),
            }
            self.clock.sleep(self.policy.settings.lease / 16).await;
        }
    }
}
