//! The checks of `/readyz`: each dependency of this process.

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
use crate::operations::Dependency;
use crate::store::sql::SqlStore;
use crate::uploads::{Blobs, Incoming};
use coldbrew_pdf::Engine;

/// How long a check may take. After that, the dependency counts as unavailable.
const TIMEOUT: Duration = Duration::from_secs(3);
const NO_ANSWER: &str = "no answer";
/// Written to the disk to find out whether it is full.
static PROBE: [u8; 65_536] = [0; 65_536];

/// The dependencies of this process.
pub(crate) struct Dependencies {
    pub store: SqlStore,
    pub tracked: Tracked,
    pub engine: Engine,
    pub blobs: Arc<dyn Blobs>,
    pub incoming: Incoming,
    /// The folder to which this process writes.
    pub data_dir: PathBuf,
}

#[async_trait]
impl Readiness for Dependencies {
    async fn check(&self) -> Findings {
        let redis = async { timeout(TIMEOUT, self.tracked.check()).await.unwrap_or(Some(false)) };
        let (database, redis, files, disk, pages) = tokio::join!(
            answers(self.store.ping()),
            redis,
            answers(self.blobs.check()),
            answers(self.check_disk()),
            answers(self.engine.check()),
        );
        let sandbox = pages.as_ref().ok().copied();
        let mut dependencies = vec![
            Dependency { name: "database", is_needed: true, state: database },
            Dependency { name: "disk", is_needed: true, state: disk },
            Dependency { name: "page_engine", is_needed: true, state: pages.map(drop) },
            // All servers share these two, so that none could take over. Without files, no document is accepted, but all can be read.
            // Without Redis, no request fails.
            Dependency { name: "files", is_needed: false, state: files },
        ];
        dependencies.extend(redis.map(|answers| Dependency {
            name: "redis",
            is_needed: false,
            state: if answers { Ok(()) } else { Err(NO_ANSWER.to_owned()) },
        }));
        Findings { dependencies, sandbox }
    }
}

impl Dependencies {
    async fn check_disk(&self) -> Result<()> {
        write_probe(&self.data_dir).await?;
        self.incoming.check()
    }
}

async fn answers<T, E: ToString>(check: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    match timeout(TIMEOUT, check).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(NO_ANSWER.to_owned()),
    }
}

/// Writes a file and deletes it.
async fn write_probe(folder: &Path) -> Result<()> {
    let probe = tempfile::Builder::new().prefix("probe").tempfile_in(folder)?;
    let mut file = File::from_std(probe.reopen()?);
    file.write_all(&PROBE).await?;
    // tokio reports the error of a write at the flush, not at the sync.
    file.flush().await?;
    Ok(file.sync_data().await?)
}
