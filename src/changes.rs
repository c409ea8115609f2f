//! Notifies the event streams and open pages of an account of changes, so that they need not poll.
//!
//! A change only says what to read again. The state is in the store, which is written first. So a change may be lost, doubled or late: a
//! watcher that missed some reads everything again. A change must never carry state, and it reaches no other account.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;

/// How many changes a slow watcher may be behind. Beyond that it gets [`News::Missed`].
const BACKLOG: usize = 32;

/// A job or document of this account and content has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub account_id: String,
    pub content_hash: String,
}

/// A notification for a watcher of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// A job or document of this content has changed.
    Content(String),
    /// Sessions or tokens of the account have ended, perhaps the watcher's own.
    CredentialsEnded,
    /// The watcher may have missed changes: it was too slow, or those of other processes did not arrive.
    Missed,
}

/// Notifies watchers of changes: those of this process and, with Redis, those of other processes. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    accounts: Accounts,
    closed: CancellationToken,
}

/// The channel of each account that has a watcher.
#[derive(Clone, Debug, Default)]
struct Accounts {
    senders: Arc<Mutex<HashMap<String, broadcast::Sender<News>>>>,
    /// Notified when an account gets its first watcher or loses its last.
    changed: Arc<Notify>,
}

impl Accounts {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, broadcast::Sender<News>>> {
        self.senders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, account_id: &str, news: News) {
        if let Some(sender) = self.lock().get(account_id) {
            // Sending fails only without a watcher.
            let _ = sender.send(news);
        }
    }
}

impl Changes {
    /// Notifies the account's watchers of a change. The caller must have stored the change.
    pub fn tell(&self, account_id: &str, content_hash: &str) {
        self.accounts.tell(account_id, News::Content(content_hash.to_owned()));
    }

    /// Notifies the account's watchers that sessions or tokens have ended. The caller must have stored that.
    pub fn tell_credentials_ended(&self, account_id: &str) {
        self.accounts.tell(account_id, News::CredentialsEnded);
    }

    /// Notifies the account's watchers that changes of other processes may not have arrived.
    pub fn tell_missed(&self, account_id: &str) {
        self.accounts.tell(account_id, News::Missed);
    }

    /// The accounts that have a watcher in this process.
    pub fn watched_accounts(&self) -> HashSet<String> {
        self.accounts.lock().keys().cloned().collect()
    }

    /// Waits until [`Self::watched_accounts`] may have changed since the last call. For one caller.
    pub async fn watched_accounts_changed(&self) {
        self.accounts.changed.notified().await;
    }

    /// Watches an account. The watcher gets all notifications from now on.
    pub fn watch(&self, account_id: &str) -> Watcher {
        let mut accounts = self.accounts.lock();
        let sender = accounts.entry(account_id.to_owned()).or_insert_with(|| {
            self.accounts.changed.notify_one();
            broadcast::channel(BACKLOG).0
        });
        Watcher {
            account_id: account_id.to_owned(),
            receiver: Some(sender.subscribe()),
            accounts: self.accounts.clone(),
            closed: self.closed.clone(),
        }
    }

    /// Ends all watchers, so that the server can stop.
    pub fn close(&self) {
        self.closed.cancel();
    }
}

/// A watcher of one account.
#[derive(Debug)]
pub struct Watcher {
    account_id: String,
    /// `None` only while the watcher is dropped.
    receiver: Option<broadcast::Receiver<News>>,
    accounts: Accounts,
    closed: CancellationToken,
}

impl Watcher {
    /// Waits for the next notification. `None`: there will be no more.
    pub async fn next(&mut self) -> Option<News> {
        let receiver = self.receiver.as_mut()?;
        tokio::select! {
            () = self.closed.cancelled() => None,
            received = receiver.recv() => match received {
                Ok(news) => Some(news),
                Err(broadcast::error::RecvError::Lagged(_)) => Some(News::Missed),
                Err(broadcast::error::RecvError::Closed) => None,
            },
        }
    }
}

/// The last watcher of an account removes the account's channel.
impl Drop for Watcher {
    fn drop(&mut self) {
        let mut accounts = self.accounts.lock();
        self.receiver = None;
        if accounts.get(&self.account_id).is_some_and(|sender| sender.receiver_count() == 0) {
            accounts.remove(&self.account_id);
            self.accounts.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn slow_watcher_is_notified_that_it_missed_changes() {
        let changes = Changes::default();
        let mut watcher = changes.watch("account");
        for _ in 0..=BACKLOG {
            changes.tell("account", "content");
        }
        assert_eq!(watcher.next().await, Some(News::Missed));
        assert_eq!(watcher.next().await, Some(News::Content("content".into())));
        changes.close();
        assert_eq!(changes.watch("account").next().await, None);
    }

    #[test]
    fn change_of_one_account_reaches_no_watcher_of_another() {
        let changes = Changes::default();
        let (mut mine, mut theirs) = (changes.watch("mine"), changes.watch("theirs"));
        changes.tell("mine", "content");
        changes.tell_credentials_ended("mine");
        assert_eq!(mine.next().now_or_never(), Some(Some(News::Content("content".into()))));
        assert_eq!(mine.next().now_or_never(), Some(Some(News::CredentialsEnded)));
        assert_eq!(theirs.next().now_or_never(), None);
    }

    #[test]
    fn account_without_watchers_keeps_no_entry() {
        let changes = Changes::default();
        let (first, second) = (changes.watch("account"), changes.watch("account"));
        drop(first);
        assert_eq!(changes.accounts.lock().len(), 1);
        drop(second);
        changes.tell("account", "content");
        assert_eq!(changes.accounts.lock().len(), 0);
    }
}
