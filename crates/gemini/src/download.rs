//! Downloads a result file to disk. The file appears complete or not at all.

use std::path::Path;

use futures::TryFutureExt;
use http::Method;
use reqwest::Response;
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;

use super::client::{Client, checked_name};
use super::error::{Error, ErrorKind};

/// Restarts of one download after a lost connection.
const RESTARTS_MAX: u32 = 5;
/// Bounds what an endless reply can write to the disk. A project stores at most 20 GiB (<https://ai.google.dev/gemini-api/docs/files>,
/// read 2026-09-01), so no file is larger.
const BYTES_MAX: u64 = 21_474_836_480;
const CONNECTION_LOST: ErrorKind = ErrorKind::Retry { after: None };

impl Client {
    /// Downloads `files/…` to `path` and returns its size in bytes.
    ///
    /// `path` appears only when the file is complete and synchronized to disk. An existing file is replaced.
    ///
    /// # Errors
    /// - [`ErrorKind::NotFound`]: the file does not exist or has expired.
    /// - [`ErrorKind::Io`]: `path` cannot be written.
    ///
    /// The call may be repeated after any error.
    pub async fn download(&self, file_name: &str, path: &Path) -> Result<u64, Error> {
        let file = checked_name(file_name, "files")?;
        let mut restarts = 0;
        loop {
            let ended = match self.start_download(file).await {
                Ok(response) => self.save(response, path).await,
                Err(error) => Err(error),
            };
            match ended {
                // Only a lost connection is retried here. After an error reply the caller decides.
                Err(error)
                    if error.kind == CONNECTION_LOST && error.http_status.is_none() && restarts < RESTARTS_MAX =>
                {
                    restarts += 1;
                    self.pause(restarts).await;
                }
                ended => return ended,
            }
        }
    }

    /// Tries `/download/{version}/…` as documented, then `/{version}/…` as the libraries of Google use it (`docs/GEMINI.md`, "File
    /// calls").
    async fn start_download(&self, file: &str) -> Result<Response, Error> {
        let media = format!("{file}:download?alt=media");
        match self.get(&self.service_url("download", &media)).await {
            Err(error) if error.http_status == Some(404) => self.get(&self.url(&media)).await,
            answered => answered,
        }
    }

    async fn get(&self, url: &str) -> Result<Response, Error> {
        let answer = tokio::time::timeout(self.timeouts().call, self.send(self.request(Method::GET, url))).await;
        answer.map_err(|_| Error::retry("no reply in time"))?
    }

    async fn save(&self, mut response: Response, path: &Path) -> Result<u64, Error> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let temporary = NamedTempFile::new_in(folder).map_err(|error| Error::io(&error))?;
        let mut file = tokio::fs::File::from_std(temporary.reopen().map_err(|error| Error::io(&error))?);
        if response.content_length().is_some_and(|bytes| bytes > BYTES_MAX) {
            return Err(too_large());
        }
        let mut size_bytes = 0;
        let idle = self.timeouts().idle;
        loop {
            let next = tokio::time::timeout(idle, response.chunk().map_err(Error::from_transport)).await;
            let Some(chunk) = next.map_err(|_| Error::retry("the download received nothing in time"))?? else { break };
            size_bytes += chunk.len() as u64;
            if size_bytes > BYTES_MAX {
                return Err(too_large());
            }
            file.write_all(&chunk).await.map_err(|error| Error::io(&error))?;
        }
        file.flush().await.map_err(|error| Error::io(&error))?;
        file.sync_all().await.map_err(|error| Error::io(&error))?;
        temporary.persist(path).map_err(|error| Error::io(&error.error))?;
        // The rename is durable only after the folder is synchronized.
        let folder = tokio::fs::File::open(folder).await.map_err(|error| Error::io(&error))?;
        folder.sync_all().await.map_err(|error| Error::io(&error))?;
        Ok(size_bytes)
    }
}

fn too_large() -> Error {
    Error::new(ErrorKind::TooLarge, format!("the file has more than {BYTES_MAX} bytes, which no project may store"))
}
