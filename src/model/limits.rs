//! Limits that server and browser share. The server's other limits are in its configuration.

/// A selection of more pages than this turns the Batch switch on.
pub const BATCH_AUTO_PAGES: usize = 100;
/// The largest accepted document, in pages.
pub const PAGES_MAX: u32 = 10_000;
/// The default of the largest accepted file, in bytes: 100 MiB.
pub const UPLOAD_BYTES_MAX: u64 = 100 * 1024 * 1024;

/// Where the Batch switch stands until the user touches it.
pub const fn batch_by_default(pages_selected: usize) -> bool {
    pages_selected > BATCH_AUTO_PAGES
}

#[cfg(test)]
mod tests {
    use super::batch_by_default;

    #[test]
    fn batch_is_on_above_one_hundred_pages() {
        assert!(!batch_by_default(100));
        assert!(batch_by_default(101));
    }
}
