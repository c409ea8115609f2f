//! The time of the emulator: a clock, plus an offset that tests set.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::{fs, io};

use jiff::{SignedDuration, Timestamp};

/// A source of time.
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> Timestamp;
}

/// The clock of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The offset that is added to the clock, in milliseconds. It survives a restart.
pub struct ClockOffset {
    path: PathBuf,
    by_ms: AtomicI64,
}

impl ClockOffset {
    pub fn open(folder: &Path) -> Self {
        let path = folder.join("clock-shift-ms");
        let by_ms = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        Self { path, by_ms: AtomicI64::new(by_ms) }
    }

    pub fn apply(&self, time: Timestamp) -> Timestamp {
        time.saturating_add(SignedDuration::from_millis(self.by_ms.load(Ordering::Relaxed))).unwrap_or(time)
    }

    pub fn advance(&self, ms: i64) -> io::Result<()> {
        let by_ms = self.by_ms.load(Ordering::Relaxed).saturating_add(ms);
        self.by_ms.store(by_ms, Ordering::Relaxed);
        fs::write(&self.path, by_ms.to_string())
    }
}
