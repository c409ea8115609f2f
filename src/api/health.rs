//! Whether the process lives, and whether everything it depends on is there.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::ApiState;

/// Whether the process answers.
#[utoipa::path(get, path = "/healthz", tag = "operation", security(()),
    responses((status = 200, description = "It does.", body = String, content_type = "text/plain")))]
pub async fn live() -> &'static str {
    "ok"
}

/// What the service depends on.
#[derive(Serialize, ToSchema)]
pub struct Checks {
    ready: bool,
    /// `ok` or `away`, by the name of the dependency.
    checks: BTreeMap<&'static str, &'static str>,
}

/// Whether everything that the service depends on is there.
#[utoipa::path(get, path = "/readyz", tag = "operation", security(()),
    responses((status = 200, description = "It is.", body = Checks), (status = 503, description = "Something is away.", body = Checks)))]
pub async fn ready(State(state): State<ApiState>) -> (StatusCode, Json<Checks>) {
    let found = state.readiness.check().await;
    let ready = found.iter().all(|(_, state)| state.is_ok());
    for (dependency, complaint) in found.iter().filter_map(|(name, state)| Some((name, state.as_ref().err()?))) {
        tracing::warn!(dependency, complaint, "not ready");
    }
    let checks = found.into_iter().map(|(name, state)| (name, if state.is_ok() { "ok" } else { "away" })).collect();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Checks { ready, checks }))
}
