//! Writes an incoming file to disk. The file is streamed, counted and hashed, so memory use does not depend on its size.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};
use tokio::task::spawn_blocking;

use super::own_folder::{self, OwnFolder};
use crate::error::{Error, Result};
use crate::model::{ErrorCode, UPLOAD_BYTES_MAX, hex, limit_words};
use crate::settings::Settings;

/// A complete file on the local disk. Dropping it deletes the file unless it was moved.
#[derive(Debug)]
pub struct ReceivedFile {
    pub path: tempfile::TempPath,
    /// In bytes.
    pub size: u64,
    /// SHA-256 of the content, in hexadecimal.
    pub sha256: String,
    /// The sender's name of the file. It is shown to the owner only.
    pub file_name: Option<String>,
    /// The URL that the caller gave, for a fetched file.
    pub url: Option<String>,
}

/// The folder for incoming files, and their size limit. Clones share the folder.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// On the disk that stores the files, so that storing one is a rename. Each process has a folder of its own in it.
    pub dir: PathBuf,
    pub bytes_max: u64,
    /// `None`: not opened yet.
    pub(super) own: Option<Arc<OwnFolder>>,
}

/// The size of writes to disk. Network chunks are smaller.
const WRITE_BYTES: usize = 256 * 1024;

impl Receiver {
    /// The folder is `receiving` in the data folder.
    pub fn read(from: &mut Settings, data_dir: &Path) -> Self {
        let bytes_max = from.positive("limits.upload-bytes-max", "COLDBREW_UPLOAD_BYTES_MAX", UPLOAD_BYTES_MAX);
        Self { dir: data_dir.join("receiving"), bytes_max, own: None }
    }

    /// The same with a folder of this process, which is deleted when the process has ended.
    ///
    /// # Errors
    /// `unavailable` if the folder cannot be made.
    pub async fn open(&self) -> Result<Self> {
        let dir = self.dir.clone();
        let own = spawn_blocking(move || OwnFolder::make(&dir)).await.map_err(Error::internal)??;
        Ok(Self { own: Some(Arc::new(own)), ..self.clone() })
    }

    /// Deletes the files of processes that have ended. Other processes may be using the folder.
    ///
    /// # Errors
    /// `unavailable` if the disk fails.
    pub async fn purge(&self) -> Result<()> {
        let dir = self.dir.clone();
        Ok(spawn_blocking(move || own_folder::purge(&dir)).await.map_err(Error::internal)??)
    }

    fn folder(&self) -> &Path {
        self.own.as_ref().map_or(&self.dir, |own| &own.path)
    }

    /// Writes a stream to a file. Stops at the size limit.
    ///
    /// # Errors
    /// `file_too_large`; `unavailable` if the disk fails; the errors of the stream.
    pub async fn receive(
        &self,
        mut chunks: impl Stream<Item = Result<Bytes>> + Unpin,
        file_name: Option<&str>,
    ) -> Result<ReceivedFile> {
        let path = tempfile::Builder::new().prefix("upload").tempfile_in(self.folder())?.into_temp_path();
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

    /// The error for a file above the size limit.
    pub fn too_large(&self) -> Error {
        let message = format!("This file is too large; the limit is {}.", limit_words(self.bytes_max));
        Error::refused(ErrorCode::FileTooLarge, message)
    }
}
