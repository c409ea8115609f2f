//! Writes the input file: one line a page, page by page, none of it held longer than it takes to write. It is there only when
//! the figures of all pages are found.

use std::pin::pin;

use futures::{StreamExt, TryStreamExt};
use tokio::fs;
use tokio::io::{AsyncWriteExt, BufWriter};

use super::Worker;
use super::job::{Job, JobFailure};
use super::machine::Event;
use super::pages::unsendable;
use super::worker::Done;
use crate::crash::crash_point;
use crate::error::{Error, Result};
use crate::gemini::jsonl::{InputWriter, WriteError};
use crate::model::ErrorCode;
use crate::pdf::{Document, PdfError};
use crate::store::{PageOutcome, PageResult, upload_key};

/// What is said of a page that the page engine cannot read.
pub(super) const BROKEN: &str = "This page is damaged and could not be read.";

impl Worker {
    /// Makes the input file of all pages that are still to be read. It appears under its name only when it is complete.
    pub(super) async fn prepare(&self, job: &Job) -> Result<Done> {
        let document = match self.open_document(job).await? {
            Ok(document) => document,
            Err(failure) => return Ok(Done::Event(Event::Refused(failure))),
        };
        crash_point("prepare", "opened");
        let finished = self.jobs.finished_pages(job).await?;
        let path = self.spool.input(job);
        let unfinished_path = self.spool.unfinished_input(job);
        let model = self.models.get(job.recipe.model());
        let file = fs::File::create(&unfinished_path).await?;
        let mut writer = InputWriter::new(BufWriter::new(file), model.clone());
        let mut lines = 0;
        crash_point("prepare", "file begun");
        let left = job.pages.iter().filter(|&index| !finished.contains(index)).collect();
        let known = self.figures.figures(&job.account_id, &job.content_hash).await?;
        let mut pages = pin!(self.ready_pages(job, &document, left, &known));
        while let Some((index, page)) = pages.try_next().await? {
            let Some(page) = page else {
                self.page_failed(job, index, BROKEN).await?;
                continue;
            };
            let request = job.recipe.request(&model, page.pdf, &page.figures);
            crash_point("prepare", "page ready");
            match writer.write(&page_key(index), &request).await {
                Ok(()) => {}
                Err(WriteError::Request(fault)) => {
                    tracing::warn!(job = %job.id, page = index, %fault, "page not sent");
                    self.page_failed(job, index, unsendable(&fault)).await?;
                    continue;
                }
                Err(error) => return Err(unwritten(error)),
            }
            crash_point("prepare", "line written");
            lines += 1;
        }
        if lines == 0 {
            // Nothing is left to be asked: the document is what was read before, if anything was.
            return self.complete(job, futures::stream::empty().boxed()).await;
        }
        let (mut file, _) = writer.finish().await.map_err(unwritten)?;
        file.flush().await?;
        crash_point("prepare", "lines written");
        file.get_ref().sync_all().await?;
        crash_point("prepare", "synced");
        fs::rename(&unfinished_path, &path).await?;
        crash_point("prepare", "named");
        Ok(Done::Event(Event::Prepared))
    }

    /// Opens the job's document, or says why the job cannot go on.
    pub(super) async fn open_document(&self, job: &Job) -> Result<Result<Document, JobFailure>> {
        let Some(file) = self.blobs.open(&upload_key(&job.account_id, &job.content_hash)).await? else {
            return Ok(Err(JobFailure::new("upload_gone", "The uploaded file is no longer there.")));
        };
        match self.engine.open(file).await {
            Ok(document) => Ok(Ok(document)),
            Err(error @ (PdfError::Unavailable | PdfError::Io(_))) => Err(Error::unavailable(error)),
            Err(_) => Ok(Err(JobFailure::new("unreadable_document", "The document could not be opened again."))),
        }
    }

    /// Records that a page cannot be read, and goes on.
    pub(super) async fn page_failed(&self, job: &Job, index: u32, reason: &str) -> Result<()> {
        let page = PageResult { index, outcome: PageOutcome::Failed { reason: reason.to_owned() } };
        self.jobs.record_page(job, &page, self.world.now()).await.map(|_| ())
    }
}

fn unwritten(error: WriteError) -> Error {
    match error {
        WriteError::TooLarge => {
            Error::refused(ErrorCode::FileTooLarge, "This is more than Google takes at once. Choose fewer pages.")
        }
        WriteError::Io(error) => error.into(),
        fault => Error::internal(fault),
    }
}

/// The key of a page's line.
pub(super) fn page_key(index: u32) -> String {
    format!("page_{index}")
}

/// The page of a line, by its key.
pub(super) fn page_of(key: &str) -> Option<u32> {
    key.strip_prefix("page_")?.parse().ok()
}
