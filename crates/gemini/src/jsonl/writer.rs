//! Writes the input file of a batch, one request at a time.

use std::collections::HashSet;
use std::io;

use serde::Serialize;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::models::Model;
use crate::request::{Request, RequestError};
use crate::upload::FILE_BYTES_MAX;

/// Why a request was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("the model would refuse it: {0}")]
    Request(#[from] RequestError),
    #[error("a key must have 1 to 64 characters of A-Z, a-z, 0-9, '.', '_', ':' and '-', and be unique")]
    Key,
    /// The file would exceed [`FILE_BYTES_MAX`]. Use two batches.
    #[error("the file would be larger than {FILE_BYTES_MAX} bytes")]
    TooLarge,
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// The size of an input file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputSummary {
    /// Number of requests. Compare it with [`crate::BatchStats::requests`] of the created batch.
    pub lines: u64,
    pub bytes: u64,
}

/// Writes `{"key": …, "request": …}` lines. Holds only their keys.
pub struct InputWriter<W> {
    writer: W,
    keys: HashSet<String>,
    written: InputSummary,
}

/// A checked request as one line of an input file.
pub struct InputLine {
    key: String,
    bytes: Vec<u8>,
}

impl InputLine {
    /// Checks the request against `model` and serializes it. This is work for the CPU: the time grows with the size of the page.
    ///
    /// # Errors
    /// - [`WriteError::Request`]: the model would refuse the request.
    /// - [`WriteError::Key`]: the key is malformed.
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

    /// The line: one JSON object and a line feed.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl<W: AsyncWrite + Unpin> InputWriter<W> {
    /// Starts an empty file.
    pub fn new(writer: W) -> Self {
        Self { writer, keys: HashSet::new(), written: InputSummary::default() }
    }

    /// Appends a line. Its key must not be in the file yet.
    ///
    /// # Errors
    /// - [`WriteError::Key`]: the key is already in the file.
    /// - [`WriteError::TooLarge`]: the file would be too large. Nothing was written.
    /// - [`WriteError::Io`]: the writer failed. Part of the line may have been written.
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

    /// The size of the file so far.
    pub fn written(&self) -> InputSummary {
        self.written
    }

    /// Flushes and returns the writer, so that the caller can synchronize its file.
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
