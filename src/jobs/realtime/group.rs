//! Records finished pages in groups: those that finish while a transaction runs are recorded together by the next one. So no page waits
//! for another to finish, and many pages need few transactions.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as Turn, oneshot};

use crate::error::{Error, Result};
use crate::extract::PageResult;
use crate::jobs::{Job, PaidAnswer, Worker};

/// The finished pages of one round that are not recorded yet.
#[derive(Default)]
pub(in crate::jobs) struct Group {
    waiting: Mutex<Vec<Finished>>,
    /// Held while a group is recorded.
    turn: Turn<()>,
}

/// A page with what its answer cost; `None`: no answer came.
struct Finished {
    page: PageResult,
    paid: Option<PaidAnswer>,
    recorded: oneshot::Sender<bool>,
}

impl Group {
    /// Records a page with all others that wait, in one transaction. `false`: the claim was lost, and nothing changed.
    ///
    /// # Errors
    /// The database cannot be reached. If only its answer was lost, the pages are recorded.
    pub(super) async fn record(
        &self,
        worker: &Worker,
        job: &Job,
        page: PageResult,
        paid: Option<PaidAnswer>,
    ) -> Result<bool> {
        let (recorded, mut answer) = oneshot::channel();
        self.waiting().push(Finished { page, paid, recorded });
        let _turn = tokio::select! {
            // In this order, so that a page that is recorded waits for no further transaction.
            biased;
            stored = &mut answer => {
                return stored.map_err(|_| Error::unavailable("the group of this page was not recorded"));
            }
            turn = self.turn.lock() => turn,
        };
        let group = std::mem::take(&mut *self.waiting());
        let (mut pages, mut paid, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for finished in group {
            pages.push(finished.page);
            paid.extend(finished.paid);
            others.push(finished.recorded);
        }
        let stored = worker.ports.jobs.record_pages(job, &pages, &paid, worker.clock.now()).await?;
        worker.ports.changes.tell(&job.account_id, &job.content_hash);
        for recorded in others {
            // Sending fails only for this page itself, and if the round has ended.
            let _ = recorded.send(stored);
        }
        Ok(stored)
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Finished>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
