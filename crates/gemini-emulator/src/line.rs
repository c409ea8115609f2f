//! Checks a line of an input file as Google does at the create of a batch.
//!
//! The rules are described in `docs/GEMINI.md`, "Input lines".

use serde_json::Value;

use crate::schema::{self, Violation, ViolationKind};

/// Why Google would refuse a line, with its message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid JSON, near column {column}: {message}")]
pub(crate) struct InputLineError {
    /// Counted from 1.
    pub column: usize,
    pub message: String,
}

/// Parses a line and checks its fields.
pub(crate) fn check_line(line: &[u8]) -> Result<Value, InputLineError> {
    let value: Value = serde_json::from_slice(line)
        .map_err(|error| InputLineError { column: error.column().max(1), message: syntax(&error) })?;
    if !value.is_object() {
        let first = line.iter().copied().find(|byte| !byte.is_ascii_whitespace()).map_or(' ', char::from);
        return Err(InputLineError { column: 1, message: format!("unexpected character: '{first}'; expected '{{'") });
    }
    schema::check(&value, &schema::BATCH_LINE, "").map_err(|violation| line_error(&violation, line))?;
    if value.get("request").is_none_or(Value::is_null) {
        return Err(InputLineError { column: 1, message: "no request".into() });
    }
    Ok(value)
}

/// The error for a field that Google does not know.
pub(crate) fn unknown_field(name: &str, line: &[u8]) -> InputLineError {
    InputLineError { column: column_of(name, line), message: format!("no such field: '{name}'") }
}

/// The message of a syntax error without its position.
fn syntax(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

fn line_error(violation: &Violation, line: &[u8]) -> InputLineError {
    let name = violation.kind.name();
    let message = match &violation.kind {
        ViolationKind::UnknownName(name) => return unknown_field(name, line),
        ViolationKind::InvalidValue(name, expected) => format!("invalid value for field '{name}': expected {expected}"),
        ViolationKind::AlreadySet(name) => format!("field '{name}' is of a oneof that is already set"),
    };
    InputLineError { column: column_of(name, line), message }
}

/// The column of the first member with this name. It is approximate: the name may occur elsewhere too.
fn column_of(name: &str, line: &[u8]) -> usize {
    let quoted = format!("\"{name}\"");
    line.windows(quoted.len()).position(|window| window == quoted.as_bytes()).map_or(1, |index| index + 1)
}
