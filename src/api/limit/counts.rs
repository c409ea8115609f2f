//! The rate limits, and the port of counts in one process or for all servers together.

use std::num::NonZeroU32;
use std::time::Duration;

use async_trait::async_trait;
use strum::{IntoStaticStr, VariantArray};

use crate::error::Result;
use crate::settings::Settings;

/// What a request does. The name is part of keys and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
#[strum(const_into_str)]
pub enum RequestKind {
    /// Reads something.
    #[strum(serialize = "reads")]
    Read,
    /// Changes something.
    #[strum(serialize = "changes")]
    Change,
    /// Makes a guest account, signs in or signs up.
    #[strum(serialize = "entries")]
    Entry,
}

/// Whose requests are counted together. The name is part of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Scope {
    /// One account, or one address without an account.
    Caller,
    /// One network.
    Network,
}

/// Requests a minute. 0 means no limit.
#[derive(Clone, Copy, Debug, Default)]
pub struct PerMinute {
    pub reads: u32,
    pub changes: u32,
    pub entries: u32,
}

/// The limits of both scopes.
#[derive(Clone, Copy, Debug, Default)]
pub struct RateLimits {
    pub caller: PerMinute,
    pub network: PerMinute,
}

impl RateLimits {
    pub fn read(from: &mut Settings) -> Self {
        Self {
            caller: PerMinute {
                reads: from.value("limits.reads-per-minute", "COLDBREW_READS_PER_MINUTE", 1_200),
                changes: from.value("limits.changes-per-minute", "COLDBREW_CHANGES_PER_MINUTE", 300),
                entries: from.value("limits.entries-per-minute", "COLDBREW_ENTRIES_PER_MINUTE", 60),
            },
            network: PerMinute {
                reads: from.value("limits.network-reads-per-minute", "COLDBREW_NETWORK_READS_PER_MINUTE", 6_000),
                changes: from.value("limits.network-changes-per-minute", "COLDBREW_NETWORK_CHANGES_PER_MINUTE", 1_500),
                entries: from.value("limits.network-entries-per-minute", "COLDBREW_NETWORK_ENTRIES_PER_MINUTE", 300),
            },
        }
    }

    /// The requests a minute of this kind, `None` without a limit.
    pub fn per_minute(&self, scope: Scope, kind: RequestKind) -> Option<NonZeroU32> {
        let limits = match scope {
            Scope::Caller => self.caller,
            Scope::Network => self.network,
        };
        NonZeroU32::new(match kind {
            RequestKind::Read => limits.reads,
            RequestKind::Change => limits.changes,
            RequestKind::Entry => limits.entries,
        })
    }
}

/// A count to which a request adds one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestCount {
    pub scope: Scope,
    pub kind: RequestKind,
    /// The account's id, the address or the network.
    pub name: String,
}

/// Counts requests. A burst may use up one minute's limit; after that, requests are admitted evenly at the rate of the limit.
#[async_trait]
pub trait RequestCounts: Send + Sync {
    /// Adds one to each of these counts. Returns the time until the next request is admitted if this request exceeds a limit.
    ///
    /// # Errors
    /// `unavailable` if the store of the counts does not answer.
    async fn add(&self, counts: &[RequestCount]) -> Result<Option<Duration>>;
}
