//! What `/readyz` asks.

use async_trait::async_trait;

use super::tracked::Tracked;
use crate::api::Readiness;
use crate::pdf::Engine;
use crate::store::sql::SqlStore;

/// What this process depends on.
pub struct Dependencies {
    pub store: SqlStore,
    pub tracked: Tracked,
    pub engine: Engine,
}

#[async_trait]
impl Readiness for Dependencies {
    async fn check(&self) -> Vec<(&'static str, bool)> {
        let (database, redis, pages) = tokio::join!(self.store.ping(), self.tracked.check(), self.engine.check());
        let checks = [("database", Some(database.is_ok())), ("redis", redis), ("page_engine", Some(pages.is_ok()))];
        checks.into_iter().filter_map(|(name, there)| Some((name, there?))).collect()
    }
}
