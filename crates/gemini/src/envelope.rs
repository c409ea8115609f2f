//! Google's error body, `{"error": {"code": …, "message": …, "status": …, "details": […]}}`, or whatever came instead.

use serde_json::Value;

use super::lenient;

/// A `google.rpc.Status`: of a whole call (where `code` is the HTTP status) or of one row (where it is the gRPC number).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    pub code: i64,
    /// Google's words, shortened.
    pub message: String,
}

impl Status {
    /// Reads the object; what is missing or of another type stays empty.
    pub fn read(object: &Value) -> Self {
        Self {
            code: lenient::integer(object, "code").unwrap_or_default(),
            message: shorten(&lenient::string(object, "message").unwrap_or_default()),
        }
    }

    /// Of a row: whether the same request may succeed in another batch. What Google says nothing of may.
    pub const fn is_transient(&self) -> bool {
        // INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED, FAILED_PRECONDITION, OUT_OF_RANGE, UNIMPLEMENTED,
        // DATA_LOSS, UNAUTHENTICATED
        !matches!(self.code, 3 | 5 | 6 | 7 | 9 | 11 | 12 | 15 | 16)
    }
}

/// An error body in parts.
#[derive(Debug, Default)]
pub(crate) struct Envelope {
    /// `INVALID_ARGUMENT` and the like; empty if the body was not Google's JSON.
    pub status: String,
    pub message: String,
    pub details: Vec<Value>,
    /// The body, if it was JSON.
    pub raw: Option<Value>,
    /// Whether that was JSON of Google's form, with an error in it.
    pub is_googles: bool,
}

impl Envelope {
    /// Reads any body: JSON, JSON in a list as streams have it, HTML, nothing.
    pub(crate) fn read(body: &[u8]) -> Self {
        let Ok(raw) = serde_json::from_slice::<Value>(body) else {
            return Self { message: plain(&String::from_utf8_lossy(body)), ..Self::default() };
        };
        let first = raw.as_array().and_then(|list| list.first()).unwrap_or(&raw);
        let Some(error) = lenient::member(first, "error") else {
            return Self { raw: Some(raw), ..Self::default() };
        };
        let details = error.get("details").and_then(Value::as_array).cloned().unwrap_or_default();
        Self {
            status: lenient::string(error, "status").unwrap_or_default(),
            message: Status::read(error).message,
            details,
            is_googles: error.is_object(),
            raw: Some(raw),
        }
    }

    /// `API_KEY_INVALID` and the like, from `ErrorInfo`.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.details.iter().find_map(|detail| detail.get("reason")?.as_str())
    }

    /// The ids of the quotas that are used up, from `QuotaFailure`.
    pub(crate) fn quota_ids(&self) -> impl Iterator<Item = &str> {
        let violations = self.details.iter().filter_map(|detail| detail.get("violations")?.as_array()).flatten();
        violations.filter_map(|violation| violation.get("quotaId")?.as_str())
    }
}

const MESSAGE_CHARS_MAX: usize = 500;

pub(crate) fn shorten(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(MESSAGE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The words of an HTML page on one line.
fn plain(html: &str) -> String {
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
    shorten(&words.join(" "))
}
