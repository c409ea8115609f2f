//! The counts of all servers together, as far as they can be had in time. A request never fails for them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::{RequestCount, RequestCounts};
use crate::clock::Clock;
use crate::error::Error;

/// How long a request waits for the common count.
const WAIT_MAX: Duration = Duration::from_millis(50);
/// How long requests do without it after it did not answer.
const PAUSE: Duration = Duration::from_secs(2);

/// See the module.
pub(crate) struct SharedCounts {
    counts: Arc<dyn RequestCounts>,
    clock: Arc<dyn Clock>,
    away_until: Mutex<Option<Instant>>,
}

impl SharedCounts {
    /// Counts behind `counts`.
    pub(crate) fn new(counts: Arc<dyn RequestCounts>, clock: Arc<dyn Clock>) -> Self {
        Self { counts, clock, away_until: Mutex::new(None) }
    }

    /// How long the caller has to wait, if one of the counts is full; `None` also while they cannot be had.
    pub(crate) async fn add(&self, counts: &[RequestCount]) -> Option<Duration> {
        if self.is_away() {
            return None;
        }
        match timeout(WAIT_MAX, self.counts.add(counts)).await.map_err(Error::unavailable) {
            Ok(Ok(wait)) => wait,
            Ok(Err(error)) | Err(error) => {
                tracing::warn!(%error, "requests are counted by this server alone");
                *self.away_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.clock.tick() + PAUSE);
                None
            }
        }
    }

    fn is_away(&self) -> bool {
        let away_until = *self.away_until.lock().unwrap_or_else(PoisonError::into_inner);
        away_until.is_some_and(|until| self.clock.tick() < until)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::clock::ManualClock;
    use crate::error::Result;

    #[derive(Default)]
    struct Silent(AtomicUsize);

    #[async_trait]
    impl RequestCounts for Silent {
        async fn add(&self, _counts: &[RequestCount]) -> Result<Option<Duration>> {
            self.0.fetch_add(1, Ordering::SeqCst);
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn count_that_does_not_answer_is_asked_once_and_refuses_no_request() {
        let silent = Arc::new(Silent::default());
        let shared = SharedCounts::new(silent.clone(), Arc::new(ManualClock::default()));
        for _ in 0..1_000 {
            assert_eq!(shared.add(&[]).await, None);
        }
        assert_eq!(silent.0.load(Ordering::SeqCst), 1, "the other requests did not wait");
    }
}
