//! What `/readyz` asks.

use async_trait::async_trait;

use crate::api::Readiness;
use crate::pdf::Engine;
use crate::store::sql::SqlStore;

/// What this process depends on.
pub struct Dependencies {
    pub store: SqlStore,
    pub engine: Engine,
}

#[async_trait]
impl Readiness for Dependencies {
    async fn check(&self) -> Vec<(&'static str, bool)> {
        let (database, pages) = tokio::join!(self.store.ping(), self.engine.check());
        vec![("database", database.is_ok()), ("page_engine", pages.is_ok())]
    }
}
