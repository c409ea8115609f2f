//! Remembers which kinds of calls refused the field `store`, until the next start of the process.
//!
//! Google is not known to refuse it (`docs/GEMINI.md`, "Stored requests"). Without the field, the setting of the project applies.

use std::sync::atomic::{AtomicBool, Ordering};

/// The refusals of one client.
#[derive(Debug, Default)]
pub(super) struct StoreRefusals {
    calls: AtomicBool,
    batches: AtomicBool,
}

impl StoreRefusals {
    pub(super) fn by_calls(&self) -> bool {
        self.calls.load(Ordering::Relaxed)
    }

    pub(super) fn by_batches(&self) -> bool {
        self.batches.load(Ordering::Relaxed)
    }

    pub(super) fn remember_for_calls(&self) {
        remember(&self.calls, "single calls");
    }

    pub(super) fn remember_for_batches(&self) {
        remember(&self.batches, "batches");
    }
}

fn remember(refused: &AtomicBool, kind: &str) {
    if !refused.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            "Google refuses the field `store` in {kind}, so they are sent without it, and the project may keep them. Turn storage off in \
             AI Studio: Logs and datasets, Settings."
        );
    }
}
