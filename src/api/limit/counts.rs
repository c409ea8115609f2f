//! Counts of requests: the limits, and the port behind which a process counts alone or all servers together.

use std::num::NonZeroU32;
use std::time::Duration;

use async_trait::async_trait;
use strum::{IntoStaticStr, VariantArray};

use crate::error::Result;
use crate::settings::Settings;

/// What a request does. Its name stands in keys and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
#[strum(const_into_str)]
pub enum RequestKind {
    /// Reads something.
    #[strum(serialize = "reads")]
    Read,
    /// Changes something.
    #[strum(serialize = "changes")]
    Change,
    /// Begins a guest's account, or signs in or up.
    #[strum(serialize = "entries")]
    Entry,
}

/// Whose requests are added up. Its name stands in keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Scope {
    /// Those of one account or, without an account, of one address.
    Caller,
    /// Those of one network.
    Network,
}

/// Requests a minute, 0 for no limit.
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

    /// Requests a minute of a kind; `None` for no limit.
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

/// A count that a request adds one to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestCount {
    pub scope: Scope,
    pub kind: RequestKind,
    /// The account's id, the address or the network.
    pub name: String,
}

/// Counts requests. A minute's worth may come at once, and then as many as that minute has, evenly.
#[async_trait]
pub trait RequestCounts: Send + Sync {
    /// Adds one to each of these counts. `Some`: the request is one too many, and the next one has to wait for so long.
    async fn add(&self, counts: &[RequestCount]) -> Result<Option<Duration>>;
}
