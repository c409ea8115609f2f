//! Who calls: the key's project, the version, the query. Any key is good but `invalid`.

use std::collections::HashMap;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Path, Query};
use bytes::Bytes;
use http::request::Parts;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::reply::{Failure, Rpc};
use super::schema::{self, Message, Violation};

pub(crate) const VERSIONS: [&str; 3] = ["v1", "v1beta", "v1alpha"];

/// A caller with a key. Files and batches belong to its project: to this key.
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

    /// `pageSize`: none or 0 is `default`, and what is above `max` is `max`.
    pub(crate) fn page_size(&self, default: usize, max: usize) -> Result<usize, Failure> {
        let Some(asked) = self.query("pageSize").or_else(|| self.query("page_size")) else { return Ok(default) };
        match asked.parse::<i32>().map(usize::try_from) {
            Ok(Ok(0)) => Ok(default),
            Ok(Ok(size)) => Ok(size.min(max)),
            Ok(Err(_)) => Err(Failure::invalid("* page_size: page size must not be negative.\n")),
            Err(_) => Err(Failure::invalid(format!("Invalid value at 'page_size' (TYPE_INT32), \"{asked}\""))),
        }
    }

    pub(crate) fn page_token(&self) -> Option<&str> {
        self.query("pageToken").or_else(|| self.query("page_token")).filter(|token| !token.is_empty())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Query(query) = Query::<HashMap<String, String>>::try_from_uri(&parts.uri).unwrap_or_default();
        let header = parts.headers.get("x-goog-api-key").and_then(|key| key.to_str().ok());
        let key = header.or_else(|| query.get("key").map(String::as_str)).unwrap_or_default().trim();
        let project = project(key)?;
        let path = Path::<HashMap<String, String>>::from_request_parts(parts, state).await;
        let version = path.ok().and_then(|Path(mut path)| path.remove("version")).unwrap_or_default();
        Ok(Self { project, version, query })
    }
}

fn project(key: &str) -> Result<String, Failure> {
    match key {
        "" => Err(Failure::new(
            Rpc::PermissionDenied,
            "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other \
             form of API consumer identity to call this API.",
        )),
        "invalid" => Err(Failure::invalid("API key not valid. Please pass a valid API key.")
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

/// The body of a call, checked for names that Google does not know. No body is an empty one.
pub(crate) async fn body(body: Body, message: &Message) -> Result<Value, Failure> {
    checked(&whole(body).await?, message)
}

/// The bytes of a body.
pub(crate) async fn whole(body: Body) -> Result<Bytes, Failure> {
    let bytes = to_bytes(body, BODY_BYTES_MAX).await;
    bytes.map_err(|_| Failure::invalid(format!("Request payload size exceeds the limit: {BODY_BYTES_MAX} bytes.")))
}

/// The JSON of a body, checked.
pub(crate) fn checked(bytes: &[u8], message: &Message) -> Result<Value, Failure> {
    if bytes.trim_ascii().is_empty() {
        return Ok(json!({}));
    }
    let value = serde_json::from_slice(bytes)
        .map_err(|error| Failure::invalid(format!("Invalid JSON payload received. {error}")))?;
    schema::check(&value, message, "").map_err(|violation| refusal(&violation))?;
    Ok(value)
}

fn refusal(violation: &Violation) -> Failure {
    let Violation { path, fault } = violation;
    let description = match fault {
        schema::Fault::UnknownName(name) if path.is_empty() => format!("Unknown name \"{name}\": Cannot find field."),
        schema::Fault::UnknownName(name) => format!("Unknown name \"{name}\" at '{path}': Cannot find field."),
        schema::Fault::InvalidValue(_, expected) => format!("Invalid value at '{path}': expected {expected}."),
        schema::Fault::AlreadySet(name) => {
            format!("Invalid value at '{path}' (oneof), oneof field 'data' is already set. Cannot set '{name}'")
        }
    };
    let message = format!("Invalid JSON payload received. {description}");
    Failure::invalid(&message).with(json!({
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [{"field": path, "description": message}],
    }))
}
