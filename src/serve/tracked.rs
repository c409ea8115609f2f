//! The store of jobs, with or without a copy in Redis.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Config;
use crate::changes::Changes;
use crate::error::Result;
use crate::jobs::Jobs;
use crate::metrics::LoopAges;
use crate::store::sql::SqlStore;
use crate::store::tracking::{Origin, Redis, RedisMirror};

/// The store of jobs of this process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Tracked {
    jobs: Arc<dyn Jobs>,
    redis: Option<WithRedis>,
}

/// What the copy in Redis needs.
#[derive(Clone)]
struct WithRedis {
    mirror: Arc<RedisMirror<SqlStore>>,
    changes: Changes,
    bell: Arc<Notify>,
    loops: LoopAges,
}

impl Tracked {
    /// Opens the store of jobs, with Redis if it is configured. `name` identifies this process to the others.
    ///
    /// # Errors
    /// The URL of Redis is not valid.
    pub(crate) fn open(
        config: &Config,
        store: &SqlStore,
        changes: &Changes,
        bell: &Arc<Notify>,
        loops: &LoopAges,
        name: String,
    ) -> Result<Self> {
        let Some(url) = &config.storage.redis_url else {
            return Ok(Self { jobs: Arc::new(store.clone()), redis: None });
        };
        let mirror = Arc::new(RedisMirror::new(store.clone(), Redis::open(url, Origin(name))?));
        let redis =
            WithRedis { mirror: mirror.clone(), changes: changes.clone(), bell: bell.clone(), loops: loops.clone() };
        Ok(Self { jobs: mirror, redis: Some(redis) })
    }

    /// The store of jobs.
    pub(crate) fn jobs(&self) -> Arc<dyn Jobs> {
        self.jobs.clone()
    }

    /// Whether Redis answers; `None` if it is not configured.
    pub(crate) async fn check(&self) -> Option<bool> {
        Some(self.redis.as_ref()?.mirror.ping().await.is_ok())
    }

    /// Keeps the copy in Redis up to date, and relays changes of other processes, until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let Some(WithRedis { mirror, changes, bell, loops }) = self.redis else { return };
        tokio::join!(mirror.keep(&loops, &stop), mirror.relay(&changes, &bell, &stop));
    }
}
