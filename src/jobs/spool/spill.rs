//! Writes items to a file on disk for a short time, because they may not fit into memory.

use std::io::SeekFrom;

use futures::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::fs;
use tokio::io::{AsyncBufReadExt, AsyncSeekExt, AsyncWriteExt, BufReader, BufWriter};

use super::DiskSpool;
use crate::error::{Error, Result};

impl DiskSpool {
    /// Writes all items to an unnamed file. The operating system deletes it when it is closed.
    ///
    /// # Errors
    /// The first error of `items`. The disk is full or fails.
    pub async fn write_spill<T: Serialize>(
        &self,
        mut items: impl Stream<Item = Result<T>> + Unpin,
    ) -> Result<SpillFile> {
        let mut file = BufWriter::new(fs::File::from_std(tempfile::tempfile_in(self.root())?));
        while let Some(item) = items.try_next().await? {
            let mut line = serde_json::to_vec(&item).map_err(Error::internal)?;
            line.push(b'\n');
            file.write_all(&line).await?;
        }
        file.flush().await?;
        Ok(SpillFile { file: file.into_inner() })
    }
}

/// An unnamed file with one item a line.
#[derive(Debug)]
pub struct SpillFile {
    file: fs::File,
}

impl SpillFile {
    /// The items from the first one on. Each is read when the stream is polled for it.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn read_spill<T: DeserializeOwned + Send>(&mut self) -> Result<BoxStream<'_, Result<T>>> {
        self.file.seek(SeekFrom::Start(0)).await?;
        let lines = BufReader::new(&mut self.file).lines();
        Ok(stream::try_unfold(lines, |mut lines| async move {
            let Some(line) = lines.next_line().await? else { return Ok(None) };
            Ok(Some((serde_json::from_str(&line).map_err(Error::internal)?, lines)))
        })
        .boxed())
    }
}
