//! Workers that are started before they are needed, so that no document waits for a start.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::process::WorkerProcess;

/// Workers that have seen no document. A worker that was taken never comes back.
#[derive(Debug, Default)]
pub(crate) struct Spares {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    ready: Vec<WorkerProcess>,
    starting: usize,
}

impl Spares {
    /// A worker that is ready, if there is one.
    pub(crate) fn take(&self) -> Option<WorkerProcess> {
        let mut state = self.state();
        // A worker that has died, for example from lack of memory, is dropped.
        std::iter::from_fn(|| state.ready.pop()).find_map(|mut worker| worker.is_alive().then_some(worker))
    }

    /// Keeps a worker that has seen no document, if there are fewer than `wanted`.
    pub(crate) fn add(&self, worker: WorkerProcess, wanted: usize) {
        let mut state = self.state();
        if state.ready.len() + state.starting < wanted {
            state.ready.push(worker);
        }
    }

    /// Starts workers in the background until there are `wanted`. A start that fails is retried at the next call.
    pub(crate) fn refill<F>(self: Arc<Self>, wanted: usize, start: impl Fn() -> F + Send + 'static)
    where
        F: Future<Output = Option<WorkerProcess>> + Send,
    {
        let missing = {
            let mut state = self.state();
            let missing = wanted.saturating_sub(state.ready.len() + state.starting);
            state.starting += missing;
            missing
        };
        if missing == 0 {
            return;
        }
        tokio::spawn(async move {
            let mut starting = Starting { spares: &self, count: missing };
            for _ in 0..missing {
                let worker = start().await;
                starting.count -= 1;
                let mut state = self.state();
                state.starting -= 1;
                state.ready.extend(worker);
            }
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts the starts that a task has not finished. Dropping it subtracts them, also when the task ends early.
struct Starting<'a> {
    spares: &'a Spares,
    count: usize,
}

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        self.spares.state().starting -= self.count;
    }
}
