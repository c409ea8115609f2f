//! Checks a line of a batch's input as Google does when the batch is created.

use serde_json::Value;

use crate::schema::{self, Fault, Violation};

/// Why Google would refuse a line, in its words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid JSON, near column {column}: {message}")]
pub(crate) struct LineFault {
    /// Counted from 1.
    pub column: usize,
    pub message: String,
}

/// The request of a line, or why Google would refuse it.
pub(crate) fn check_line(line: &[u8]) -> Result<Value, LineFault> {
    let value: Value = serde_json::from_slice(line)
        .map_err(|error| LineFault { column: error.column().max(1), message: syntax(&error) })?;
    if !value.is_object() {
        let first = line.iter().copied().find(|byte| !byte.is_ascii_whitespace()).map_or(' ', char::from);
        return Err(LineFault { column: 1, message: format!("unexpected character: '{first}'; expected '{{'") });
    }
    schema::check(&value, &schema::BATCH_LINE, "").map_err(|violation| fault(&violation, line))?;
    if value.get("request").is_none_or(Value::is_null) {
        return Err(LineFault { column: 1, message: "no request".into() });
    }
    Ok(value)
}

/// What serde says, without where.
fn syntax(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

fn fault(violation: &Violation, line: &[u8]) -> LineFault {
    let name = violation.fault.name();
    let message = match &violation.fault {
        Fault::UnknownName(name) => format!("no such field: '{name}'"),
        Fault::InvalidValue(name, expected) => format!("invalid value for field '{name}': expected {expected}"),
        Fault::AlreadySet(name) => format!("field '{name}' is of a oneof that is already set"),
    };
    LineFault { column: column_of(name, line), message }
}

/// Where the name first stands as a member; near enough for whoever looks.
fn column_of(name: &str, line: &[u8]) -> usize {
    let quoted = format!("\"{name}\"");
    line.windows(quoted.len()).position(|window| window == quoted.as_bytes()).map_or(1, |index| index + 1)
}
