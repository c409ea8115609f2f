//! Copies of files from the bucket on this machine. Page processes need a file on a local disk.
//!
//! The folder is bounded in bytes. Several processes may share it, so each counts what it adds, and measures the folder now and then. A copy
//! that was opened a short time ago is kept even beyond the limit: its path was returned and may not have been opened yet. Deleting an open
//! file is harmless.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};
use std::{fs, io};

use tempfile::{NamedTempFile, TempPath};
use tokio::task::spawn_blocking;

use crate::error::{Error, Result};
use crate::store::check_key;

/// A copy is downloaded again after this time. Files never change; but one that another server has deleted must not stay here.
const FRESH_FOR: Duration = Duration::from_secs(24 * 3_600);
/// A copy that was opened within this time is not deleted.
const OPENED_FOR: Duration = Duration::from_secs(600);
/// The folder is measured after this share of its limit was added.
const MEASURED_AFTER: u64 = 16;
/// The prefix of files that are being downloaded. No key has a hyphen.
const UNFINISHED: &str = "-fetching";

/// A folder with copies. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    bytes_max: u64,
    /// What this process has added since the folder was measured.
    added: Arc<AtomicU64>,
}

impl Cache {
    /// Uses the folder, which is made if it does not exist.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub(super) fn open(folder: PathBuf, bytes_max: u64) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, bytes_max, added: Arc::default() })
    }

    /// All copies are in one folder, so that none is left empty.
    fn path(&self, key: &str) -> Result<PathBuf> {
        check_key(key)?;
        Ok(self.folder.join(key.replace('/', "-")))
    }

    /// The copy of this key, if it is fresh.
    ///
    /// # Errors
    /// The key is malformed.
    pub(super) async fn copy(&self, key: &str) -> Result<Option<PathBuf>> {
        let path = self.path(key)?;
        let opened = move || {
            let file = fs::File::open(&path).ok()?;
            let stored = file.metadata().and_then(|found| found.modified()).ok()?;
            let age = stored.elapsed().ok()?;
            // File systems may be mounted without times of access.
            let _ = file.set_times(fs::FileTimes::new().set_accessed(stored + age));
            (age < FRESH_FOR).then_some(path)
        };
        spawn_blocking(opened).await.map_err(Error::internal)
    }

    /// A file in the folder to write a copy to.
    ///
    /// # Errors
    /// The disk is full or fails.
    pub(super) fn unfinished(&self) -> io::Result<TempPath> {
        Ok(NamedTempFile::with_prefix_in(UNFINISHED, &self.folder)?.into_temp_path())
    }

    /// Moves a complete file into the cache.
    ///
    /// # Errors
    /// The file is on another disk, or the disk fails.
    pub(super) async fn add(&self, key: &str, file: &Path) -> Result<PathBuf> {
        let path = self.path(key)?;
        let bytes = tokio::fs::metadata(file).await?.len();
        tokio::fs::rename(file, &path).await?;
        if self.added.fetch_add(bytes, Ordering::Relaxed) + bytes > self.bytes_max / MEASURED_AFTER
            && let Err(error) = self.purge().await
        {
            tracing::warn!(%error, "cached files not purged");
        }
        Ok(path)
    }

    /// Deletes the copy of this key.
    ///
    /// # Errors
    /// The key is malformed, or the disk fails.
    pub(super) async fn remove(&self, key: &str) -> Result<()> {
        Ok(absent(tokio::fs::remove_file(self.path(key)?).await)?)
    }

    /// Deletes all copies below this folder of keys.
    ///
    /// # Errors
    /// As [`Self::remove`].
    pub(super) async fn remove_all(&self, folder: &str) -> Result<()> {
        check_key(folder)?;
        let (root, prefix) = (self.folder.clone(), format!("{}-", folder.replace('/', "-")));
        let remove = move || {
            for entry in fs::read_dir(root)? {
                let entry = entry?;
                if entry.file_name().to_str().is_some_and(|name| name.starts_with(&prefix)) {
                    absent(fs::remove_file(entry.path()))?;
                }
            }
            Ok::<_, io::Error>(())
        };
        Ok(spawn_blocking(remove).await.map_err(Error::internal)??)
    }

    /// Deletes copies that are not fresh, and then those that were not opened for longest, until the folder is within its limit.
    ///
    /// # Errors
    /// The disk fails.
    pub(super) async fn purge(&self) -> Result<()> {
        self.added.store(0, Ordering::Relaxed);
        let (folder, bytes_max) = (self.folder.clone(), self.bytes_max);
        let purge = move || purge(&folder, bytes_max);
        Ok(spawn_blocking(purge).await.map_err(Error::internal)??)
    }
}

fn purge(folder: &Path, bytes_max: u64) -> io::Result<()> {
    let mut copies = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Another process may delete copies too.
        let Ok(found) = entry.metadata() else { continue };
        if found.is_dir() {
            // The version before had a folder for each account.
            fs::remove_dir_all(entry.path())?;
            continue;
        }
        let is_unfinished = entry.file_name().as_encoded_bytes().starts_with(UNFINISHED.as_bytes());
        let (stored, opened) = (found.modified()?, found.accessed()?);
        let used = if is_unfinished { stored } else { opened.max(stored) };
        let age = |since: SystemTime| since.elapsed().unwrap_or_default();
        copies.push((age(used), age(stored) > FRESH_FOR, found.len(), entry.path()));
    }
    copies.sort_unstable_by_key(|(unused, ..)| std::cmp::Reverse(*unused));
    let mut bytes: u64 = copies.iter().map(|(_, _, bytes, _)| bytes).sum();
    for (unused, is_old, its_bytes, path) in copies {
        if unused > OPENED_FOR && (is_old || bytes > bytes_max) {
            absent(fs::remove_file(path))?;
            bytes -= its_bytes;
        }
    }
    Ok(())
}

/// Another process may have deleted it.
fn absent(removed: io::Result<()>) -> io::Result<()> {
    removed.or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn cache_beyond_its_limit_loses_the_copies_not_opened_for_longest_and_no_open_one() {
        let folder = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let minutes = |minutes: u64| now - Duration::from_secs(60 * minutes);
        // The name, the bytes, and the minutes since it was stored and last opened.
        let copies =
            [("a", 40, 300, 20), ("b", 40, 200, 200), ("c", 40, 300, 5), ("d", 40, 1_500, 1), ("e", 1, 1_500, 30)];
        for (name, bytes, stored, opened) in copies {
            let path = folder.path().join(name);
            fs::write(&path, vec![0; bytes]).unwrap();
            let times = fs::FileTimes::new().set_modified(minutes(stored)).set_accessed(minutes(opened));
            fs::File::open(&path).unwrap().set_times(times).unwrap();
        }
        fs::create_dir_all(folder.path().join("uploads/a1")).unwrap();
        purge(folder.path(), 120).unwrap();
        assert_eq!(
            names(folder.path()),
            ["a", "c", "d"],
            "one is too much, one is old, and a folder is of the version before"
        );
        purge(folder.path(), 0).unwrap();
        assert_eq!(names(folder.path()), ["c", "d"], "their paths were returned minutes ago");
    }

    #[tokio::test]
    async fn folder_of_keys_removed_loses_no_other_copies() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().to_owned(), 1 << 20).unwrap();
        for key in ["figures/a1/c1/0_0.png", "figures/a1/c11/0_0.png"] {
            let file = cache.unfinished().unwrap();
            cache.add(key, &file).await.unwrap();
        }
        cache.remove_all("figures/a1/c1").await.unwrap();
        assert_eq!(names(folder.path()), ["figures-a1-c11-0_0.png"]);
        assert!(cache.copy("figures/a1/c1/0_0.png").await.unwrap().is_none());
        assert!(cache.copy("figures/a1/c11/0_0.png").await.unwrap().is_some());
    }
}
