//! The tasks that a process runs besides its listeners, and how it ends: within a time limit, whatever hangs.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use futures::FutureExt;
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};
use crate::store::sql::SqlStore;

/// How much longer than the stop timeout a process may take to end.
const GRACE: Duration = Duration::from_secs(3);

/// The tasks of a process, by name. Dropping it ends them.
pub(super) struct Background {
    stop: CancellationToken,
    running: JoinSet<()>,
    names: HashMap<Id, &'static str>,
}

impl Background {
    /// No tasks yet. `stop`: cancelled if one of them panics, because the process would do only a part of its work.
    pub(super) fn new(stop: &CancellationToken) -> Self {
        Self { stop: stop.clone(), running: JoinSet::new(), names: HashMap::new() }
    }

    /// Starts a task.
    pub(super) fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        let guarded = async move {
            if let Err(panic) = AssertUnwindSafe(task).catch_unwind().await {
                tracing::error!(task = name, "a task panicked, so the process stops");
                stop.cancel();
                resume_unwind(panic);
            }
        };
        let id = self.running.spawn(guarded).id();
        self.names.insert(id, name);
    }

    /// Waits until all tasks have ended, and closes the database. `stop_timeout` begins at `stop`.
    ///
    /// # Errors
    /// Shortly after the stop timeout something still runs, or a task panicked. The error names it.
    pub(super) async fn end(
        mut self,
        store: &SqlStore,
        stop: &CancellationToken,
        stop_timeout: Duration,
    ) -> Result<()> {
        let mut panicked = None;
        let ending = async {
            while let Some(ended) = self.running.join_next_with_id().await {
                match ended {
                    Ok((id, ())) => drop(self.names.remove(&id)),
                    Err(error) => panicked = self.names.remove(&error.id()),
                }
            }
            store.close().await;
        };
        let is_overdue = tokio::select! {
            () = ending => false,
            () = overdue(stop, stop_timeout + GRACE) => true,
        };
        if !is_overdue {
            return panicked.map_or(Ok(()), |name| Err(Error::internal(format!("a task panicked: {name}"))));
        }
        let mut left: Vec<&str> = self.names.into_values().collect();
        left.sort_unstable();
        let left = if left.is_empty() { "connections of the database".to_owned() } else { left.join(", ") };
        Err(Error::internal(format!("stopped without waiting any longer for: {left}")))
    }
}

/// Returns when this time has passed after `stop`.
pub(super) async fn overdue(stop: &CancellationToken, timeout: Duration) {
    stop.cancelled().await;
    tokio::time::sleep(timeout).await;
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn task_that_panics_stops_the_process_and_is_named() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = SqlStore::open(&SqlStore::embedded_url(&folder.path().join("a.db"))).await.unwrap();
        let stop = CancellationToken::new();
        let mut background = Background::new(&stop);
        let stopped = stop.clone();
        background.spawn("another", async move { stopped.cancelled().await });
        background.spawn("worker", async { panic!("as in a test") });
        let ended = background.end(&store, &stop, Duration::from_secs(5)).await;
        assert!(stop.is_cancelled() && ended.unwrap_err().to_string().contains("worker"));
    }
}
