//! Detects when the machine's clock is set back, and moves the due times and leases of jobs with it. Otherwise jobs would wait for the
//! length of the jump.
//!
//! A clock that is set forward needs nothing: a batch is polled once too often.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::operations::Operations;

/// How often the clock is compared with the monotonic one.
const INTERVAL: Duration = Duration::from_secs(5);
/// Smaller jumps are ordinary corrections of the clock.
const JUMP_MS_MIN: i64 = 30_000;
/// The jump that is assumed at the start. No job waits longer than half of it, so only due times that a later clock wrote are moved: the
/// clock was set back while no server was running.
const UNSEEN_MS: i64 = 6 * 3_600_000;

/// Watches the clock until `stop`.
pub async fn watch_clock(store: Arc<dyn Operations>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let mut back_ms = UNSEEN_MS;
    loop {
        if back_ms >= JUMP_MS_MIN {
            match store.clock_went_back(clock.now(), back_ms).await {
                Ok(()) => back_ms = 0,
                Err(error) => tracing::warn!(%error, "due times not moved with the clock"),
            }
        }
        let (shown, begun) = (clock.now(), clock.tick());
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
        let passed_ms = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        let jumped_ms = passed_ms - (clock.now().0 - shown.0);
        if jumped_ms >= JUMP_MS_MIN {
            tracing::warn!(jumped_ms, "clock set back");
            back_ms += jumped_ms;
        }
    }
}
