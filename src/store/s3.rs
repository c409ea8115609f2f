//! Files in an S3-compatible store, which several servers can share.
//!
//! Page processes need files on a local disk, so an opened file is downloaded into a cache. A server can lose its cache at any time.

mod cache;
mod parts;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path as Key;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt, RetryConfig};
use tokio::fs;
use tokio::io::{AsyncWriteExt, copy};
use tokio_util::io::StreamReader;

use self::cache::Cache;
use super::check_key;
use crate::error::{Error, Result};
use crate::model::UnixMs;
use crate::settings::{Secret, Settings};
use crate::uploads::Blobs;

/// Files of a folder that are deleted at once.
const DELETIONS_MAX: usize = 16;

/// The time limit for connecting to the store.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The time limit for the next bytes of an answer. A request sends at most 5 MiB before that.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an idle connection is kept. Its host may have died meanwhile, which the next request would notice only by its time limit.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);
/// The time within which a failed request is retried.
const RETRIED_FOR: Duration = Duration::from_secs(10);

/// The address of a bucket and its credentials.
#[derive(Clone, Debug)]
pub struct S3Config {
    /// `s3://bucket` or `s3://bucket/folder`.
    pub url: Secret,
    /// `None` means Amazon's endpoint for the region.
    pub endpoint: Option<String>,
    pub region: String,
    /// `None` means the role of the machine.
    pub access_key: Option<Secret>,
    pub secret_key: Option<Secret>,
    /// The size of the cache on this machine, in bytes.
    pub cache_bytes_max: u64,
}

impl S3Config {
    /// `None` if no URL is configured.
    pub fn read(from: &mut Settings) -> Option<Self> {
        let url = from.secret_url("storage.blob-url", "BLOB_URL", &["s3"]);
        let endpoint = from.url("storage.s3-endpoint", "AWS_ENDPOINT_URL");
        let region = from.value("storage.s3-region", "AWS_REGION", "us-east-1".to_owned());
        let access_key = from.secret("storage.s3-access-key", "AWS_ACCESS_KEY_ID");
        let secret_key = from.secret("storage.s3-secret-key", "AWS_SECRET_ACCESS_KEY");
        if access_key.is_some() != secret_key.is_some() {
            from.complain("storage.s3-access-key and storage.s3-secret-key must be set together");
        }
        let cache_bytes_max = from.positive("storage.cache-bytes-max", "COLDBREW_CACHE_BYTES_MAX", 10 << 30);
        Some(Self { url: url?, endpoint, region, access_key, secret_key, cache_bytes_max })
    }
}

/// A folder in a bucket, with a local cache. Cheap to clone.
#[derive(Clone, Debug)]
pub struct S3 {
    store: Arc<AmazonS3>,
    folder: Key,
    cache: Cache,
}

impl S3 {
    /// Uses the configured bucket, with a cache in the folder `cache`. Sends no request.
    ///
    /// # Errors
    /// `internal` if the configuration is not valid; `unavailable` if the cache folder cannot be made.
    pub async fn open(config: &S3Config, cache: PathBuf) -> Result<Self> {
        let address =
            config.url.strip_prefix("s3://").ok_or_else(|| Error::internal("BLOB_URL must begin with s3://"))?;
        let (bucket, folder) = address.split_once('/').unwrap_or((address, ""));
        // Requests have few retries, because people wait for them. A caller of an unavailable store gets an error and can repeat the
        // request.
        let retry = RetryConfig { max_retries: 3, retry_timeout: RETRIED_FOR, ..RetryConfig::default() };
        let client = ClientOptions::new()
            .with_allow_http(config.endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://")))
            .with_connect_timeout(CONNECT_TIMEOUT)
            .with_read_timeout(SILENCE_TIMEOUT)
            // A large file may take longer, as long as it makes progress.
            .with_timeout_disabled()
            .with_pool_idle_timeout(IDLE_TIMEOUT);
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(&config.region)
            .with_client_options(client)
            .with_retry(retry);
        if let Some(endpoint) = &config.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let (Some(access), Some(secret)) = (&config.access_key, &config.secret_key) {
            builder = builder.with_access_key_id(&**access).with_secret_access_key(&**secret);
        }
        let cache = Cache::open(cache, config.cache_bytes_max)?;
        let store = Arc::new(builder.build().map_err(Error::internal)?);
        Ok(Self { store, folder: Key::from(folder), cache })
    }

    fn key(&self, key: &str) -> Result<Key> {
        check_key(key)?;
        Ok(key.split('/').fold(self.folder.clone(), |path, part| path.join(part)))
    }

    async fn delete_object(&self, key: &Key) -> Result<()> {
        match self.store.delete(key).await {
            Err(object_store::Error::NotFound { .. }) => Ok(()),
            done => done.map_err(Error::unavailable),
        }
    }

    async fn fetch(&self, key: &str) -> Result<Option<PathBuf>> {
        let found = match self.store.get(&self.key(key)?).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            found => found.map_err(Error::unavailable)?,
        };
        let unfinished = self.cache.unfinished()?;
        let mut file = fs::File::create(&unfinished).await?;
        copy(&mut StreamReader::new(found.into_stream().map_err(std::io::Error::other)), &mut file).await?;
        file.flush().await?;
        Ok(Some(self.cache.add(key, &unfinished).await?))
    }
}

#[async_trait]
impl Blobs for S3 {
    async fn put(&self, key: &str, file: &Path) -> Result<()> {
        let sent = parts::send(self.store.clone(), self.key(key)?, fs::File::open(file).await?);
        // A task of its own: if the caller is cancelled, its parts are still completed or aborted.
        tokio::spawn(sent).await.map_err(Error::internal)??;
        // The file will be opened soon, so it goes to the cache. If that is on another disk, the file is downloaded later.
        let _ = self.cache.add(key, file).await;
        let _ = fs::remove_file(file).await;
        Ok(())
    }

    async fn open(&self, key: &str) -> Result<Option<PathBuf>> {
        match self.cache.copy(key).await? {
            Some(path) => Ok(Some(path)),
            None => self.fetch(key).await,
        }
    }

    async fn exists(&self, key: &str) -> Result<bool> {
        match self.store.head(&self.key(key)?).await {
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            found => found.map(|_| true).map_err(Error::unavailable),
        }
    }

    async fn copy(&self, from: &str, to: &str) -> Result<bool> {
        match self.store.copy(&self.key(from)?, &self.key(to)?).await {
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            done => done.map(|()| true).map_err(Error::unavailable),
        }
    }

    async fn delete(&self, key: &str) -> Result<()> {
        let object = self.key(key)?;
        self.cache.remove(key).await?;
        self.delete_object(&object).await
    }

    async fn purge_incomplete(&self, now: UnixMs) -> Result<()> {
        self.cache.purge().await?;
        parts::abort_stale(&self.store, &self.folder, now).await
    }

    async fn check(&self) -> Result<()> {
        self.exists("check").await.map(drop)
    }

    async fn delete_all(&self, folder: &str) -> Result<()> {
        self.cache.remove_all(folder).await?;
        let keys = self.store.list(Some(&self.key(folder)?)).map_err(Error::unavailable);
        let deleted = keys.map_ok(|found| async move { self.delete_object(&found.location).await });
        deleted.try_buffer_unordered(DELETIONS_MAX).try_collect().await
    }
}
