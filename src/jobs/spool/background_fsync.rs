//! A large file is brought to the disk while it is written, so that little is left to wait for at its end.

use std::io;
use std::sync::Arc;

use tokio::fs::File;
use tokio::task::{JoinHandle, spawn_blocking};

/// So many bytes are worth a turn of the disk.
const BYTES_MIN: u64 = 32 << 20;

/// See the module. It promises nothing: only the sync at the end does.
pub(crate) struct BackgroundFsync {
    file: Arc<std::fs::File>,
    /// Bytes of the file when the last sync began.
    begun_at: u64,
    running: Option<JoinHandle<io::Result<()>>>,
}

impl BackgroundFsync {
    /// Of a file to which nothing is written yet.
    pub(crate) async fn of(file: &File) -> io::Result<Self> {
        let file = Arc::new(file.try_clone().await?.into_std().await);
        Ok(Self { file, begun_at: 0, running: None })
    }

    /// Has the disk begin with what is new, if that is worth it and the disk is done with the last. `bytes` is how many were written
    /// so far.
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

    /// Waits for what was begun. A fault of the disk is told once, to whoever syncs: it must not be lost here.
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
    async fn a_sync_begins_when_it_is_worth_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::create(folder.path().join("input")).await.unwrap();
        let mut sync = BackgroundFsync::of(&file).await.unwrap();
        sync.go_on(BYTES_MIN - 1).await.unwrap();
        assert!(sync.running.is_none());
        sync.go_on(BYTES_MIN).await.unwrap();
        assert!(sync.running.is_some());
        sync.settle().await.unwrap();
        sync.go_on(2 * BYTES_MIN - 1).await.unwrap();
        assert!(sync.running.is_none(), "it had most of that");
    }

    #[tokio::test]
    async fn what_the_disk_says_is_not_lost() {
        // No disk is behind it, which the kernel says of a sync.
        let file = File::options().write(true).open("/dev/null").await.unwrap();
        let mut sync = BackgroundFsync::of(&file).await.unwrap();
        sync.go_on(BYTES_MIN).await.unwrap();
        assert!(sync.settle().await.is_err());
    }
}
