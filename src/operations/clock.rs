//! The database's time, which all processes of a site share: due times, leases and stored instants are compared with it. The clocks of the
//! machines may be wrong.
//!
//! [`DatabaseClock`] shows this time between measurements. It also moves waits back if the database's own clock is set back: jobs would
//! otherwise wait for the length of the jump. A clock that is set forward needs nothing: a batch is polled once too often.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::future::BoxFuture;
use metrics::gauge;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Moment};
use crate::error::Result;
use crate::metrics::CLOCK_OFFSET;
use crate::model::UnixMs;

/// How often the offset is measured.
const INTERVAL: Duration = Duration::from_secs(10);
/// How often this machine's two clocks are compared in between.
const CHECK: Duration = Duration::from_secs(1);
/// If they differ by more, the machine was suspended or its wall clock was set, and the offset is measured at once.
const DIVERGED_MS: i64 = 1_000;
/// A wrong clock of this machine is reported from this offset on.
pub const OFFSET_MS_MAX: i64 = 2_000;
/// Smaller jumps are ordinary corrections of the clock.
const JUMP_MS_MIN: i64 = 30_000;
/// The jump that is assumed at the start. No job waits longer than half of it, so only due times that a later clock wrote are moved: the
/// clock was set back while no server was running.
const UNSEEN_MS: i64 = 6 * 3_600_000;

/// The port of the database's clock.
///
/// # Errors
/// A method fails as unavailable or internal if the database does not answer.
#[async_trait]
pub trait DatabaseTime: Send + Sync {
    /// What the database's clock shows.
    async fn database_time(&self) -> Result<UnixMs>;

    /// Moves the due times and leases of jobs back with the database's clock, which was set back by `by_ms`. Orphaned resources become due at
    /// once. Calling it again for the same jump, as another server does, changes nothing.
    async fn clock_went_back(&self, by_ms: i64) -> Result<()>;
}

/// Shows the database's time: a measured instant, and what has passed since then by the monotonic clock.
pub struct DatabaseClock {
    database: Arc<dyn DatabaseTime>,
    machine: Arc<dyn Clock>,
    measured: Mutex<Measured>,
}

/// The newest measurement.
#[derive(Clone, Copy)]
struct Measured {
    at: Moment,
    /// The database's time at that moment.
    database: UnixMs,
    /// Whether the machine's clock was reported as wrong.
    is_reported: bool,
}

impl DatabaseClock {
    /// A clock that shows the time of the machine until the first measurement.
    pub fn new(database: Arc<dyn DatabaseTime>, machine: Arc<dyn Clock>) -> Self {
        let at = machine.moment();
        Self { database, machine, measured: Mutex::new(Measured { at, database: at.wall, is_reported: false }) }
    }

    /// How far the machine's clock is ahead of the database's, in milliseconds.
    pub fn offset_ms(&self) -> i64 {
        let Measured { at, database, .. } = *self.measured();
        at.wall.0 - database.0
    }

    /// Measures the offset. Returns by how much the database's clock was set back, in milliseconds, or 0.
    ///
    /// # Errors
    /// The database does not answer. The clock then keeps the last offset.
    pub async fn measure(&self) -> Result<i64> {
        let asked = self.machine.tick();
        let shown = self.database.database_time().await?;
        let at = self.machine.moment();
        let round_trip_ms = millis(at.tick.saturating_duration_since(asked));
        let mut measured = self.measured();
        let expected = measured.at(at.tick);
        // The answer may have been on its way for up to the whole round trip. An offset that agrees with this is kept, because a slow answer
        // is less exact than an earlier quick one.
        let latest = shown.plus(round_trip_ms);
        let agrees = (shown..=latest).contains(&expected);
        measured.database = if agrees { expected } else { shown.plus(round_trip_ms / 2) };
        measured.at = at;
        let offset_ms = at.wall.0 - measured.database.0;
        gauge!(CLOCK_OFFSET).set(seconds(offset_ms));
        let is_wrong = offset_ms.abs() - round_trip_ms / 2 > OFFSET_MS_MAX;
        if is_wrong && !measured.is_reported {
            tracing::warn!(offset_ms, "this machine's clock differs from the database's: synchronize it");
        }
        measured.is_reported = is_wrong;
        Ok((expected.0 - latest.0).max(0))
    }

    /// Measures the offset regularly until `stop`, and moves waits back with the database's clock.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.watch() => {}
        }
    }

    async fn watch(&self) {
        let mut back_ms = UNSEEN_MS;
        loop {
            match self.measure().await {
                Ok(jumped_ms) if jumped_ms >= JUMP_MS_MIN => {
                    tracing::warn!(jumped_ms, "the database's clock was set back");
                    back_ms += jumped_ms;
                }
                Ok(_) => {}
                Err(error) => tracing::info!(%error, "the database's time not measured"),
            }
            if back_ms >= JUMP_MS_MIN {
                match self.database.clock_went_back(back_ms).await {
                    Ok(()) => back_ms = 0,
                    Err(error) => tracing::warn!(%error, "due times not moved with the clock"),
                }
            }
            self.until_due().await;
        }
    }

    /// Waits until the next measurement is due.
    async fn until_due(&self) {
        let begun = self.machine.moment();
        loop {
            self.machine.sleep(CHECK).await;
            let passed = self.machine.tick().saturating_duration_since(begun.tick);
            let by_wall_ms = self.machine.wall().0 - begun.wall.0;
            if passed >= INTERVAL || (by_wall_ms - millis(passed)).abs() > DIVERGED_MS {
                return;
            }
        }
    }

    fn measured(&self) -> MutexGuard<'_, Measured> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Measured {
    /// The database's time at that instant of the monotonic clock.
    fn at(&self, tick: Instant) -> UnixMs {
        self.database.plus(millis(tick.saturating_duration_since(self.at.tick)))
    }
}

impl Clock for DatabaseClock {
    fn now(&self) -> UnixMs {
        let tick = self.machine.tick();
        self.measured().at(tick)
    }

    fn wall(&self) -> UnixMs {
        self.machine.wall()
    }

    fn tick(&self) -> Instant {
        self.machine.tick()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.machine.sleep(duration)
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

// An f64 holds milliseconds exactly for 285,000 years.
#[allow(clippy::cast_precision_loss)]
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}

#[cfg(test)]
mod tests;
