//! Named places between two effects, where tests end the process as a power cut would, to see that nothing is lost there.
//!
//! A debug build ends itself at the point that `COLDBREW_CRASH_AT` names as `scope/point`. In a release build there is
//! nothing of this. `src/tests/jobs/crash.rs` finds the points by reading the source, and crashes at each of them.

use std::sync::OnceLock;

/// Ends the process here, without any farewell, if this is the point that a test has named.
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
