//! Backups of the embedded database and the files: [`backup`] copies them while the server runs, [`restore`] makes a data folder from a copy.
//!
//! A manifest lists each file with its SHA-256. It is written last, so a backup without one is incomplete.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Config;
use super::parts::{SharedTime, deletion, membership};
use crate::accounts::Accounts;
use crate::changes::Changes;
use crate::error::{Error, Result};
use crate::model::hex;
use crate::operations::Operations;
use crate::retention::DeletedAccounts;
use crate::store::sql::SqlStore;

const DATABASE: &str = "coldbrew.db";
const FILES: &str = "blobs";
const MANIFEST: &str = "manifest.json";

/// The SHA-256 of each file of a backup, as hexadecimal digits, by its path in the backup.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Manifest {
    files: BTreeMap<PathBuf, String>,
}

/// What a restore changed in the restored database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Accounts whose sessions and tokens were ended; `None`: they were kept.
    pub locked_out: Option<usize>,
    /// Accounts that were deleted after the backup, and were deleted again.
    pub deleted: usize,
}

impl fmt::Display for Restored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Restored. ")?;
        match self.locked_out {
            Some(accounts) => {
                write!(f, "All sessions and tokens of {accounts} accounts were ended; people sign in again.")?
            }
            None => f.write_str("Sessions and tokens were kept.")?,
        }
        match self.deleted {
            0 => Ok(()),
            deleted => write!(f, " {deleted} accounts were deleted again."),
        }
    }
}

/// Copies the embedded database and the files to a new folder, while the server runs. Only the user of this process can read the copy.
///
/// The database is copied first. The copy may lack files that are deleted meanwhile, and their documents can be read without them.
///
/// # Errors
/// The folder exists, the database is PostgreSQL, or a file cannot be read or written.
pub async fn backup(config: &Config, target: &Path) -> Result<()> {
    if tokio::fs::try_exists(target).await? {
        return Err(Error::internal(format!("{} exists already: name a new folder", target.display())));
    }
    make_folder(target)?;
    let store = config.storage.store().await?;
    let database = target.join(DATABASE);
    // The copy starts as an empty private file, because SQLite would make one that others can read.
    create(&database)?;
    store.copy_to(&database).await?;
    store.close().await;
    DeletedAccounts::of(target).add(DeletedAccounts::of(&config.storage.data_dir).ids().await?).await?;
    let (source, target) = (config.storage.data_dir.join(FILES), target.to_owned());
    in_background(move || {
        let mut manifest = Manifest::default();
        manifest.files.insert(DATABASE.into(), sync_and_hash(&target.join(DATABASE))?);
        for file in files_below(&source)? {
            let name = Path::new(FILES).join(file.strip_prefix(&source).map_err(io::Error::other)?);
            match copy(&file, &target.join(&name)) {
                Ok(hash) => drop(manifest.files.insert(name, hash)),
                // The file was deleted after its folder was listed.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let mut file = create(&target.join(MANIFEST))?;
        file.write_all(&serde_json::to_vec_pretty(&manifest)?)?;
        file.sync_all()?;
        sync_folders(&target)
    })
    .await
}

/// Makes a data folder from a backup. It never overwrites a data folder. Accounts that are listed as deleted, in the backup or in the data
/// folder, are deleted again. All sessions, tokens, invitations and links that set a password end unless `keep_access` is set: a backup may have been read by others.
///
/// # Errors
/// There is a data folder with a database, a file differs from the manifest, or a file cannot be read or written.
pub async fn restore(config: &Config, source: &Path, keep_access: bool) -> Result<Restored> {
    let data_dir = &config.storage.data_dir;
    if tokio::fs::try_exists(data_dir.join(DATABASE)).await? {
        let message = format!("{} contains a database already: move it away first", data_dir.display());
        return Err(Error::internal(message));
    }
    make_folder(data_dir)?;
    // The database is named last: until then, an interrupted restore can be repeated.
    let unfinished = data_dir.join("coldbrew.db.unfinished");
    let (from, to, database) = (source.to_owned(), data_dir.clone(), unfinished.clone());
    in_background(move || {
        let manifest: Manifest = serde_json::from_slice(&fs::read(from.join(MANIFEST))?)?;
        for (name, hash) in &manifest.files {
            let target = if name == Path::new(DATABASE) { database.clone() } else { to.join(checked(name)?) };
            let _ = fs::remove_file(&target);
            if copy(&from.join(name), &target)? != *hash {
                return Err(io::Error::other(format!("{} in the backup is damaged", name.display())));
            }
        }
        sync_folders(&to)
    })
    .await?;
    let list = DeletedAccounts::of(data_dir);
    let known = list.ids().await?;
    let added: Vec<String> = DeletedAccounts::of(source).ids().await?.difference(&known).cloned().collect();
    list.add(added).await?;
    let store = SqlStore::open(&SqlStore::embedded_url(&unfinished)).await?;
    let restored = prepare(config, &store, &list, keep_access).await?;
    store.close().await;
    tokio::fs::rename(&unfinished, data_dir.join(DATABASE)).await?;
    Ok(restored)
}

/// Deletes the listed accounts from a restored database, and ends access to the others.
async fn prepare(config: &Config, store: &SqlStore, list: &DeletedAccounts, keep_access: bool) -> Result<Restored> {
    let mut restored = Restored::default();
    let time = SharedTime::of(store).await?;
    let deletion = deletion(store, config, &time, Changes::default());
    for id in list.ids().await? {
        if store.account(&id).await?.is_some() {
            deletion.delete(&id).await?;
            restored.deleted += 1;
        }
    }
    if !keep_access {
        let membership = membership(config, store, &time, Changes::default());
        let ids = store.accounts_with_credentials().await?;
        for id in &ids {
            membership.lock_out(id).await?;
        }
        store.end_links().await?;
        restored.locked_out = Some(ids.len());
    }
    Ok(restored)
}

/// Runs work on files outside the event loop.
async fn in_background<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    Ok(tokio::task::spawn_blocking(work).await.map_err(Error::internal)??)
}

/// A path of a manifest, which must stay below its folder.
fn checked(name: &Path) -> io::Result<&Path> {
    let is_plain = name.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    if is_plain {
        Ok(name)
    } else {
        Err(io::Error::other(format!("{} in the manifest is no file name", name.display())))
    }
}

/// Makes a folder that only this user can enter.
fn make_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Makes a file that only this user can read.
fn create(file: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)
}

/// Every file below the folder.
fn files_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_dir() { folders.push(entry.path()) } else { files.push(entry.path()) }
        }
    }
    Ok(files)
}

/// Copies a file, syncs the copy and returns its hash.
fn copy(from: &Path, to: &Path) -> io::Result<String> {
    let mut source = File::open(from)?;
    make_folder(to.parent().unwrap_or(to))?;
    let mut target = create(to)?;
    let hash = hash_of(&mut source, |bytes| target.write_all(bytes))?;
    target.sync_all()?;
    Ok(hash)
}

fn sync_and_hash(file: &Path) -> io::Result<String> {
    let mut file = File::open(file)?;
    file.sync_all()?;
    hash_of(&mut file, |_| Ok(()))
}

/// Reads a file to its end, in parts of 64 KiB.
fn hash_of(file: &mut File, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<String> {
    let (mut hasher, mut part) = (Sha256::new(), vec![0; 64 << 10]);
    loop {
        let length = file.read(&mut part)?;
        if length == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(&part[..length]);
        each(&part[..length])?;
    }
}

/// Writes the names in a folder and in all folders below it to disk.
fn sync_folders(folder: &Path) -> io::Result<()> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        File::open(&folder)?.sync_all()?;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Ok(())
}
