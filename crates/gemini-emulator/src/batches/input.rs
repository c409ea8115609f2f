//! The input of a batch: where it comes from, and whether Google would take it.

use std::path::Path;

use serde_json::Value;
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufReader, BufWriter};

use crate::caller::Caller;
use crate::emulator::Emulator;
use crate::faults::Fault;
use crate::reply::Failure;
use crate::rows::RowInput;
use crate::{files, tokens};
use coldbrew_gemini::jsonl::{Line, Lines};
use coldbrew_gemini::lenient;
use coldbrew_gemini::models::Model;

/// Lines longer than this are refused.
pub(crate) const LINE_BYTES_MAX: usize = 128 << 20;
const INLINE_BYTES_MAX: usize = 20 << 20;
const LINE_ERRORS_MAX: usize = 20;

/// What an input weighs.
pub(super) struct Input {
    pub requests: u64,
    pub tokens: u64,
}

/// The batch has its own hold on the bytes: the file may be deleted.
pub(super) async fn link_file(emulator: &Emulator, caller: &Caller, name: &str, input: &Path) -> Result<(), Failure> {
    let id = name.strip_prefix("files/").ok_or_else(Failure::no_entity)?;
    let file = files::find(emulator, &caller.project, id).map_err(|forbidden| {
        if emulator.faults.happens(Fault::CreateFileForbidden) { forbidden } else { Failure::no_entity() }
    })?;
    if !file.is_active() {
        return Err(files::not_active(id));
    }
    Ok(tokio::fs::hard_link(emulator.files.path(id, "bin"), input).await?)
}

pub(super) async fn write_inline(requests: &Value, path: &Path) -> Result<(), Failure> {
    let items = lenient::member(requests, "requests").and_then(Value::as_array);
    let mut file = BufWriter::new(File::create(path).await?);
    let mut size_bytes = 0;
    for item in items.into_iter().flatten() {
        let mut line = serde_json::to_vec(item).map_err(std::io::Error::from)?;
        line.push(b'\n');
        size_bytes += line.len();
        if size_bytes > INLINE_BYTES_MAX {
            return Err(Failure::invalid(format!("Request payload size exceeds the limit: {INLINE_BYTES_MAX} bytes.")));
        }
        file.write_all(&line).await?;
    }
    Ok(file.flush().await?)
}

/// Google parses all of the input before it answers; a bad line fails the whole create.
pub(super) async fn check_input(path: &Path, model: &Model) -> Result<Input, Failure> {
    let mut lines = Lines::new(BufReader::with_capacity(1 << 20, File::open(path).await?), LINE_BYTES_MAX);
    let mut input = Input { requests: 0, tokens: 0 };
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
            Ok(row) => {
                input.requests += 1;
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
        [] => Err(Failure::invalid("The batch has no requests.")),
        errors => Err(Failure::invalid(errors.join("\n"))),
    }
}
