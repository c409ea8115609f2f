//! The common parts of replies: pretty-printed JSON, headers and errors.
//!
//! They are described in `docs/GEMINI.md`, "Reply format" and "Error envelope".

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

/// An error of the API, for a call or for one row of a batch.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    rpc: RpcCode,
    pub message: String,
    details: Vec<Value>,
    /// Whether the error is in a list, as in a stream without `alt=sse`.
    in_a_list: bool,
}

/// A gRPC status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RpcCode {
    InvalidArgument,
    DeadlineExceeded,
    NotFound,
    AlreadyExists,
    PermissionDenied,
    ResourceExhausted,
    FailedPrecondition,
    Internal,
    Unavailable,
}

impl RpcCode {
    /// The number of the code, its HTTP status and its name.
    const fn parts(self) -> (i64, StatusCode, &'static str) {
        match self {
            Self::InvalidArgument => (3, StatusCode::BAD_REQUEST, "INVALID_ARGUMENT"),
            Self::DeadlineExceeded => (4, StatusCode::GATEWAY_TIMEOUT, "DEADLINE_EXCEEDED"),
            Self::NotFound => (5, StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::AlreadyExists => (6, StatusCode::CONFLICT, "ALREADY_EXISTS"),
            Self::PermissionDenied => (7, StatusCode::FORBIDDEN, "PERMISSION_DENIED"),
            Self::ResourceExhausted => (8, StatusCode::TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED"),
            Self::FailedPrecondition => (9, StatusCode::BAD_REQUEST, "FAILED_PRECONDITION"),
            Self::Internal => (13, StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL"),
            Self::Unavailable => (14, StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
        }
    }
}

impl ApiError {
    pub(crate) fn new(rpc: RpcCode, message: impl Into<String>) -> Self {
        Self { rpc, message: message.into(), details: Vec::new(), in_a_list: false }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(RpcCode::InvalidArgument, message)
    }

    pub(crate) fn internal() -> Self {
        let report = "https://developers.generativeai.google/guide/troubleshooting";
        Self::new(RpcCode::Internal, format!("An internal error has occurred. Please retry or report in {report}"))
    }

    pub(crate) fn no_entity() -> Self {
        Self::new(RpcCode::NotFound, "Requested entity was not found.")
    }

    /// The error for a file that does not exist or belongs to another project.
    pub(crate) fn no_file(id: &str) -> Self {
        let message = format!("You do not have permission to access the File {id} or it may not exist.");
        Self::new(RpcCode::PermissionDenied, message)
    }

    pub(crate) fn with(mut self, detail: Value) -> Self {
        self.details.push(detail);
        self
    }

    pub(crate) fn in_a_list(self) -> Self {
        Self { in_a_list: true, ..self }
    }

    /// The `google.rpc.Status` of a row.
    pub(crate) fn status(&self) -> Value {
        json!({"code": self.rpc.parts().0, "message": self.message})
    }

    fn envelope(&self) -> Value {
        let (_, http, status) = self.rpc.parts();
        let mut error = json!({"code": http.as_u16(), "message": self.message, "status": status});
        if !self.details.is_empty() {
            error["details"] = json!(self.details);
        }
        if self.in_a_list { json!([{"error": error}]) } else { json!({"error": error}) }
    }
}

/// An error of the disk, such as no free space or a missing file.
impl From<std::io::Error> for ApiError {
    fn from(error: std::io::Error) -> Self {
        tracing::warn!(%error, "the emulator could not use its folder");
        Self::internal()
    }
}

/// The JSON of a reply, which [`finish`] prints as the request asks.
#[derive(Clone)]
struct Payload(Value);

/// A success with this JSON.
pub(crate) fn ok(value: Value) -> Response {
    with_payload(StatusCode::OK, value)
}

fn with_payload(status: StatusCode, value: Value) -> Response {
    let mut response = status.into_response();
    response.extensions_mut().insert(Payload(value));
    response
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        with_payload(self.rpc.parts().1, self.envelope())
    }
}

/// The HTML page of Google's front end for an unknown path.
pub(crate) async fn not_found_page() -> Response {
    html(StatusCode::NOT_FOUND, "Error 404 (Not Found)!!1")
}

/// An HTML page of Google's front end.
pub(crate) fn html(status: StatusCode, title: &str) -> Response {
    let page = format!(
        "<!DOCTYPE html>\n<html lang=en>\n<meta charset=utf-8>\n<title>{title}</title>\n<p><b>{}.</b> <ins>That's an error.</ins>\n",
        status.as_u16()
    );
    (status, Html(page)).into_response()
}

/// Ends the connection without a reply. The task unwinds without printing anything, and the server drops its connection.
pub(crate) fn drop_connection() -> ! {
    std::panic::resume_unwind(Box::new("the emulator drops the connection"))
}

/// Prints the JSON of a reply, and adds the headers that all replies of Google have.
pub(crate) async fn finish(request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let compact =
        url::form_urlencoded::parse(query.as_bytes()).any(|(name, value)| name == "prettyPrint" && value == "false");
    let mut response = next.run(request).await;
    if let Some(Payload(value)) = response.extensions_mut().remove() {
        let text = if compact { serde_json::to_vec(&value) } else { serde_json::to_vec_pretty(&value) };
        let mut text = text.unwrap_or_default();
        text.push(b'\n');
        *response.body_mut() = Body::from(text);
        let json = HeaderValue::from_static("application/json; charset=UTF-8");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
    }
    for (name, value) in [
        ("server", "scaffolding on HTTPServer2"),
        ("vary", "Origin, X-Origin, Referer"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "SAMEORIGIN"),
        ("x-xss-protection", "0"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
