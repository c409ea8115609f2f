//! The settings of storage, and the adapters that they select.

use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::settings::{Secret, Settings};
use crate::store::folder::Folder;
use crate::store::s3::{S3, S3Config};
use crate::store::sql::{DatabaseSettings, MIGRATIONS, Pooler, SqlStore};
use crate::uploads::{Blobs, DiskSpace, Incoming, IncomingLimits};

/// The settings of storage.
#[derive(Clone, Debug)]
pub struct Storage {
    pub data_dir: PathBuf,
    /// `sqlite://…` or `postgres://…`; by default SQLite in the data folder.
    pub database_url: Secret,
    pub database: DatabaseSettings,
    /// `redis://…`, for a copy of the active jobs, and counts of requests of all servers. `None`: without Redis.
    pub redis_url: Option<Secret>,
    /// `None`: files are stored in the data folder.
    pub s3: Option<S3Config>,
}

impl Storage {
    pub(super) fn read(from: &mut Settings) -> Self {
        let data_dir = from.value("storage.data-dir", "COLDBREW_DATA_DIR", PathBuf::from("data"));
        let databases = ["sqlite", "postgres", "postgresql"];
        let database_url = from.secret_url("storage.database-url", "DATABASE_URL", &databases);
        let embedded = || SqlStore::embedded_url(&data_dir.join("coldbrew.db")).into();
        Self {
            database_url: database_url.unwrap_or_else(embedded),
            database: DatabaseSettings::read(from),
            redis_url: from.secret_url("storage.redis-url", "REDIS_URL", &["redis", "rediss", "redis+unix", "unix"]),
            s3: S3Config::read(from),
            data_dir,
        }
    }

    /// Opens the database.
    pub(super) async fn store(&self) -> Result<SqlStore> {
        SqlStore::open_with(&self.database_url, &self.database).await
    }

    /// Runs the missing migrations.
    pub(super) async fn migrate(&self) -> Result<()> {
        if self.database.pooler != Pooler::None {
            let message = "migrations need a connection without a pooler: set DATABASE_URL to the database itself, and COLDBREW_DATABASE_POOLER to none";
            return Err(Error::internal(message));
        }
        SqlStore::migrate(&self.database_url, MIGRATIONS).await
    }

    /// Opens the store of files.
    pub(super) async fn blobs(&self) -> Result<Arc<dyn Blobs>> {
        Ok(match &self.s3 {
            Some(bucket) => Arc::new(S3::open(bucket, self.data_dir.join("cache")).await?),
            None => Arc::new(Folder::open(self.data_dir.join("blobs")).await?),
        })
    }

    /// Admits the uploads of this process, with the free space of the disk that has its data folder.
    pub(super) fn incoming(&self, limits: IncomingLimits) -> Incoming {
        let data_dir = self.data_dir.clone();
        let probe = move || {
            let disk = rustix::fs::statvfs(&data_dir)?;
            // Blocks that are reserved for root are neither free nor used here, as in `df`.
            let reserved = disk.f_bfree - disk.f_bavail;
            let bytes = |blocks| blocks * disk.f_frsize;
            Ok(DiskSpace { free_bytes: bytes(disk.f_bavail), total_bytes: bytes(disk.f_blocks - reserved) })
        };
        Incoming::new(limits, Arc::new(probe))
    }
}
