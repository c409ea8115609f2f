//! The delay that a server asks for, from the header `Retry-After` or from `RetryInfo` in the body.
//!
//! Google sends unusable values too, such as 292 billion years (`docs/GEMINI.md`, "Retries").

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

const MIN: Duration = Duration::from_secs(1);
const MAX: Duration = Duration::from_secs(600);

/// The longer of both delays, limited to 1 s to 10 min. `None` without either.
pub(crate) fn parse(header: Option<&str>, details: &[Value], now: Timestamp) -> Option<Duration> {
    let header = header.and_then(|value| from_header(value.trim(), now));
    let body = details.iter().find_map(from_detail);
    header.max(body).map(|hint| hint.clamp(MIN, MAX))
}

/// Parses a number of seconds or an HTTP date.
fn from_header(value: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or(MIN))
}

/// Parses `retryDelay` of a `RetryInfo`: `"31s"`, `"1.5s"`, `"9223372036854775807s"`.
fn from_detail(detail: &Value) -> Option<Duration> {
    let seconds: f64 = detail.get("retryDelay")?.as_str()?.strip_suffix('s')?.parse().ok()?;
    Some(Duration::try_from_secs_f64(seconds.min(MAX.as_secs_f64())).unwrap_or(MIN))
}
