//! Error responses: `{"error": {"code", "message", "request_id"}}`. They contain no internal causes.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::{FormRejection, JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, MatchedPath, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_http::trace::{DefaultOnResponse, OnResponse};
use tracing::field::Empty;
use tracing::{Span, info_span};

use super::body;
use crate::error::Error;
use crate::model::wire::ErrorBody;
use crate::model::{ApiError, ErrorCode};
use crate::telemetry::traces;

tokio::task_local! {
    static REQUEST_ID: String;
}

/// Makes the request id available to everything that runs for the request.
pub async fn with_request_id(request: Request, next: Next) -> Response {
    let id = id_of(request.headers()).to_owned();
    REQUEST_ID.scope(id, next.run(request)).await
}

/// The id that the caller gave the request.
#[derive(Clone)]
struct CallerRequestId(String);

/// Keeps the caller's request id for the log if it has 1 to 64 plain characters. The server's own id identifies the request, because two
/// callers may send the same one.
pub fn keep_caller_request_id(request: &mut Request) {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let id = id_of(request.headers()).to_owned();
    request.headers_mut().remove("x-request-id");
    if (1..=64).contains(&id.len()) && id.bytes().all(is_plain) {
        request.extensions_mut().insert(CallerRequestId(id));
    }
}

fn id_of(headers: &HeaderMap) -> &str {
    headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default()
}

/// The tracing span of a request. It leaves out the query, which may contain what a person typed.
pub fn span(request: &Request) -> Span {
    let (method, path, headers) = (request.method(), request.uri().path(), request.headers());
    let id = id_of(headers);
    let span = info_span!("http", %method, path, id, caller_request_id = Empty, otel.name = Empty, otel.kind = Empty);
    if let Some(CallerRequestId(id)) = request.extensions().get() {
        span.record("caller_request_id", id);
    }
    traces::join(&span, method, request.extensions().get().map(MatchedPath::as_str), headers);
    span
}

/// Records the response in the log and in the trace.
pub fn on_response(response: &Response, latency: Duration, span: &Span) {
    DefaultOnResponse::default().on_response(response, latency, span);
    traces::answered(span, response.status());
}

/// The public part of an error, with the request's id. Logs the rest.
pub fn public(error: Error) -> ApiError {
    let request_id = REQUEST_ID.try_with(Clone::clone).unwrap_or_default();
    ApiError { request_id, ..error.public() }
}

/// The error type of all handlers.
#[derive(Debug)]
pub struct Failure(pub Error);

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let error = public(self.0);
        let status = StatusCode::from_u16(error.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let wait_s = error.retry_after_s();
        let mut response = (status, Json(ErrorBody { error })).into_response();
        if let Some(wait_s) = wait_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait_s));
        }
        response
    }
}

/// The response for an unknown path on the operator's listener.
pub async fn unknown_route() -> Failure {
    ApiError::not_found("call").into()
}

/// The response for a method that the path does not support. Axum adds the `Allow` header.
pub async fn method_not_allowed() -> Failure {
    let message = "This path does not support this method. The Allow header lists the supported ones.";
    Error::refused(ErrorCode::MethodNotAllowed, message).into()
}

/// Maps axum's rejections of bodies, paths and queries to `invalid_request`. The message names the field.
macro_rules! rejections {
    ($($rejection:ty)*) => {
        $(impl From<$rejection> for Error {
            fn from(rejection: $rejection) -> Self {
                match rejection.status() {
                    StatusCode::PAYLOAD_TOO_LARGE => body::too_large(),
                    _ => Self::refused(ErrorCode::InvalidRequest, rejection.body_text()),
                }
            }
        })*
    };
}
rejections!(FormRejection JsonRejection PathRejection QueryRejection axum::extract::multipart::MultipartRejection);

/// Path parameters, with errors in this API's format.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Failure))]
pub struct PathParams<T>(pub T);

/// A JSON body, with errors in this API's format.
#[derive(FromRequest)]
#[from_request(via(Json), rejection(Failure))]
pub struct Body<T>(pub T);
