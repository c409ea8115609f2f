//! Reads members of JSON objects leniently, as proto3 encodes them.
//!
//! Numbers may be strings, names may be in lowerCamelCase or snake_case, and default values are missing
//! (<https://protobuf.dev/programming-guides/json/>; `docs/GEMINI.md`, "Reply format").

use serde_json::Value;

/// The member `name` in lowerCamelCase, or the same name in snake_case. `null` counts as missing.
pub fn member<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let found = object.get(name).or_else(|| object.get(snake_case(name)));
    found.filter(|value| !value.is_null())
}

/// A string member. An empty string counts as missing.
pub fn string(object: &Value, name: &str) -> Option<String> {
    member(object, name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// An integer member, as a number or as a string. Proto3 leaves zero out.
pub fn integer(object: &Value, name: &str) -> Option<i64> {
    match member(object, name)? {
        Value::Number(number) => number.as_i64(),
        Value::String(digits) => digits.parse().ok(),
        _ => None,
    }
}

/// An integer member that counts something. Missing, negative and malformed values are 0.
pub fn count(object: &Value, name: &str) -> u64 {
    integer(object, name).and_then(|value| u64::try_from(value).ok()).unwrap_or(0)
}

/// A time in RFC 3339, with up to nine fractional digits.
pub fn time(object: &Value, name: &str) -> Option<jiff::Timestamp> {
    member(object, name)?.as_str()?.parse().ok()
}

/// Converts lowerCamelCase to snake_case: `displayName` becomes `display_name`.
pub fn snake_case(name: &str) -> String {
    let mut spelled = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            spelled.push('_');
        }
        spelled.push(c.to_ascii_lowercase());
    }
    spelled
}
