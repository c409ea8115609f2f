//! One open document, which is read page by page.

mod contents;

use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use tokio::sync::{OnceCell, Semaphore};

use super::answers;
use super::engine::Engine;
use super::error::{PageFault, PdfError};
use super::permits::WorkerPermit;
use super::process::{Answer, WorkerProcess, within};
use super::protocol::{Half, Reply, Request};

pub use self::contents::{
    BOOKMARKS_MAX, Bookmark, FigureImage, Info, LABEL_CHARS_MAX, PageFigures, PageLength, PageLooks, PageText,
};

/// An open PDF. Pages are numbered from 0. It has one worker, and calls wait for it, unless the document is [widened](Self::widen).
/// Dropping it ends its workers.
///
/// A call that fails with [`PdfError::Page`] says nothing about other pages. If the page killed its worker, the next call starts another.
/// A document that lost too many workers, or used up its time, gets no more.
#[derive(Debug)]
pub struct Document {
    engine: Engine,
    path: PathBuf,
    info: Info,
    /// Permits to use a worker. Each request holds one.
    turns: Semaphore,
    /// Workers without a request. After the loss of a worker there are fewer of them than turns.
    idle: Mutex<Vec<WorkerProcess>>,
    workers_lost: AtomicU32,
    /// How long workers may still work on its pages, in sum over all workers.
    time_left: Mutex<Duration>,
    /// Never empty.
    permits: Mutex<Vec<WorkerPermit>>,
    /// What its pages have in common, for workers. Empty if the survey failed.
    survey: OnceCell<Vec<u8>>,
}

/// A document that kills this many workers, and one more for each fifty pages, is hostile. One page can kill two.
const WORKERS_LOST_MAX: u32 = 16;
const PAGES_PER_WORKER_LOST: u32 = 50;
/// A document with more pages than this gets more than the configured time, in proportion.
const PAGES_IN_TIME: u32 = 1_800;
/// From this many pages on, a second worker saves more time than its start takes.
const SHARED_PAGES_MIN: usize = 200;

impl Document {
    pub(super) fn new(engine: Engine, path: PathBuf, info: Info, worker: WorkerProcess, permit: WorkerPermit) -> Self {
        Self {
            time_left: Mutex::new(time_for(info.total_pages, engine.config().document_timeout)),
            engine,
            path,
            info,
            turns: Semaphore::new(1),
            idle: Mutex::new(vec![worker]),
            workers_lost: AtomicU32::new(0),
            permits: Mutex::new(vec![permit]),
            survey: OnceCell::new(),
        }
    }

    /// Page count and title.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// Limits the time for all pages together to `limit`. It never gets longer.
    #[must_use]
    pub fn limited_to(self, limit: Duration) -> Self {
        let time_left = self.time_left().min(limit);
        Self { time_left: Mutex::new(time_left), ..self }
    }

    /// How long workers may still work on its pages.
    pub fn time_left(&self) -> Duration {
        *unpoisoned(&self.time_left)
    }

    /// The process id of an idle worker, or `None` without one. For tests that freeze or kill it.
    pub fn worker_pid(&self) -> Option<u32> {
        unpoisoned(&self.idle).last().and_then(WorkerProcess::pid)
    }

    /// Lets the document use as many workers as there are processors, as far as the requester gets permits. Returns how many calls can
    /// run at once from now on.
    pub fn widen(&self) -> usize {
        let mut permits = unpoisoned(&self.permits);
        while permits.len() < available_parallelism().map_or(1, usize::from)
            && let Some(permit) = permits.first().and_then(WorkerPermit::another)
        {
            permits.push(permit);
            self.turns.add_permits(1);
        }
        permits.len()
    }

    /// The text of one page as Markdown.
    ///
    /// # Errors
    /// [`PdfError::Page`] if this page fails; another variant if the document cannot be opened again.
    pub async fn text(&self, page: u32) -> Result<PageText, PdfError> {
        self.survey.get_or_init(|| self.surveyed()).await;
        self.ask(page, Request::Text { page }, answers::text).await
    }

    /// Surveys the document. A page that kills the worker must not cost the others their text, so a failure is an empty survey.
    async fn surveyed(&self) -> Vec<u8> {
        self.ask(0, Request::Survey, answers::survey).await.unwrap_or_default()
    }

    /// One page as a PDF of its own, with its annotations. A large page becomes a picture if that is smaller and is drawn in time.
    ///
    /// # Errors
    /// As for [`Self::text`].
    pub async fn split(&self, page: u32) -> Result<Vec<u8>, PdfError> {
        self.ask_twice(page, [true, false].map(|lean| Request::Split { page, lean }), answers::page_pdf).await
    }

    /// The figures of one page in reading order, or none if the engine has no detector. If the search kills the worker, a new worker
    /// repeats it.
    ///
    /// # Errors
    /// As for [`Self::text`]; [`PdfError::Unavailable`] if the detector cannot be loaded.
    pub async fn figures(&self, page: u32) -> Result<PageFigures, PdfError> {
        let request = Request::Figures { page };
        self.ask_twice(page, [request.clone(), request], answers::figures).await
    }

    /// The upper and the lower half of one page as pictures, WebP or JPEG. They overlap a little.
    ///
    /// # Errors
    /// As for [`Self::text`].
    pub async fn halves(&self, page: u32) -> Result<[Vec<u8>; 2], PdfError> {
        let upper = self.ask(page, Request::Half { page, half: Half::Upper }, answers::picture).await?;
        let lower = self.ask(page, Request::Half { page, half: Half::Lower }, answers::picture).await?;
        Ok([upper, lower])
    }

    /// The document's own outline in order, at most [`BOOKMARKS_MAX`] entries.
    ///
    /// # Errors
    /// As for [`Self::text`].
    pub async fn bookmarks(&self) -> Result<Vec<Bookmark>, PdfError> {
        let pages = self.info.total_pages;
        self.ask(0, Request::Bookmarks, |answer| answers::bookmarks(answer, pages)).await
    }

    /// The labels of the pages in order, such as `xii` or `A-3`, empty where a page has none. There are none if the file has no labels, and
    /// none after the first 4,000 pages.
    ///
    /// # Errors
    /// As for [`Self::text`].
    pub async fn labels(&self) -> Result<Vec<String>, PdfError> {
        let pages = self.info.total_pages;
        self.ask(0, Request::Labels, |answer| answers::labels(answer, pages)).await
    }

    /// The amount of text of each page, in order, or `None` for a page that fails. A long range is shared with a second worker if the
    /// requester gets a permit for it.
    ///
    /// # Errors
    /// The errors of [`Engine::open`] if the document cannot be opened again after a page killed its worker.
    pub async fn text_lengths(&self, pages: Range<u32>) -> Result<Vec<Option<PageLength>>, PdfError> {
        if pages.len() < SHARED_PAGES_MIN || self.widen() == 1 {
            return self.lengths_by_one(pages).await;
        }
        let middle = pages.start.midpoint(pages.end);
        let (first, second) =
            tokio::join!(self.lengths_by_one(pages.start..middle), self.lengths_by_one(middle..pages.end));
        Ok([first?, second?].concat())
    }

    async fn lengths_by_one(&self, pages: Range<u32>) -> Result<Vec<Option<PageLength>>, PdfError> {
        let _turn = self.turns.acquire().await.map_err(io::Error::other)?;
        let mut lengths = Vec::new();
        let mut rest = pages;
        while rest.start < rest.end {
            let Some(mut worker) = self.take_worker().await? else {
                lengths.extend(rest.map(|_| None));
                break;
            };
            match self.stream_lengths(&mut worker, &mut rest, &mut lengths).await {
                Ok(()) => unpoisoned(&self.idle).push(worker),
                // The worker died on this page. Another worker measures the rest.
                Err(error) if error.lost_worker() => {
                    self.workers_lost.fetch_add(1, Ordering::Relaxed);
                    lengths.push(None);
                    rest.start += 1;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(lengths)
    }

    /// Removes pages from `rest` as their lengths arrive.
    async fn stream_lengths(
        &self,
        worker: &mut WorkerProcess,
        rest: &mut Range<u32>,
        lengths: &mut Vec<Option<PageLength>>,
    ) -> Result<(), PdfError> {
        let request = Request::Lengths { first: rest.start, count: rest.end - rest.start };
        self.timed(worker.send(&request, b"")).await?;
        while rest.start < rest.end {
            lengths.push(answers::length(self.timed(worker.receive()).await?)?);
            rest.start += 1;
        }
        Ok(())
    }

    /// Sends the first request. If it kills the worker, sends the second one to a new worker. On a busy machine, a harmless page can run
    /// out of time.
    async fn ask_twice<T>(
        &self,
        page: u32,
        [first, second]: [Request; 2],
        read: impl Fn(Answer) -> Result<T, PdfError>,
    ) -> Result<T, PdfError> {
        let failed = match self.ask(page, first, &read).await {
            Err(error @ PdfError::Page { reason: PageFault::Timeout | PageFault::Crashed, .. }) => error,
            answer => return answer,
        };
        match self.ask(page, second, read).await {
            // The document gets no more workers, so the first error says more.
            Err(PdfError::Page { reason: PageFault::GivenUp, .. }) => Err(failed),
            answer => answer,
        }
    }

    /// Sends a request about one page. The worker becomes idle again only if it is usable. A caller that drops the future kills the
    /// worker, because it is out of step by then.
    async fn ask<T>(
        &self,
        page: u32,
        request: Request,
        read: impl FnOnce(Answer) -> Result<T, PdfError>,
    ) -> Result<T, PdfError> {
        let _turn = self.turns.acquire().await.map_err(io::Error::other)?;
        let Some(mut worker) = self.take_worker().await? else {
            return Err(PdfError::Page { index: page, reason: PageFault::GivenUp });
        };
        let answer = self.answer(&mut worker, &request).await.and_then(read);
        if answer.as_ref().is_err_and(PdfError::lost_worker) {
            self.workers_lost.fetch_add(1, Ordering::Relaxed);
        } else {
            unpoisoned(&self.idle).push(worker);
        }
        answer.map_err(|error| error.on_page(page))
    }

    /// Returns the worker's answer, after giving it what it wants first. Loading a detector counts against the time for opening. Otherwise the first page would get no figures
    /// on a busy machine.
    async fn answer(&self, worker: &mut WorkerProcess, request: &Request) -> Result<Answer, PdfError> {
        let answer = self.timed(worker.ask(request, b"")).await?;
        match answer.0 {
            Reply::DetectorWanted => drop(self.engine.load_detector(worker).await?),
            Reply::SurveyWanted => {
                let survey = self.survey.get().map_or(&[][..], Vec::as_slice);
                drop(self.timed(worker.ask(&Request::UseSurvey, survey)).await?);
            }
            _ => return Ok(answer),
        }
        self.timed(worker.ask(request, b"")).await
    }

    /// Waits for a worker within the time limits of a page and of the document.
    async fn timed<T>(&self, talk: impl Future<Output = Result<T, PdfError>>) -> Result<T, PdfError> {
        let limit = self.engine.config().page_timeout.min(self.time_left());
        let start = Instant::now();
        let answer = within(limit, talk).await;
        let mut time_left = unpoisoned(&self.time_left);
        *time_left = time_left.saturating_sub(start.elapsed());
        answer
    }

    /// An idle worker, or a new one if none is idle. `None` if too many were lost or the document has no time left. The caller holds a
    /// turn.
    async fn take_worker(&self) -> Result<Option<WorkerProcess>, PdfError> {
        if self.time_left().is_zero() {
            return Ok(None);
        }
        let idle = unpoisoned(&self.idle).pop();
        if let Some(worker) = idle {
            return Ok(Some(worker));
        }
        let lost_max = WORKERS_LOST_MAX + self.info.total_pages / PAGES_PER_WORKER_LOST;
        if self.workers_lost.load(Ordering::Relaxed) >= lost_max {
            return Ok(None);
        }
        let (worker, _) = self.engine.open_worker(&self.path).await?;
        Ok(Some(worker))
    }
}

/// How long workers may work on this many pages.
pub(super) fn time_for(pages: u32, configured: Duration) -> Duration {
    configured.max(configured.saturating_mul(pages) / PAGES_IN_TIME)
}

/// A list is changed by one call, so it is whole even after a thread panicked.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
