//! Notices when the machine's clock is set back, and moves what jobs wait for with it: nobody waits for an instant that has moved away.
//!
//! A clock that is set forward needs no care: what is due too early is looked at once too often.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::operations::Operations;

const LOOK: Duration = Duration::from_secs(5);
/// Less is what clocks are set right by every day, and not worth a thought.
const JUMP_MS_MIN: i64 = 30_000;
/// No job waits longer than half of this, so one that seems to was made to by a clock that was set back while nobody looked.
const UNSEEN_MS: i64 = 6 * 3_600_000;

/// Looks at the clock until `stop`.
pub async fn watch_clock(store: Arc<dyn Operations>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let mut back_ms = UNSEEN_MS;
    loop {
        if back_ms >= JUMP_MS_MIN {
            match store.clock_went_back(clock.now(), back_ms).await {
                Ok(()) => back_ms = 0,
                Err(error) => tracing::warn!(%error, "waits could not be moved with the clock"),
            }
        }
        let (shown, begun) = (clock.now(), clock.tick());
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        let passed_ms = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        let jumped_ms = passed_ms - (clock.now().0 - shown.0);
        if jumped_ms >= JUMP_MS_MIN {
            tracing::warn!(jumped_ms, "the clock was set back");
            back_ms += jumped_ms;
        }
    }
}
