//! Why a call failed, and what the caller can do.
//!
//! The error replies are described in `docs/GEMINI.md`, "Error envelope" and "Error replies".

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use serde_json::Value;

use super::envelope::{Envelope, truncate};
use super::request::ServiceTier;
use super::retry_after;

/// Why a call failed. It holds no key and no session URL, so it may be logged.
#[derive(Debug, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct Error {
    pub kind: ErrorKind,
    /// Google's message, truncated to 500 characters, or a message of the client.
    pub message: String,
    /// The HTTP status of the reply; `None` without a reply.
    pub http_status: Option<u16>,
    /// The body of the reply, if it is JSON.
    pub raw: Option<Box<Value>>,
    /// Whether the request may have reached Google.
    sent: bool,
}

/// What the caller can do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// The request is wrong. Repeating it does not help.
    #[error("refused")]
    Rejected,
    /// The request or a file is larger than Google accepts. Make it smaller.
    #[error("too large")]
    TooLarge,
    /// The call had no effect, or may be repeated without harm. `after` is the delay that the server asks for: 1 s to 10 min.
    #[error("try again")]
    Retry { after: Option<Duration> },
    /// A batch may have been created. Search for it before creating another.
    #[error("outcome unknown")]
    Ambiguous,
    /// A quota is used up, and the call had no effect. `after` is the delay that the server asks for: 1 s to 10 min.
    #[error("quota used up ({which})")]
    Quota { which: Quota, after: Option<Duration> },
    /// Flex has no capacity. The call had no effect. Wait from 5 s on, doubling the wait, or call at full price.
    #[error("no capacity for flex")]
    Shed { after: Option<Duration> },
    /// The operator must check the key, its project or its billing.
    #[error("key, project or billing")]
    Key,
    /// The named file or batch does not exist, has expired, cannot be used, or belongs to another project.
    #[error("not found")]
    NotFound,
    /// A file on this machine cannot be read or written.
    #[error("local file")]
    Io,
}

impl ErrorKind {
    /// The name of the kind as the label of a metric.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::TooLarge => "too_large",
            Self::Retry { .. } => "retry",
            Self::Ambiguous => "ambiguous",
            Self::Quota { .. } => "quota",
            Self::Shed { .. } => "shed",
            Self::Key => "key",
            Self::NotFound => "not_found",
            Self::Io => "io",
        }
    }
}

/// Which quota is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Quota {
    /// Requests or tokens of one minute. Wait for the next minute.
    #[error("per minute")]
    PerMinute,
    /// Requests of one day. It is reset at midnight Pacific time (<https://ai.google.dev/gemini-api/docs/rate-limits>, read
    /// 2026-09-01).
    #[error("per day")]
    PerDay,
    /// The file storage of the project. Delete files. Freed space is credited late
    /// (<https://github.com/googleapis/python-genai/issues/2132>, read 2026-11-23).
    #[error("file storage")]
    Storage,
    /// The tokens enqueued in batches, or the spending rate. Google does not say which. Wait between minutes and an hour.
    #[error("capacity")]
    Capacity,
}

impl Error {
    /// An error of this kind with this message.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), http_status: None, raw: None, sent: true }
    }

    pub(super) fn rejected(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Rejected, message)
    }

    pub(super) fn retry(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Retry { after: None }, message)
    }

    pub(super) fn io(error: &std::io::Error) -> Self {
        Self::new(ErrorKind::Io, error.to_string())
    }

    /// The request got no complete reply. The message leaves the URL out, because a session URL is a secret.
    pub(super) fn from_transport(error: reqwest::Error) -> Self {
        let sent = !error.is_connect() && !error.is_builder();
        let cause = std::iter::successors(std::error::Error::source(&error), |cause| cause.source()).last();
        let cause = cause.map(ToString::to_string);
        let message = truncate(&cause.unwrap_or_else(|| error.without_url().to_string()));
        Self { sent, ..Self::retry(format!("no reply: {message}")) }
    }

    /// The reply had a status that is not a success.
    pub(super) fn from_response(status: StatusCode, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Self {
        let envelope = Envelope::parse(body);
        let retry_after = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let after = retry_after::parse(retry_after, &envelope.details, now);
        let message = match envelope.message.as_str() {
            "" => format!("HTTP {}", status.as_u16()),
            message => message.to_owned(),
        };
        Self {
            kind: kind(status, &envelope, after),
            http_status: Some(status.as_u16()),
            raw: envelope.raw.map(Box::new),
            ..Self::rejected(message)
        }
    }

    /// Changes a retryable error of a sent create to [`ErrorKind::Ambiguous`], because a create must not be repeated.
    pub(super) fn for_create(mut self) -> Self {
        if matches!(self.kind, ErrorKind::Retry { .. }) && self.sent {
            self.kind = ErrorKind::Ambiguous;
        }
        self
    }

    /// Changes a refusal for lack of capacity to [`ErrorKind::Shed`] if the call was a flex call. Google sheds such calls with 503, or with
    /// 429 that names no quota (<https://ai.google.dev/gemini-api/docs/flex-inference>, read 2026-11-30).
    pub(super) fn for_tier(mut self, tier: ServiceTier) -> Self {
        self.kind = match (self.kind, tier, self.http_status) {
            (ErrorKind::Retry { after }, ServiceTier::Flex, Some(503))
            | (ErrorKind::Quota { which: Quota::Capacity, after }, ServiceTier::Flex, _) => ErrorKind::Shed { after },
            (kind, ..) => kind,
        };
        self
    }

    /// Whether Google does not know the field `store` of a request.
    pub fn refuses_store(&self) -> bool {
        let names = |quoted| self.message.contains(quoted);
        self.http_status == Some(400) && (names("\"store\"") || names("'store'"))
    }

    /// The delay that the server asks for, between 1 s and 10 min.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self.kind {
            ErrorKind::Retry { after } | ErrorKind::Quota { after, .. } | ErrorKind::Shed { after } => after,
            _ => None,
        }
    }

    /// Whether Google may bill the call: the request was sent and no reply came.
    ///
    /// Google does not bill a call that it answers with an error (<https://ai.google.dev/gemini-api/docs/billing>, "Am I charged for
    /// failed requests?", read 2026-11-30).
    pub const fn may_be_billed(&self) -> bool {
        matches!(self.kind, ErrorKind::Retry { .. } | ErrorKind::Ambiguous) && self.sent && self.http_status.is_none()
    }

    /// Whether the same call may succeed later.
    pub const fn is_transient(&self) -> bool {
        matches!(self.kind, ErrorKind::Retry { .. } | ErrorKind::Quota { .. } | ErrorKind::Shed { .. })
    }
}

fn kind(status: StatusCode, envelope: &Envelope, after: Option<Duration>) -> ErrorKind {
    let message = envelope.message.as_str();
    match status.as_u16() {
        400 if concerns_key(envelope) => ErrorKind::Key,
        400 if envelope.status == "FAILED_PRECONDITION" => precondition(message),
        400 if message.contains("exceeds the ") => ErrorKind::TooLarge,
        401 => ErrorKind::Key,
        // A missing file is answered with 403 (docs/GEMINI.md, "Error replies").
        403 if message.contains(" access the File ") => ErrorKind::NotFound,
        403 => ErrorKind::Key,
        404 if message.starts_with("models/") || message.starts_with("This model ") => ErrorKind::Rejected,
        404 if envelope.is_google_error => ErrorKind::NotFound,
        // A failing front end sends 404 as HTML, which does not show that anything is missing.
        404 | 408 | 499 => ErrorKind::Retry { after },
        409 if envelope.status == "ABORTED" => ErrorKind::Retry { after },
        413 => ErrorKind::TooLarge,
        429 => ErrorKind::Quota { which: quota(envelope), after },
        400..=498 => ErrorKind::Rejected,
        _ => ErrorKind::Retry { after },
    }
}

fn concerns_key(envelope: &Envelope) -> bool {
    let message = envelope.message.to_ascii_lowercase();
    envelope.reason().is_some_and(|reason| reason.starts_with("API_KEY_")) || message.starts_with("api key ")
}

/// The kind of a `FAILED_PRECONDITION`. A file that is not ACTIVE can be uploaded again; other causes need the operator.
fn precondition(message: &str) -> ErrorKind {
    if message.to_ascii_lowercase().contains("file") { ErrorKind::NotFound } else { ErrorKind::Key }
}

fn quota(envelope: &Envelope) -> Quota {
    let has = |part: &str| envelope.quota_ids().any(|id| id.contains(part));
    if has("FileStorage") {
        Quota::Storage
    } else if has("PerDay") {
        Quota::PerDay
    } else if has("PerMinute") {
        Quota::PerMinute
    } else {
        Quota::Capacity
    }
}
