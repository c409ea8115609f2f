//! The route `/metrics`, and the metrics of requests.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::auth::{bearer, unauthenticated};
use super::error::Failure;
use super::examination::Examination;
use crate::accounts::same_secret;
use crate::metrics::request_answered;
use crate::model::wire::ErrorBody;

const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4";

/// Get the metrics of the service for Prometheus.
///
/// They are at most 5 seconds old. The call needs the configured token, if there is one.
#[utoipa::path(get, path = "/metrics", tag = "operation", security((), ("token" = [])),
    responses(
        (status = 200, description = "The metrics.", body = String, content_type = "text/plain"),
        (status = 401, description = "The metrics token is missing or wrong.", body = ErrorBody),
        (status = 404, description = "The operator's listener has this route.")))]
pub(crate) async fn metrics(
    State(examination): State<Arc<Examination>>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    if let Some(token) = examination.examined.metrics_token.as_deref()
        && !bearer(&headers).is_some_and(|shown| same_secret(shown, token))
    {
        return Err(unauthenticated().into());
    }
    Ok(([(header::CONTENT_TYPE, PROMETHEUS_TEXT)], examination.metrics().await?).into_response())
}

/// Counts a response by method and class of status, and records the time until the response began.
pub(crate) fn count(method: &Method, status: StatusCode, took: Duration) {
    let method = match *method {
        Method::GET | Method::HEAD => "GET",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        _ => "other",
    };
    request_answered(method, class_of(status), took);
}

const fn class_of(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    }
}
