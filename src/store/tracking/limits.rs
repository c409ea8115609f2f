//! Counts of requests that all servers share, in Redis. `limit:{scope}:{kind}:{name}` is a string that expires when its count is empty.

use std::time::Duration;

use async_trait::async_trait;
use redis::Script;
use redis::aio::ConnectionManager;

use super::redis::connect;
use crate::api::{RateLimits, RequestCount, RequestCounts};
use crate::error::Result;

/// Counts of requests in Redis.
pub struct RedisCounts {
    connection: ConnectionManager,
    add: Script,
    limits: RateLimits,
}

impl RedisCounts {
    /// Uses the server at `redis://…`. Connects when it is first used.
    ///
    /// # Errors
    /// `internal` if the URL is not valid.
    pub fn open(url: &str, limits: RateLimits) -> Result<Self> {
        let (_, connection) = connect(url)?;
        Ok(Self { connection, add: Script::new(include_str!("limits.lua")), limits })
    }
}

#[async_trait]
impl RequestCounts for RedisCounts {
    async fn add(&self, counts: &[RequestCount]) -> Result<Option<Duration>> {
        let mut call = self.add.prepare_invoke();
        let mut limited = false;
        for count in counts {
            if let Some(per_minute) = self.limits.per_minute(count.scope, count.kind) {
                limited = true;
                call.key(format!("limit:{}:{}:{}", count.scope.into_str(), count.kind.into_str(), count.name));
                call.arg(per_minute.get());
            }
        }
        if !limited {
            return Ok(None);
        }
        let wait_us: u64 = call.invoke_async(&mut self.connection.clone()).await?;
        Ok((wait_us > 0).then(|| Duration::from_micros(wait_us)))
    }
}
