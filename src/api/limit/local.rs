//! The counts of this process. Their memory is bounded, however many callers there are.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use async_trait::async_trait;
use governor::clock::{Clock, DefaultClock};
use governor::nanos::Nanos;
use governor::state::keyed::{DashMapStateStore, ShrinkableKeyedStateStore};
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{Quota, RateLimiter};
use strum::VariantArray;

use super::{RateLimits, RequestCount, RequestCounts, RequestKind, Scope};
use crate::error::Result;

type Counter = RateLimiter<u64, Bounded, DefaultClock>;

/// Counts in the memory of this process.
pub struct LocalCounts {
    counters: HashMap<(Scope, RequestKind), Counter>,
    hasher: RandomState,
}

impl LocalCounts {
    /// `callers_max` is the most counts of one kind.
    pub fn new(limits: &RateLimits, callers_max: usize) -> Self {
        let kinds =
            Scope::VARIANTS.iter().flat_map(|&scope| RequestKind::VARIANTS.iter().map(move |&kind| (scope, kind)));
        let counter = |(scope, kind)| {
            let quota = Quota::per_minute(limits.per_minute(scope, kind)?);
            let state = Bounded { callers_max, known: DashMapStateStore::default(), others: InMemoryState::default() };
            Some(((scope, kind), RateLimiter::new(quota, state, DefaultClock::default())))
        };
        Self { counters: kinds.filter_map(counter).collect(), hasher: RandomState::new() }
    }

    /// The time that the caller has to wait, if one of the counts is full.
    pub fn add(&self, counts: &[RequestCount]) -> Option<Duration> {
        counts.iter().filter_map(|count| self.add_one(count)).max()
    }

    fn add_one(&self, count: &RequestCount) -> Option<Duration> {
        let counter = self.counters.get(&(count.scope, count.kind))?;
        let not_until = counter.check_key(&self.hasher.hash_one(&count.name)).err()?;
        Some(not_until.wait_time_from(DefaultClock::default().now()))
    }

    /// Deletes counts that are empty again.
    pub fn purge(&self) {
        self.counters.values().for_each(RateLimiter::retain_recent);
    }
}

#[async_trait]
impl RequestCounts for LocalCounts {
    async fn add(&self, counts: &[RequestCount]) -> Result<Option<Duration>> {
        Ok(Self::add(self, counts))
    }
}

/// One count for each known caller. When there are too many callers, new ones share one count, so a flood slows only new callers.
struct Bounded {
    callers_max: usize,
    known: DashMapStateStore<u64>,
    others: InMemoryState,
}

impl StateStore for Bounded {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, key: &u64, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        if self.known.contains_key(key) || self.known.len() < self.callers_max {
            self.known.measure_and_replace(key, decide)
        } else {
            self.others.measure_and_replace(&NotKeyed::NonKey, decide)
        }
    }
}

impl ShrinkableKeyedStateStore<u64> for Bounded {
    fn retain_recent(&self, drop_below: Nanos) {
        self.known.retain_recent(drop_below);
    }

    fn shrink_to_fit(&self) {
        self.known.shrink_to_fit();
    }

    fn len(&self) -> usize {
        self.known.len()
    }

    fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::PerMinute;
    use super::*;

    const LIMITS: RateLimits = RateLimits {
        caller: PerMinute { reads: 2, changes: 0, entries: 0 },
        network: PerMinute { reads: 0, changes: 0, entries: 0 },
    };

    fn read_by(name: impl ToString) -> [RequestCount; 1] {
        [RequestCount { scope: Scope::Caller, kind: RequestKind::Read, name: name.to_string() }]
    }

    #[test]
    fn counts_flooded_by_callers_stay_bounded_and_keep_known_callers_apart() {
        let counts = LocalCounts::new(&LIMITS, 100);
        assert_eq!(counts.add(&read_by("known")), None);
        let admitted = (0..10_000).filter(|caller| counts.add(&read_by(caller)).is_none()).count();
        assert_eq!(counts.counters[&(Scope::Caller, RequestKind::Read)].len(), 100);
        assert_eq!(admitted, 99 + 2, "callers without a count of their own share one");
        assert_eq!(counts.add(&read_by("known")), None, "a known caller is not affected");
    }

    #[test]
    fn purge_keeps_counts_of_busy_callers() {
        let counts = LocalCounts::new(&LIMITS, 100);
        assert!((0..2).all(|_| counts.add(&read_by("busy")).is_none()));
        counts.purge();
        assert!(counts.add(&read_by("busy")).is_some());
    }
}
