//! Rate limits. Each request counts for its account and for its network. New guests and sign-ins count for their address and its network. A
//! request without a valid account counts for its address.
//!
//! Each process checks its own counts first, so that a flood does not reach the counts that all servers share.

mod counts;
mod local;
mod shared;

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::{Method, StatusCode};
use tokio_util::sync::CancellationToken;

use super::auth::{found, is_asset, network_of};
use super::client_address;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::metrics::request_limited;
pub use counts::{PerMinute, RateLimits, RequestCount, RequestCounts, RequestKind, Scope};
pub use local::LocalCounts;
use shared::SharedCounts;

/// The most callers with a count of their own, for each kind of request. Each takes some 30 bytes.
const CALLERS_MAX: usize = 100_000;
/// The interval at which counts of idle callers are deleted.
const PURGE_INTERVAL: Duration = Duration::from_secs(60);

/// The counts of all callers. Cheap to clone.
#[derive(Clone)]
pub struct Limiter {
    local: Arc<LocalCounts>,
    shared: Option<Arc<SharedCounts>>,
}

impl Limiter {
    /// A limiter without counts. `shared` counts for all servers together.
    pub fn new(limits: &RateLimits, shared: Option<Arc<dyn RequestCounts>>, clock: Arc<dyn Clock>) -> Self {
        Self {
            local: Arc::new(LocalCounts::new(limits, CALLERS_MAX)),
            shared: shared.map(|counts| Arc::new(SharedCounts::new(counts, clock))),
        }
    }

    /// Deletes the counts of idle callers once a minute until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        while tokio::time::timeout(PURGE_INTERVAL, stop.cancelled()).await.is_err() {
            self.local.purge();
        }
    }

    /// The time that the caller has to wait, if one of the request's counts is full.
    async fn add(&self, counts: &[RequestCount]) -> Option<Duration> {
        match (self.local.add(counts), &self.shared) {
            (None, Some(shared)) => shared.add(counts).await,
            (wait, _) => wait,
        }
    }
}

/// The counts to which a request is added.
fn counts_of(request: &Request) -> Vec<RequestCount> {
    let kind = kind_of(request);
    let account = found(request.extensions()).filter(|_| kind != RequestKind::Entry);
    let address = || address_of(request).map(|address| address.to_string());
    let caller = account.map(|account| account.id.clone()).or_else(address).unwrap_or_default();
    let network = network_of(request.extensions()).map(|network| (Scope::Network, network.to_string()));
    let counts = std::iter::once((Scope::Caller, caller)).chain(network);
    counts.map(|(scope, name)| RequestCount { scope, kind, name }).collect()
}

/// The client's address. IPv6 addresses are cut to their /64, because one customer has at least that many.
fn address_of(request: &Request) -> Option<IpAddr> {
    Some(match client_address::of(request.extensions())?.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & (u128::MAX << 64))),
        address => address,
    })
}

fn kind_of(request: &Request) -> RequestKind {
    match *request.method() {
        _ if is_entry(request.uri().path()) => RequestKind::Entry,
        Method::GET | Method::HEAD => RequestKind::Read,
        _ => RequestKind::Change,
    }
}

/// Whether a request needs no account or checks a password.
fn is_entry(path: &str) -> bool {
    path.starts_with("/sign-in/")
        || matches!(
            path,
            "/v1/users/guest"
                | "/api/start_session"
                | "/api/sign_in"
                | "/api/sign_up"
                | "/api/change_password"
                | "/api/set_password"
        )
}

/// The counts of one request, and when it is added to them.
pub(crate) struct Count {
    kind: RequestKind,
    counts: Vec<RequestCount>,
    /// Only requests for missing files are counted here, because each page loads several files.
    only_misses: bool,
}

impl Count {
    /// `None` if the request is not counted.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        let path = request.uri().path();
        let count = || Self { kind: kind_of(request), counts: counts_of(request), only_misses: is_asset(path) };
        (path != "/healthz").then(count)
    }

    /// Counts the request before it is handled.
    ///
    /// # Errors
    /// `too_many_requests`
    pub(crate) async fn before(&self, limiter: &Limiter) -> Result<()> {
        if self.only_misses { Ok(()) } else { self.add(limiter).await }
    }

    /// Counts the request after it is handled, if its status says that the file is missing.
    ///
    /// # Errors
    /// `too_many_requests`
    pub(crate) async fn after(&self, limiter: &Limiter, status: StatusCode) -> Result<()> {
        if self.only_misses && status.is_client_error() { self.add(limiter).await } else { Ok(()) }
    }

    async fn add(&self, limiter: &Limiter) -> Result<()> {
        let Some(wait) = limiter.add(&self.counts).await else { return Ok(()) };
        request_limited(self.kind.into_str());
        Err(Error::too_many("Too many requests.", wait))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::body::Body;

    use super::super::auth::identified_for_test;
    use super::super::client_address::resolved_for_test;
    use super::*;
    use crate::accounts::Network;

    use crate::clock::SystemClock;

    fn request(method: &str, path: &str, address: &str) -> Request {
        let mut request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let address = address.parse().unwrap();
        resolved_for_test(&mut request, address);
        if let Some(network) = Network::of(address) {
            request.extensions_mut().insert(network);
        }
        request
    }

    fn limiter(caller: PerMinute, network: PerMinute) -> Limiter {
        Limiter::new(&RateLimits { caller, network }, None, Arc::new(SystemClock))
    }

    /// The seconds that the request has to wait, rounded up.
    fn wait_s(limiter: &Limiter, request: &Request) -> Option<u64> {
        limiter.local.add(&counts_of(request)).map(|wait| wait.as_secs() + 1)
    }

    #[test]
    fn callers_have_a_count_for_each_kind_of_request() {
        let limiter = limiter(PerMinute { reads: 2, changes: 1, entries: 1 }, PerMinute::default());
        let ask = |method, path, account: &str, peer| {
            let mut request = request(method, path, peer);
            if !account.is_empty() {
                identified_for_test(&mut request, account);
            }
            wait_s(&limiter, &request)
        };
        assert_eq!(ask("GET", "/v1/documents", "a", "1.1.1.1"), None);
        assert_eq!(ask("GET", "/v1/documents", "a", "2.2.2.2"), None);
        assert!(ask("GET", "/library", "a", "3.3.3.3").is_some_and(|wait_s| (1..=31).contains(&wait_s)));
        assert_eq!(ask("GET", "/v1/documents", "b", "1.1.1.1"), None, "another caller");
        assert_eq!(ask("POST", "/v1/documents/document", "a", "1.1.1.1"), None, "another kind");
        assert!(ask("DELETE", "/v1/documents/1", "a", "1.1.1.1").is_some());
        // An invalid credential gets no count of its own.
        assert_eq!(ask("POST", "/v1/documents/document", "", "4.4.4.4"), None);
        assert!(ask("POST", "/v1/documents/document", "", "4.4.4.4").is_some());
        // Entries are counted by address, whatever the account.
        assert_eq!(ask("POST", "/v1/users/guest", "a", "1.1.1.1"), None);
        assert!(ask("POST", "/api/sign_in", "b", "1.1.1.1").is_some());
        assert_eq!(ask("POST", "/v1/users/guest", "a", "2.2.2.2"), None);
    }

    #[test]
    fn accounts_of_one_network_share_its_count() {
        let limiter = limiter(PerMinute::default(), PerMinute { reads: 3, changes: 3, entries: 3 });
        let ask = |method: &str, path: &str, account: &str, peer: &str| {
            let mut request = request(method, path, peer);
            identified_for_test(&mut request, account);
            wait_s(&limiter, &request)
        };
        for (method, path) in [("GET", "/"), ("POST", "/v1/documents/document"), ("POST", "/v1/users/guest")] {
            for (account, peer) in [("a", "1.1.1.1"), ("b", "1.1.1.2"), ("c", "1.1.1.255")] {
                assert_eq!(ask(method, path, account, peer), None);
            }
            assert!(ask(method, path, "d", "1.1.1.77").is_some(), "{method} {path}");
            assert_eq!(ask(method, path, "d", "1.1.2.1"), None, "another network");
            assert!((0..10).all(|_| ask(method, path, "d", "127.0.0.1").is_none()), "loopback is no network");
        }
        let ipv6 = |host: u32| {
            let (account, peer) = (host.to_string(), format!("2001:db8:1:{host:x}::1"));
            ask("GET", "/", &account, &peer)
        };
        assert_eq!((0..9).filter(|host| ipv6(*host).is_none()).count(), 3, "an IPv6 /48 is one network");
    }

    #[test]
    fn requests_without_a_limit_are_not_counted() {
        let limiter = limiter(PerMinute::default(), PerMinute::default());
        assert!((0..10_000).all(|_| wait_s(&limiter, &request("GET", "/", "1.1.1.1")).is_none()));
    }

    #[test]
    fn ipv6_address_counts_as_its_64_bit_prefix() {
        let counted = |address| address_of(&request("GET", "/", address)).unwrap().to_string();
        assert_eq!(counted("2a00:1:2:3:4:5:6:7"), "2a00:1:2:3::");
        assert_eq!(counted("::ffff:1.1.1.1"), "1.1.1.1");
    }
}
