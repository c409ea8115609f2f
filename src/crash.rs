//! Crash points: named places between two effects, at which a test ends the process to show that nothing is lost there.
//!
//! A debug build aborts at the point that `COLDBREW_CRASH_AT` names as `scope/point`. In a release build a crash point does nothing.
//! `src/tests/jobs/crash.rs` finds the points by reading the source, and crashes at each of them.

use std::sync::OnceLock;

/// Aborts the process here, without any cleanup, if a test has named this point.
#[inline]
pub(crate) fn crash_point(scope: &str, point: &str) {
    if cfg!(debug_assertions) && is_named(scope, point) {
        std::process::abort();
    }
}

fn is_named(scope: &str, point: &str) -> bool {
    static NAMED: OnceLock<Option<String>> = OnceLock::new();
    let named = NAMED.get_or_init(|| std::env::var("COLDBREW_CRASH_AT").ok());
    named.as_deref().and_then(|named| named.split_once('/')) == Some((scope, point))
}
