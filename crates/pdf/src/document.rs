//! One open document, which is read page by page.

use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::{OnceCell, Semaphore};

use super::answers;
use super::engine::Engine;
use super::error::{PageFault, PdfError};
use super::figures::Figure;
use super::permits::WorkerPermit;
use super::process::{Answer, WorkerProcess, within};
use super::protocol::{Half, Reply, Request};

/// The page count and title of an open document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// At least 1.
    pub total_pages: u32,
    /// From the metadata, one clean line of at most 300 characters; `None` if there is none worth showing.
    pub title: Option<String>,
}

/// The text of one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageText {
    /// Markdown in reading order. Plain text in it cannot turn into HTML.
    pub markdown: String,
    /// Characters of native text, white space not counted.
    pub chars_visible: u32,
    /// The page is a picture of text: there is (almost) no text that a reader sees.
    pub is_scan: bool,
    pub looks: PageLooks,
}

/// What makes a page harder to read than others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageLooks {
    /// Most of its text is smaller than 7 points.
    pub has_small_type: bool,
    /// It is larger than A3.
    pub is_large: bool,
    /// It shows nothing: it has no text, and all of it has one colour.
    pub is_blank: bool,
}

/// An entry of the document's own outline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bookmark {
    /// One clean line of at most 300 characters.
    pub title: String,
    /// Counts from 1.
    pub level: u8,
    /// The page to which it leads, numbered from 0; `None`: it leads to none.
    pub page: Option<u32>,
}

/// The figures of a page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PageFigures {
    pub images: Vec<FigureImage>,
    /// Whether the page has a table, as far as rules and the layout model show.
    pub has_tables: bool,
}

/// How much native text a page has, for the estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageLength {
    /// As in [`PageText`].
    pub chars_visible: u32,
    /// As in [`PageText`].
    pub is_scan: bool,
}

/// A figure of a page, cut out of a sharp picture of it.
#[derive(Clone, Debug, PartialEq)]
pub struct FigureImage {
    pub figure: Figure,
    pub png: Vec<u8>,
}

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

/// Characters of a page label. A longer one is cut.
pub const LABEL_CHARS_MAX: usize = 32;
/// More bookmarks are left out. The largest outline that was seen has 12,000.
pub const BOOKMARKS_MAX: usize = 20_000;
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
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;
    use crate::protocol::encode_head;
    use crate::{DetectorSpec, EngineConfig, Family, Priority, Requester, Runtime, SandboxLayers};

    const OPENED: Reply = Reply::Opened { total_pages: 1, title: None };
    const FIGURES: Reply = Reply::Figures { figures: Vec::new(), has_tables: false };

    fn started() -> Reply {
        let layers =
            SandboxLayers { no_new_privs: true, limits: true, files: true, system_calls: true, ..Default::default() };
        Reply::Started { layers }
    }

    /// A program that runs these lines of a shell. `answer` waits for a request and sends the reply with that number.
    fn scripted_worker(folder: &Path, lines: &str, replies: &[Reply]) -> PathBuf {
        for (number, reply) in replies.iter().enumerate() {
            std::fs::write(folder.join(number.to_string()), encode_head(reply, b"").unwrap()).unwrap();
        }
        let worker = folder.join("worker");
        let ask = "ask() { set -- $(head -c 8 | od -An -tu4 -w8); head -c $(($1 + $2)) >/dev/null; }";
        let answer = "answer() { file=$1; ask; cat \"$file\" >&0; }";
        let script = format!("#!/bin/sh\ncd '{}'\n{ask}\n{answer}\n{lines}\nexec sleep 1000\n", folder.display());
        std::fs::write(&worker, script).unwrap();
        std::fs::set_permissions(&worker, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::write(folder.join("document"), "").unwrap();
        worker
    }

    /// A document of one page that this worker reads. A page may take 300 ms.
    async fn document(worker_exe: PathBuf) -> Document {
        let path = worker_exe.with_file_name("document");
        let detector = DetectorSpec {
            family: Family::PpDoclayout,
            runtime: Runtime::Onnxruntime,
            model: PathBuf::new(),
            library: PathBuf::new(),
            threshold_percent: 25,
            figure_classes: Vec::new(),
        };
        let page_timeout = Duration::from_millis(300);
        let usual = EngineConfig::new(PathBuf::new());
        let config = EngineConfig { worker_exe, page_timeout, detector: Some(detector), spare_workers: 0, ..usual };
        Engine::new(config).unwrap().open(path, Priority::Interactive, &Requester::unlimited("test")).await.unwrap()
    }

    #[test]
    fn a_document_of_very_many_pages_has_time_for_all_of_them() {
        let half_an_hour = Duration::from_secs(1_800);
        assert_eq!(time_for(1, half_an_hour), half_an_hour);
        assert_eq!(time_for(1_800, half_an_hour), half_an_hour);
        assert_eq!(time_for(10_000, half_an_hour), Duration::from_secs(10_000));
        assert_eq!(time_for(3_600, Duration::from_secs(60)), Duration::from_secs(120));
        assert_eq!(time_for(2, Duration::MAX), Duration::MAX);
    }

    #[tokio::test]
    async fn a_detector_is_not_loaded_in_the_time_of_the_first_page() {
        let folder = tempfile::tempdir().unwrap();
        let lines = "if mkdir begun; then answer 0; answer 1; answer 2; answer 3; answer 4; else sleep 1; answer 0; fi";
        let replies = [started(), OPENED, Reply::DetectorWanted, Reply::DetectorReady, FIGURES];
        let document = document(scripted_worker(folder.path(), lines, &replies)).await;
        let time = document.time_left();
        assert_eq!(document.figures(0).await.unwrap(), PageFigures::default());
        assert!(time - document.time_left() < Duration::from_millis(600), "nor in the document's");
    }

    #[tokio::test]
    async fn figures_are_looked_for_once_more_by_a_fresh_worker() {
        let folder = tempfile::tempdir().unwrap();
        let only_the_second_answers = "answer 0; answer 1; if ! mkdir begun; then answer 2; fi";
        let document =
            document(scripted_worker(folder.path(), only_the_second_answers, &[started(), OPENED, FIGURES])).await;
        assert_eq!(document.figures(0).await.unwrap(), PageFigures::default());
        assert_eq!(document.workers_lost.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn figures_that_two_workers_cannot_find_are_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let document = document(scripted_worker(folder.path(), "answer 0; answer 1", &[started(), OPENED])).await;
        let answer = document.figures(0).await;
        assert!(matches!(answer, Err(PdfError::Page { index: 0, reason: PageFault::Timeout })), "{answer:?}");
        assert_eq!(document.workers_lost.load(Ordering::Relaxed), 2);
    }
}
