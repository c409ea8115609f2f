//! Writes the input of a batch, one request at a time.

use std::collections::HashSet;
use std::io;

use serde::Serialize;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::models::Model;
use crate::request::{Request, RequestFault};
use crate::upload::FILE_BYTES_MAX;

/// Why a request was not written. Nothing of it is in the file.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("the model would refuse it: {0}")]
    Request(#[from] RequestFault),
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

/// A request that its model takes, as a line.
pub struct InputLine {
    key: String,
    bytes: Vec<u8>,
}

impl InputLine {
    /// Writes the request as a line, if `model` takes it. A page of a megabyte takes a millisecond of computing.
    ///
    /// # Errors
    /// [`WriteError::Request`] if the model refuses such a request, [`WriteError::Key`] if the key is malformed.
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
        bytes.push(b'\n');
        Ok(Self { key, bytes })
    }

    /// One JSON object and a line feed.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl<W: AsyncWrite + Unpin> InputWriter<W> {
    /// A writer of an empty file.
    pub fn new(writer: W) -> Self {
        Self { writer, keys: HashSet::new(), written: InputSummary::default() }
    }

    /// Appends a line, whose key must be a new one.
    ///
    /// # Errors
    /// [`WriteError::Key`] if the key was used before, [`WriteError::TooLarge`] if the file would be, [`WriteError::Io`] from the writer.
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

    /// Flushes, and hands the writer back: a file may have to be synced.
    ///
    /// # Errors
    /// [`WriteError::Io`] from the writer.
    pub async fn finish(mut self) -> Result<(W, InputSummary), WriteError> {
        self.writer.flush().await?;
        Ok((self.writer, self.written))
    }
}

fn is_key(key: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-');
    (1..=64).contains(&key.len()) && key.bytes().all(plain)
}
