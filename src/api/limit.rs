//! How often one may ask: reading and changing are counted for each account, entering (a guest's account, a sign-in) for each address.
//! Requests that belong to no account, whatever secret they show, are counted for their address.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::auth::{found, is_asset};
use super::error::Failure;
use super::{ApiState, client_address};
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
}

impl Limiter {
    /// Counts nothing yet.
    pub fn new(limits: RateLimits) -> Self {
        let counter = |per_minute| Some(Arc::new(RateLimiter::keyed(Quota::per_minute(NonZeroU32::new(per_minute)?))));
        Self { reads: counter(limits.reads), changes: counter(limits.changes), entries: counter(limits.entries) }
    }

    /// Whole seconds to wait, if this request is one too many.
    fn wait_s(&self, request: &Request) -> Option<u64> {
        let address = address_of(request);
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
}

/// The client's address, as a network: an IPv6 customer has a whole one.
fn address_of(request: &Request) -> Option<IpAddr> {
    Some(match client_address::of(request.extensions())?.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & (u128::MAX << 64))),
        address => address,
    })
}

/// Callers remembered before those who are quiet are forgotten.
const CALLERS_MAX: usize = 10_000;

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
    match request.uri().path() {
        "/healthz" => next.run(request).await,
        path if is_asset(path) => count_misses(&state.limiter, request, next).await,
        _ => match state.limiter.wait_s(&request) {
            Some(wait_s) => too_many(wait_s),
            None => next.run(request).await,
        },
    }
}

/// Files that are there are not counted, because each page loads several. Requests for others are.
async fn count_misses(limiter: &Limiter, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let counted = Request::from_parts(parts.clone(), Body::empty());
    let response = next.run(Request::from_parts(parts, body)).await;
    let is_miss = response.status().is_client_error();
    is_miss.then(|| limiter.wait_s(&counted)).flatten().map_or(response, too_many)
}

fn too_many(wait_s: u64) -> Response {
    let words = format!("Too many requests. Try again in {wait_s} s.");
    let mut response = Failure(Error::refused(ErrorCode::TooManyRequests, words)).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait_s));
    response
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::auth::found_for_test;
    use super::super::client_address::resolved_for_test;
    use super::*;

    fn request(method: &str, path: &str, address: &str) -> Request {
        let mut request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        resolved_for_test(&mut request, address.parse().unwrap());
        request
    }

    #[test]
    fn each_caller_has_a_count_for_each_kind_of_request() {
        let limiter = Limiter::new(RateLimits { reads: 2, changes: 1, entries: 1 });
        let ask = |method, path, account: &str, peer| {
            let mut request = request(method, path, peer);
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
        let limiter = Limiter::new(RateLimits::default());
        assert!((0..10_000).all(|_| limiter.wait_s(&request("GET", "/", "1.1.1.1")).is_none()));
    }

    #[test]
    fn an_ipv6_address_counts_as_its_network() {
        let counted = |address| address_of(&request("GET", "/", address)).unwrap().to_string();
        assert_eq!(counted("2a00:1:2:3:4:5:6:7"), "2a00:1:2:3::");
        assert_eq!(counted("::ffff:1.1.1.1"), "1.1.1.1");
    }
}
