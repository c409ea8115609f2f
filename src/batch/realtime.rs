//! Realtime mode: a few pages at a time, each stored and charged as it comes, so that a restart asks for none of them again.

use std::time::Duration;

use futures::StreamExt;

use super::Worker;
use super::job::{Job, JobFailure, Stage};
use super::machine::Event;
use super::upstream::{pause_ms, refusal};
use super::worker::Done;
use crate::error::{Error, Result};
use crate::extract::outcome_of;
use crate::gemini::ErrorKind;
use crate::model::{Mode, PageSet};
use crate::pdf::{Document, PdfError};
use crate::store::{PageOutcome, PageResult};

/// How often the pages that are left are asked for again before they are failed pages.
const TRIES_MAX: u32 = 8;
const BROKEN: &str = "This page is damaged and could not be read.";
const REFUSED: &str = "Gemini refused to read this page.";
const BUSY: &str = "Gemini had no capacity for this page, however often we asked.";

/// Why reading cannot go on just now.
enum Obstacle {
    /// It may later.
    Busy { retry_after_ms: Option<i64> },
    /// It never will.
    Closed(JobFailure),
    /// Somebody else has the job.
    Superseded,
}

impl Worker {
    /// Reads the pages that are left.
    pub(super) async fn read(&self, job: &Job) -> Result<Done> {
        let document = match self.open_document(job).await? {
            Ok(document) => document,
            Err(failure) => return self.end_reading(job, failure).await,
        };
        let left = self.pages_left(job).await?;
        let mut obstacle = None;
        let mut pages = futures::stream::iter(left.iter())
            .map(|index| self.read_and_store(job, &document, index))
            .buffer_unordered(self.settings.realtime_requests_max);
        while let Some(read) = pages.next().await {
            if let Err(found) = read? {
                // What is under way may finish; nothing new is begun.
                obstacle = Some(found);
                break;
            }
        }
        drop(pages);
        match obstacle {
            None => self.complete(job, futures::stream::empty().boxed()).await,
            Some(Obstacle::Superseded) => Ok(Done::Superseded),
            Some(Obstacle::Closed(failure)) => self.end_reading(job, failure).await,
            Some(Obstacle::Busy { .. }) if tries(job) >= TRIES_MAX => {
                self.end_reading(job, JobFailure::new("no_capacity", BUSY)).await
            }
            Some(Obstacle::Busy { retry_after_ms }) => {
                let retry_after_ms =
                    Some(retry_after_ms.unwrap_or_else(|| backoff_ms(tries(job), self.world.chance())));
                Ok(Done::Event(Event::Hindered { retry_after_ms }))
            }
        }
    }

    /// Ends a job that can read no more: its remaining pages are failed pages, and the others are a document.
    /// Only if there are no others has the job failed.
    pub(super) async fn end_reading(&self, job: &Job, failure: JobFailure) -> Result<Done> {
        for index in self.pages_left(job).await?.iter() {
            self.page_failed(job, index, &failure.message).await?;
        }
        Ok(match self.complete(job, futures::stream::empty().boxed()).await? {
            Done::Event(Event::NothingUsable) => Done::Event(Event::Refused(failure)),
            done => done,
        })
    }

    async fn pages_left(&self, job: &Job) -> Result<PageSet> {
        let finished = self.jobs.finished_pages(job).await?;
        Ok(job.pages.iter().filter(|&index| !finished.contains(index)).collect())
    }

    async fn read_and_store(&self, job: &Job, document: &Document, index: u32) -> Result<Result<(), Obstacle>> {
        let outcome = match self.ask(job, document, index).await? {
            Ok(outcome) => outcome,
            Err(obstacle) => return Ok(Err(obstacle)),
        };
        let page = PageResult { index, outcome };
        let stored = self.jobs.record_page(job, &page, self.world.now()).await?;
        Ok(if stored { Ok(()) } else { Err(Obstacle::Superseded) })
    }

    async fn ask(&self, job: &Job, document: &Document, index: u32) -> Result<Result<PageOutcome, Obstacle>> {
        let failed = |reason: &str| Ok(Ok(PageOutcome::Failed { reason: reason.to_owned() }));
        let page = match document.split(index).await {
            Ok(page) => page,
            Err(PdfError::Page { .. }) => return failed(BROKEN),
            Err(error) => return Err(Error::unavailable(error)),
        };
        match self.gemini.generate_content(job.recipe.model(), &job.recipe.request(page.into())).await {
            Ok(answer) => Ok(Ok(outcome_of(&answer, Mode::Realtime, self.pricing))),
            Err(error) if matches!(error.kind, ErrorKind::Rejected | ErrorKind::TooLarge) => {
                tracing::warn!(page = index, %error, "page refused");
                failed(REFUSED)
            }
            Err(error) if error.kind == ErrorKind::Key => Ok(Err(Obstacle::Closed(refusal(&error)))),
            Err(error) => {
                tracing::info!(page = index, %error, "page not read yet");
                Ok(Err(Obstacle::Busy { retry_after_ms: pause_ms(&error) }))
            }
        }
    }
}

const fn tries(job: &Job) -> u32 {
    if let Stage::Read { tries } = job.stage { tries } else { 0 }
}

/// One second, doubled with each try, with up to half of it again so that jobs do not come back together.
fn backoff_ms(tries: u32, chance: f64) -> i64 {
    let base = Duration::from_secs(1 << tries.min(6));
    let jittered = base.mul_f64(1.0 + chance / 2.0);
    i64::try_from(jittered.as_millis()).unwrap_or(i64::MAX)
}
