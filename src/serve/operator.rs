//! The operator's commands on a data folder: backups, and changes of accounts.

use std::path::Path;

use tokio::fs;

use super::Config;
use crate::error::{Error, Result};
use crate::operations::Operations;
use crate::store::sql::SqlStore;

const DATABASE: &str = "coldbrew.db";
const FILES: &str = "blobs";

/// Copies the embedded database and the files to a new folder, while the server runs.
///
/// The database is copied first. The copy may lack files that are deleted meanwhile, and their documents can be read without them.
///
/// # Errors
/// The folder exists, the database is PostgreSQL, or a file cannot be read or written.
pub async fn backup(config: &Config, target: &Path) -> Result<()> {
    if fs::try_exists(target).await? {
        return Err(Error::internal(format!("{} exists already: name a new folder", target.display())));
    }
    fs::create_dir_all(target).await?;
    let store = config.storage.store().await?;
    store.copy_to(&target.join(DATABASE)).await?;
    store.close().await;
    copy_folder(&config.storage.data_dir.join(FILES), &target.join(FILES)).await
}

/// Makes a data folder from a backup. It never overwrites a data folder.
///
/// # Errors
/// There is a data folder, or a file cannot be read or written.
pub async fn restore(config: &Config, source: &Path) -> Result<()> {
    let data_dir = &config.storage.data_dir;
    if fs::try_exists(data_dir.join(DATABASE)).await? {
        let message = format!("{} contains a database already: move it away first", data_dir.display());
        return Err(Error::internal(message));
    }
    fs::create_dir_all(data_dir).await?;
    copy_folder(&source.join(FILES), &data_dir.join(FILES)).await?;
    // The database is copied last, and renamed: until then, an interrupted restore can be repeated.
    let unfinished = data_dir.join("coldbrew.db.unfinished");
    fs::copy(source.join(DATABASE), &unfinished).await?;
    fs::File::open(&unfinished).await?.sync_all().await?;
    fs::rename(&unfinished, data_dir.join(DATABASE)).await?;
    Ok(())
}

/// The id of the account with this id or e-mail address.
pub(super) async fn account_id(store: &SqlStore, account: &str) -> Result<String> {
    let id = store.find_account(&account.to_lowercase()).await?;
    id.ok_or_else(|| Error::internal(format!("there is no account {account}")))
}

/// Copies a folder and everything in it. If the source does not exist, the copy is empty.
async fn copy_folder(source: &Path, target: &Path) -> Result<()> {
    let mut folders = vec![(source.to_owned(), target.to_owned())];
    while let Some((source, target)) = folders.pop() {
        fs::create_dir_all(&target).await?;
        if !fs::try_exists(&source).await? {
            continue;
        }
        let mut entries = fs::read_dir(&source).await?;
        while let Some(entry) = entries.next_entry().await? {
            let (from, to) = (entry.path(), target.join(entry.file_name()));
            if entry.file_type().await?.is_dir() {
                folders.push((from, to));
            } else if let Err(error) = fs::copy(&from, &to).await {
                // The file was deleted after the folder was listed.
                if error.kind() != std::io::ErrorKind::NotFound {
                    return Err(error.into());
                }
            }
        }
    }
    Ok(())
}
