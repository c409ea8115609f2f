//! The fields Google knows, and a check as strict as its own: it refuses a request for one name it does not know.
//!
//! [`check`] walks a JSON value along a [`Message`]; `table` has the messages. Both spellings of a name are accepted,
//! numbers also as strings, enums also as numbers, `null` everywhere, as in proto3's JSON. Not checked here: what a certain model
//! takes.

mod table;

use coldbrew_gemini::lenient::snake_case;
use serde_json::Value;

pub(crate) use table::{BATCH_LINE, COUNT_TOKENS, CREATE_BATCH, CREATE_FILE, GENERATE_CONTENT};

/// A JSON object with known members.
#[derive(Debug)]
pub(crate) struct Message {
    pub fields: &'static [Field],
    /// Of these members at most one may be there.
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

/// The first thing in a request that Google would refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// As Google writes it: `contents[0].parts`; empty at the top.
    pub path: String,
    pub fault: Fault,
}

/// See [`Violation`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    UnknownName(String),
    /// The member, and what it should hold.
    InvalidValue(String, &'static str),
    /// A member that is there twice, or a second one of those of which at most one may be there.
    AlreadySet(String),
}

impl Fault {
    /// The name of the member at fault.
    pub(crate) fn name(&self) -> &str {
        let (Self::UnknownName(name) | Self::InvalidValue(name, _) | Self::AlreadySet(name)) = self;
        name
    }
}

/// Looks for the first violation of `message` in `value`, which stands at `path`.
pub(crate) fn check(value: &Value, message: &Message, path: &str) -> Result<(), Violation> {
    let violation = |fault| Err(Violation { path: path.to_owned(), fault });
    let Some(object) = value.as_object() else {
        let (_, name) = path.rsplit_once('.').unwrap_or(("", path));
        return violation(Fault::InvalidValue(name.to_owned(), "an object"));
    };
    let mut chosen = None;
    let mut seen: Vec<&str> = Vec::new();
    for (name, value) in object {
        let known = message.fields.iter().find(|field| field.name == name || snake_case(field.name) == *name);
        let Some(field) = known else {
            return violation(Fault::UnknownName(name.clone()));
        };
        if value.is_null() {
            continue;
        }
        // Spelled in both ways it is there twice.
        let is_double = seen.contains(&field.name);
        seen.push(field.name);
        if is_double || (message.one_of.contains(&field.name) && chosen.replace(field.name).is_some()) {
            return violation(Fault::AlreadySet(name.clone()));
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
        return Err(Violation { path, fault: Fault::InvalidValue(field.name.into(), "a list") });
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
    if holds { Ok(()) } else { Err(Violation { path, fault: Fault::InvalidValue(field.name.into(), expected) }) }
}

/// A whole number, in any of the forms that proto3's JSON has for it.
fn integer(value: &Value) -> Option<i64> {
    // Beyond this a double is no exact integer.
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

/// Looks at all of them, also after one that is none, so that the compiler looks at many at once: a page is a million.
fn are_base64_digits(bytes: &[u8]) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() | matches!(byte, b'+' | b'/' | b'-' | b'_');
    bytes.iter().fold(true, |all, &byte| all & known(byte))
}
