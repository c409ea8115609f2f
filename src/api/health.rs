//! Probes: whether the process runs, and whether its dependencies are available.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::Failure;
use super::examination::Examination;

/// Check that the process answers.
#[utoipa::path(get, path = "/healthz", tag = "operation", security(()),
    responses((status = 200, description = "The process answers.", body = String, content_type = "text/plain")))]
pub(crate) async fn live() -> &'static str {
    "ok"
}

/// The same for a worker, which nothing else asks: a loop that hangs is visible only here.
pub(crate) async fn loops(State(examination): State<Arc<Examination>>) -> (StatusCode, String) {
    let stuck = examination.examined.loops.stuck();
    if stuck.is_empty() {
        return (StatusCode::OK, "ok".to_owned());
    }
    let stuck = stuck.join(", ");
    tracing::error!(stuck, "loops are stuck: restart this process");
    (StatusCode::SERVICE_UNAVAILABLE, format!("stuck: {stuck}"))
}

/// The state of the service's dependencies.
#[derive(Default, Serialize, ToSchema)]
pub(crate) struct Checks {
    /// Whether this server should get requests.
    ready: bool,
    /// The server was asked to stop. It answers requests for some seconds more.
    stopping: bool,
    /// Dependencies that are away, and without which the server is ready.
    degraded: Vec<&'static str>,
    /// `ok` or `away` for each dependency.
    checks: BTreeMap<&'static str, &'static str>,
    /// What confines the processes that read pages, and what of it this kernel lacks.
    sandbox: Option<String>,
}

/// Check the dependencies of the service.
///
/// Results are cached for 5 seconds. A server that was asked to stop answers 503 at once.
#[utoipa::path(get, path = "/readyz", tag = "operation", security(()),
    responses(
        (status = 200, description = "Everything is available that the server needs: `database`, `disk`, `page_engine`.", body = Checks),
        (status = 404, description = "The operator's listener has this route."),
        (status = 503, description = "One of these is unavailable, or the server was asked to stop.", body = Checks)))]
pub(crate) async fn ready(State(examination): State<Arc<Examination>>) -> Result<(StatusCode, Json<Checks>), Failure> {
    // A check may take seconds, and a load balancer shall know before.
    if examination.examined.stopping.is_cancelled() {
        let stopping = Checks { stopping: true, ..Checks::default() };
        return Ok((StatusCode::SERVICE_UNAVAILABLE, Json(stopping)));
    }
    let findings = examination.findings().await?;
    let dependencies = || findings.dependencies.iter();
    let status = if findings.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let checks = Checks {
        ready: findings.is_ready(),
        stopping: false,
        degraded: dependencies()
            .filter(|found| !found.is_needed && found.state.is_err())
            .map(|found| found.name)
            .collect(),
        checks: dependencies().map(|found| (found.name, if found.state.is_ok() { "ok" } else { "away" })).collect(),
        sandbox: findings.sandbox.map(|layers| layers.to_string()),
    };
    Ok((status, Json(checks)))
}
