//! A folder for the files of one process. After the end of the process, other processes can see that the files are unused.
//!
//! The process holds a lock on its folder (`flock`). The kernel releases it when the process ends, so neither `kill -9` nor a process id
//! that is used again can deceive. All folders have one parent. Making and deleting them is done under a lock on that parent, so no folder
//! is deleted between its making and its lock.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A file beside the folders is from the version before. After this time without growth it has no writer.
const STALE_AFTER: Duration = Duration::from_secs(3_600);

/// The folder of this process. Dropping it deletes it if it is empty.
#[derive(Debug)]
pub(super) struct OwnFolder {
    pub(super) path: PathBuf,
    _lock: File,
}

impl OwnFolder {
    /// Makes a folder in `parent`.
    ///
    /// # Errors
    /// The parent cannot be used.
    pub(super) fn make(parent: &Path) -> io::Result<Self> {
        fs::create_dir_all(parent)?;
        let _guard = locked(parent)?;
        let path = tempfile::Builder::new().prefix("process").tempdir_in(parent)?.keep();
        let lock = locked(&path)?;
        Ok(Self { path, _lock: lock })
    }
}

impl Drop for OwnFolder {
    fn drop(&mut self) {
        // Otherwise the next purge deletes it.
        let _ = fs::remove_dir(&self.path);
    }
}

/// Deletes the folders in `parent` whose processes have ended.
///
/// # Errors
/// The parent cannot be read, or a folder cannot be deleted.
pub(super) fn purge(parent: &Path) -> io::Result<()> {
    fs::create_dir_all(parent)?;
    let _guard = locked(parent)?;
    for entry in fs::read_dir(parent)? {
        let path = entry?.path();
        // A process that stops deletes its folder itself.
        let Ok(found) = path.metadata() else { continue };
        if found.is_dir() {
            if File::open(&path)?.try_lock().is_ok() {
                fs::remove_dir_all(&path)?;
            }
        } else if found.modified()?.elapsed().is_ok_and(|age| age > STALE_AFTER) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

fn locked(folder: &Path) -> io::Result<File> {
    let file = File::open(folder)?;
    file.lock()?;
    Ok(file)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn folder_is_purged_once_its_owner_has_ended_and_not_before() {
        let parent = tempfile::tempdir().unwrap();
        let (ended, running) = (OwnFolder::make(parent.path()).unwrap(), OwnFolder::make(parent.path()).unwrap());
        for folder in [&ended, &running] {
            fs::write(folder.path.join("upload"), "half a file").unwrap();
        }
        purge(parent.path()).unwrap();
        assert!(ended.path.join("upload").exists());
        let path = ended.path.clone();
        // The folder is not empty, so dropping its owner leaves it.
        drop(ended);
        assert!(path.exists());
        purge(parent.path()).unwrap();
        assert!(!path.exists() && running.path.join("upload").exists());
        fs::remove_file(running.path.join("upload")).unwrap();
        drop(running);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0, "an empty folder is deleted with its owner");
    }
}
