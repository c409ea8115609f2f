//! Files in a folder: the default adapter of [`Blobs`].

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use tokio::fs;

use super::check_key;
use crate::error::Result;
use crate::uploads::Blobs;

/// A folder in which each key is the relative path of a file.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Stores files below `root`, which is made if it does not exist.
    ///
    /// # Errors
    /// `unavailable` if the folder cannot be made.
    pub async fn open(root: PathBuf) -> Result<Self> {
        fs::create_dir_all(&root).await?;
        Ok(Self { root })
    }

    /// The path of a key.
    fn path(&self, key: &str) -> Result<PathBuf> {
        check_key(key)?;
        Ok(self.root.join(key))
    }
}

#[async_trait]
impl Blobs for Folder {
    async fn put(&self, key: &str, file: &Path) -> Result<()> {
        let target = self.path(key)?;
        let parent = target.parent().unwrap_or(&self.root).to_owned();
        fs::create_dir_all(&parent).await?;
        // File, then name, then folder are written to disk, so after a power failure the file is complete or absent.
        fs::File::open(file).await?.sync_all().await?;
        fs::rename(file, &target).await?;
        fs::File::open(parent).await?.sync_all().await?;
        Ok(())
    }

    async fn open(&self, key: &str) -> Result<Option<PathBuf>> {
        let path = self.path(key)?;
        Ok(fs::try_exists(&path).await?.then_some(path))
    }

    async fn exists(&self, key: &str) -> Result<bool> {
        match fs::metadata(self.path(key)?).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            found => Ok(found?.is_file()),
        }
    }

    async fn copy(&self, from: &str, to: &str) -> Result<bool> {
        let (source, target) = (self.path(from)?, self.path(to)?);
        if !fs::try_exists(&source).await? {
            return Ok(false);
        }
        let parent = target.parent().unwrap_or(&self.root).to_owned();
        fs::create_dir_all(&parent).await?;
        // A second name of the same file takes no time and no space. Not every file system has them.
        match fs::hard_link(&source, &target).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                let copy = tempfile::Builder::new().prefix(".copy").tempfile_in(&parent)?.into_temp_path();
                fs::copy(&source, &copy).await?;
                fs::File::open(&copy).await?.sync_all().await?;
                fs::rename(&copy, &target).await?;
            }
            _ => {}
        }
        fs::File::open(parent).await?.sync_all().await?;
        Ok(true)
    }

    async fn delete(&self, key: &str) -> Result<()> {
        match fs::remove_file(self.path(key)?).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    async fn check(&self) -> Result<()> {
        fs::metadata(&self.root).await?;
        Ok(())
    }

    async fn delete_all(&self, folder: &str) -> Result<()> {
        match fs::remove_dir_all(self.path(folder)?).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}
