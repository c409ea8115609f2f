//! Tells whoever watches that something of an account has changed, so that nobody has to keep asking.
//!
//! A change says only *what to look at again*: what it looks like is in the store, which is written first. So a change may be
//! lost, doubled or late, and whoever missed some simply looks. It must never carry state.

use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

/// Changes that a slow watcher may be behind by before it is told to look at everything.
const BACKLOG: usize = 1_024;

/// Something of this account is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub account_id: String,
    pub content_hash: String,
}

/// The changes of this process and, where a relay brings them in, of the others. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Changes {
    sender: broadcast::Sender<Change>,
    closed: CancellationToken,
}

impl Default for Changes {
    fn default() -> Self {
        Self { sender: broadcast::channel(BACKLOG).0, closed: CancellationToken::new() }
    }
}

impl Changes {
    /// Tells everyone who watches. To be called once the change is stored.
    pub fn tell(&self, account_id: &str, content_hash: &str) {
        let change = Change { account_id: account_id.to_owned(), content_hash: content_hash.to_owned() };
        // Nobody watching is no mistake.
        let _ = self.sender.send(change);
    }

    /// Begins to watch: what is told from now on is seen.
    pub fn watch(&self) -> Watcher {
        Watcher { receiver: self.sender.subscribe(), closed: self.closed.clone() }
    }

    /// Ends every watch, so that the server can stop.
    pub fn close(&self) {
        self.closed.cancel();
    }
}

/// One who watches.
#[derive(Debug)]
pub struct Watcher {
    receiver: broadcast::Receiver<Change>,
    closed: CancellationToken,
}

/// What a watcher learns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    Change(Change),
    /// It was too slow, and changes passed it by.
    Missed,
}

impl Watcher {
    /// The next news; `None` once there will be no more.
    pub async fn next(&mut self) -> Option<News> {
        tokio::select! {
            () = self.closed.cancelled() => None,
            received = self.receiver.recv() => match received {
                Ok(change) => Some(News::Change(change)),
                Err(broadcast::error::RecvError::Lagged(_)) => Some(News::Missed),
                Err(broadcast::error::RecvError::Closed) => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slow_watcher_learns_that_it_missed_something() {
        let changes = Changes::default();
        let mut watcher = changes.watch();
        for _ in 0..=BACKLOG {
            changes.tell("account", "content");
        }
        assert_eq!(watcher.next().await, Some(News::Missed));
        assert!(matches!(watcher.next().await, Some(News::Change(_))));
        changes.close();
        assert_eq!(changes.watch().next().await, None);
    }
}
