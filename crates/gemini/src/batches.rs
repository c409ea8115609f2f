//! Calls about batches.

use http::Method;
use serde_json::json;

use super::batch::{Batch, BatchPage};
use super::client::{Client, checked_name};
use super::error::{Error, ErrorKind};
use super::files::{PAGES_MAX, list_path};
use super::models;

/// How many batches are asked for at once.
const PAGE_SIZE: u32 = 50;

impl Client {
    /// Creates a batch. Not repeatable.
    ///
    /// # Errors
    /// [`ErrorKind::Ambiguous`] if it may or may not exist: look with [`Client::find_batches`]. Every other error means that nothing was
    /// created.
    pub async fn create_batch(&self, model: &str, display_name: &str, input_file: &str) -> Result<Batch, Error> {
        let url = self.url(&format!("models/{}:batchGenerateContent", models::checked_id(model)?));
        let file = checked_name(input_file, "files")?;
        let body = json!({"batch": {"displayName": display_name, "inputConfig": {"fileName": file}}});
        let request = self.request(Method::POST, &url).timeout(self.timeouts().create).json(&body);
        let answer = self.fetch(request).await.map_err(Error::of_create)?;
        let batch = Batch::read(answer);
        if batch.name.is_empty() {
            return Err(Error::new(ErrorKind::Ambiguous, "the answer to the create names no batch"));
        }
        Ok(batch)
    }

    /// How far a batch is.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the key's project has no such batch. An error is never evidence that the batch failed.
    pub async fn get_batch(&self, name: &str) -> Result<Batch, Error> {
        let path = checked_name(name, "batches")?;
        let mut batch = Batch::read(self.call(Method::GET, path, None).await?);
        if batch.name.is_empty() {
            batch.name = name.to_owned();
        }
        Ok(batch)
    }

    /// Some of the project's batches, newest first. `page_token`: where the page before said that the next begins.
    ///
    /// # Errors
    /// Those of any call; see [`ErrorKind`].
    pub async fn list_batches(&self, page_token: Option<&str>) -> Result<BatchPage, Error> {
        let path = list_path("batches", PAGE_SIZE, page_token);
        self.call(Method::GET, &path, None).await.map(|answer| BatchPage::read(&answer))
    }

    /// All batches with exactly this display name or this input file, newest first; make both unique. Lists lag: a batch
    /// that is missing now may be there in a minute.
    ///
    /// # Errors
    /// Those of any call; see [`ErrorKind`].
    pub async fn find_batches(&self, display_name: &str, input_file: &str) -> Result<Vec<Batch>, Error> {
        let mut found = Vec::new();
        let mut page_token = None;
        for _ in 0..PAGES_MAX {
            let page = self.list_batches(page_token.as_deref()).await?;
            let ours =
                |batch: &Batch| batch.display_name == display_name || batch.input_file.as_deref() == Some(input_file);
            found.extend(page.batches.into_iter().filter(ours));
            match page.next_page_token {
                Some(next) if Some(&next) != page_token.as_ref() => page_token = Some(next),
                _ => break,
            }
        }
        Ok(found)
    }

    /// Asks for a batch to be stopped. It may still succeed: look afterwards.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the key's project has no such batch.
    pub async fn cancel_batch(&self, name: &str) -> Result<(), Error> {
        let path = format!("{}:cancel", checked_name(name, "batches")?);
        self.call(Method::POST, &path, Some(&json!({}))).await.map(drop)
    }

    /// Forgets a batch; one that is not there counts as forgotten. This does not stop it: cancel it first.
    ///
    /// # Errors
    /// Those of any call; see [`ErrorKind`].
    pub async fn delete_batch(&self, name: &str) -> Result<(), Error> {
        let path = checked_name(name, "batches")?;
        match self.call(Method::DELETE, path, None).await {
            Err(error) if error.kind != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
