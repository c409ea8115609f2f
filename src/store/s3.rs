//! Files in an S3-compatible store, which several servers can share.
//!
//! Page processes need files on a local disk, so an opened file is downloaded into a cache. A server can lose its cache at any time.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::TryStreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::buffered::BufWriter;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt, RetryConfig};
use tokio::fs;
use tokio::io::{AsyncWriteExt, copy};
use tokio_util::io::StreamReader;

use super::check_key;
use crate::error::{Error, Result};
use crate::settings::{Secret, Settings};
use crate::uploads::Blobs;

/// A cached file is downloaded again after this time, and deleted after twice this time. Files never change; this only bounds the cache.
const CACHED_FOR: Duration = Duration::from_secs(24 * 3_600);

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
        Some(Self { url: url?, endpoint, region, access_key, secret_key })
    }
}

/// A folder in a bucket, with a local cache. Cheap to clone.
#[derive(Clone, Debug)]
pub struct S3 {
    store: Arc<dyn ObjectStore>,
    folder: Key,
    cache: PathBuf,
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
        let mut builder = AmazonS3Builder::new().with_bucket_name(bucket).with_region(&config.region).with_retry(retry);
        if let Some(endpoint) = &config.endpoint {
            builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
        }
        if let (Some(access), Some(secret)) = (&config.access_key, &config.secret_key) {
            builder = builder.with_access_key_id(&**access).with_secret_access_key(&**secret);
        }
        fs::create_dir_all(&cache).await?;
        let store = Arc::new(builder.build().map_err(Error::internal)?);
        Ok(Self { store, folder: Key::from(folder), cache })
    }

    fn key(&self, key: &str) -> Result<Key> {
        check_key(key)?;
        Ok(key.split('/').fold(self.folder.clone(), |path, part| path.join(part)))
    }

    /// The path of a key in the cache. Makes its folder.
    async fn cached(&self, key: &str) -> Result<PathBuf> {
        check_key(key)?;
        let path = self.cache.join(key);
        fs::create_dir_all(path.parent().unwrap_or(&self.cache)).await?;
        Ok(path)
    }

    async fn fetch(&self, key: &str, target: &Path) -> Result<bool> {
        let found = match self.store.get(&self.key(key)?).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(false),
            found => found.map_err(Error::unavailable)?,
        };
        let temporary = tempfile::Builder::new().prefix("fetching").tempfile_in(&self.cache)?.into_temp_path();
        let mut file = fs::File::create(&temporary).await?;
        copy(&mut StreamReader::new(found.into_stream().map_err(std::io::Error::other)), &mut file).await?;
        file.flush().await?;
        fs::rename(&temporary, target).await?;
        Ok(true)
    }
}

#[async_trait]
impl Blobs for S3 {
    async fn put(&self, key: &str, file: &Path) -> Result<()> {
        let mut writer = BufWriter::new(self.store.clone(), self.key(key)?);
        let sent = async {
            copy(&mut fs::File::open(file).await?, &mut writer).await?;
            writer.shutdown().await
        };
        sent.await?;
        // The file will be opened soon, so it goes to the cache. If that is on another disk, the rename fails and the file is downloaded
        // later.
        let _ = fs::rename(file, self.cached(key).await?).await;
        let _ = fs::remove_file(file).await;
        Ok(())
    }

    async fn open(&self, key: &str) -> Result<Option<PathBuf>> {
        let path = self.cached(key).await?;
        let fresh = |found: &std::fs::Metadata| found.modified().ok()?.elapsed().ok().map(|age| age < CACHED_FOR);
        if fs::metadata(&path).await.is_ok_and(|found| fresh(&found).unwrap_or(false)) {
            return Ok(Some(path));
        }
        Ok(self.fetch(key, &path).await?.then_some(path))
    }

    async fn copy(&self, from: &str, to: &str) -> Result<bool> {
        match self.store.copy(&self.key(from)?, &self.key(to)?).await {
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            done => done.map(|()| true).map_err(Error::unavailable),
        }
    }

    async fn delete(&self, key: &str) -> Result<()> {
        let object = self.key(key)?;
        let _ = fs::remove_file(self.cache.join(key)).await;
        match self.store.delete(&object).await {
            Err(object_store::Error::NotFound { .. }) => Ok(()),
            done => done.map_err(Error::unavailable),
        }
    }

    async fn purge_incomplete(&self) -> Result<()> {
        let mut folders = vec![self.cache.clone()];
        while let Some(folder) = folders.pop() {
            let mut entries = fs::read_dir(&folder).await?;
            while let Some(entry) = entries.next_entry().await? {
                let Ok(found) = entry.metadata().await else { continue };
                let age = found.modified().ok().and_then(|at| at.elapsed().ok()).unwrap_or_default();
                if found.is_dir() {
                    folders.push(entry.path());
                } else if age > CACHED_FOR * 2 {
                    // Twice, because a file that `open` returned as fresh may not have been opened yet.
                    fs::remove_file(entry.path()).await?;
                }
            }
        }
        Ok(())
    }

    async fn check(&self) -> Result<()> {
        match self.store.head(&self.key("check")?).await {
            Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(Error::unavailable(error)),
        }
    }

    async fn delete_all(&self, folder: &str) -> Result<()> {
        let keys = self.store.list(Some(&self.key(folder)?)).map_ok(|found| found.location);
        let keys: Vec<Key> = keys.try_collect().await.map_err(Error::unavailable)?;
        for key in keys {
            self.store.delete(&key).await.map_err(Error::unavailable)?;
        }
        match fs::remove_dir_all(self.cache.join(folder)).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}
