//! Reads the results of a batch.
//!
//! Match lines to requests by key, never by position: lines may be shuffled, missing or doubled (`docs/GEMINI.md`, "Order and
//! completeness").

use std::io;
use std::path::Path;

use serde_json::Value;
use tokio::fs::File;
use tokio::io::{AsyncBufRead, BufReader};

use super::lines::{Line, Lines};
use crate::envelope::Status;
use crate::lenient;
use crate::response::Answer;

/// The limit of a line. The longest answer of a model is far smaller.
const LINE_BYTES_MAX: usize = 16 << 20;
const BUFFER_BYTES: usize = 1 << 20;

/// The result of one request.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultLine {
    /// The number of the line, counted from 1 with blank lines.
    pub number: u64,
    /// The key of the request. A numeric key is given as its digits. `None` if the line has no key.
    pub key: Option<String>,
    pub outcome: Outcome,
}

/// The outcome of one request.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The model answered. The text may be empty; the finish reason says why.
    Response(Box<Answer>),
    /// The request failed. `code` is a gRPC code.
    Error(Status),
    /// The line has no usable result.
    Unrecognised(LineError),
}

/// Why a result line cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    #[error("not JSON")]
    NotJson,
    /// The last line has no line feed and is not JSON. Download the file again.
    #[error("truncated")]
    Truncated,
    #[error("too long")]
    TooLong,
    /// The line has neither a response nor an error.
    #[error("neither a response nor an error")]
    NoResult,
}

/// Reads a result file line by line and skips blank lines. Holds one line at a time.
pub struct ResultReader<R> {
    lines: Lines<R>,
    number: u64,
}

impl ResultReader<BufReader<File>> {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub async fn open(path: &Path) -> io::Result<Self> {
        Ok(Self::new(BufReader::with_capacity(BUFFER_BYTES, File::open(path).await?)))
    }
}

impl<R: AsyncBufRead + Unpin> ResultReader<R> {
    /// Reads from any bytes. A line of more than 16 MiB is skipped and reported as [`LineError::TooLong`].
    pub const fn new(reader: R) -> Self {
        Self { lines: Lines::new(reader, LINE_BYTES_MAX), number: 0 }
    }

    /// Returns the next line; `None` at the end.
    ///
    /// # Errors
    /// Any error of the reader. A malformed line is an [`Outcome`], not an error.
    pub async fn next(&mut self) -> io::Result<Option<ResultLine>> {
        while let Some(line) = self.lines.next().await? {
            self.number += 1;
            if let Some((key, outcome)) = parse(line) {
                return Ok(Some(ResultLine { number: self.number, key, outcome }));
            }
        }
        Ok(None)
    }
}

/// The key and outcome of a line; `None` if it is blank.
fn parse(line: Line<'_>) -> Option<(Option<String>, Outcome)> {
    let (bytes, oddity) = match line {
        Line::Whole(bytes) => (bytes, LineError::NotJson),
        Line::Unterminated(bytes) => (bytes, LineError::Truncated),
        Line::TooLong => return Some((None, Outcome::Unrecognised(LineError::TooLong))),
    };
    if bytes.trim_ascii().is_empty() {
        return None;
    }
    let Ok(mut value) = serde_json::from_slice(bytes) else {
        return Some((None, Outcome::Unrecognised(oddity)));
    };
    Some((key(&value), outcome(&mut value)))
}

fn key(line: &Value) -> Option<String> {
    let own = lenient::member(line, "key");
    match own.or_else(|| lenient::member(lenient::member(line, "metadata")?, "key"))? {
        Value::String(key) => Some(key.clone()),
        Value::Number(key) => Some(key.to_string()),
        _ => None,
    }
}

fn outcome(line: &mut Value) -> Outcome {
    let is_object = |status: &&Value| status.is_object();
    let failed =
        lenient::member(line, "error").filter(is_object).or_else(|| lenient::member(line, "status").filter(is_object));
    if let Some(status) = failed {
        return Outcome::Error(Status::from_json(status));
    }
    match line.get_mut("response").map(Value::take) {
        Some(response @ Value::Object(_)) => Outcome::Response(Box::new(Answer::from_json(response))),
        _ => Outcome::Unrecognised(LineError::NoResult),
    }
}
