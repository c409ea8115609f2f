//! How documents are rendered.

use std::time::Duration;

use super::Source;

/// How documents are rendered.
#[derive(Clone, Copy, Debug)]
pub struct Rendering {
    /// Texts that are worked on at once; of one account, one.
    pub at_once_max: usize,
    /// How long rendering one page may take before it is shown as it was written.
    pub page_timeout: Duration,
    /// Rendered pages that are kept in memory, in bytes.
    pub kept_bytes_max: u64,
}

impl Rendering {
    pub(super) fn read(source: &mut Source) -> Self {
        Self {
            at_once_max: source.at_least_1("rendering.at-once-max", "COLDBREW_RENDERING_AT_ONCE_MAX", 2),
            page_timeout: source.interval("rendering.page-timeout-ms", "COLDBREW_RENDERING_PAGE_TIMEOUT_MS", 2_000),
            kept_bytes_max: source.value("rendering.kept-bytes-max", "COLDBREW_RENDERING_KEPT_BYTES_MAX", 32 << 20),
        }
    }
}
