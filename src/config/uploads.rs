//! Files that are being received, and what they must leave free.

use std::time::Duration;

use super::Source;

/// Uploads at once, in one process, and the disk that they fill.
#[derive(Clone, Copy, Debug)]
pub struct Uploads {
    pub at_once_max: usize,
    /// Of one account.
    pub account_max: usize,
    /// Of one guest on a server that others can reach.
    pub guest_max: usize,
    /// From one network.
    pub network_max: usize,
    /// For one upload, from its head to its end.
    pub timeout: Duration,
    /// Of the data disk; below it no file is received.
    pub free_percent_min: u8,
}

impl Uploads {
    pub(super) fn read(source: &mut Source) -> Self {
        Self {
            at_once_max: source.at_least_1("limits.uploads-max", "COLDBREW_UPLOADS_MAX", 256),
            account_max: source.at_least_1("limits.account-uploads-max", "COLDBREW_ACCOUNT_UPLOADS_MAX", 128),
            guest_max: source.at_least_1("limits.guest-uploads-max", "COLDBREW_GUEST_UPLOADS_MAX", 4),
            network_max: source.at_least_1("limits.network-uploads-max", "COLDBREW_NETWORK_UPLOADS_MAX", 64),
            timeout: source.interval("limits.upload-timeout-ms", "COLDBREW_UPLOAD_TIMEOUT_MS", 1_800_000),
            free_percent_min: source.value_that(
                "storage.free-percent-min",
                "COLDBREW_FREE_PERCENT_MIN",
                5,
                "from 0 to 100",
                |percent| *percent <= 100,
            ),
        }
    }
}
