//! Errors as answers: `{"error": {"code", "message", "request_id"}}` and nothing that was not meant for outside.

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

/// Names the request for everything that happens because of it.
pub async fn run_named(request: Request, next: Next) -> Response {
    let id = id_of(request.headers()).to_owned();
    REQUEST_ID.scope(id, next.run(request)).await
}

/// The id that the caller gave its request.
#[derive(Clone)]
struct CallerRequestId(String);

/// Keeps the id that the caller gave its request for the log, if it is a plain word. The server's own id names the request, because two
/// callers may choose the same one.
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

/// The log's span of a request: never its query, which may hold what a person typed.
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

/// Tells the log and the trace of a request how it was answered.
pub fn answered(response: &Response, latency: Duration, span: &Span) {
    DefaultOnResponse::default().on_response(response, latency, span);
    traces::answered(span, response.status());
}

/// What a caller is told of an error, under the request's name.
pub fn told(error: Error) -> ApiError {
    let request_id = REQUEST_ID.try_with(Clone::clone).unwrap_or_default();
    ApiError { request_id, ..error.public() }
}

/// An error on its way out of a handler.
#[derive(Debug)]
pub struct Failure(pub Error);

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let error = told(self.0);
        let status = StatusCode::from_u16(error.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let wait_s = error.retry_after_s();
        let mut response = (status, Json(ErrorBody { error })).into_response();
        if let Some(wait_s) = wait_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait_s));
        }
        response
    }
}

/// The answer to a path that is not there, where there are no pages.
pub async fn no_such_call() -> Failure {
    ApiError::not_found("call").into()
}

/// The answer to a method that a path does not have; axum adds which ones it has.
pub async fn method_not_allowed() -> Failure {
    let words = "This path does not take that method; the Allow header says which.";
    Error::refused(ErrorCode::MethodNotAllowed, words).into()
}

/// Bodies, paths and queries that are not what a call takes; the message names the field.
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

/// What a path names, refused in our own form of words.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Failure))]
pub struct Named<T>(pub T);

/// A JSON body, refused in our own form of words.
#[derive(FromRequest)]
#[from_request(via(Json), rejection(Failure))]
pub struct Body<T>(pub T);
