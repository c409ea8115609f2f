//! What `/readyz` and `/metrics` answer. An examination starts a page process and asks every dependency, so callers share one.

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Bytes;

use super::cached::Cached;
use crate::error::Result;
use crate::operations::Metrics;
use crate::world::World;
use coldbrew_pdf::SandboxLayers;

/// Asks everything that the service depends on whether it is there.
#[async_trait]
pub trait Readiness: Send + Sync {
    /// What is found, for the operator of this server.
    async fn check(&self) -> Findings;
}

/// What an examination found.
#[derive(Debug)]
pub struct Findings {
    /// Each dependency by name, and what is wrong with it.
    pub dependencies: Vec<(&'static str, Result<(), String>)>,
    /// What confines page processes; `None` if none can be started.
    pub sandbox: Option<SandboxLayers>,
}

/// The newest examination of the service.
pub struct Examination {
    readiness: Arc<dyn Readiness>,
    metrics: Metrics,
    findings: Cached<Arc<Findings>>,
    figures: Cached<Bytes>,
}

impl Examination {
    /// Nothing is examined yet.
    pub fn new(readiness: Arc<dyn Readiness>, metrics: Metrics, world: Arc<dyn World>) -> Self {
        Self { readiness, metrics, findings: Cached::new(world.clone()), figures: Cached::new(world) }
    }

    /// What the service depends on, as it was found within the last seconds.
    ///
    /// # Errors
    /// If a check panics.
    pub async fn findings(&self) -> Result<Arc<Findings>> {
        let readiness = self.readiness.clone();
        let examined = self.findings.get(async move {
            let found = readiness.check().await;
            let wrong = found.dependencies.iter().filter_map(|(name, state)| Some((name, state.as_ref().err()?)));
            for (dependency, complaint) in wrong {
                tracing::warn!(dependency, complaint, "not ready");
            }
            Arc::new(found)
        });
        examined.await
    }

    /// The figures of the service for Prometheus, as they were within the last seconds.
    ///
    /// # Errors
    /// If a check panics.
    pub async fn figures(&self) -> Result<Bytes> {
        let (findings, metrics) = (self.findings().await?, self.metrics.clone());
        let rendered = self.figures.get(async move {
            let dependencies: Vec<_> =
                findings.dependencies.iter().map(|(name, found)| (*name, found.is_ok())).collect();
            metrics.render(&dependencies).await.into()
        });
        rendered.await
    }
}
