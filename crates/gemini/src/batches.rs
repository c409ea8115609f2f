//! The calls for batches: create, get, list, find, cancel and delete.

use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::batch::{Batch, BatchPage};
use super::client::{Client, SERVER_TIMEOUT, checked_name};
use super::error::{Error, ErrorKind};
use super::files::{PAGES_MAX, list_path};
use super::models;

/// Batches in one page of a list.
const PAGE_SIZE: u32 = 50;
/// How far the times and the order of a list may be wrong.
const ORDER_MARGIN: SignedDuration = SignedDuration::from_hours(1);

impl Client {
    /// Creates a batch from an uploaded file (`files/…`).
    ///
    /// A repeated call creates a second batch: the API has no request id (<https://ai.google.dev/api/batch-api>, read 2026-09-01).
    ///
    /// # Errors
    /// - [`ErrorKind::Ambiguous`]: the batch may exist. Search the list ([`Client::batches_since`]) before creating another.
    /// - Every other kind: nothing was created. If [`Error::refuses_store`], write the input again with [`Client::batch_store`].
    pub async fn create_batch(&self, model: &str, display_name: &str, input_file: &str) -> Result<Batch, Error> {
        let url = self.url(&format!("models/{}:batchGenerateContent", models::checked_id(model)?));
        let file = checked_name(input_file, "files")?;
        let body = json!({"batch": {"displayName": display_name, "inputConfig": {"fileName": file}}});
        let timeout = self.timeouts().create;
        let request = self.request(Method::POST, &url).timeout(timeout).header(SERVER_TIMEOUT, timeout.as_secs());
        let answer = self.fetch(request.json(&body)).await.map_err(|error| {
            if error.refuses_store() {
                self.refusals().remember_for_batches();
            }
            error.for_create()
        })?;
        let batch = Batch::from_json(answer);
        if batch.name.is_empty() {
            return Err(Error::new(ErrorKind::Ambiguous, "the reply to the create names no batch"));
        }
        Ok(batch)
    }

    /// Returns the state of a batch (`batches/…`).
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the key's project has no such batch. No error of this call shows that the batch failed.
    pub async fn get_batch(&self, name: &str) -> Result<Batch, Error> {
        let path = checked_name(name, "batches")?;
        let mut batch = Batch::from_json(self.call(Method::GET, path, None).await?);
        if batch.name.is_empty() {
            batch.name = name.to_owned();
        }
        Ok(batch)
    }

    /// Lists up to 50 batches of the project, newest first. `page_token` is the `next_page_token` of the page before.
    ///
    /// # Errors
    /// Any [`ErrorKind`].
    pub async fn list_batches(&self, page_token: Option<&str>) -> Result<BatchPage, Error> {
        let path = list_path("batches", PAGE_SIZE, page_token);
        self.call(Method::GET, &path, None).await.map(|answer| BatchPage::from_json(&answer))
    }

    /// Lists all batches that were created at `since` or later, by Google's clock, newest first. The list may have earlier ones too.
    /// `None`: lists all batches.
    ///
    /// Lists lag: a new batch can be missing for a minute (`docs/GEMINI.md`, "Polling").
    ///
    /// # Errors
    /// Any [`ErrorKind`]. If one page fails, the batches of the other pages are not returned.
    pub async fn batches_since(&self, since: Option<Timestamp>) -> Result<Vec<Batch>, Error> {
        let oldest = since.map(|since| since.saturating_sub(ORDER_MARGIN).unwrap_or(Timestamp::MIN));
        let is_older = |batch: &Batch| batch.create_time.is_some_and(|created| Some(created) < oldest);
        let mut found = Vec::new();
        let mut page_token = None;
        for _ in 0..PAGES_MAX {
            let page = self.list_batches(page_token.as_deref()).await?;
            let is_beyond = !page.batches.is_empty() && page.batches.iter().all(is_older);
            found.extend(page.batches);
            match page.next_page_token {
                Some(next) if !is_beyond && Some(&next) != page_token.as_ref() => page_token = Some(next),
                _ => return Ok(found),
            }
        }
        Err(Error::new(ErrorKind::Retry { after: None }, "the list of batches does not end"))
    }

    /// Requests that a batch is cancelled. The batch may still succeed, so get its state afterwards.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the key's project has no such batch.
    pub async fn cancel_batch(&self, name: &str) -> Result<(), Error> {
        let path = format!("{}:cancel", checked_name(name, "batches")?);
        self.call(Method::POST, &path, Some(&json!({}))).await.map(drop)
    }

    /// Deletes a batch. A missing batch counts as deleted.
    ///
    /// A deleted batch may run on, so cancel it first (<https://github.com/googleapis/python-genai/issues/2495>, read 2026-11-23).
    ///
    /// # Errors
    /// Any [`ErrorKind`] except [`ErrorKind::NotFound`].
    pub async fn delete_batch(&self, name: &str) -> Result<(), Error> {
        let path = checked_name(name, "batches")?;
        match self.call(Method::DELETE, path, None).await {
            Err(error) if error.kind != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
