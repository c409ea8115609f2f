//! The caller of a request: the project of the key, the version and the query. Every key but `invalid` is accepted.

use std::collections::HashMap;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Path, Query};
use bytes::Bytes;
use http::request::Parts;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::reply::{ApiError, RpcCode};
use super::schema::{self, Message, Violation, ViolationKind};

pub(crate) const VERSIONS: [&str; 3] = ["v1", "v1beta", "v1alpha"];

/// A caller with a key. Each key is a project of its own, to which files and batches belong.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub project: String,
    pub version: String,
    query: HashMap<String, String>,
}

impl Caller {
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// `pageSize`. Missing or 0 means `default`; a larger number than `max` means `max`.
    pub(crate) fn page_size(&self, default: usize, max: usize) -> Result<usize, ApiError> {
        let Some(asked) = self.query("pageSize").or_else(|| self.query("page_size")) else { return Ok(default) };
        match asked.parse::<i32>().map(usize::try_from) {
            Ok(Ok(0)) => Ok(default),
            Ok(Ok(size)) => Ok(size.min(max)),
            Ok(Err(_)) => Err(ApiError::invalid("* page_size: page size must not be negative.\n")),
            Err(_) => Err(ApiError::invalid(format!("Invalid value at 'page_size' (TYPE_INT32), \"{asked}\""))),
        }
    }

    pub(crate) fn page_token(&self) -> Option<&str> {
        self.query("pageToken").or_else(|| self.query("page_token")).filter(|token| !token.is_empty())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(query) = Query::<HashMap<String, String>>::try_from_uri(&parts.uri).unwrap_or_default();
        let header = parts.headers.get("x-goog-api-key").and_then(|key| key.to_str().ok());
        let key = header.or_else(|| query.get("key").map(String::as_str)).unwrap_or_default().trim();
        let project = project(key)?;
        let path = Path::<HashMap<String, String>>::from_request_parts(parts, state).await;
        let version = path.ok().and_then(|Path(mut path)| path.remove("version")).unwrap_or_default();
        Ok(Self { project, version, query })
    }
}

fn project(key: &str) -> Result<String, ApiError> {
    match key {
        "" => Err(ApiError::new(
            RpcCode::PermissionDenied,
            "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other \
             form of API consumer identity to call this API.",
        )),
        "invalid" => Err(ApiError::invalid("API key not valid. Please pass a valid API key.")
            .with(json!({
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "API_KEY_INVALID",
                "domain": "googleapis.com",
                "metadata": {"service": "generativelanguage.googleapis.com"},
            }))
            .with(json!({
                "@type": "type.googleapis.com/google.rpc.LocalizedMessage",
                "locale": "en-US",
                "message": "API key not valid. Please pass a valid API key.",
            }))),
        key => Ok(Sha256::digest(key).iter().take(8).map(|byte| format!("{byte:02x}")).collect()),
    }
}

const BODY_BYTES_MAX: usize = 100 << 20;

/// Reads the JSON of a body and refuses unknown fields. A missing body is `{}`.
pub(crate) async fn read_json(body: Body, message: &Message) -> Result<Value, ApiError> {
    parse_json(&read_bytes(body).await?, message)
}

/// Reads the bytes of a body.
pub(crate) async fn read_bytes(body: Body) -> Result<Bytes, ApiError> {
    let bytes = to_bytes(body, BODY_BYTES_MAX).await;
    bytes.map_err(|_| ApiError::invalid(format!("Request payload size exceeds the limit: {BODY_BYTES_MAX} bytes.")))
}

/// Parses the JSON of a body and refuses unknown fields. No bytes are `{}`.
pub(crate) fn parse_json(bytes: &[u8], message: &Message) -> Result<Value, ApiError> {
    if bytes.trim_ascii().is_empty() {
        return Ok(json!({}));
    }
    let value = serde_json::from_slice(bytes)
        .map_err(|error| ApiError::invalid(format!("Invalid JSON payload received. {error}")))?;
    schema::check(&value, message, "").map_err(|violation| violation_error(&violation))?;
    Ok(value)
}

/// The error for a top-level field that Google does not know.
pub(crate) fn unknown_name(name: &str) -> ApiError {
    violation_error(&Violation { path: String::new(), kind: ViolationKind::UnknownName(name.to_owned()) })
}

fn violation_error(violation: &Violation) -> ApiError {
    let Violation { path, kind } = violation;
    let description = match kind {
        ViolationKind::UnknownName(name) if path.is_empty() => format!("Unknown name \"{name}\": Cannot find field."),
        ViolationKind::UnknownName(name) => format!("Unknown name \"{name}\" at '{path}': Cannot find field."),
        ViolationKind::InvalidValue(_, expected) => format!("Invalid value at '{path}': expected {expected}."),
        ViolationKind::AlreadySet(name) => {
            format!("Invalid value at '{path}' (oneof), oneof field 'data' is already set. Cannot set '{name}'")
        }
    };
    let message = format!("Invalid JSON payload received. {description}");
    ApiError::invalid(&message).with(json!({
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [{"field": path, "description": message}],
    }))
}
