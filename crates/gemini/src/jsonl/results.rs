//! Reads the results of a batch. Match lines to requests by key, never by position: lines may be shuffled, missing, doubled.

use std::io;
use std::path::Path;

use serde_json::Value;
use tokio::fs::File;
use tokio::io::{AsyncBufRead, BufReader};

use super::lines::{Line, Lines};
use crate::envelope::Status;
use crate::lenient;
use crate::response::Answer;

/// Far above the longest answer a model can write.
const LINE_BYTES_MAX: usize = 16 << 20;
const BUFFER_BYTES: usize = 1 << 20;

/// The result of one request.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultLine {
    /// Counted from 1, blank lines included.
    pub number: u64,
    /// Of the request it answers; `None` if the line has none. A numeric key is given as its digits.
    pub key: Option<String>,
    pub outcome: Outcome,
}

/// How a request went.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It was answered, maybe with nothing: look at the text and the finish reason.
    Response(Box<Answer>),
    /// It failed by itself; `code` is the gRPC number.
    Error(Status),
    Unrecognised(Oddity),
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Oddity {
    #[error("not JSON")]
    NotJson,
    /// The last line, broken off: download the file once more.
    #[error("cut off")]
    CutOff,
    #[error("too long")]
    TooLong,
    /// Neither a response nor an error.
    #[error("no result in it")]
    NoResult,
}

/// The lines of a result file, blank ones left out. Holds one line at a time.
pub struct ResultReader<R> {
    lines: Lines<R>,
    number: u64,
}

impl ResultReader<BufReader<File>> {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub async fn open(path: &Path) -> io::Result<Self> {
        Ok(Self::new(BufReader::with_capacity(BUFFER_BYTES, File::open(path).await?)))
    }
}

impl<R: AsyncBufRead + Unpin> ResultReader<R> {
    /// Reads any bytes; lines of more than 16 MiB are reported and skipped.
    pub const fn new(reader: R) -> Self {
        Self { lines: Lines::new(reader, LINE_BYTES_MAX), number: 0 }
    }

    /// The next line; `None` at the end.
    ///
    /// # Errors
    /// Those of the reader. What is wrong with a line is an [`Outcome`].
    pub async fn next(&mut self) -> io::Result<Option<ResultLine>> {
        while let Some(line) = self.lines.next().await? {
            self.number += 1;
            if let Some((key, outcome)) = read(line) {
                return Ok(Some(ResultLine { number: self.number, key, outcome }));
            }
        }
        Ok(None)
    }
}

/// Key and outcome of a line; `None` if it is blank.
fn read(line: Line<'_>) -> Option<(Option<String>, Outcome)> {
    let (bytes, oddity) = match line {
        Line::Whole(bytes) => (bytes, Oddity::NotJson),
        Line::Unterminated(bytes) => (bytes, Oddity::CutOff),
        Line::TooLong => return Some((None, Outcome::Unrecognised(Oddity::TooLong))),
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
        return Outcome::Error(Status::read(status));
    }
    match line.get_mut("response").map(Value::take) {
        Some(response @ Value::Object(_)) => Outcome::Response(Box::new(Answer::read(response))),
        _ => Outcome::Unrecognised(Oddity::NoResult),
    }
}
