//! Time and randomness, as arguments: [`Clock`] and [`IdGenerator`]. Tests pass implementations that they control.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use uuid::{ContextV7, Timestamp as UuidTimestamp, Uuid};

use crate::model::{UnixMs, hex};

/// Reads the time, and waits.
pub trait Clock: Send + Sync {
    /// The time that stored instants are compared with. It may jump in either direction.
    fn now(&self) -> UnixMs;

    /// What this machine's wall clock shows.
    fn wall(&self) -> UnixMs {
        self.now()
    }

    /// The current day, in UTC.
    fn today(&self) -> Date {
        let now = Timestamp::from_millisecond(self.now().0).unwrap_or(Timestamp::UNIX_EPOCH);
        now.to_zoned(TimeZone::UTC).date()
    }

    /// An instant of the monotonic clock, to measure durations.
    fn tick(&self) -> Instant {
        Instant::now()
    }

    /// An instant on both clocks of this machine.
    fn moment(&self) -> Moment {
        Moment { tick: self.tick(), wall: self.wall() }
    }

    /// The time since `moment`, by whichever clock shows more. The monotonic clock stands still while a machine is suspended, and the wall
    /// clock can be set back.
    fn passed_since(&self, moment: Moment) -> Duration {
        let by_wall = Duration::from_millis(self.wall().0.saturating_sub(moment.wall.0).try_into().unwrap_or_default());
        self.tick().saturating_duration_since(moment.tick).max(by_wall)
    }

    /// Waits for a monotonic duration.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        tokio::time::sleep(duration).boxed()
    }
}

/// An instant, as the monotonic and the wall clock of one machine show it.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub tick: Instant,
    pub wall: UnixMs,
}

/// Makes ids, secrets and jitter.
pub trait IdGenerator: Send + Sync {
    /// A new unique id. Ids sort by the time at which they were made.
    fn id(&self) -> String;

    /// 32 random bytes that cannot be guessed, as hexadecimal digits.
    fn secret(&self) -> String;

    /// A random number from 0 to 1, to spread retries over time.
    fn jitter(&self) -> f64;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixMs {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMs(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

/// UUID v7 for ids, the operating system's generator for secrets.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomIds;

impl IdGenerator for RandomIds {
    fn id(&self) -> String {
        Uuid::now_v7().simple().to_string()
    }

    fn secret(&self) -> String {
        hex(&rand::random::<[u8; 32]>())
    }

    fn jitter(&self) -> f64 {
        rand::random()
    }
}

/// As [`RandomIds`], but ids sort by the time of a clock. Processes that share this clock make ids in one order, on whichever machines.
pub struct IdsByClock {
    clock: Arc<dyn Clock>,
    /// Orders the ids of one millisecond.
    context: Mutex<ContextV7>,
}

impl IdsByClock {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, context: Mutex::default() }
    }
}

impl IdGenerator for IdsByClock {
    fn id(&self) -> String {
        let since_epoch = Duration::from_millis(self.clock.now().0.try_into().unwrap_or_default());
        let time = UuidTimestamp::from_unix(&self.context, since_epoch.as_secs(), since_epoch.subsec_nanos());
        Uuid::new_v7(time).simple().to_string()
    }

    fn secret(&self) -> String {
        RandomIds.secret()
    }

    fn jitter(&self) -> f64 {
        RandomIds.jitter()
    }
}

/// A clock that stands at the Unix epoch. Tests move its monotonic instant.
#[cfg(test)]
pub struct ManualClock {
    start: Instant,
    moved_s: std::sync::atomic::AtomicU64,
}

#[cfg(test)]
impl Default for ManualClock {
    fn default() -> Self {
        Self { start: Instant::now(), moved_s: Default::default() }
    }
}

#[cfg(test)]
impl ManualClock {
    /// Sets the monotonic instant to `moved_s` seconds after the start.
    pub fn set(&self, moved_s: u64) {
        self.moved_s.store(moved_s, std::sync::atomic::Ordering::SeqCst);
    }
}

#[cfg(test)]
impl Clock for ManualClock {
    fn now(&self) -> UnixMs {
        UnixMs(0)
    }

    fn tick(&self) -> Instant {
        self.start + Duration::from_secs(self.moved_s.load(std::sync::atomic::Ordering::SeqCst))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

    use super::*;

    /// Shows what a test sets.
    struct SetClock(AtomicI64);

    impl Clock for SetClock {
        fn now(&self) -> UnixMs {
            UnixMs(self.0.load(SeqCst))
        }
    }

    #[test]
    fn passed_since_goes_by_the_clock_that_shows_more() {
        let clock = SetClock(AtomicI64::new(100_000));
        let moment = clock.moment();
        clock.0.store(160_000, SeqCst);
        assert_eq!(clock.passed_since(moment), Duration::from_secs(60), "the machine was suspended");
        clock.0.store(0, SeqCst);
        let earlier = Moment { tick: moment.tick.checked_sub(Duration::from_secs(60)).unwrap(), ..moment };
        assert!(clock.passed_since(earlier) >= Duration::from_secs(60), "the wall clock was set back");
    }

    #[test]
    fn ids_of_one_clock_sort_by_its_time() {
        let clock = Arc::new(SetClock(AtomicI64::new(1_700_000_000_000)));
        let (one, other) = (IdsByClock::new(clock.clone()), IdsByClock::new(clock.clone()));
        let mut ids = vec![one.id(), one.id()];
        for makes in [&other, &one, &other] {
            clock.0.fetch_add(1, SeqCst);
            ids.push(makes.id());
        }
        assert!(ids.is_sorted_by(|before, after| before < after), "{ids:?}");
        assert!(ids[0].starts_with("018bcfe56800"), "{ids:?}");
    }
}
