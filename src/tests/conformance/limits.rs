//! Counts of requests: local counts and shared counts in Redis follow the same rules.

use std::time::Duration;

use coldbrew::api::LocalCounts;
use coldbrew::api::{PerMinute, RateLimits, RequestCount, RequestCounts, RequestKind, Scope};
use coldbrew::store::tracking::RedisCounts;

use crate::support::services::Redis;

macro_rules! count {
    ($($test:ident),+ $(,)?) => {
        mod local {
            $(#[tokio::test] async fn $test() { super::$test(super::local).await })+
        }
        mod redis {
            $(#[tokio::test] async fn $test() { super::$test(super::redis).await })+
        }
    };
}

count!(
    request_beyond_the_limit_has_to_wait,
    counts_differ_by_name_kind_and_scope,
    request_with_several_counts_waits_for_the_fullest,
    request_after_the_wait_is_admitted,
    request_without_a_limit_is_not_counted,
);

/// Counts, and the Redis server behind them if there is one.
struct Counts(Box<dyn RequestCounts>, Option<Redis>);

fn local(limits: RateLimits) -> Counts {
    Counts(Box::new(LocalCounts::new(&limits, 1_000)), None)
}

fn redis(limits: RateLimits) -> Counts {
    let redis = Redis::start();
    Counts(Box::new(RedisCounts::open(&redis.url(), limits).unwrap()), Some(redis))
}

impl Counts {
    async fn add(&self, counts: &[RequestCount]) -> Option<Duration> {
        self.0.add(counts).await.unwrap()
    }
}

fn limits(reads: u32, network_reads: u32) -> RateLimits {
    let of = |reads| PerMinute { reads, changes: 1, entries: 0 };
    RateLimits { caller: of(reads), network: of(network_reads) }
}

fn of(scope: Scope, kind: RequestKind, name: &str) -> RequestCount {
    RequestCount { scope, kind, name: name.to_owned() }
}

fn read_by(name: &str) -> RequestCount {
    of(Scope::Caller, RequestKind::Read, name)
}

async fn request_beyond_the_limit_has_to_wait(counts: impl Fn(RateLimits) -> Counts) {
    let counts = counts(limits(3, 0));
    for _ in 0..3 {
        assert_eq!(counts.add(&[read_by("a")]).await, None);
    }
    let wait = counts.add(&[read_by("a")]).await.unwrap();
    assert!(wait > Duration::ZERO && wait <= Duration::from_secs(20), "{wait:?}");
}

async fn counts_differ_by_name_kind_and_scope(counts: impl Fn(RateLimits) -> Counts) {
    let counts = counts(limits(1, 1));
    let each = [
        read_by("a"),
        read_by("b"),
        of(Scope::Caller, RequestKind::Change, "a"),
        of(Scope::Network, RequestKind::Read, "a"),
        of(Scope::Network, RequestKind::Change, "a"),
    ];
    for count in &each {
        assert_eq!(counts.add(std::slice::from_ref(count)).await, None, "{count:?}");
    }
    for count in &each {
        assert!(counts.add(std::slice::from_ref(count)).await.is_some(), "{count:?}");
    }
}

async fn request_with_several_counts_waits_for_the_fullest(counts: impl Fn(RateLimits) -> Counts) {
    let counts = counts(limits(100, 2));
    let network = of(Scope::Network, RequestKind::Read, "203.0.113.0/24");
    for name in ["a", "b"] {
        assert_eq!(counts.add(&[read_by(name), network.clone()]).await, None);
    }
    assert!(counts.add(&[read_by("c"), network]).await.is_some());
    assert_eq!(counts.add(&[read_by("c")]).await, None);
}

async fn request_after_the_wait_is_admitted(counts: impl Fn(RateLimits) -> Counts) {
    let counts = counts(limits(600, 0));
    for _ in 0..100 {
        // A slow machine may empty the count as fast as this loop fills it.
        for _ in 0..600 {
            if let Some(wait) = counts.add(&[read_by("a")]).await {
                tokio::time::sleep(wait).await;
                assert_eq!(counts.add(&[read_by("a")]).await, None, "after waiting for {wait:?}");
                return;
            }
        }
    }
    panic!("the count is never full");
}

async fn request_without_a_limit_is_not_counted(counts: impl Fn(RateLimits) -> Counts) {
    let counts = counts(limits(0, 0));
    for _ in 0..50 {
        assert_eq!(counts.add(&[read_by("a"), of(Scope::Caller, RequestKind::Entry, "a")]).await, None);
    }
}

/// Otherwise counts would accumulate in Redis.
#[tokio::test]
async fn count_in_redis_expires_when_it_is_empty() {
    let counts = redis(limits(2, 0));
    counts.add(&[read_by("a")]).await;
    let url = counts.1.as_ref().unwrap().url();
    let mut connection = ::redis::Client::open(url).unwrap().get_connection().unwrap();
    let ttl_ms: i64 = ::redis::cmd("PTTL").arg("limit:caller:reads:a").query(&mut connection).unwrap();
    assert!((1..=30_000).contains(&ttl_ms), "{ttl_ms}");
}
