//! Parses Google's error body: `{"error": {"code": …, "message": …, "status": …, "details": […]}}`.
//!
//! A body can also be HTML or another JSON (`docs/GEMINI.md`, "Error envelope").

use serde_json::Value;

use super::lenient;

/// A `google.rpc.Status` of a call, a batch or one row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The HTTP status for a call; the gRPC code for a batch or a row.
    pub code: i64,
    /// Google's message, truncated to 500 characters.
    pub message: String,
}

impl Status {
    /// Reads the object and never fails. Fields that are missing or of another type stay empty.
    pub fn from_json(object: &Value) -> Self {
        Self {
            code: lenient::integer(object, "code").unwrap_or_default(),
            message: truncate(&lenient::string(object, "message").unwrap_or_default()),
        }
    }

    /// Whether the request of a row may succeed if it is sent again. Only valid for gRPC codes. Unknown codes count as transient.
    pub const fn is_transient(&self) -> bool {
        // INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED, FAILED_PRECONDITION, OUT_OF_RANGE, UNIMPLEMENTED,
        // DATA_LOSS, UNAUTHENTICATED
        !matches!(self.code, 3 | 5 | 6 | 7 | 9 | 11 | 12 | 15 | 16)
    }
}

/// A parsed error body.
#[derive(Debug, Default)]
pub(crate) struct Envelope {
    /// The name of the gRPC code, such as `INVALID_ARGUMENT`. Empty if the body is not Google's JSON.
    pub status: String,
    pub message: String,
    pub details: Vec<Value>,
    /// The body, if it is JSON.
    pub raw: Option<Value>,
    /// Whether the body is JSON with an `error` member.
    pub is_google_error: bool,
}

impl Envelope {
    /// Parses any body and never fails: JSON, a list of JSON as streams have it, HTML, or nothing.
    pub(crate) fn parse(body: &[u8]) -> Self {
        let Ok(raw) = serde_json::from_slice::<Value>(body) else {
            return Self { message: text_of_html(&String::from_utf8_lossy(body)), ..Self::default() };
        };
        let first = raw.as_array().and_then(|list| list.first()).unwrap_or(&raw);
        let Some(error) = lenient::member(first, "error") else {
            return Self { raw: Some(raw), ..Self::default() };
        };
        let details = error.get("details").and_then(Value::as_array).cloned().unwrap_or_default();
        Self {
            status: lenient::string(error, "status").unwrap_or_default(),
            message: Status::from_json(error).message,
            details,
            is_google_error: error.is_object(),
            raw: Some(raw),
        }
    }

    /// The `reason` of an `ErrorInfo`, such as `API_KEY_INVALID`.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.details.iter().find_map(|detail| detail.get("reason")?.as_str())
    }

    /// The ids of the exceeded quotas, from `QuotaFailure`.
    pub(crate) fn quota_ids(&self) -> impl Iterator<Item = &str> {
        let violations = self.details.iter().filter_map(|detail| detail.get("violations")?.as_array()).flatten();
        violations.filter_map(|violation| violation.get("quotaId")?.as_str())
    }
}

const MESSAGE_CHARS_MAX: usize = 500;

pub(crate) fn truncate(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(MESSAGE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The text of an HTML page on one line, truncated.
fn text_of_html(html: &str) -> String {
    let mut in_tag = false;
    let mut text = String::new();
    for c in html.chars().take(20 * MESSAGE_CHARS_MAX) {
        match c {
            '<' => in_tag = true,
            '>' if in_tag => {
                in_tag = false;
                text.push(' ');
            }
            _ if !in_tag => text.push(c),
            _ => {}
        }
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    truncate(&words.join(" "))
}
