//! What limits callers, as the configuration has it.

use std::sync::Arc;

use crate::api::{Limiter, StreamLimits, Streams};
use crate::api::{PerMinute, RateLimits, RequestCounts};
use crate::config::Config;
use crate::error::Result;
use crate::store::tracking::RedisCounts;
use crate::world::World;

/// Counts of requests: of this process and, with Redis, of all servers together.
pub(super) fn limiter(config: &Config, world: Arc<dyn World>) -> Result<Limiter> {
    let (caller, network) = (&config.limits, &config.callers);
    let limits = RateLimits {
        caller: PerMinute {
            reads: caller.reads_per_minute,
            changes: caller.changes_per_minute,
            entries: caller.entries_per_minute,
        },
        network: PerMinute {
            reads: network.network_reads_per_minute,
            changes: network.network_changes_per_minute,
            entries: network.network_entries_per_minute,
        },
    };
    let shared = match &config.storage.redis_url {
        Some(url) => Some(Arc::new(RedisCounts::open(url, limits)?) as Arc<dyn RequestCounts>),
        None => None,
    };
    Ok(Limiter::new(&limits, shared, world))
}

/// Counts of open event streams.
pub(super) fn streams(config: &Config) -> Streams {
    let (account, network) = (config.callers.event_streams_max, config.callers.network_event_streams_max);
    Streams::new(StreamLimits { account, network })
}
