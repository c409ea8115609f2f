//! The table in `docs/GEMINI.md`, "Error replies": the kind of each error, for an ordinary call and for the create of a batch.

use std::time::Duration;

use serde_json::{Value, json};

use super::server::{Reply, Server};
use crate::{ErrorKind, Quota};

pub(super) const fn retry(seconds: Option<u64>) -> ErrorKind {
    ErrorKind::Retry { after: after(seconds) }
}

const fn quota(which: Quota, seconds: Option<u64>) -> ErrorKind {
    ErrorKind::Quota { which, after: after(seconds) }
}

pub(super) const fn after(seconds: Option<u64>) -> Option<Duration> {
    match seconds {
        Some(seconds) => Some(Duration::from_secs(seconds)),
        None => None,
    }
}

pub(super) fn envelope(http: u16, status: &str, message: &str, details: Value) -> String {
    json!({"error": {"code": http, "message": message, "status": status, "details": details}}).to_string()
}

fn failure(quota_id: &str) -> Value {
    json!({"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": quota_id, "quotaValue": "10"}]})
}

pub(super) fn delay(delay: &str) -> Value {
    json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay})
}

/// The HTTP status, `status`, message and details of a reply, and the expected kind.
fn table() -> Vec<(u16, &'static str, &'static str, Value, ErrorKind)> {
    use ErrorKind::{Key, NotFound, Rejected, TooLarge};
    let none = json!([]);
    let help = json!({"@type": "type.googleapis.com/google.rpc.Help", "links": []});
    let invalid_key = json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]);
    let per_minute = json!([failure("GenerateRequestsPerMinutePerProjectPerModel-FreeTier"), help, delay("31s")]);
    let storage = json!([failure("FileStorageBytesPerProject"), delay("9223372036854775807s")]);
    vec![
        (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", invalid_key, Key),
        (400, "INVALID_ARGUMENT", "API Key not found. Please pass a valid API key.", none.clone(), Key),
        (400, "INVALID_ARGUMENT", "API key expired. Please renew the API key.", none.clone(), Key),
        (
            400,
            "INVALID_ARGUMENT",
            "Invalid JSON payload received. Unknown name \"x\": Cannot find field.",
            none.clone(),
            Rejected,
        ),
        (
            400,
            "INVALID_ARGUMENT",
            "Error on line 1: invalid JSON, near column 436: no such field: 'x'",
            none.clone(),
            Rejected,
        ),
        (
            400,
            "INVALID_ARGUMENT",
            "The input token count exceeds the maximum number of tokens allowed 1048576.",
            none.clone(),
            TooLarge,
        ),
        (
            400,
            "INVALID_ARGUMENT",
            "* GetFileRequest.name: File ID (…) cannot be more than 40 characters.\n",
            none.clone(),
            Rejected,
        ),
        (
            400,
            "FAILED_PRECONDITION",
            "The File abc is not in an ACTIVE state and usage is not allowed.",
            none.clone(),
            NotFound,
        ),
        (400, "FAILED_PRECONDITION", "User location is not supported for the API use.", none.clone(), Key),
        (403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers (…).", none.clone(), Key),
        (
            403,
            "PERMISSION_DENIED",
            "Your API key was reported as leaked. Please use another API key.",
            none.clone(),
            Key,
        ),
        (
            403,
            "PERMISSION_DENIED",
            "You do not have permission to access the File abc123 or it may not exist.",
            none.clone(),
            NotFound,
        ),
        (401, "UNAUTHENTICATED", "Request had invalid authentication credentials.", none.clone(), Key),
        (
            404,
            "NOT_FOUND",
            "models/x is not found for API version v1beta, or is not supported.",
            none.clone(),
            Rejected,
        ),
        (404, "NOT_FOUND", "This model models/x is no longer available to new users.", none.clone(), Rejected),
        (404, "NOT_FOUND", "Requested entity was not found.", none.clone(), NotFound),
        (409, "ALREADY_EXISTS", "Requested entity already exists", none.clone(), Rejected),
        (409, "ABORTED", "The operation was aborted.", none.clone(), retry(None)),
        (413, "", "", none.clone(), TooLarge),
        (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota", per_minute, quota(Quota::PerMinute, Some(31))),
        (
            429,
            "RESOURCE_EXHAUSTED",
            "You exceeded your current quota",
            json!([failure("GenerateRequestsPerDayPerProjectPerModel"), delay("1.5s")]),
            ErrorKind::Quota { which: Quota::PerDay, after: Some(Duration::from_millis(1_500)) },
        ),
        (
            429,
            "RESOURCE_EXHAUSTED",
            "You exceeded your current quota, please check",
            json!([help]),
            quota(Quota::Capacity, None),
        ),
        (
            429,
            "RESOURCE_EXHAUSTED",
            "Resource has been exhausted (e.g. check quota).",
            none.clone(),
            quota(Quota::Capacity, None),
        ),
        (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota", storage, quota(Quota::Storage, Some(600))),
        (429, "RESOURCE_EXHAUSTED", "Slow down", json!([delay("0s")]), quota(Quota::Capacity, Some(1))),
        (499, "CANCELLED", "The operation was cancelled.", none.clone(), retry(None)),
        (408, "", "", none.clone(), retry(None)),
        (
            500,
            "INTERNAL",
            "An internal error has occurred. Please retry or report in https://…",
            none.clone(),
            retry(None),
        ),
        (500, "INTERNAL", "Internal error encountered.", none.clone(), retry(None)),
        (503, "UNAVAILABLE", "This model is currently experiencing high demand.", none.clone(), retry(None)),
        (504, "DEADLINE_EXCEEDED", "The request timed out. Please try again.", none.clone(), retry(None)),
        (503, "UNAVAILABLE", "The model is overloaded. Please try again later.", json!([delay("7s")]), retry(Some(7))),
        (504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete.", none, retry(None)),
    ]
}

#[tokio::test]
async fn error_reply_of_each_row_gives_its_kind() {
    for (http, status, message, details, kind) in table() {
        let server = Server::start([Reply::json(http, envelope(http, status, message, details))]).await;
        let error = server.client().get_batch("batches/abc").await.unwrap_err();
        assert_eq!(error.kind, kind, "{http} {status} {message}");
        assert_eq!(error.http_status, Some(http));
        assert!(error.raw.is_some());
        if !message.is_empty() {
            assert_eq!(error.message, message.trim(), "Google's message is kept");
        }
    }
}

#[tokio::test]
async fn create_error_is_ambiguous_unless_google_refused_it() {
    for (http, status, message, details, kind) in table() {
        let server = Server::start([Reply::json(http, envelope(http, status, message, details))]).await;
        let error = server.client().create_batch("gemini-3.8-flash", "job", "files/in").await.unwrap_err();
        let expected = if matches!(kind, ErrorKind::Retry { .. }) { ErrorKind::Ambiguous } else { kind };
        assert_eq!(error.kind, expected, "{http} {status} {message}");
        assert_eq!(server.requests().len(), 1, "a create is never repeated");
    }
}
