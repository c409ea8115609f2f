//! The port of stored files, and their keys.

use std::path::{Path, PathBuf};

use async_trait::async_trait;

use crate::error::Result;
use crate::markdown::FigureId;
use crate::model::UnixMs;

/// Stores files by key. A key consists of plain names and slashes, and never of user input.
///
/// # Errors
/// Every method fails with `unavailable` if the storage cannot be reached or used, and with `internal` for a malformed key.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Moves a complete local file to the key. It replaces an existing file.
    async fn put(&self, key: &str, file: &Path) -> Result<()>;

    /// A local path of the file, or `None` if there is no file.
    async fn open(&self, key: &str) -> Result<Option<PathBuf>>;

    /// Whether the storage has the file. A local cache does not count.
    async fn exists(&self, key: &str) -> Result<bool>;

    /// Copies the file at the key `from` to the key `to`. Files never change, so a file that is there already may stay. Returns `false` if
    /// there is no file.
    async fn copy(&self, from: &str, to: &str) -> Result<bool>;

    /// Deletes the file, if it exists.
    async fn delete(&self, key: &str) -> Result<()>;

    /// Deletes what interrupted processes left: old cached files on this machine, and parts of files in the storage, if the adapter has any.
    async fn purge_incomplete(&self, _now: UnixMs) -> Result<()> {
        Ok(())
    }

    /// Checks that the storage can be used.
    async fn check(&self) -> Result<()>;

    /// Deletes every file below this folder.
    async fn delete_all(&self, folder: &str) -> Result<()>;
}

/// The folders with all files of an account.
pub fn account_folders(account_id: &str) -> [String; 2] {
    [format!("uploads/{account_id}"), format!("figures/{account_id}")]
}

/// The key of an upload's file.
pub fn upload_key(account_id: &str, content_hash: &str) -> String {
    format!("uploads/{account_id}/{content_hash}")
}

/// The folder with the images of a content's figures.
pub fn figure_folder(account_id: &str, content_hash: &str) -> String {
    format!("figures/{account_id}/{content_hash}")
}

/// The key of a figure's image.
pub fn figure_key(account_id: &str, figure: &FigureId) -> String {
    format!("{}/{}", figure_folder(account_id, &figure.content_hash), figure.file_name())
}
