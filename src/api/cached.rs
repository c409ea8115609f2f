//! A cache for one expensive value. Concurrent callers share one computation.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::clock::Clock;
use crate::error::{Error, Result};

/// Shorter than the usual interval of probes, and long enough to bound the cost of many callers.
const KEPT_FOR: Duration = Duration::from_secs(5);

/// The newest value, and when it was computed.
pub(crate) struct Cached<T> {
    newest: Arc<Mutex<Option<(Instant, T)>>>,
    clock: Arc<dyn Clock>,
}

impl<T: Clone + Send + 'static> Cached<T> {
    /// An empty cache.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { newest: Arc::default(), clock }
    }

    /// The cached value if it is fresh, otherwise that of `compute`. Concurrent callers wait for it. The computation continues when its
    /// caller leaves, so that callers cannot start many.
    ///
    /// # Errors
    /// `internal` if `compute` panics.
    pub(crate) async fn get(&self, compute: impl Future<Output = T> + Send + 'static) -> Result<T> {
        let mut newest = self.newest.clone().lock_owned().await;
        if let Some((since, value)) = &*newest
            && self.clock.tick().duration_since(*since) < KEPT_FOR
        {
            return Ok(value.clone());
        }
        let clock = self.clock.clone();
        let computing = tokio::spawn(async move {
            let value = compute.await;
            *newest = Some((clock.tick(), value.clone()));
            value
        });
        computing.await.map_err(Error::internal)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Mutex as Locked;
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures::FutureExt;
    use futures::future::join_all;
    use tokio::sync::Notify;

    use super::*;
    use crate::model::UnixMs;

    /// A clock that the test moves.
    struct TestClock(Locked<Instant>);

    impl Clock for TestClock {
        fn now(&self) -> UnixMs {
            UnixMs(0)
        }

        fn tick(&self) -> Instant {
            *self.0.lock().unwrap()
        }
    }

    fn cached() -> (Cached<u32>, Arc<TestClock>) {
        let clock = Arc::new(TestClock(Locked::new(Instant::now())));
        (Cached::new(clock.clone()), clock)
    }

    #[tokio::test]
    async fn callers_at_the_same_time_share_one_computation() {
        let (cached, _) = cached();
        let computed = Arc::new(AtomicU32::new(0));
        let ask = || {
            let computed = computed.clone();
            cached.get(async move {
                tokio::task::yield_now().await;
                computed.fetch_add(1, Ordering::SeqCst)
            })
        };
        let values = join_all((0..100).map(|_| ask())).await;
        assert!(values.into_iter().all(|value| value.unwrap() == 0));
        assert_eq!(computed.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn value_expired_is_computed_again() {
        let (cached, clock) = cached();
        assert_eq!(cached.get(async { 1 }).await.unwrap(), 1);
        *clock.0.lock().unwrap() += KEPT_FOR - Duration::from_millis(1);
        assert_eq!(cached.get(async { 2 }).await.unwrap(), 1);
        *clock.0.lock().unwrap() += Duration::from_millis(1);
        assert_eq!(cached.get(async { 3 }).await.unwrap(), 3);
    }

    #[tokio::test]
    async fn computation_continues_without_the_caller_that_started_it() {
        let (cached, _) = cached();
        let (started, resume) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (start, may_resume) = (started.clone(), resume.clone());
        let first = cached.get(async move {
            start.notify_one();
            may_resume.notified().await;
            1
        });
        let mut first = Box::pin(first);
        assert!(first.as_mut().now_or_never().is_none());
        started.notified().await;
        drop(first);
        resume.notify_one();
        assert_eq!(cached.get(async { 2 }).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn failed_computation_is_not_cached() {
        let (cached, _) = cached();
        assert!(cached.get(async { panic!("as a test") }).await.is_err());
        assert_eq!(cached.get(async { 2 }).await.unwrap(), 2);
    }
}
