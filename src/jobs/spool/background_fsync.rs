//! Writes a large file through to disk while the rest of it is still being written, so that the last sync takes little time.

use std::io;
use std::sync::Arc;

use tokio::fs::File;
use tokio::task::{JoinHandle, spawn_blocking};

/// A sync begins after so many new bytes.
const BYTES_MIN: u64 = 32 << 20;

/// Syncs a file in the background. It guarantees nothing: the file is durable only after the caller's own sync at the end.
pub(crate) struct BackgroundFsync {
    file: Arc<std::fs::File>,
    /// Bytes of the file when the last sync began.
    begun_at: u64,
    running: Option<JoinHandle<io::Result<()>>>,
}

impl BackgroundFsync {
    /// For an empty file.
    ///
    /// # Errors
    /// The file's descriptor cannot be duplicated.
    pub(crate) async fn of(file: &File) -> io::Result<Self> {
        let file = Arc::new(file.try_clone().await?.into_std().await);
        Ok(Self { file, begun_at: 0, running: None })
    }

    /// Begins a sync, if enough new bytes were written and no sync is running. `bytes`: written so far in all.
    ///
    /// # Errors
    /// The sync before failed.
    pub(crate) async fn go_on(&mut self, bytes: u64) -> io::Result<()> {
        let is_busy = self.running.as_ref().is_some_and(|running| !running.is_finished());
        if is_busy || bytes < self.begun_at + BYTES_MIN {
            return Ok(());
        }
        self.settle().await?;
        let file = Arc::clone(&self.file);
        self.begun_at = bytes;
        self.running = Some(spawn_blocking(move || file.sync_data()));
        Ok(())
    }

    /// Waits for the running sync.
    ///
    /// # Errors
    /// The sync failed. The caller must not ignore this: Linux reports an error once, and the sync at the end would then succeed
    /// (<https://docs.kernel.org/filesystems/vfs.html>, "Handling errors during writeback", read 2026-11-30).
    pub(crate) async fn settle(&mut self) -> io::Result<()> {
        match self.running.take() {
            Some(running) => running.await.map_err(io::Error::other)?,
            None => Ok(()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sync_begins_after_enough_new_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::create(folder.path().join("input")).await.unwrap();
        let mut sync = BackgroundFsync::of(&file).await.unwrap();
        sync.go_on(BYTES_MIN - 1).await.unwrap();
        assert!(sync.running.is_none());
        sync.go_on(BYTES_MIN).await.unwrap();
        assert!(sync.running.is_some());
        sync.settle().await.unwrap();
        sync.go_on(2 * BYTES_MIN - 1).await.unwrap();
        assert!(sync.running.is_none(), "too few new bytes");
    }

    #[tokio::test]
    async fn failed_sync_is_reported() {
        // `/dev/null` does not support syncing.
        let file = File::options().write(true).open("/dev/null").await.unwrap();
        let mut sync = BackgroundFsync::of(&file).await.unwrap();
        sync.go_on(BYTES_MIN).await.unwrap();
        assert!(sync.settle().await.is_err());
    }
}
