//! What went wrong with a call, and what to do about it.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use serde_json::Value;

use super::envelope::{Envelope, shorten};
use super::hint;

/// Why a call did not succeed. Holds no key and no session address, so it may be logged.
#[derive(Debug, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct Error {
    pub kind: ErrorKind,
    /// Google's words where there are any, shortened; else ours.
    pub message: String,
    /// `None` if there was no answer.
    pub http_status: Option<u16>,
    /// The answer's body, if it was JSON.
    pub raw: Option<Box<Value>>,
    /// Whether the request may have reached Google.
    sent: bool,
}

/// What to do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// The request is wrong: repeating it is of no use.
    #[error("refused")]
    Rejected,
    /// The request, or a file, is larger than Google takes: make it smaller.
    #[error("too large")]
    TooLarge,
    /// It had no effect, or may be repeated without harm: try later, after the server's hint (1 s to 10 min) if there is one.
    #[error("try again")]
    Retry { after: Option<Duration> },
    /// A batch may or may not have been created: look for it before creating another.
    #[error("outcome unknown")]
    Ambiguous,
    /// Nothing happened: a quota is used up.
    #[error("quota used up ({which})")]
    Quota { which: Quota, after: Option<Duration> },
    /// The key, its project or its billing needs a person.
    #[error("key, project or billing")]
    Key,
    /// What the request names does not exist, has expired, is not usable, or belongs to another project.
    #[error("not found")]
    NotFound,
    /// A file on this machine cannot be read or written.
    #[error("local file")]
    Io,
}

impl ErrorKind {
    /// A word for a figure's label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::TooLarge => "too_large",
            Self::Retry { .. } => "retry",
            Self::Ambiguous => "ambiguous",
            Self::Quota { .. } => "quota",
            Self::Key => "key",
            Self::NotFound => "not_found",
            Self::Io => "io",
        }
    }
}

/// Which quota is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Quota {
    /// Wait out the minute.
    #[error("per minute")]
    PerMinute,
    /// Park until midnight, Pacific time.
    #[error("per day")]
    PerDay,
    /// Delete files; space comes back slowly.
    #[error("file storage")]
    Storage,
    /// Too many tokens enqueued in batches, or spent too fast: wait minutes to an hour.
    #[error("capacity")]
    Capacity,
}

impl Error {
    /// An error of that kind, in these words.
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

    /// The request got no (complete) answer. The address is left out: it may be a session's, which is a secret.
    pub(super) fn transport(error: reqwest::Error) -> Self {
        let sent = !error.is_connect() && !error.is_builder();
        let cause = std::iter::successors(std::error::Error::source(&error), |cause| cause.source()).last();
        let cause = cause.map(ToString::to_string);
        let message = shorten(&cause.unwrap_or_else(|| error.without_url().to_string()));
        Self { sent, ..Self::retry(format!("no answer: {message}")) }
    }

    /// The answer was not a success.
    pub(super) fn answered(status: StatusCode, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Self {
        let envelope = Envelope::read(body);
        let retry_after = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let after = hint::retry_after(retry_after, &envelope.details, now);
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

    /// The same error of a call that must not be repeated unless it certainly had no effect.
    pub(super) fn of_create(mut self) -> Self {
        if matches!(self.kind, ErrorKind::Retry { .. }) && self.sent {
            self.kind = ErrorKind::Ambiguous;
        }
        self
    }

    /// How long the server asks to be left alone.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self.kind {
            ErrorKind::Retry { after } | ErrorKind::Quota { after, .. } => after,
            _ => None,
        }
    }

    /// Whether Google may bill the call all the same: it may have got the request, and no answer came. An error that Google answers with
    /// is not billed (<https://ai.google.dev/gemini-api/docs/billing>, "Am I charged for failed requests?", read 2026-11-30).
    pub const fn may_be_billed(&self) -> bool {
        matches!(self.kind, ErrorKind::Retry { .. } | ErrorKind::Ambiguous) && self.sent && self.http_status.is_none()
    }

    /// Whether the same call may succeed later by itself.
    pub const fn is_transient(&self) -> bool {
        matches!(self.kind, ErrorKind::Retry { .. } | ErrorKind::Quota { .. })
    }
}

fn kind(status: StatusCode, envelope: &Envelope, after: Option<Duration>) -> ErrorKind {
    let message = envelope.message.as_str();
    match status.as_u16() {
        400 if concerns_key(envelope) => ErrorKind::Key,
        400 if envelope.status == "FAILED_PRECONDITION" => precondition(message),
        400 if message.contains("exceeds the ") => ErrorKind::TooLarge,
        401 => ErrorKind::Key,
        // A file that is not there answers 403.
        403 if message.contains(" access the File ") => ErrorKind::NotFound,
        403 => ErrorKind::Key,
        404 if message.starts_with("models/") || message.starts_with("This model ") => ErrorKind::Rejected,
        404 if envelope.is_googles => ErrorKind::NotFound,
        // A front end that fails says 404 in HTML: no evidence that anything is missing.
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

/// A file that is not ACTIVE can be uploaded again; a country or an unpaid bill needs a person.
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
