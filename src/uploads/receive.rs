//! Brings a file to this machine's disk: streamed, measured and hashed on the way, so that any size needs the same memory.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};

use crate::error::{Error, Result};
use crate::model::{ErrorCode, UPLOAD_BYTES_MAX, hex, size_words};
use crate::settings::Settings;

/// A file that is wholly on this machine's disk, and goes away with this value unless it is kept.
#[derive(Debug)]
pub struct ReceivedFile {
    pub path: tempfile::TempPath,
    /// In bytes.
    pub size: u64,
    /// Of the content, hexadecimal.
    pub sha256: String,
    /// As the sender called it; shown to the owner only.
    pub file_name: Option<String>,
    /// Where it was fetched from, if a person named an address.
    pub url: Option<String>,
}

/// Where files are received, and how large they may be.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// On the disk that keeps them, so that keeping one is a rename.
    pub dir: PathBuf,
    pub bytes_max: u64,
}

/// What is written to the disk at a time: it comes in smaller pieces.
const WRITE_BYTES: usize = 256 * 1024;
/// A file that has not grown for this long is one whose sender or receiver has ended.
const FORSAKEN_AFTER: Duration = Duration::from_secs(3_600);

impl Receiver {
    /// Receives in a folder of the data folder.
    pub fn read(from: &mut Settings, data_dir: &Path) -> Self {
        let bytes_max = from.positive("limits.upload-bytes-max", "COLDBREW_UPLOAD_BYTES_MAX", UPLOAD_BYTES_MAX);
        Self { dir: data_dir.join("receiving"), bytes_max }
    }

    /// Makes the folder, and removes what servers that were killed have left in it. Others may be receiving there at this moment.
    pub async fn open(&self) -> Result<()> {
        tokio::fs::create_dir_all(&self.dir).await?;
        let mut entries = tokio::fs::read_dir(&self.dir).await?;
        while let Some(entry) = entries.next_entry().await? {
            let age = entry.metadata().await.and_then(|found| found.modified()).ok().and_then(|at| at.elapsed().ok());
            if age.is_some_and(|age| age > FORSAKEN_AFTER) {
                let _ = tokio::fs::remove_file(entry.path()).await;
            }
        }
        Ok(())
    }

    /// Writes a stream to a file. Stops at the limit, not at the end.
    pub async fn receive(
        &self,
        mut chunks: impl Stream<Item = Result<Bytes>> + Unpin,
        file_name: Option<&str>,
    ) -> Result<ReceivedFile> {
        let path = tempfile::Builder::new().prefix("upload").tempfile_in(&self.dir)?.into_temp_path();
        let mut file = BufWriter::with_capacity(WRITE_BYTES, File::create(&path).await?);
        let (mut size, mut hasher) = (0, Sha256::new());
        while let Some(chunk) = chunks.next().await.transpose()? {
            size += chunk.len() as u64;
            if size > self.bytes_max {
                return Err(self.too_large());
            }
            hasher.update(&chunk);
            file.write_all(&chunk).await?;
        }
        file.flush().await?;
        let file_name = file_name.map(|name| name.chars().filter(|c| !c.is_control()).take(300).collect());
        Ok(ReceivedFile { path, size, sha256: hex(&hasher.finalize()), file_name, url: None })
    }

    /// The refusal of a file that is larger than is accepted.
    pub fn too_large(&self) -> Error {
        let words = format!("This file is too large; at most {} are accepted.", size_words(self.bytes_max));
        Error::refused(ErrorCode::FileTooLarge, words)
    }
}
