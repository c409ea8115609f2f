//! What a job asks of Gemini, as a trait: the worker is written against it, so that tests can lose, delay and double its answers.
//!
//! Nothing is decided here. What an answer means is in `upstream`; how it travels is the client's affair.

use std::path::Path;

use async_trait::async_trait;

use coldbrew_gemini::{Answer, Batch, Client, Error, File, Request, UploadSpec};

/// The calls that jobs need. Errors say whether a call may have had an effect; see [`coldbrew_gemini::ErrorKind`].
#[async_trait]
pub trait Google: Send + Sync {
    /// Tells the key that is used from others, without telling it.
    fn fingerprint(&self) -> String;

    /// Uploads an input file. Returns its name, `files/…`.
    async fn upload(&self, input: &Path, display_name: &str) -> Result<String, Error>;

    /// Creates a batch. Not repeatable. Returns its name, `batches/…`.
    async fn create(&self, model: &str, display_name: &str, input_file: &str) -> Result<String, Error>;

    /// All batches with that display name or input file, newest first.
    async fn find(&self, display_name: &str, input_file: &str) -> Result<Vec<Batch>, Error>;

    /// How far a batch is.
    async fn look(&self, batch: &str) -> Result<Batch, Error>;

    /// Asks for a batch to be stopped. It may still succeed.
    async fn cancel(&self, batch: &str) -> Result<(), Error>;

    /// Brings a result file to this path, whole or not at all.
    async fn download(&self, file: &str, path: &Path) -> Result<(), Error>;

    /// All files whose display name begins with this.
    async fn find_files(&self, beginning: &str) -> Result<Vec<File>, Error>;

    /// Deletes an input file.
    async fn delete(&self, file: &str) -> Result<(), Error>;

    /// Has one page read at once.
    async fn answer(&self, model: &str, request: &Request) -> Result<Answer, Error>;
}

/// Whether what was made with the key of that fingerprint may be out of this one's sight: all that Google has belongs to a key's project. That
/// Google denies it, or does not list it, says nothing then.
pub(super) fn is_out_of_sight(made_with: Option<&str>, google: &dyn Google) -> bool {
    made_with.is_some_and(|key| key != google.fingerprint())
}

#[async_trait]
impl Google for Client {
    fn fingerprint(&self) -> String {
        self.key_fingerprint()
    }

    async fn upload(&self, input: &Path, display_name: &str) -> Result<String, Error> {
        let spec = UploadSpec { display_name: display_name.into(), mime_type: "application/jsonl".into(), name: None };
        Ok(self.upload_file(input, &spec).await?.name)
    }

    async fn create(&self, model: &str, display_name: &str, input_file: &str) -> Result<String, Error> {
        Ok(self.create_batch(model, display_name, input_file).await?.name)
    }

    async fn find(&self, display_name: &str, input_file: &str) -> Result<Vec<Batch>, Error> {
        self.find_batches(display_name, input_file).await
    }

    async fn look(&self, batch: &str) -> Result<Batch, Error> {
        self.get_batch(batch).await
    }

    async fn cancel(&self, batch: &str) -> Result<(), Error> {
        self.cancel_batch(batch).await
    }

    async fn download(&self, file: &str, path: &Path) -> Result<(), Error> {
        Self::download(self, file, path).await.map(drop)
    }

    async fn find_files(&self, beginning: &str) -> Result<Vec<File>, Error> {
        Self::find_files(self, beginning).await
    }

    async fn delete(&self, file: &str) -> Result<(), Error> {
        self.delete_file(file).await
    }

    async fn answer(&self, model: &str, request: &Request) -> Result<Answer, Error> {
        self.generate_content(model, request).await
    }
}
