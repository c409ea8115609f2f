//! What `/readyz` asks.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::tracked::Tracked;
use crate::api::{Findings, Readiness};
use crate::error::Result;
use crate::store::sql::SqlStore;
use crate::uploads::Blobs;
use crate::uploads::Incoming;
use coldbrew_pdf::Engine;

/// What takes longer does not answer.
const PATIENCE: Duration = Duration::from_secs(3);
const SILENT: &str = "no answer";
/// What a disk that is not full has room for.
static PROBE: [u8; 65_536] = [0; 65_536];

/// What this process depends on.
pub(crate) struct Dependencies {
    pub store: SqlStore,
    pub tracked: Tracked,
    pub engine: Engine,
    pub blobs: Arc<dyn Blobs>,
    pub incoming: Incoming,
    /// Where this process writes.
    pub data_dir: PathBuf,
}

#[async_trait]
impl Readiness for Dependencies {
    async fn check(&self) -> Findings {
        let redis = async { timeout(PATIENCE, self.tracked.check()).await.unwrap_or(Some(false)) };
        let (database, redis, files, disk, pages) = tokio::join!(
            answers(self.store.ping()),
            redis,
            answers(self.blobs.check()),
            answers(self.check_disk()),
            answers(self.engine.check()),
        );
        let redis = redis.map(|there| ("redis", if there { Ok(()) } else { Err(SILENT.to_owned()) }));
        let sandbox = pages.as_ref().ok().copied();
        let checks = [
            ("database", database.map(drop)),
            ("files", files.map(drop)),
            ("disk", disk.map(drop)),
            ("page_engine", pages.map(drop)),
        ];
        Findings { dependencies: checks.into_iter().chain(redis).collect(), sandbox }
    }
}

impl Dependencies {
    async fn check_disk(&self) -> Result<()> {
        write_probe(&self.data_dir).await?;
        self.incoming.check()
    }
}

async fn answers<T, E: ToString>(question: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    match timeout(PATIENCE, question).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(SILENT.to_owned()),
    }
}

/// Writes a file and takes it away again.
async fn write_probe(folder: &Path) -> Result<()> {
    let probe = tempfile::Builder::new().prefix("probe").tempfile_in(folder)?;
    let mut file = File::from_std(probe.reopen()?);
    file.write_all(&PROBE).await?;
    // What went wrong with a write is said by the flush, and not by the sync.
    file.flush().await?;
    Ok(file.sync_data().await?)
}
