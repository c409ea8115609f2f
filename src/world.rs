//! The two things that make a program unrepeatable, time and chance, as an argument.
//!
//! Whoever needs an instant, an id or a secret is given a [`World`]; tests give one that they control.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::model::{UnixMs, hex};

/// Where the time and unguessable values come from.
pub trait World: Send + Sync {
    /// The present instant. It may jump in either direction.
    fn now(&self) -> UnixMs;

    /// The present day, in UTC.
    fn today(&self) -> Date {
        let now = Timestamp::from_millisecond(self.now().0).unwrap_or(Timestamp::UNIX_EPOCH);
        now.to_zoned(TimeZone::UTC).date()
    }

    /// An instant to measure a duration from, which no clock moves.
    fn tick(&self) -> Instant {
        Instant::now()
    }

    /// Waits. What the clock shows meanwhile does not matter.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        tokio::time::sleep(duration).boxed()
    }

    /// A new unique id; ids sort by the time they were made.
    fn id(&self) -> String;

    /// 32 bytes nobody can guess, as hexadecimal digits.
    fn secret(&self) -> String;

    /// A number from 0 to 1, to keep things from happening all at once.
    fn chance(&self) -> f64;
}

/// The machine's own clock and generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemWorld;

impl World for SystemWorld {
    fn now(&self) -> UnixMs {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMs(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    fn id(&self) -> String {
        uuid::Uuid::now_v7().simple().to_string()
    }

    fn secret(&self) -> String {
        hex(&rand::random::<[u8; 32]>())
    }

    fn chance(&self) -> f64 {
        rand::random()
    }
}

/// A world for tests, whose ticks are moved by the test.
#[cfg(test)]
pub struct StoppedWorld {
    start: Instant,
    moved_s: std::sync::atomic::AtomicU64,
}

#[cfg(test)]
impl Default for StoppedWorld {
    fn default() -> Self {
        Self { start: Instant::now(), moved_s: Default::default() }
    }
}

#[cfg(test)]
impl StoppedWorld {
    /// So many seconds after the start.
    pub fn set(&self, moved_s: u64) {
        self.moved_s.store(moved_s, std::sync::atomic::Ordering::SeqCst);
    }
}

#[cfg(test)]
impl World for StoppedWorld {
    fn now(&self) -> UnixMs {
        UnixMs(0)
    }

    fn tick(&self) -> Instant {
        self.start + Duration::from_secs(self.moved_s.load(std::sync::atomic::Ordering::SeqCst))
    }

    fn id(&self) -> String {
        String::new()
    }

    fn secret(&self) -> String {
        String::new()
    }

    fn chance(&self) -> f64 {
        0.0
    }
}
