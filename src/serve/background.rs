//! The tasks that a process runs besides its listeners, and how it ends: within a time limit, whatever hangs.

use std::collections::HashMap;
use std::time::Duration;

use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};
use crate::store::sql::SqlStore;

/// How much longer than the stop timeout a process may take to end.
const GRACE: Duration = Duration::from_secs(3);

/// The tasks of a process, by name. Dropping it ends them.
#[derive(Default)]
pub(super) struct Background {
    running: JoinSet<()>,
    names: HashMap<Id, &'static str>,
}

impl Background {
    /// Starts a task.
    pub(super) fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let id = self.running.spawn(task).id();
        self.names.insert(id, name);
    }

    /// Waits until all tasks have ended, and closes the database. `stop_timeout` begins at `stop`.
    ///
    /// # Errors
    /// Shortly after the stop timeout something still runs. The error names it.
    pub(super) async fn end(
        mut self,
        store: &SqlStore,
        stop: &CancellationToken,
        stop_timeout: Duration,
    ) -> Result<()> {
        let ending = async {
            while let Some(ended) = self.running.join_next_with_id().await {
                let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
                self.names.remove(&id);
            }
            store.close().await;
        };
        let is_overdue = tokio::select! {
            () = ending => false,
            () = overdue(stop, stop_timeout + GRACE) => true,
        };
        if !is_overdue {
            return Ok(());
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
