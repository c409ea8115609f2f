//! Writes the input of a batch, one request at a time.

use std::collections::HashSet;
use std::io;

use serde::Serialize;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::check::{LineFault, check_line};
use crate::models::Model;
use crate::request::{Request, RequestFault};
use crate::upload::FILE_BYTES_MAX;

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
    /// Compare it with the batch's [`crate::BatchStats::requests`].
    pub lines: u64,
    pub bytes: u64,
}

/// Writes `{"key": …, "request": …}` lines. Holds nothing but their keys.
pub struct InputWriter<W> {
    writer: W,
    keys: HashSet<String>,
    written: InputSummary,
}

/// A line that Google would take, with its end.
pub struct InputLine {
    key: String,
    bytes: Vec<u8>,
}

impl InputLine {
    /// Checks a request for `model` as Google would. A page of a megabyte takes some milliseconds of computing.
    pub fn new(key: String, request: &Request, model: &Model) -> Result<Self, WriteError> {
        #[derive(Serialize)]
        struct Members<'a> {
            key: &'a str,
            request: &'a Request,
        }
        request.check(model)?;
        if !is_key(&key) {
            return Err(WriteError::Key);
        }
        let mut bytes = serde_json::to_vec(&Members { key: &key, request }).map_err(io::Error::from)?;
        check_line(&bytes)?;
        bytes.push(b'\n');
        Ok(Self { key, bytes })
    }
}

impl<W: AsyncWrite + Unpin> InputWriter<W> {
    pub fn new(writer: W) -> Self {
        Self { writer, keys: HashSet::new(), written: InputSummary::default() }
    }

    /// Appends a line, whose key must be a new one.
    pub async fn write(&mut self, line: InputLine) -> Result<(), WriteError> {
        if self.keys.contains(&line.key) {
            return Err(WriteError::Key);
        }
        let bytes = self.written.bytes + line.bytes.len() as u64;
        if bytes > FILE_BYTES_MAX {
            return Err(WriteError::TooLarge);
        }
        self.writer.write_all(&line.bytes).await?;
        self.keys.insert(line.key);
        self.written = InputSummary { lines: self.written.lines + 1, bytes };
        Ok(())
    }

    /// What was written so far.
    pub fn written(&self) -> InputSummary {
        self.written
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
