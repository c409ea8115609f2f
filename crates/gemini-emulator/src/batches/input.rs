//! Stores the input of a batch and checks its lines as Google does.

use std::path::Path;

use serde_json::Value;
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufReader, BufWriter};

use crate::caller::Caller;
use crate::emulator::Emulator;
use crate::faults::Fault;
use crate::line::unknown_field;
use crate::reply::ApiError;
use crate::rows::RowInput;
use crate::validate::is_protected;
use crate::{files, tokens};
use coldbrew_gemini::jsonl::{Line, Lines};
use coldbrew_gemini::lenient;
use coldbrew_gemini::models::Model;

/// The limit of a line. Longer lines are refused.
pub(crate) const LINE_BYTES_MAX: usize = 128 << 20;
const INLINE_BYTES_MAX: usize = 20 << 20;
const LINE_ERRORS_MAX: usize = 20;

/// The size of an input: its requests, and the tokens of their prompts.
pub(super) struct Input {
    pub requests: u64,
    pub tokens: u64,
    /// Requests without `"store": false`.
    pub unprotected: u64,
}

/// Links the input file to the batch, so that the batch does not need the file any more.
pub(super) async fn link_file(emulator: &Emulator, caller: &Caller, name: &str, input: &Path) -> Result<(), ApiError> {
    let id = name.strip_prefix("files/").ok_or_else(ApiError::no_entity)?;
    let file = files::find(emulator, &caller.project, id).map_err(|forbidden| {
        if emulator.faults.happens(Fault::CreateFileForbidden) { forbidden } else { ApiError::no_entity() }
    })?;
    if !file.is_active() {
        return Err(files::not_active(id));
    }
    Ok(tokio::fs::hard_link(emulator.files.path(id, "bin"), input).await?)
}

pub(super) async fn write_inline(requests: &Value, path: &Path) -> Result<(), ApiError> {
    let items = lenient::member(requests, "requests").and_then(Value::as_array);
    let mut file = BufWriter::new(File::create(path).await?);
    let mut size_bytes = 0;
    for item in items.into_iter().flatten() {
        let mut line = serde_json::to_vec(item).map_err(std::io::Error::from)?;
        line.push(b'\n');
        size_bytes += line.len();
        if size_bytes > INLINE_BYTES_MAX {
            return Err(ApiError::invalid(format!(
                "Request payload size exceeds the limit: {INLINE_BYTES_MAX} bytes."
            )));
        }
        file.write_all(&line).await?;
    }
    Ok(file.flush().await?)
}

/// Checks all lines. Google parses the whole input before it answers, and one bad line fails the create
/// (<https://github.com/UKGovernmentBEIS/inspect_ai/issues/3257>, read 2026-11-23).
///
/// `refuses_store`: the field `store` is not known.
pub(super) async fn check_input(path: &Path, model: &Model, refuses_store: bool) -> Result<Input, ApiError> {
    let mut lines = Lines::new(BufReader::with_capacity(1 << 20, File::open(path).await?), LINE_BYTES_MAX);
    let mut input = Input { requests: 0, tokens: 0, unprotected: 0 };
    let mut errors = Vec::new();
    let mut number = 0;
    while let Some(line) = lines.next().await? {
        number += 1;
        let bytes = match line {
            Line::Whole(bytes) | Line::Unterminated(bytes) => bytes,
            Line::TooLong => {
                errors.push(format!("Error on line {number}: the line is too long"));
                continue;
            }
        };
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        match RowInput::read(bytes) {
            Ok(row) if refuses_store && lenient::member(&row.request, "store").is_some() => {
                errors.push(format!("Error on line {number}: {}", unknown_field("store", bytes)));
            }
            Ok(row) => {
                input.requests += 1;
                input.unprotected += u64::from(!is_protected(&row.request));
                input.tokens += tokens::of_prompt(&row.request, &[], model).total();
            }
            Err(fault) => errors.push(format!("Error on line {number}: {fault}")),
        }
        if errors.len() >= LINE_ERRORS_MAX {
            break;
        }
    }
    match errors.as_slice() {
        [] if input.requests > 0 => Ok(input),
        [] => Err(ApiError::invalid("The batch has no requests.")),
        errors => Err(ApiError::invalid(errors.join("\n"))),
    }
}
