//! The calls of the Gemini API that jobs need, as a trait: tests can lose, delay and double its answers.
//!
//! Nothing is decided here. `upstream` decides what an answer means for a job.

use std::path::Path;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;

use crate::model::UnixMs;
use coldbrew_gemini::{Answer, Batch, Client, Error, File, Request, ServiceTier, Store, UploadSpec};

/// The calls of the Gemini API that jobs need.
///
/// # Errors
/// [`ErrorKind`](coldbrew_gemini::ErrorKind) says why a call failed, and whether it may have had an effect.
#[async_trait]
pub trait Google: Send + Sync {
    /// Identifies the key in use without revealing it.
    fn fingerprint(&self) -> String;

    /// The value of [`Request::store`] in the lines of an input file.
    fn batch_store(&self) -> Store {
        Store::Never
    }

    /// Uploads an input file.
    async fn upload(&self, input: &Path, display_name: &str) -> Result<File, Error>;

    /// Creates a batch. Returns its name, `batches/…`. The call must not be repeated: each call can make another batch.
    async fn create(&self, model: &str, display_name: &str, input_file: &str) -> Result<String, Error>;

    /// All batches that were created at `since` or later, by Google's clock, newest first, and perhaps earlier ones. `None`: all batches.
    async fn list(&self, since: Option<UnixMs>) -> Result<Vec<Batch>, Error>;

    /// The state of a batch.
    async fn get_batch(&self, batch: &str) -> Result<Batch, Error>;

    /// Requests the cancellation of a batch, which may still succeed.
    async fn cancel(&self, batch: &str) -> Result<(), Error>;

    /// Deletes a batch that has ended.
    async fn delete_batch(&self, batch: &str) -> Result<(), Error>;

    /// Downloads a result file to `path`, whole or not at all.
    async fn download(&self, file: &str, path: &Path) -> Result<(), Error>;

    /// All files whose display name begins with `prefix`.
    async fn find_files(&self, prefix: &str) -> Result<Vec<File>, Error>;

    /// Deletes an input file.
    async fn delete(&self, file: &str) -> Result<(), Error>;

    /// Has one page read by a call of its own.
    async fn answer(&self, model: &str, request: &Request, tier: ServiceTier) -> Result<Answer, Error>;
}

/// Whether the key in use may not see what the key of that fingerprint made. Google shows a key only the resources of its own project
/// (docs/GEMINI.md). A denial or an empty listing is no evidence then.
pub(super) fn may_be_hidden(made_with: Option<&str>, google: &dyn Google) -> bool {
    made_with.is_some_and(|key| key != google.fingerprint())
}

#[async_trait]
impl Google for Client {
    fn fingerprint(&self) -> String {
        self.key_fingerprint()
    }

    fn batch_store(&self) -> Store {
        Self::batch_store(self)
    }

    async fn upload(&self, input: &Path, display_name: &str) -> Result<File, Error> {
        let spec = UploadSpec { display_name: display_name.into(), mime_type: "application/jsonl".into(), name: None };
        self.upload_file(input, &spec).await
    }

    async fn create(&self, model: &str, display_name: &str, input_file: &str) -> Result<String, Error> {
        Ok(self.create_batch(model, display_name, input_file).await?.name)
    }

    async fn list(&self, since: Option<UnixMs>) -> Result<Vec<Batch>, Error> {
        let mut batches = self.batches_since(since.and_then(|since| Timestamp::from_millisecond(since.0).ok())).await?;
        // A listing is kept in memory until the next one.
        batches.iter_mut().for_each(|batch| batch.raw = Value::Null);
        Ok(batches)
    }

    async fn get_batch(&self, batch: &str) -> Result<Batch, Error> {
        Self::get_batch(self, batch).await
    }

    async fn cancel(&self, batch: &str) -> Result<(), Error> {
        self.cancel_batch(batch).await
    }

    async fn delete_batch(&self, batch: &str) -> Result<(), Error> {
        Self::delete_batch(self, batch).await
    }

    async fn download(&self, file: &str, path: &Path) -> Result<(), Error> {
        Self::download(self, file, path).await.map(drop)
    }

    async fn find_files(&self, prefix: &str) -> Result<Vec<File>, Error> {
        Self::find_files(self, prefix).await
    }

    async fn delete(&self, file: &str) -> Result<(), Error> {
        self.delete_file(file).await
    }

    async fn answer(&self, model: &str, request: &Request, tier: ServiceTier) -> Result<Answer, Error> {
        self.generate_content(model, request, tier).await
    }
}
