//! The cached results behind `/readyz` and `/metrics`. A check starts a page process and queries every dependency, so callers share one.

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Bytes;

use super::cached::Cached;
use crate::clock::Clock;
use crate::error::Result;
use crate::operations::Metrics;
use coldbrew_pdf::SandboxLayers;

/// Checks every dependency of the service.
#[async_trait]
pub trait Readiness: Send + Sync {
    /// Checks every dependency. Reasons are sentences for the operator.
    async fn check(&self) -> Findings;
}

/// What an examination found.
#[derive(Debug)]
pub struct Findings {
    /// Each dependency by name, with what is wrong with it.
    pub dependencies: Vec<(&'static str, Result<(), String>)>,
    /// The sandbox layers of page processes. `None` if no page process can be started.
    pub sandbox: Option<SandboxLayers>,
}

/// The newest results, cached for some seconds.
pub struct Examination {
    readiness: Arc<dyn Readiness>,
    metrics: Metrics,
    findings: Cached<Arc<Findings>>,
    rendered: Cached<Bytes>,
}

impl Examination {
    /// Starts without results.
    pub fn new(readiness: Arc<dyn Readiness>, metrics: Metrics, clock: Arc<dyn Clock>) -> Self {
        Self { readiness, metrics, findings: Cached::new(clock.clone()), rendered: Cached::new(clock) }
    }

    /// The state of each dependency, at most 5 seconds old.
    ///
    /// # Errors
    /// `internal` if a check panics.
    pub async fn findings(&self) -> Result<Arc<Findings>> {
        let readiness = self.readiness.clone();
        let examined = self.findings.get(async move {
            let found = readiness.check().await;
            let away = found.dependencies.iter().filter_map(|(name, state)| Some((name, state.as_ref().err()?)));
            for (dependency, reason) in away {
                tracing::warn!(dependency, reason, "dependency is not ready");
            }
            Arc::new(found)
        });
        examined.await
    }

    /// All metrics in Prometheus' text format, at most 5 seconds old.
    ///
    /// # Errors
    /// `internal` if a check panics.
    pub async fn metrics(&self) -> Result<Bytes> {
        let (findings, metrics) = (self.findings().await?, self.metrics.clone());
        let rendered = self.rendered.get(async move {
            let dependencies: Vec<_> =
                findings.dependencies.iter().map(|(name, found)| (*name, found.is_ok())).collect();
            metrics.render(&dependencies).await.into()
        });
        rendered.await
    }
}
