//! The clock and the ids of one simulated machine. Its clock may be wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use coldbrew::clock::{Clock, IdGenerator};
use coldbrew::model::UnixMs;
use futures::future::BoxFuture;

use super::timeline::{START_MS, Timeline};

/// The clock and the ids of one simulated machine.
#[derive(Clone)]
pub struct Machine {
    pub timeline: Timeline,
    /// What its clock shows beyond the true time.
    pub wrong_by_ms: Arc<AtomicI64>,
    pub ids: Arc<AtomicU64>,
    /// The monotonic instant at the start of the schedule.
    pub origin: Instant,
}

impl Clock for Machine {
    fn now(&self) -> UnixMs {
        UnixMs(self.timeline.now_ms() + self.wrong_by_ms.load(Ordering::Relaxed))
    }

    fn tick(&self) -> Instant {
        let passed_ms = self.timeline.now_ms() - START_MS;
        self.origin + Duration::from_millis(passed_ms.unsigned_abs())
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.timeline.sleep(i64::try_from(duration.as_millis()).unwrap())
    }
}

impl IdGenerator for Machine {
    fn id(&self) -> String {
        format!("id{:04}", self.ids.fetch_add(1, Ordering::Relaxed))
    }

    fn secret(&self) -> String {
        self.id()
    }

    fn jitter(&self) -> f64 {
        0.5
    }
}
