//! The known fields of each message, and a check that refuses a request with an unknown field, as Google does.
//!
//! [`check`] compares a JSON value with a [`Message`] of `table`. As in the JSON of proto3, it accepts both spellings of a name, numbers
//! as strings, enums as numbers, and `null` everywhere. `validate` checks the limits of a model.

mod table;

use coldbrew_gemini::lenient::snake_case;
use serde_json::Value;

pub(crate) use table::{BATCH_LINE, COUNT_TOKENS, CREATE_BATCH, CREATE_FILE, GENERATE_CONTENT};

/// A JSON object with known members.
#[derive(Debug)]
pub(crate) struct Message {
    pub fields: &'static [Field],
    /// At most one of these members may be set.
    pub one_of: &'static [&'static str],
}

/// A known member.
#[derive(Debug)]
pub(crate) struct Field {
    /// In lowerCamelCase.
    pub name: &'static str,
    pub kind: Kind,
    pub repeated: bool,
}

/// What a member may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Text,
    /// Base64, standard or URL-safe.
    Bytes,
    Bool,
    Int32,
    Int64,
    Float,
    Enum(&'static [&'static str]),
    Message(&'static Message),
    /// Any JSON object.
    Object,
    /// Any JSON.
    Any,
}

/// The first reason why Google would refuse a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The path in Google's notation, such as `contents[0].parts`. Empty at the top level.
    pub path: String,
    pub kind: ViolationKind,
}

/// The kind of a [`Violation`], with the name of the member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ViolationKind {
    UnknownName(String),
    /// The second value says what the member should hold.
    InvalidValue(String, &'static str),
    /// The member is set twice, or another member of its `one_of` is set.
    AlreadySet(String),
}

impl ViolationKind {
    /// The name of the member.
    pub(crate) fn name(&self) -> &str {
        let (Self::UnknownName(name) | Self::InvalidValue(name, _) | Self::AlreadySet(name)) = self;
        name
    }
}

/// Checks `value` at `path` against `message`, and returns the first violation.
pub(crate) fn check(value: &Value, message: &Message, path: &str) -> Result<(), Violation> {
    let violation = |kind| Err(Violation { path: path.to_owned(), kind });
    let Some(object) = value.as_object() else {
        let (_, name) = path.rsplit_once('.').unwrap_or(("", path));
        return violation(ViolationKind::InvalidValue(name.to_owned(), "an object"));
    };
    let mut chosen = None;
    let mut seen: Vec<&str> = Vec::new();
    for (name, value) in object {
        let known = message.fields.iter().find(|field| field.name == name || snake_case(field.name) == *name);
        let Some(field) = known else {
            return violation(ViolationKind::UnknownName(name.clone()));
        };
        if value.is_null() {
            continue;
        }
        // The same member in both spellings is set twice.
        let is_double = seen.contains(&field.name);
        seen.push(field.name);
        if is_double || (message.one_of.contains(&field.name) && chosen.replace(field.name).is_some()) {
            return violation(ViolationKind::AlreadySet(name.clone()));
        }
        let path = if path.is_empty() { snake_case(field.name) } else { format!("{path}.{}", snake_case(field.name)) };
        check_field(value, field, path)?;
    }
    Ok(())
}

fn check_field(value: &Value, field: &Field, path: String) -> Result<(), Violation> {
    if !field.repeated {
        return check_value(value, field, path);
    }
    let Some(items) = value.as_array() else {
        return Err(Violation { path, kind: ViolationKind::InvalidValue(field.name.into(), "a list") });
    };
    items.iter().enumerate().try_for_each(|(index, item)| check_value(item, field, format!("{path}[{index}]")))
}

fn check_value(value: &Value, field: &Field, path: String) -> Result<(), Violation> {
    let (holds, expected) = match field.kind {
        Kind::Message(message) => return check(value, message, &path),
        Kind::Any => (true, "anything"),
        Kind::Object => (value.is_object(), "an object"),
        Kind::Text => (value.is_string(), "a string"),
        Kind::Bool => (value.is_boolean(), "a boolean"),
        Kind::Bytes => (value.as_str().is_some_and(is_base64), "base64"),
        Kind::Int32 => (integer(value).is_some_and(|number| i32::try_from(number).is_ok()), "an integer of 32 bits"),
        Kind::Int64 => (integer(value).is_some(), "an integer"),
        Kind::Float => (value.is_number() || parses::<f64>(value), "a number"),
        Kind::Enum(names) => {
            (value.is_u64() || value.as_str().is_some_and(|name| names.contains(&name)), "a known constant")
        }
    };
    if holds { Ok(()) } else { Err(Violation { path, kind: ViolationKind::InvalidValue(field.name.into(), expected) }) }
}

/// An integer in any form that the JSON of proto3 allows.
fn integer(value: &Value) -> Option<i64> {
    // Larger doubles are not exact integers.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let whole = |number: &f64| number.fract() == 0.0 && number.abs() <= EXACT;
    #[allow(clippy::cast_possible_truncation)]
    let from_float = |value: &Value| value.as_f64().filter(whole).map(|number| number as i64);
    value.as_i64().or_else(|| value.as_str()?.parse().ok()).or_else(|| from_float(value))
}

fn parses<T: std::str::FromStr>(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.parse::<T>().is_ok())
}

fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    digits.len() % 4 != 1 && text.len() - digits.len() <= 2 && digits.as_bytes().chunks(64).all(are_base64_digits)
}

/// Checks all bytes without an early end, so that the compiler can vectorize the loop. A page has about a million bytes.
fn are_base64_digits(bytes: &[u8]) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() | matches!(byte, b'+' | b'/' | b'-' | b'_');
    bytes.iter().fold(true, |all, &byte| all & known(byte))
}
