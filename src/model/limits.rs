//! Limits that server and browser must agree on. Limits of the server alone are in its configuration.

/// A selection of more pages than this turns the Batch switch on by itself.
pub const BATCH_AUTO_PAGES: usize = 100;
/// The largest document that is accepted, in pages.
pub const PAGES_MAX: u32 = 10_000;
/// The largest file that is accepted unless configured otherwise, in bytes: 100 MiB.
pub const UPLOAD_BYTES_MAX: u64 = 100 * 1024 * 1024;

/// Where the Batch switch stands for a selection that nobody has touched it for.
pub const fn batch_by_default(pages_selected: usize) -> bool {
    pages_selected > BATCH_AUTO_PAGES
}

#[cfg(test)]
mod tests {
    use super::batch_by_default;

    #[test]
    fn one_hundred_and_one_pages_turn_batch_on() {
        assert!(!batch_by_default(100));
        assert!(batch_by_default(101));
    }
}
