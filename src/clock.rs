//! Time and randomness, as arguments: [`Clock`] and [`IdGenerator`]. Tests pass implementations that they control.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::model::{UnixMs, hex};

/// Reads the time, and waits.
pub trait Clock: Send + Sync {
    /// The time of the wall clock, which may jump in either direction.
    fn now(&self) -> UnixMs;

    /// The current day, in UTC.
    fn today(&self) -> Date {
        let now = Timestamp::from_millisecond(self.now().0).unwrap_or(Timestamp::UNIX_EPOCH);
        now.to_zoned(TimeZone::UTC).date()
    }

    /// An instant of the monotonic clock, to measure durations.
    fn tick(&self) -> Instant {
        Instant::now()
    }

    /// Waits for a monotonic duration.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        tokio::time::sleep(duration).boxed()
    }
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
        uuid::Uuid::now_v7().simple().to_string()
    }

    fn secret(&self) -> String {
        hex(&rand::random::<[u8; 32]>())
    }

    fn jitter(&self) -> f64 {
        rand::random()
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
