//! Jobs with or without Redis beside them.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Config;
use crate::changes::Changes;
use crate::error::Result;
use crate::jobs::Jobs;
use crate::store::sql::SqlStore;
use crate::store::tracking::{Origin, Redis, RedisMirror};

/// The jobs of this process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Tracked {
    jobs: Arc<dyn Jobs>,
    beside: Option<Beside>,
}

/// What there is with Redis.
#[derive(Clone)]
struct Beside {
    published: Arc<RedisMirror<SqlStore>>,
    changes: Changes,
    bell: Arc<Notify>,
}

impl Tracked {
    /// As the configuration has it. `name` tells this process from the others.
    pub(crate) fn open(
        config: &Config,
        store: &SqlStore,
        changes: &Changes,
        bell: &Arc<Notify>,
        name: String,
    ) -> Result<Self> {
        let Some(url) = &config.storage.redis_url else {
            return Ok(Self { jobs: Arc::new(store.clone()), beside: None });
        };
        let published = Arc::new(RedisMirror::new(store.clone(), Redis::open(url, Origin(name))?));
        let beside = Beside { published: published.clone(), changes: changes.clone(), bell: bell.clone() };
        Ok(Self { jobs: published, beside: Some(beside) })
    }

    /// Where this process finds its jobs.
    pub(crate) fn jobs(&self) -> Arc<dyn Jobs> {
        self.jobs.clone()
    }

    /// Whether Redis answers; `None` if none is configured.
    pub(crate) async fn check(&self) -> Option<bool> {
        Some(self.beside.as_ref()?.published.ping().await.is_ok())
    }

    /// Keeps Redis up to date, and hears what it has to tell, until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let Some(Beside { published, changes, bell }) = self.beside else { return };
        tokio::join!(published.keep(&stop), published.relay(&changes, &bell, &stop));
    }
}
