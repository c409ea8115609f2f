//! Receives what other processes publish in Redis.
//!
//! | channel | message | meaning |
//! |---|---|---|
//! | `job_changes:{account_id}` | `{origin} {account_id} {content_hash}` | something of this content has changed |
//! | `jobs_due` | the same | a job may be due |
//! | `job_changes` | the same | the channel of the version before, for all accounts |
//!
//! A process subscribes to the channel of each account that it has a watcher of.

use std::collections::HashSet;
use std::convert::Infallible;
use std::time::Duration;

use futures::StreamExt;
use redis::RedisResult;
use redis::aio::PubSubSink;
use tokio::sync::Notify;
use tokio::time::{interval, timeout};

use super::redis::Redis;
use crate::changes::Changes;
use crate::error::{Error, Result};

/// Tells workers that a job may be due.
pub(super) const DUE: &str = "jobs_due";
/// The channel of the version before, on which this one still publishes and listens. The next version needs neither.
pub(super) const ALL: &str = "job_changes";
/// Begins the origin of processes that also publish to an account's channel.
pub(super) const NEW_ORIGIN: &str = "2-";

/// How often the server is asked for an echo, and how long it may take. A dead connection is noticed within the sum of both.
const ECHO_INTERVAL: Duration = Duration::from_secs(5);
const ECHO_TIMEOUT: Duration = Duration::from_secs(5);

/// The channel of an account.
pub(super) fn channel_of(account_id: &str) -> String {
    format!("{ALL}:{account_id}")
}

impl Redis {
    /// Passes on changes of other processes to this process's watchers and workers, until the connection ends.
    ///
    /// A watcher may have missed changes before its account's channel was subscribed, so it is notified of that.
    ///
    /// # Errors
    /// `unavailable` when the connection has failed.
    pub(super) async fn listen(&self, changes: &Changes, bell: &Notify) -> Result<Infallible> {
        let (mut sink, mut messages) = answer(self.client().get_async_pubsub()).await?.split();
        answer(sink.subscribe(&[DUE, ALL])).await?;
        bell.notify_one();
        let (mut subscribed, mut echo) = (HashSet::new(), interval(ECHO_INTERVAL));
        subscribe(&mut sink, &mut subscribed, changes).await?;
        loop {
            tokio::select! {
                message = messages.next() => {
                    let message = message.ok_or_else(|| Error::unavailable("the subscription has ended"))?;
                    self.pass_on(message.get_channel_name(), &message.get_payload::<String>()?, changes, bell);
                }
                () = changes.watched_accounts_changed() => subscribe(&mut sink, &mut subscribed, changes).await?,
                _ = echo.tick() => answer(sink.ping::<redis::Value>()).await.map(drop)?,
            }
        }
    }

    fn pass_on(&self, channel: &str, message: &str, changes: &Changes, bell: &Notify) {
        let Some(change) = self.change(message) else { return };
        match channel {
            DUE => bell.notify_one(),
            // The other channels have it, too.
            ALL if message.starts_with(NEW_ORIGIN) => {}
            channel => {
                // The version before has no other channel.
                if channel == ALL {
                    bell.notify_one();
                }
                changes.tell(&change.account_id, &change.content_hash);
            }
        }
    }
}

/// Subscribes to the channels of accounts that now have a watcher, and unsubscribes from those that have none.
async fn subscribe(sink: &mut PubSubSink, subscribed: &mut HashSet<String>, changes: &Changes) -> Result<()> {
    let watched = changes.watched_accounts();
    let channels = |accounts: &[&String]| accounts.iter().map(|account| channel_of(account)).collect::<Vec<_>>();
    let new: Vec<&String> = watched.difference(subscribed).collect();
    if !new.is_empty() {
        answer(sink.subscribe(channels(&new))).await?;
    }
    for account in new {
        changes.tell_missed(account);
    }
    let unwatched: Vec<&String> = subscribed.difference(&watched).collect();
    if !unwatched.is_empty() {
        answer(sink.unsubscribe(channels(&unwatched))).await?;
    }
    *subscribed = watched;
    Ok(())
}

/// The answer of the server, within the time limit.
async fn answer<T>(question: impl Future<Output = RedisResult<T>>) -> Result<T> {
    Ok(timeout(ECHO_TIMEOUT, question).await.map_err(Error::unavailable)??)
}
