//! When each loop of this process last turned. A loop that hangs is visible in `/metrics`, and ends the health of a worker.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::{Clock, SystemClock};

/// A loop is stuck if it has not turned for this many of its intervals.
const INTERVALS_MAX: u32 = 20;
/// No loop is stuck earlier. Calls of a dependency that hangs reach their time limits before.
const STUCK_AFTER_MIN: Duration = Duration::from_secs(120);
/// The interval of a loop that has named none.
const USUAL_INTERVAL: Duration = Duration::from_secs(15);

/// The loops of this process by name. Cheap to clone.
#[derive(Clone)]
pub struct LoopAges {
    turns: Arc<Mutex<BTreeMap<&'static str, Turn>>>,
    clock: Arc<dyn Clock>,
}

struct Turn {
    interval: Duration,
    at: Instant,
}

impl Default for LoopAges {
    fn default() -> Self {
        Self::new(Arc::new(SystemClock))
    }
}

impl LoopAges {
    /// No loop yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { turns: Arc::default(), clock }
    }

    /// Announces a loop before its first turn. `interval`: the longest time from one turn to the next.
    pub fn expect(&self, name: &'static str, interval: Duration) {
        self.lock().insert(name, Turn { interval, at: self.clock.tick() });
    }

    /// Records that this loop turns. A loop that waits for longer than its interval records that it does.
    pub fn beat(&self, name: &'static str) {
        let at = self.clock.tick();
        self.lock().entry(name).and_modify(|turn| turn.at = at).or_insert(Turn { interval: USUAL_INTERVAL, at });
    }

    /// The time since the last turn of each loop, by name.
    pub fn ages(&self) -> Vec<(&'static str, Duration)> {
        let now = self.clock.tick();
        self.lock().iter().map(|(name, turn)| (*name, now.duration_since(turn.at))).collect()
    }

    /// The loops that are stuck.
    pub fn stuck(&self) -> Vec<&'static str> {
        let now = self.clock.tick();
        let is_stuck = |turn: &Turn| now.duration_since(turn.at) > STUCK_AFTER_MIN.max(turn.interval * INTERVALS_MAX);
        self.lock().iter().filter(|(_, turn)| is_stuck(turn)).map(|(name, _)| *name).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Turn>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UnixMs;

    /// A monotonic clock that the test sets, in seconds.
    struct Monotonic(Instant, Mutex<u64>);

    impl Clock for Monotonic {
        fn now(&self) -> UnixMs {
            UnixMs(0)
        }

        fn tick(&self) -> Instant {
            self.0 + Duration::from_secs(*self.1.lock().unwrap_or_else(PoisonError::into_inner))
        }
    }

    #[test]
    fn loop_that_misses_many_turns_is_stuck_until_it_turns_again() {
        let clock = Arc::new(Monotonic(SystemClock.tick(), Mutex::new(0)));
        let at = |seconds| *clock.1.lock().unwrap_or_else(PoisonError::into_inner) = seconds;
        let loops = LoopAges::new(clock.clone());
        loops.expect("each second", Duration::from_secs(1));
        loops.expect("each hour", Duration::from_secs(3_600));
        loops.beat("unannounced");
        at(120);
        assert!(loops.stuck().is_empty(), "a short interval is no reason for haste");
        at(121);
        assert_eq!(loops.stuck(), ["each second"]);
        loops.beat("each second");
        at(241);
        assert!(loops.stuck().is_empty());
        at(301);
        assert_eq!(loops.stuck(), ["each second", "unannounced"]);
        let ages = [("each hour", 301), ("each second", 180), ("unannounced", 301)];
        assert_eq!(loops.ages(), ages.map(|(name, seconds)| (name, Duration::from_secs(seconds))));
    }
}
