//! How often one may ask: reading and changing are counted for each account, entering (a guest's account, a sign-in) for each address.
//! Requests that belong to no account, whatever secret they show, are counted for their address.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::ApiState;
use super::auth::{found, is_free};
use super::error::Failure;
use crate::accounts::Network;
use crate::error::Error;
use crate::model::ErrorCode;

/// Requests a minute, 0 for no limit.
#[derive(Clone, Copy, Debug, Default)]
pub struct RateLimits {
    pub reads: u32,
    pub changes: u32,
    pub entries: u32,
}

/// The counts of all callers. Cheap to clone.
#[derive(Clone)]
pub struct Limiter {
    reads: Option<Arc<DefaultKeyedRateLimiter<u64>>>,
    changes: Option<Arc<DefaultKeyedRateLimiter<u64>>>,
    entries: Option<Arc<DefaultKeyedRateLimiter<u64>>>,
    /// The header in which a proxy of ours tells who is calling.
    address_header: Option<Arc<str>>,
}

impl Limiter {
    /// Counts nothing yet.
    pub fn new(limits: RateLimits, address_header: Option<&str>) -> Self {
        let counter = |per_minute| Some(Arc::new(RateLimiter::keyed(Quota::per_minute(NonZeroU32::new(per_minute)?))));
        Self {
            reads: counter(limits.reads),
            changes: counter(limits.changes),
            entries: counter(limits.entries),
            address_header: address_header.map(Into::into),
        }
    }

    /// Whole seconds to wait, if this request is one too many.
    fn wait_s(&self, request: &Request) -> Option<u64> {
        let address = self.address_of(request);
        let caller = found(request.extensions()).map_or_else(|| key(&address), |account| key(&account.id));
        let (counter, key) = match request.method() {
            _ if is_entry(request.uri().path()) => (&self.entries, key(&address)),
            &Method::GET | &Method::HEAD => (&self.reads, caller),
            _ => (&self.changes, caller),
        };
        let counter = counter.as_ref()?;
        // Callers who have been quiet long enough to start afresh need not be remembered.
        if counter.len() > CALLERS_MAX {
            counter.retain_recent();
        }
        let not_until = counter.check_key(&key).err()?;
        Some(not_until.wait_time_from(DefaultClock::default().now()).as_secs() + 1)
    }

    /// Who is at the other end, as a network: an IPv6 customer has a whole one.
    fn address_of(&self, request: &Request) -> Option<IpAddr> {
        Some(match self.peer_of(request)?.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & (u128::MAX << 64))),
            address => address,
        })
    }

    /// The network that a request comes from.
    pub fn network_of(&self, request: &Request) -> Option<Network> {
        Network::of(self.peer_of(request)?)
    }

    fn peer_of(&self, request: &Request) -> Option<IpAddr> {
        let told = self.address_header.as_deref().and_then(|name| last_address(request.headers(), name));
        told.or_else(|| Some(request.extensions().get::<ConnectInfo<SocketAddr>>()?.0.ip()))
    }
}

/// Callers remembered before those who are quiet are forgotten.
const CALLERS_MAX: usize = 10_000;

/// The address that the nearest proxy added: what stands before it was told by somebody else.
fn last_address(headers: &HeaderMap, name: &str) -> Option<IpAddr> {
    headers.get_all(name).iter().next_back()?.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

fn key(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// Calls that need no account, or are about to find out whether there is one.
fn is_entry(path: &str) -> bool {
    path.starts_with("/sign-in/")
        || matches!(
            path,
            "/v1/users/guest"
                | "/api/start_session"
                | "/api/sign_in"
                | "/api/sign_up"
                | "/account/sign-in"
                | "/account/sign-up"
                | "/account/password"
        )
}

/// Answers 429 to one request too many.
pub async fn check(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let wait_s = if is_free(request.uri().path()) { None } else { state.limiter.wait_s(&request) };
    let Some(wait_s) = wait_s else { return next.run(request).await };
    let words = format!("Too many requests. Try again in {wait_s} s.");
    let mut response = Failure(Error::refused(ErrorCode::TooManyRequests, words)).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait_s));
    response
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::body::Body;

    use super::super::auth::found_for_test;
    use super::*;

    fn request(method: &str, path: &str, headers: &[(&str, &str)], peer: &str) -> Request {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
        request
    }

    #[test]
    fn each_caller_has_a_count_for_each_kind_of_request() {
        let limiter = Limiter::new(RateLimits { reads: 2, changes: 1, entries: 1 }, None);
        let ask = |method, path, account: &str, peer| {
            let mut request = request(method, path, &[("authorization", "Bearer any")], peer);
            if !account.is_empty() {
                found_for_test(&mut request, account);
            }
            limiter.wait_s(&request)
        };
        assert_eq!(ask("GET", "/v1/documents", "a", "1.1.1.1"), None);
        assert_eq!(ask("GET", "/v1/documents", "a", "2.2.2.2"), None);
        assert!(ask("GET", "/library", "a", "3.3.3.3").is_some_and(|wait_s| (1..=31).contains(&wait_s)));
        assert_eq!(ask("GET", "/v1/documents", "b", "1.1.1.1"), None, "another caller");
        assert_eq!(ask("POST", "/v1/documents/document", "a", "1.1.1.1"), None, "another kind");
        assert!(ask("DELETE", "/v1/documents/1", "a", "1.1.1.1").is_some());
        // A secret that opens nothing buys no count of its own.
        assert_eq!(ask("POST", "/v1/documents/document", "", "4.4.4.4"), None);
        assert!(ask("POST", "/v1/documents/document", "", "4.4.4.4").is_some());
        // Entering is counted by address, whoever asks.
        assert_eq!(ask("POST", "/v1/users/guest", "a", "1.1.1.1"), None);
        assert!(ask("POST", "/api/sign_in", "b", "1.1.1.1").is_some());
        assert_eq!(ask("POST", "/v1/users/guest", "a", "2.2.2.2"), None);
    }

    #[test]
    fn nothing_is_counted_without_a_limit() {
        let limiter = Limiter::new(RateLimits::default(), None);
        assert!((0..10_000).all(|_| limiter.wait_s(&request("GET", "/", &[], "1.1.1.1")).is_none()));
    }

    #[test]
    fn an_address_is_told_by_the_nearest_proxy_and_counts_as_a_network() {
        let told = |headers: &[(&str, &str)], peer, header| {
            let limiter = Limiter::new(RateLimits::default(), header);
            limiter.address_of(&request("GET", "/", headers, peer)).unwrap().to_string()
        };
        let forged = [("x-forwarded-for", "6.6.6.6, 7.7.7.7")];
        assert_eq!(told(&forged, "1.1.1.1", None), "1.1.1.1", "nobody is believed unasked");
        assert_eq!(told(&forged, "1.1.1.1", Some("x-forwarded-for")), "7.7.7.7");
        assert_eq!(told(&[], "1.1.1.1", Some("x-forwarded-for")), "1.1.1.1");
        assert_eq!(told(&[], "2a00:1:2:3:4:5:6:7", None), "2a00:1:2:3::");
        assert_eq!(told(&[], "::ffff:1.1.1.1", None), "1.1.1.1");
    }
}
