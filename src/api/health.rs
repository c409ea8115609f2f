//! Whether the process lives, and whether everything it depends on is there.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::ApiState;

/// The process answers.
pub async fn live() -> &'static str {
    "ok"
}

/// Each dependency by name; 503 if one is away.
pub async fn ready(State(state): State<ApiState>) -> Response {
    let checks = state.readiness.check().await;
    let ready = checks.iter().all(|(_, there)| *there);
    let words = |there: bool| if there { "ok" } else { "away" };
    let checks: serde_json::Map<_, _> =
        checks.into_iter().map(|(name, there)| (name.to_owned(), words(there).into())).collect();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": ready, "checks": checks }))).into_response()
}
