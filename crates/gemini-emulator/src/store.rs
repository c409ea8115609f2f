//! Tables on disk. Each row is one small JSON file, which is replaced atomically, and is also in memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{fs, io};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A folder of rows. Writing blocks the thread, which is short for a small row.
pub struct Table<T> {
    folder: PathBuf,
    rows: Mutex<BTreeMap<String, T>>,
}

impl<T: Clone + Serialize + DeserializeOwned> Table<T> {
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let mut rows = BTreeMap::new();
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let id = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            if path.extension().is_some_and(|extension| extension == "json") {
                rows.insert(id.to_owned(), serde_json::from_slice(&fs::read(&path)?)?);
            }
        }
        Ok(Self { folder, rows: Mutex::new(rows) })
    }

    /// The path of a file that belongs to a row.
    pub fn path(&self, id: &str, extension: &str) -> PathBuf {
        self.folder.join(format!("{id}.{extension}"))
    }

    pub fn get(&self, id: &str) -> Option<T> {
        self.rows().get(id).cloned()
    }

    pub fn all(&self) -> Vec<T> {
        self.rows().values().cloned().collect()
    }

    pub fn put(&self, id: &str, row: T) -> io::Result<()> {
        let mut rows = self.rows();
        replace(&self.path(id, "json"), &serde_json::to_vec(&row)?)?;
        rows.insert(id.to_owned(), row);
        Ok(())
    }

    /// Changes a row and returns the new row. `None` if there is no such row.
    pub fn update(&self, id: &str, change: impl FnOnce(&mut T)) -> io::Result<Option<T>> {
        let mut rows = self.rows();
        let Some(row) = rows.get_mut(id) else { return Ok(None) };
        change(row);
        let row = row.clone();
        replace(&self.path(id, "json"), &serde_json::to_vec(&row)?)?;
        Ok(Some(row))
    }

    /// Removes a row and its files.
    pub fn remove(&self, id: &str, extensions: &[&str]) {
        self.rows().remove(id);
        for extension in extensions.iter().chain(&["json"]) {
            // A file that cannot be removed only takes space.
            let _ = fs::remove_file(self.path(id, extension));
        }
    }

    fn rows(&self) -> MutexGuard<'_, BTreeMap<String, T>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    fs::write(&temporary, bytes)?;
    fs::rename(temporary, path)
}
