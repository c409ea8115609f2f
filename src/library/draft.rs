//! The plain text of a document that a job is to fill: there as soon as somebody wants to read it, at the address that the finished
//! document will have, and for nothing. It ends with its job.

use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};

use super::Library;
use crate::error::Result;
use crate::extract::text_pages;
use crate::model::wire::{JobView, Page};
use crate::model::{Format, Mode, format_of};
use crate::store::{Account, NewDocument, upload_key};

const NO_TEXT: &str = "This page has no text of its own. It comes with the finished document.";

impl Library {
    /// Makes the draft of the document that this job is to fill, if the job still goes on.
    pub(super) async fn make_draft(&self, account: &Account, job: &JobView) -> Result<()> {
        let Some(upload) = self.uploads.upload(&account.id, &job.upload_hash).await? else { return Ok(()) };
        let Some(format) = format_of(&upload.metadata.content_type) else { return Ok(()) };
        let document = NewDocument {
            id: job.draft_id.clone(),
            account_id: account.id.clone(),
            upload_hash: upload.hash,
            content_hash: upload.content_hash,
            title: job.title.clone(),
            mode: Mode::Text,
        };
        // Read before they are stored: nobody else could write while a transaction waited for a page.
        let mut read = self.spool.lay_down(self.plain_pages(account, job, format).await?).await?;
        self.documents.insert_draft(&document, read.take_up().await?, self.world.now()).await.map(|_| ())
    }

    async fn plain_pages<'a>(
        &self,
        account: &Account,
        job: &'a JobView,
        format: &Format,
    ) -> Result<BoxStream<'a, Result<Page>>> {
        let file = if format.free { self.blobs.open(&upload_key(&account.id, &job.content_hash)).await? } else { None };
        let without_text = |index| Page { index, markdown: String::new(), failure: None, note: None };
        let pages = match file {
            Some(file) => text_pages(&self.engine, &file, format, &job.pages).await?,
            None => stream::iter(job.pages.iter().map(without_text).map(Ok)).boxed(),
        };
        let plain = |page: Page| {
            let failure = page.markdown.trim().is_empty().then(|| NO_TEXT.to_owned());
            Page { failure, note: None, ..page }
        };
        Ok(pages.map_ok(plain).boxed())
    }
}
