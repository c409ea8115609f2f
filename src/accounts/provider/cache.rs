//! A cache for the provider's metadata and keys. One request fetches a document; concurrent requests wait for its result.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::clock::Clock;
use crate::error::{Error, Result};

/// How long a document is used. A key that the provider has withdrawn is accepted for at most this long.
const AGE_MAX: Duration = Duration::from_secs(600);
/// The minimum time between two renewals of a document that has not expired.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(60);

/// The cache of one document.
pub(crate) struct Cached<T> {
    clock: Arc<dyn Clock>,
    state: Mutex<State<T>>,
}

struct State<T> {
    document: Option<(Arc<T>, Instant)>,
    failed_at: Option<Instant>,
    renewed_at: Option<Instant>,
}

impl<T> Cached<T> {
    /// An empty cache.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Mutex::new(State { document: None, failed_at: None, renewed_at: None }) }
    }

    /// The cached document. It is fetched if it is missing or expired.
    ///
    /// # Errors
    /// The error of `fetch`; `unavailable` if the concurrent request that this one waited for has failed.
    pub(crate) async fn get(&self, fetch: impl Future<Output = Result<T>>) -> Result<Arc<T>> {
        let asked_at = self.clock.tick();
        let mut state = self.state.lock().await;
        match &state.document {
            Some((document, since)) if asked_at.saturating_duration_since(*since) < AGE_MAX => Ok(document.clone()),
            _ => self.fetch(&mut state, asked_at, fetch).await,
        }
    }

    /// Fetches a document again because `old` lacks something. Returns `old` if the last renewal was less than a minute ago.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub(crate) async fn renew(&self, old: Arc<T>, fetch: impl Future<Output = Result<T>>) -> Result<Arc<T>> {
        let asked_at = self.clock.tick();
        let mut state = self.state.lock().await;
        if let Some((document, _)) = state.document.as_ref().filter(|(document, _)| !Arc::ptr_eq(document, &old)) {
            return Ok(document.clone());
        }
        if state.renewed_at.is_some_and(|at| asked_at.saturating_duration_since(at) < RENEWAL_INTERVAL) {
            return Ok(old);
        }
        state.renewed_at = Some(asked_at);
        self.fetch(&mut state, asked_at, fetch).await
    }

    async fn fetch(
        &self,
        state: &mut State<T>,
        asked_at: Instant,
        fetch: impl Future<Output = Result<T>>,
    ) -> Result<Arc<T>> {
        // Requests that waited for a failed request fail with it. Otherwise each would wait for a timeout of its own.
        if state.failed_at.is_some_and(|at| at >= asked_at) {
            return Err(Error::unavailable("a concurrent request to the provider has failed"));
        }
        match fetch.await {
            Ok(document) => {
                let document = Arc::new(document);
                state.document = Some((document.clone(), self.clock.tick()));
                Ok(document)
            }
            Err(error) => {
                state.failed_at = Some(self.clock.tick());
                Err(error)
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures::future::join_all;

    use super::*;
    use crate::clock::ManualClock;

    #[derive(Default)]
    struct Provider(AtomicU32);

    impl Provider {
        async fn answer(&self) -> Result<u32> {
            tokio::task::yield_now().await;
            Ok(self.0.fetch_add(1, Ordering::SeqCst))
        }

        async fn fail(&self) -> Result<u32> {
            self.answer().await.and_then(|_| Err(Error::unavailable("away")))
        }
    }

    fn cached() -> (Arc<ManualClock>, Cached<u32>, Provider) {
        let clock = Arc::new(ManualClock::default());
        (clock.clone(), Cached::new(clock), Provider::default())
    }

    #[tokio::test]
    async fn document_requested_concurrently_is_fetched_once_until_it_expires() {
        let (clock, cached, provider) = cached();
        let got = join_all((0..100).map(|_| cached.get(provider.answer()))).await;
        assert!(got.into_iter().all(|document| *document.unwrap() == 0));
        clock.set(599);
        assert_eq!(*cached.get(provider.answer()).await.unwrap(), 0);
        clock.set(600);
        assert_eq!(*cached.get(provider.answer()).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn requests_waiting_for_a_failed_fetch_fail_with_it_and_a_later_one_fetches() {
        let (clock, cached, provider) = cached();
        assert!(join_all((0..100).map(|_| cached.get(provider.fail()))).await.iter().all(Result::is_err));
        assert_eq!(provider.0.load(Ordering::SeqCst), 1);
        clock.set(1);
        assert_eq!(*cached.get(provider.answer()).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn document_lacking_a_key_is_renewed_at_most_once_a_minute() {
        let (clock, cached, provider) = cached();
        let first = cached.get(provider.answer()).await.unwrap();
        let second = cached.renew(first.clone(), provider.answer()).await.unwrap();
        assert_eq!(*second, 1);
        assert_eq!(*cached.renew(first, provider.answer()).await.unwrap(), 1, "another request has renewed it");
        assert_eq!(*cached.renew(second.clone(), provider.answer()).await.unwrap(), 1);
        clock.set(60);
        assert_eq!(*cached.renew(second, provider.answer()).await.unwrap(), 2);
    }
}
