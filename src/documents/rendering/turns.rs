//! Turns at the CPU, fair by network and account.
//!
//! Requests wait in three queues: that of their account, that of their network, and one for all networks. So an account or network has at
//! most one turn at a time. However many requests it sends, another account waits for at most one of them.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::accounts::{Caller, Network};
use crate::error::{Error, Result};
use crate::model::ErrorCode;

/// The longest wait for a turn.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// A fixed number of concurrent turns. Clones share them.
#[derive(Clone)]
pub(crate) struct Turns {
    all: Arc<Semaphore>,
    accounts: Queues<String>,
    networks: Queues<Network>,
    wait_max: Duration,
}

/// A turn, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _one: OwnedSemaphorePermit,
    /// Released after the turn, so that the next request of the network and account queues behind others.
    _first_of_network: Option<OwnedSemaphorePermit>,
    _first_of_account: OwnedSemaphorePermit,
}

/// The queues of accounts or networks that have a turn or wait for one. Clones share them.
#[derive(Clone)]
struct Queues<K>(Arc<Mutex<HashMap<K, Weak<Semaphore>>>>);

impl<K: Eq + Hash> Queues<K> {
    /// Waits until this request is the first in the queue of `key`.
    async fn first_of(&self, key: K) -> Result<OwnedSemaphorePermit> {
        let queue = self.queue_of(key);
        queue.acquire_owned().await.map_err(Error::internal)
    }

    fn queue_of(&self, key: K) -> Arc<Semaphore> {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queues.get(&key).and_then(Weak::upgrade) {
            return queue;
        }
        // Empty queues are removed before the map grows.
        if queues.len() == queues.capacity() {
            queues.retain(|_, queue| queue.strong_count() > 0);
        }
        let queue = Arc::new(Semaphore::new(1));
        queues.insert(key, Arc::downgrade(&queue));
        queue
    }
}

impl Turns {
    pub(crate) fn new(at_once_max: usize) -> Self {
        let all = Arc::new(Semaphore::new(at_once_max));
        let (accounts, networks) = (Queues(Arc::default()), Queues(Arc::default()));
        Self { all, accounts, networks, wait_max: WAIT_MAX }
    }

    /// Waits for the caller's turn.
    ///
    /// # Errors
    /// `unavailable` if it does not come in time.
    pub(crate) async fn next(&self, caller: &Caller) -> Result<Turn> {
        let turn = async {
            let first_of_account = self.accounts.first_of(caller.account.id.clone()).await?;
            let first_of_network = match caller.network {
                Some(network) => Some(self.networks.first_of(network).await?),
                None => None,
            };
            let one = Arc::clone(&self.all).acquire_owned().await.map_err(Error::internal)?;
            Ok(Turn { _one: one, _first_of_network: first_of_network, _first_of_account: first_of_account })
        };
        tokio::time::timeout(self.wait_max, turn).await.map_err(|_| busy())?
    }
}

fn busy() -> Error {
    let message = "The server is busy with other documents. Try again in a moment.";
    Error::refused(ErrorCode::Unavailable, message)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::accounts::Account;

    fn caller(account: &str, address: Option<&str>) -> Caller {
        let account = Account { id: account.to_owned(), email: None, quota_tokens: None };
        Caller { account, network: address.and_then(|address| Network::of(address.parse().unwrap())) }
    }

    #[tokio::test]
    async fn network_with_many_accounts_has_one_turn_at_a_time() {
        let turns = Turns::new(2);
        let neighbour = caller("b", Some("203.0.113.200"));
        let first = turns.next(&caller("a", Some("203.0.113.1"))).await.unwrap();
        let mut neighbour = Box::pin(turns.next(&neighbour));
        assert!(neighbour.as_mut().now_or_never().is_none());
        assert!(turns.next(&caller("c", Some("198.51.100.1"))).now_or_never().is_some(), "another network");
        drop(first);
        assert!(neighbour.now_or_never().is_some());
    }

    #[tokio::test]
    async fn account_with_a_turn_leaves_other_turns_to_other_accounts() {
        let (a, b) = (caller("a", None), caller("b", None));
        let turns = Turns::new(2);
        let first = turns.next(&a).await.unwrap();
        let mut waiting = Box::pin(turns.next(&a));
        assert!(waiting.as_mut().now_or_never().is_none());
        let other = turns.next(&b).now_or_never().unwrap().unwrap();
        drop(first);
        assert!(waiting.now_or_never().is_some(), "its own next turn");
        drop(other);
    }

    #[tokio::test]
    async fn account_with_many_requests_delays_another_by_one_of_them() {
        let (a, b) = (caller("a", None), caller("b", None));
        let turns = Turns::new(1);
        let first = turns.next(&a).await.unwrap();
        let mut many: Vec<_> = (0..20).map(|_| Box::pin(turns.next(&a))).collect();
        for request in &mut many {
            assert!(request.as_mut().now_or_never().is_none());
        }
        let mut other = Box::pin(turns.next(&b));
        assert!(other.as_mut().now_or_never().is_none());
        drop(first);
        // The second request of `a` is woken first, and queues behind `b`.
        assert!(many[0].as_mut().now_or_never().is_none());
        assert!(other.now_or_never().is_some());
    }

    #[tokio::test]
    async fn request_without_a_turn_in_time_is_unavailable() {
        let (a, b) = (caller("a", None), caller("b", None));
        let turns = Turns { wait_max: Duration::from_millis(1), ..Turns::new(1) };
        let _held = turns.next(&a).await.unwrap();
        assert_eq!(turns.next(&b).await.unwrap_err().public().code, ErrorCode::Unavailable);
    }

    #[tokio::test]
    async fn queues_of_past_accounts_are_removed() {
        let turns = Turns::new(1);
        for account in 0..10_000 {
            drop(turns.next(&caller(&account.to_string(), Some("203.0.113.1"))).await.unwrap());
        }
        assert!(turns.accounts.0.lock().unwrap().capacity() < 100);
    }
}
