//! The time and the chance of one machine, whose clock is wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use coldbrew::model::UnixMs;
use coldbrew::world::World;
use futures::future::BoxFuture;

use super::clock::{Clock, START_MS};

/// See the module.
pub struct Machine {
    pub clock: Clock,
    pub wrong_by_ms: Arc<AtomicI64>,
    pub ids: Arc<AtomicU64>,
    /// Any instant: durations are measured from it.
    pub origin: Instant,
}

impl World for Machine {
    fn now(&self) -> UnixMs {
        UnixMs(self.clock.now_ms() + self.wrong_by_ms.load(Ordering::Relaxed))
    }

    fn tick(&self) -> Instant {
        let passed_ms = self.clock.now_ms() - START_MS;
        self.origin + Duration::from_millis(passed_ms.unsigned_abs())
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.clock.sleep(i64::try_from(duration.as_millis()).unwrap())
    }

    fn id(&self) -> String {
        format!("id{:04}", self.ids.fetch_add(1, Ordering::Relaxed))
    }

    fn secret(&self) -> String {
        self.id()
    }

    fn chance(&self) -> f64 {
        0.5
    }
}
