//! The port of files, and the keys that they are kept under.

use std::path::{Path, PathBuf};

use async_trait::async_trait;

use crate::error::Result;
use crate::markdown::FigureId;

/// Files by key. A key is made of plain names and slashes, never of what a person typed.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Moves a finished local file in under the key, replacing what was there.
    async fn put(&self, key: &str, file: &Path) -> Result<()>;

    /// A local path that holds the file, or `None` if there is none.
    async fn open(&self, key: &str) -> Result<Option<PathBuf>>;

    /// Deletes the file, if it is there.
    async fn delete(&self, key: &str) -> Result<()>;

    /// Gives back the room of what is only kept to be quick.
    async fn purge_incomplete(&self) -> Result<()> {
        Ok(())
    }

    /// Whether files can be had at all.
    async fn check(&self) -> Result<()>;

    /// Deletes every file whose key begins with that folder.
    async fn delete_all(&self, folder: &str) -> Result<()>;
}

/// The folders of all files of an account.
pub fn account_folders(account_id: &str) -> [String; 2] {
    [format!("uploads/{account_id}"), format!("figures/{account_id}")]
}

/// Where an upload's file is kept.
pub fn upload_key(account_id: &str, content_hash: &str) -> String {
    format!("uploads/{account_id}/{content_hash}")
}

/// Where the picture of a figure is kept.
pub fn figure_key(account_id: &str, figure: &FigureId) -> String {
    format!("figures/{account_id}/{}/{}", figure.content_hash, figure.file_name())
}
