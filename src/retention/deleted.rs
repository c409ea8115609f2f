//! The list of deleted accounts. It is kept outside the database, so that a restored backup does not bring them back.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A file with one account id per line. It is in the data folder and in each backup.
#[derive(Clone, Debug)]
pub struct DeletedAccounts {
    file: PathBuf,
}

impl DeletedAccounts {
    /// The list of this data folder or backup. The file is created with its first account.
    pub fn of(folder: &Path) -> Self {
        Self { file: folder.join("deleted-accounts") }
    }

    /// Adds accounts, and syncs the file.
    ///
    /// # Errors
    /// `unavailable` if the file cannot be written.
    pub async fn add(&self, account_ids: impl IntoIterator<Item = String>) -> Result<()> {
        let lines: String = account_ids.into_iter().map(|id| id + "\n").collect();
        let file = self.file.clone();
        let write = move || {
            let mut file = std::fs::OpenOptions::new().append(true).create(true).open(file)?;
            file.write_all(lines.as_bytes())?;
            file.sync_all()
        };
        Ok(tokio::task::spawn_blocking(write).await.map_err(Error::internal)??)
    }

    /// The ids of all listed accounts.
    ///
    /// # Errors
    /// `unavailable` if the file exists and cannot be read.
    pub async fn ids(&self) -> Result<BTreeSet<String>> {
        match tokio::fs::read_to_string(&self.file).await {
            Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(BTreeSet::new()),
            Err(error) => Err(error.into()),
        }
    }
}
