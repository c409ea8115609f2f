//! The counts of all servers together. If they do not answer in time, requests are admitted without them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::{RequestCount, RequestCounts};
use crate::clock::Clock;
use crate::error::Error;

/// The longest time that a request waits for the shared counts.
const WAIT_MAX: Duration = Duration::from_millis(50);
/// How long the shared counts are skipped after they did not answer.
const PAUSE: Duration = Duration::from_secs(2);

/// The shared counts, with a limit on the waiting time.
pub(crate) struct SharedCounts {
    counts: Arc<dyn RequestCounts>,
    clock: Arc<dyn Clock>,
    unavailable_until: Mutex<Option<Instant>>,
}

impl SharedCounts {
    /// Uses the counts of `counts`.
    pub(crate) fn new(counts: Arc<dyn RequestCounts>, clock: Arc<dyn Clock>) -> Self {
        Self { counts, clock, unavailable_until: Mutex::new(None) }
    }

    /// The time that the caller has to wait, if one of the counts is full. `None` also while the shared counts are unavailable.
    pub(crate) async fn add(&self, counts: &[RequestCount]) -> Option<Duration> {
        if self.is_unavailable() {
            return None;
        }
        match timeout(WAIT_MAX, self.counts.add(counts)).await.map_err(Error::unavailable) {
            Ok(Ok(wait)) => wait,
            Ok(Err(error)) | Err(error) => {
                tracing::warn!(%error, "shared rate limits unavailable, counting locally");
                *self.unavailable_until.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some(self.clock.tick() + PAUSE);
                None
            }
        }
    }

    fn is_unavailable(&self) -> bool {
        let unavailable_until = *self.unavailable_until.lock().unwrap_or_else(PoisonError::into_inner);
        unavailable_until.is_some_and(|until| self.clock.tick() < until)
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
    async fn shared_counts_unavailable_are_tried_once_and_refuse_no_request() {
        let silent = Arc::new(Silent::default());
        let shared = SharedCounts::new(silent.clone(), Arc::new(ManualClock::default()));
        for _ in 0..1_000 {
            assert_eq!(shared.add(&[]).await, None);
        }
        assert_eq!(silent.0.load(Ordering::SeqCst), 1, "the other requests did not wait");
    }
}
