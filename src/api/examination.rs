//! The cached results behind `/readyz` and `/metrics`. A check starts a page process and queries every dependency, so callers share one.

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Bytes;
use tokio_util::sync::CancellationToken;

use super::cached::Cached;
use crate::clock::Clock;
use crate::error::Result;
use crate::metrics::LoopAges;
use crate::operations::{Dependency, Metrics};
use crate::settings::Secret;
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
    pub dependencies: Vec<Dependency>,
    /// The sandbox layers of page processes. `None` if no page process can be started.
    pub sandbox: Option<SandboxLayers>,
}

impl Findings {
    /// Whether everything is available that this process needs to serve.
    pub fn is_ready(&self) -> bool {
        self.dependencies.iter().all(|dependency| !dependency.is_needed || dependency.state.is_ok())
    }
}

/// What an [`Examination`] examines.
pub struct Examined {
    pub readiness: Arc<dyn Readiness>,
    pub metrics: Metrics,
    pub loops: LoopAges,
    /// Cancelled when the process was asked to stop. It is not ready from then on.
    pub stopping: CancellationToken,
    /// The bearer token that `/metrics` requires, if one is configured.
    pub metrics_token: Option<Secret>,
}

/// The newest results, cached for some seconds.
pub struct Examination {
    pub(super) examined: Examined,
    findings: Cached<Arc<Findings>>,
    rendered: Cached<Bytes>,
}

impl Examination {
    /// Starts without results.
    pub fn new(examined: Examined, clock: Arc<dyn Clock>) -> Self {
        Self { examined, findings: Cached::new(clock.clone()), rendered: Cached::new(clock) }
    }

    /// The state of each dependency, at most 5 seconds old.
    ///
    /// # Errors
    /// `internal` if a check panics.
    pub async fn findings(&self) -> Result<Arc<Findings>> {
        let readiness = self.examined.readiness.clone();
        let examined = self.findings.get(async move {
            let found = readiness.check().await;
            let away = found.dependencies.iter().filter_map(|found| Some((found.name, found.state.as_ref().err()?)));
            for (dependency, reason) in away {
                tracing::warn!(dependency, reason, "dependency is not available");
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
        let (findings, metrics) = (self.findings().await?, self.examined.metrics.clone());
        let is_ready = findings.is_ready() && !self.examined.stopping.is_cancelled();
        self.rendered.get(async move { metrics.render(&findings.dependencies, is_ready).await.into() }).await
    }
}
