//! Writes the input of a batch, one request at a time.

use std::collections::HashSet;
use std::io;

use serde::Serialize;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::check::{LineFault, check_line};
use crate::gemini::models::Model;
use crate::gemini::request::{Request, RequestFault};
use crate::gemini::upload::FILE_BYTES_MAX;

/// Why a request was not written. Nothing of it is in the file.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("the model would refuse it: {0}")]
    Request(#[from] RequestFault),
    /// A fault of this client: it made a line that Google would refuse.
    #[error("Google would refuse the line: {0}")]
    Line(#[from] LineFault),
    #[error("a key must be 1 to 64 of A-Z, a-z, 0-9, '.', '_', ':' and '-', and used once")]
    Key,
    /// Make two batches of it.
    #[error("the file would be larger than {FILE_BYTES_MAX} bytes")]
    TooLarge,
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputSummary {
    /// Compare it with the batch's [`crate::gemini::BatchStats::requests`].
    pub lines: u64,
    pub bytes: u64,
}

/// Writes `{"key": …, "request": …}` lines. Holds one request at a time, besides the keys.
pub struct InputWriter<W> {
    writer: W,
    model: Model,
    keys: HashSet<String>,
    line: Vec<u8>,
    written: InputSummary,
}

#[derive(Serialize)]
struct InputLine<'a> {
    key: &'a str,
    request: &'a Request,
}

impl<W: AsyncWrite + Unpin> InputWriter<W> {
    /// The requests are for `model`.
    pub fn new(writer: W, model: Model) -> Self {
        Self { writer, model, keys: HashSet::new(), line: Vec::new(), written: InputSummary::default() }
    }

    /// Checks a request as Google would and appends it.
    pub async fn write(&mut self, key: &str, request: &Request) -> Result<(), WriteError> {
        request.check(&self.model)?;
        if !is_key(key) || self.keys.contains(key) {
            return Err(WriteError::Key);
        }
        self.line.clear();
        serde_json::to_writer(&mut self.line, &InputLine { key, request }).map_err(io::Error::from)?;
        check_line(&self.line)?;
        self.line.push(b'\n');
        let bytes = self.written.bytes + self.line.len() as u64;
        if bytes > FILE_BYTES_MAX {
            return Err(WriteError::TooLarge);
        }
        self.writer.write_all(&self.line).await?;
        self.keys.insert(key.to_owned());
        self.written = InputSummary { lines: self.written.lines + 1, bytes };
        Ok(())
    }

    /// Flushes, and hands the writer back: a file may want to be synced.
    pub async fn finish(mut self) -> Result<(W, InputSummary), WriteError> {
        self.writer.flush().await?;
        Ok((self.writer, self.written))
    }
}

fn is_key(key: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-');
    (1..=64).contains(&key.len()) && key.bytes().all(plain)
}
