//! Turns at the processor, fair by account: each account waits in a line of its own, and the first of each line waits for the next turn.
//! So one account has one turn at a time, and however many requests it sends, another account's waits for one of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, Result};
use crate::model::ErrorCode;

/// How long a request waits for its turn. A caller that waits longer has other requests before it.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// A number of turns at once. Clones share them.
#[derive(Clone)]
pub struct Turns {
    all: Arc<Semaphore>,
    /// The lines of accounts that have a turn or wait for one.
    lines: Arc<Mutex<HashMap<String, Weak<Semaphore>>>>,
    wait_max: Duration,
}

/// A turn that lasts for as long as this is held.
#[derive(Debug)]
pub struct Turn {
    _one: OwnedSemaphorePermit,
    /// Released after the turn, so that the next of the account stands behind other accounts.
    _first_in_line: OwnedSemaphorePermit,
}

impl Turns {
    pub fn new(at_once_max: usize) -> Self {
        let all = Arc::new(Semaphore::new(at_once_max));
        Self { all, lines: Arc::default(), wait_max: WAIT_MAX }
    }

    /// Waits for the account's next turn.
    ///
    /// # Errors
    /// `unavailable` if that takes too long.
    pub async fn next(&self, account_id: &str) -> Result<Turn> {
        let line = self.line_of(account_id);
        let turn = async {
            let first_in_line = line.acquire_owned().await.map_err(Error::internal)?;
            let one = Arc::clone(&self.all).acquire_owned().await.map_err(Error::internal)?;
            Ok(Turn { _one: one, _first_in_line: first_in_line })
        };
        tokio::time::timeout(self.wait_max, turn).await.map_err(|_| busy())?
    }

    fn line_of(&self, account_id: &str) -> Arc<Semaphore> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get(account_id).and_then(Weak::upgrade) {
            return line;
        }
        // Lines that ended are forgotten before the map grows.
        if lines.len() == lines.capacity() {
            lines.retain(|_, line| line.strong_count() > 0);
        }
        let line = Arc::new(Semaphore::new(1));
        lines.insert(account_id.to_owned(), Arc::downgrade(&line));
        line
    }
}

fn busy() -> Error {
    let words = "The server is busy with other documents at the moment. Please try again in a little while.";
    Error::refused(ErrorCode::Unavailable, words)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn account_with_a_turn_leaves_the_others_to_other_accounts() {
        let turns = Turns::new(2);
        let first = turns.next("a").await.unwrap();
        let mut waiting = Box::pin(turns.next("a"));
        assert!(waiting.as_mut().now_or_never().is_none());
        let other = turns.next("b").now_or_never().unwrap().unwrap();
        drop(first);
        assert!(waiting.now_or_never().is_some(), "its own next turn");
        drop(other);
    }

    #[tokio::test]
    async fn account_with_many_requests_delays_another_by_one_of_them() {
        let turns = Turns::new(1);
        let first = turns.next("a").await.unwrap();
        let mut many: Vec<_> = (0..20).map(|_| Box::pin(turns.next("a"))).collect();
        for request in &mut many {
            assert!(request.as_mut().now_or_never().is_none());
        }
        let mut other = Box::pin(turns.next("b"));
        assert!(other.as_mut().now_or_never().is_none());
        drop(first);
        // The second request of `a` is woken first, and stands behind `b` at the turns.
        assert!(many[0].as_mut().now_or_never().is_none());
        assert!(other.now_or_never().is_some());
    }

    #[tokio::test]
    async fn request_whose_turn_does_not_come_is_refused() {
        let turns = Turns { wait_max: Duration::from_millis(1), ..Turns::new(1) };
        let _held = turns.next("a").await.unwrap();
        assert_eq!(turns.next("b").await.unwrap_err().public().code, ErrorCode::Unavailable);
    }

    #[tokio::test]
    async fn lines_of_past_accounts_are_forgotten() {
        let turns = Turns::new(1);
        for account in 0..10_000 {
            drop(turns.next(&account.to_string()).await.unwrap());
        }
        assert!(turns.lines.lock().unwrap().capacity() < 100);
    }
}
