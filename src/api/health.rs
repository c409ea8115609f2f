//! Whether the process lives, and whether everything it depends on is there.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::ApiState;
use super::error::Failure;

/// Whether the process answers.
#[utoipa::path(get, path = "/healthz", tag = "operation", security(()),
    responses((status = 200, description = "It does.", body = String, content_type = "text/plain")))]
pub(crate) async fn live() -> &'static str {
    "ok"
}

/// What the service depends on.
#[derive(Serialize, ToSchema)]
pub(crate) struct Checks {
    ready: bool,
    /// `ok` or `away`, by the name of the dependency.
    checks: BTreeMap<&'static str, &'static str>,
    /// What confines the processes that read pages, and what of it this kernel lacks.
    sandbox: Option<String>,
}

/// Whether everything that the service depends on is there. One examination at a time; its answer is kept for 5 seconds.
#[utoipa::path(get, path = "/readyz", tag = "operation", security(()),
    responses(
        (status = 200, description = "It is.", body = Checks),
        (status = 404, description = "The service has a listener of its own for this."),
        (status = 503, description = "Something is away.", body = Checks)))]
pub(crate) async fn ready(State(state): State<ApiState>) -> Result<(StatusCode, Json<Checks>), Failure> {
    let findings = state.examination.findings().await?;
    let ready = findings.dependencies.iter().all(|(_, state)| state.is_ok());
    let word = |state: &Result<(), String>| if state.is_ok() { "ok" } else { "away" };
    let checks = findings.dependencies.iter().map(|(name, state)| (*name, word(state))).collect();
    let sandbox = findings.sandbox.map(|layers| layers.to_string());
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok((status, Json(Checks { ready, checks, sandbox })))
}
