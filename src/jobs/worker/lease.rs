//! Holding a job: its lease is renewed for as long as it is worked on, and handed back when it is not. Whoever is gone hands nothing back,
//! and only that counts as a crash.

use std::cell::Cell;

use tokio_util::sync::CancellationToken;

use super::{Job, Worker, crash_point, unless};

tokio::task_local! {
    /// Whether the results of the job that is held here are being stored at this moment.
    static STORING: Cell<bool>;
}

/// Stores the results of the job that is held here. The transaction that does so keeps renewals waiting, and claims as well: for as long as it
/// lasts the lease cannot be lost, whatever the clock says, and if another had come before it, it stores nothing.
pub(in crate::jobs) async fn storing<T>(stored: impl Future<Output = T>) -> T {
    // Nobody may hold it: then there is no lease to be lost.
    let _ = STORING.try_with(|storing| storing.set(true));
    let stored = stored.await;
    let _ = STORING.try_with(|storing| storing.set(false));
    stored
}

impl Worker {
    pub(in crate::jobs) fn lease_ms(&self) -> i64 {
        i64::try_from(self.policy.settings.lease.as_millis()).unwrap_or(i64::MAX)
    }

    /// Holds a claimed job until it has to wait, is over, is lost, or `stop` comes.
    pub async fn hold(&self, job: Job, stop: CancellationToken) {
        STORING.scope(Cell::new(false), self.hold_on(job, stop)).await;
    }

    async fn hold_on(&self, job: Job, stop: CancellationToken) {
        let fence = job.clone();
        let ended = tokio::select! {
            // In this order, so that a simulation can be repeated.
            biased;
            ended = self.walk(job) => ended,
            () = self.keep_lease(&fence) => {
                tracing::warn!(job = %fence.id, "lease lost");
                Ok(Some(fence.clone()))
            }
            () = stop.cancelled() => Ok(Some(fence.clone())),
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

    /// Hands a job back, however long the database takes: a claim that is left behind would count as a crash.
    async fn hand_back(&self, job: &Job, stop: &CancellationToken) {
        while let Err(error) = self.ports.jobs.release(job, None).await {
            tracing::warn!(job = %job.id, %error, "job not handed back");
            if unless(stop, self.clock.sleep(self.policy.settings.lease / 8)).await.is_none() {
                return;
            }
        }
    }

    /// Renews the lease for as long as that is possible. A lease that has run out is lost, also when the database cannot say so.
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

    /// Renews the lease, however long the database takes. `false`: somebody else has it.
    async fn renew(&self, job: &Job) -> bool {
        loop {
            match self.ports.jobs.renew(job, self.clock.now().plus(self.lease_ms())).await {
                Ok(renewed) => return renewed,
                Err(error) => tracing::warn!(job = %job.id, %error, "lease not renewed"),
            }
            self.clock.sleep(self.policy.settings.lease / 16).await;
        }
    }
}
