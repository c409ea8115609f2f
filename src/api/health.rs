//! Probes: whether the process runs, and whether its dependencies are available.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::ApiState;
use super::error::Failure;

/// Check that the process answers.
#[utoipa::path(get, path = "/healthz", tag = "operation", security(()),
    responses((status = 200, description = "The process answers.", body = String, content_type = "text/plain")))]
pub(crate) async fn live() -> &'static str {
    "ok"
}

/// The state of the service's dependencies.
#[derive(Serialize, ToSchema)]
pub(crate) struct Checks {
    ready: bool,
    /// `ok` or `away` for each dependency.
    checks: BTreeMap<&'static str, &'static str>,
    /// What confines the processes that read pages, and what of it this kernel lacks.
    sandbox: Option<String>,
}

/// Check the dependencies of the service.
///
/// Results are cached for 5 seconds.
#[utoipa::path(get, path = "/readyz", tag = "operation", security(()),
    responses(
        (status = 200, description = "All dependencies are available.", body = Checks),
        (status = 404, description = "The operator's listener has this route."),
        (status = 503, description = "A dependency is unavailable.", body = Checks)))]
pub(crate) async fn ready(State(state): State<ApiState>) -> Result<(StatusCode, Json<Checks>), Failure> {
    let findings = state.examination.findings().await?;
    let ready = findings.dependencies.iter().all(|(_, state)| state.is_ok());
    let word = |state: &Result<(), String>| if state.is_ok() { "ok" } else { "away" };
    let checks = findings.dependencies.iter().map(|(name, state)| (*name, word(state))).collect();
    let sandbox = findings.sandbox.map(|layers| layers.to_string());
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok((status, Json(Checks { ready, checks, sandbox })))
}
