//! Counts of requests that all servers share, in Redis. `limit:{scope}:{kind}:{name}` is a string that expires when its count is empty.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use redis::Script;

use super::link::Link;
use crate::api::{RateLimits, RequestCount, RequestCounts};
use crate::error::{Error, Result};

/// Counts of requests in Redis.
pub struct RedisCounts {
    link: Arc<Link>,
    add: Arc<Script>,
    limits: RateLimits,
}

impl RedisCounts {
    /// Uses the server at `redis://…`. Connects when it is first used.
    ///
    /// # Errors
    /// `internal` if the URL is not valid.
    pub fn open(url: &str, limits: RateLimits) -> Result<Self> {
        let add = Arc::new(Script::new(include_str!("limits.lua")));
        Ok(Self { link: Arc::new(Link::open(url)?), add, limits })
    }
}

#[async_trait]
impl RequestCounts for RedisCounts {
    async fn add(&self, counts: &[RequestCount]) -> Result<Option<Duration>> {
        let (mut keys, mut rates) = (Vec::new(), Vec::new());
        for count in counts {
            if let Some(per_minute) = self.limits.per_minute(count.scope, count.kind) {
                keys.push(format!("limit:{}:{}:{}", count.scope.into_str(), count.kind.into_str(), count.name));
                rates.push(per_minute.get());
            }
        }
        if keys.is_empty() {
            return Ok(None);
        }
        let (link, add) = (self.link.clone(), self.add.clone());
        // A request does not wait until a connection counts as dead, but the task does.
        let counted = tokio::spawn(async move {
            let mut call = add.prepare_invoke();
            keys.into_iter().zip(rates).for_each(|(key, rate)| {
                call.key(key).arg(rate);
            });
            link.run_script::<u64>(call).await
        });
        let wait_us = counted.await.map_err(Error::internal)??;
        Ok((wait_us > 0).then(|| Duration::from_micros(wait_us)))
    }
}
