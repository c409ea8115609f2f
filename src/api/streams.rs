//! The open event streams of this server: their limits for accounts and networks, and their end.
//!
//! A stream ends with its credential. When this process ends a credential, [`crate::changes`] tells the stream immediately. Expired
//! credentials, and those that other processes end, are found by a check every 5 seconds.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::accounts::{Caller, Identity, Network};
use crate::error::{Error, Result};
use crate::metrics::request_limited;
use crate::settings::Settings;

/// The interval at which the credentials of open streams are checked.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// The `Retry-After` of a refused stream: tabs are usually closed within minutes.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// The most streams that may be open at once. 0 means no limit.
#[derive(Clone, Copy, Debug)]
pub struct StreamLimits {
    pub account: u32,
    pub network: u32,
}

impl StreamLimits {
    pub fn read(from: &mut Settings) -> Self {
        Self {
            account: from.value("limits.event-streams-max", "COLDBREW_EVENT_STREAMS_MAX", 8),
            network: from.value("limits.network-event-streams-max", "COLDBREW_NETWORK_EVENT_STREAMS_MAX", 64),
        }
    }
}

/// All open streams of this server. Cheap to clone.
#[derive(Clone)]
pub struct Streams {
    limits: StreamLimits,
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    last: u64,
    by_account: HashMap<String, u32>,
    by_network: HashMap<Network, u32>,
    /// For each stream the digest of its credential, and the token that ends it.
    streams: HashMap<u64, (String, CancellationToken)>,
}

impl Streams {
    /// Starts without open streams.
    pub fn new(limits: StreamLimits) -> Self {
        Self { limits, open: Arc::default() }
    }

    /// Opens a stream that ends with the credential of this digest.
    ///
    /// # Errors
    /// `too_many_requests` if the account or the network has too many open streams.
    pub fn open(&self, caller: &Caller, credential: &str) -> Result<OpenStream> {
        let (account_id, network, ended) = (caller.account.id.clone(), caller.network, CancellationToken::new());
        let mut open = self.lock();
        let open_of_network = network.map_or(0, |network| count(&open.by_network, &network));
        self.check_room(count(&open.by_account, &account_id), self.limits.account, "This account")?;
        self.check_room(open_of_network, self.limits.network, "Your network")?;
        open.last += 1;
        let id = open.last;
        *open.by_account.entry(account_id.clone()).or_default() += 1;
        if let Some(network) = network {
            *open.by_network.entry(network).or_default() += 1;
        }
        open.streams.insert(id, (credential.to_owned(), ended.clone()));
        Ok(OpenStream { streams: self.clone(), id, account_id, network, ended })
    }

    fn check_room(&self, open: u32, max: u32, owner: &str) -> Result<()> {
        if max == 0 || open < max {
            return Ok(());
        }
        request_limited("streams");
        Err(Error::too_many(&format!("{owner} has {open} event streams open. Close one of them."), RETRY_AFTER))
    }

    /// Ends streams whose credential has ended, until `stop`.
    pub async fn run(self, identity: Identity, stop: CancellationToken) {
        while timeout(CHECK_INTERVAL, stop.cancelled()).await.is_err() {
            if let Err(error) = self.end_without_credential(&identity).await {
                tracing::warn!(%error, "checking credentials of open streams failed");
            }
        }
    }

    async fn end_without_credential(&self, identity: &Identity) -> Result<()> {
        let digests: HashSet<String> = self.lock().streams.values().map(|(digest, _)| digest.clone()).collect();
        let ended = identity.ended(digests).await?;
        self.lock().streams.values().filter(|(digest, _)| ended.contains(digest)).for_each(|(_, end)| end.cancel());
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open stream. It is counted until it is dropped.
pub struct OpenStream {
    streams: Streams,
    id: u64,
    account_id: String,
    network: Option<Network>,
    ended: CancellationToken,
}

impl OpenStream {
    /// Waits until the credential has ended.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut open = self.streams.lock();
        open.streams.remove(&self.id);
        decrement(&mut open.by_account, &self.account_id);
        if let Some(network) = &self.network {
            decrement(&mut open.by_network, network);
        }
    }
}

fn count<K: Hash + Eq>(counts: &HashMap<K, u32>, key: &K) -> u32 {
    counts.get(key).copied().unwrap_or(0)
}

fn decrement<K: Hash + Eq>(counts: &mut HashMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::accounts::Account;
    use crate::model::ErrorCode;

    fn caller(account: &str, address: &str) -> Caller {
        let account = Account { id: account.into(), email: None, quota_tokens: None };
        Caller { account, network: Network::of(address.parse().unwrap()) }
    }

    #[test]
    fn stream_beyond_the_limit_of_its_account_is_refused_until_one_is_closed() {
        let streams = Streams::new(StreamLimits { account: 2, network: 0 });
        let (first, _second) = (streams.open(&caller("a", "1.1.1.1"), "d"), streams.open(&caller("a", "2.2.2.2"), "d"));
        let refusal = streams.open(&caller("a", "3.3.3.3"), "d").map(drop).unwrap_err().public();
        assert_eq!((refusal.code, refusal.retry_after_s()), (ErrorCode::TooManyRequests, Some(30)));
        assert!(streams.open(&caller("b", "1.1.1.1"), "d").is_ok());
        drop(first);
        assert!(streams.open(&caller("a", "3.3.3.3"), "d").is_ok());
    }

    #[test]
    fn stream_beyond_the_limit_of_its_network_is_refused_for_any_account() {
        let streams = Streams::new(StreamLimits { account: 0, network: 2 });
        let open: Vec<_> = (0..2).map(|n| streams.open(&caller(&n.to_string(), "1.1.1.7"), "d").unwrap()).collect();
        assert!(streams.open(&caller("x", "1.1.1.99"), "d").is_err());
        assert!(streams.open(&caller("x", "1.1.2.1"), "d").is_ok(), "another network");
        assert!((0..100).all(|_| streams.open(&caller("x", "127.0.0.1"), "d").is_ok()), "loopback is no network");
        drop(open);
        let left = streams.lock();
        assert!(left.streams.is_empty() && left.by_account.is_empty() && left.by_network.is_empty());
    }
}
