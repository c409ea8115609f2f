//! Reads JSON the way proto3 writes it: numbers as strings, both spellings of a name, and anything missing.

use serde_json::Value;

/// The member `name`, given in lowerCamelCase, also if it is spelled in snake_case. `null` counts as missing.
pub fn member<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let found = object.get(name).or_else(|| object.get(snake_case(name)));
    found.filter(|value| !value.is_null())
}

/// A string member that is not empty.
pub fn string(object: &Value, name: &str) -> Option<String> {
    member(object, name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// An integer member, as a number or as a string; proto3 leaves zero out.
pub fn integer(object: &Value, name: &str) -> Option<i64> {
    match member(object, name)? {
        Value::Number(number) => number.as_i64(),
        Value::String(digits) => digits.parse().ok(),
        _ => None,
    }
}

/// An integer member that counts something: missing, negative and unreadable are 0.
pub fn count(object: &Value, name: &str) -> u64 {
    integer(object, name).and_then(|value| u64::try_from(value).ok()).unwrap_or(0)
}

/// An instant in RFC 3339, with any number of fractional digits.
pub fn time(object: &Value, name: &str) -> Option<jiff::Timestamp> {
    member(object, name)?.as_str()?.parse().ok()
}

/// `displayName` as `display_name`.
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
