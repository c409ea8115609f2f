//! The engine: with which limits workers are, and the warm ones for single pages.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::document::{Document, Info, PageText};
use super::error::PdfError;
use super::launcher::Launcher;
use super::permits::{Priority, Requester, WorkerPermits, WorkerTime};
use super::process::{WorkerProcess, refusal, within};
use super::protocol::{Reply, Request};
use super::worker::detector::DetectorSpec;

/// The engine's limits and where its parts are.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// The program started as `<worker_exe> page-worker`; it must call [`super::worker::run`].
    /// The default is this very program, even after its file was replaced.
    pub worker_exe: PathBuf,
    /// `libpdfium.so`.
    pub library: PathBuf,
    /// What finds figures; `None`: pages have none.
    pub detector: Option<DetectorSpec>,
    /// Address space of one worker, in bytes.
    pub memory_bytes_max: u64,
    /// Wall time for one page, after which its worker is killed.
    pub page_timeout: Duration,
    /// Wall time for all pages of an open document together, after which the rest of them fail; more if it has very many.
    pub document_timeout: Duration,
    /// The same for an interactive request.
    pub answer_timeout: Duration,
    /// Wall time to start a worker and open a document in it; and, for an interactive request, to get a permit for that.
    pub open_timeout: Duration,
    /// Documents with more pages are refused.
    pub pages_max: u32,
    /// Documents open at once; and, apart from them, workers that read single pages. Two of each at least. From four on, no requester
    /// and no background work keeps the others from getting a worker.
    pub workers_max: usize,
    /// Requests that wait for each of the two. Beyond it the requester with most of them is refused.
    pub waiting_max: usize,
    /// Counts how long accounts have workers; `None`: no account has a limit.
    pub worker_time: Option<Arc<dyn WorkerTime>>,
}

impl EngineConfig {
    /// The default limits with the library at `library`.
    pub fn new(library: PathBuf) -> Self {
        Self {
            worker_exe: PathBuf::from("/proc/self/exe"),
            library,
            detector: None,
            memory_bytes_max: 1 << 30,
            page_timeout: Duration::from_secs(10),
            document_timeout: Duration::from_secs(1_800),
            answer_timeout: Duration::from_secs(120),
            open_timeout: Duration::from_secs(20),
            pages_max: 10_000,
            workers_max: 4,
            waiting_max: 256,
            worker_time: None,
        }
    }
}

/// The page engine. Clones share one set of workers; the last one dropped ends them all.
#[derive(Clone, Debug)]
pub struct Engine {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: EngineConfig,
    launcher: Launcher,
    documents: WorkerPermits,
    readers: WorkerPermits,
    idle_readers: Mutex<Vec<WorkerProcess>>,
}

impl Engine {
    /// An engine that has started nothing yet.
    ///
    /// # Errors
    /// [`PdfError::Io`] if its launching thread cannot be started.
    pub fn new(config: EngineConfig) -> Result<Self, PdfError> {
        let EngineConfig { workers_max, waiting_max, open_timeout, .. } = config;
        let permits =
            |pool| WorkerPermits::new(pool, workers_max, waiting_max, open_timeout, config.worker_time.clone());
        let shared = Shared {
            launcher: Launcher::new(&config.worker_exe)?,
            documents: permits("documents"),
            readers: permits("pages"),
            idle_readers: Mutex::new(Vec::new()),
            config,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Starts a worker and sees that it can bind the library and load the detector: for readiness checks.
    ///
    /// # Errors
    /// [`PdfError::Unavailable`] if one is missing, [`PdfError::Io`] if no process can be started.
    pub async fn check(&self) -> Result<(), PdfError> {
        let mut worker = within(self.config().open_timeout, self.start_worker()).await?;
        self.load_detector(&mut worker).await
    }

    /// Has a worker load the detector. That no document is to blame if it takes too long is what the error says.
    pub(super) async fn load_detector(&self, worker: &mut WorkerProcess) -> Result<(), PdfError> {
        match worker.ask_within(self.config().open_timeout, &Request::LoadDetector, b"").await {
            Ok((Reply::DetectorReady, _)) => Ok(()),
            Ok((other, _)) => Err(refusal(other)),
            Err(PdfError::Timeout(_)) => {
                Err(PdfError::Unavailable("the figure detector takes too long to load".to_owned()))
            }
            Err(error) => Err(error),
        }
    }

    /// Opens the PDF at `path` in a worker of its own. An interactive document has [`EngineConfig::answer_timeout`] for its pages.
    ///
    /// The file must stay where it is while the document is open: a worker that died on a page opens it again.
    ///
    /// # Errors
    /// All but [`PdfError::Page`].
    pub async fn open(
        &self,
        path: impl Into<PathBuf>,
        priority: Priority,
        requester: &Requester,
    ) -> Result<Document, PdfError> {
        let permit = self.shared.documents.acquire(priority, requester).await?;
        let path = path.into();
        let (worker, info) = self.open_worker(&path).await?;
        let document = Document::new(self.clone(), path, info, worker, permit);
        Ok(match priority {
            Priority::Interactive => document.limited_to(self.config().answer_timeout),
            Priority::Background => document,
        })
    }

    /// An image file as a PDF of one page: PNG, JPEG, WebP, GIF, BMP or TIFF.
    ///
    /// # Errors
    /// [`DocumentFault::Unreadable`](super::DocumentFault::Unreadable) if it is none of these, damaged or too large; as [`Self::open`] otherwise.
    pub async fn image_to_pdf(
        &self,
        path: &Path,
        priority: Priority,
        requester: &Requester,
    ) -> Result<Vec<u8>, PdfError> {
        let _permit = self.shared.documents.acquire(priority, requester).await?;
        within(self.config().open_timeout, async {
            let mut worker = self.start_worker().await?;
            match worker.ask(&Request::ImageToPdf, path.as_os_str().as_bytes()).await? {
                (Reply::Pdf, pdf) => Ok(pdf),
                (other, _) => Err(refusal(other)),
            }
        })
        .await
    }

    /// The text of each page of a PDF held in memory, in the background. Uses a warm worker, so thousands in a row are fast.
    ///
    /// # Errors
    /// As [`Self::open`], and [`PdfError::Page`] if a page cannot be read.
    pub async fn read_pages(&self, pdf: &[u8], requester: &Requester) -> Result<Vec<PageText>, PdfError> {
        let _permit = self.shared.readers.acquire(Priority::Background, requester).await?;
        let mut worker = self.warm_worker().await?;
        let texts = self.read_in(&mut worker, pdf).await;
        self.keep_warm(worker, &texts);
        texts
    }

    /// One page of the PDF at `path` as a picture for people to look at: a WebP or JPEG file, at most 1,200 pixels wide. Interactive.
    /// Uses a warm worker, so it never waits for documents that are being extracted.
    ///
    /// # Errors
    /// As [`Self::open`], and [`PdfError::Page`] if the page cannot be drawn.
    pub async fn page_picture(&self, path: &Path, page: u32, requester: &Requester) -> Result<Vec<u8>, PdfError> {
        let _permit = self.shared.readers.acquire(Priority::Interactive, requester).await?;
        let mut worker = self.warm_worker().await?;
        let picture = self.draw_in(&mut worker, path, page).await;
        self.keep_warm(worker, &picture);
        picture
    }

    /// A worker that is there, or a new one. While it is the caller's, a caller that gives up drops it, that is kills it: it would be
    /// out of step.
    async fn warm_worker(&self) -> Result<WorkerProcess, PdfError> {
        let idle = self.idle_readers().pop();
        match idle {
            Some(worker) => Ok(worker),
            None => within(self.config().open_timeout, self.start_worker()).await,
        }
    }

    /// Puts a worker back that has answered so, if it is still good.
    fn keep_warm<T>(&self, worker: WorkerProcess, answer: &Result<T, PdfError>) {
        if !answer.as_ref().is_err_and(PdfError::lost_worker) {
            self.idle_readers().push(worker);
        }
    }

    async fn draw_in(&self, worker: &mut WorkerProcess, path: &Path, page: u32) -> Result<Vec<u8>, PdfError> {
        let EngineConfig { open_timeout, page_timeout, pages_max, .. } = *self.config();
        let path = path.as_os_str().as_bytes();
        within(open_timeout, open_in(worker, &Request::OpenFile { pages_max }, path)).await?;
        match worker.ask_within(page_timeout, &Request::Picture { page }, b"").await {
            Ok((Reply::Picture, picture)) => Ok(picture),
            Ok((other, _)) => Err(refusal(other)),
            Err(error) => Err(error.on_page(page)),
        }
    }

    async fn read_in(&self, worker: &mut WorkerProcess, pdf: &[u8]) -> Result<Vec<PageText>, PdfError> {
        let EngineConfig { open_timeout, page_timeout, pages_max, .. } = *self.config();
        let info = within(open_timeout, open_in(worker, &Request::OpenBytes { pages_max }, pdf)).await?;
        let mut texts = Vec::new();
        for page in 0..info.total_pages {
            let answer = worker.ask_within(page_timeout, &Request::Text { page }, b"").await;
            texts.push(answer.and_then(PageText::from_answer).map_err(|error| error.on_page(page))?);
        }
        Ok(texts)
    }

    /// A worker with the document at `path` open in it.
    pub(super) async fn open_worker(&self, path: &Path) -> Result<(WorkerProcess, Info), PdfError> {
        within(self.config().open_timeout, async {
            let mut worker = self.start_worker().await?;
            let request = Request::OpenFile { pages_max: self.config().pages_max };
            let info = open_in(&mut worker, &request, path.as_os_str().as_bytes()).await?;
            Ok((worker, info))
        })
        .await
    }

    pub(super) fn config(&self) -> &EngineConfig {
        &self.shared.config
    }

    async fn start_worker(&self) -> Result<WorkerProcess, PdfError> {
        WorkerProcess::start(&self.shared.launcher, self.config()).await
    }

    fn idle_readers(&self) -> MutexGuard<'_, Vec<WorkerProcess>> {
        self.shared.idle_readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn open_in(worker: &mut WorkerProcess, request: &Request, payload: &[u8]) -> Result<Info, PdfError> {
    match worker.ask(request, payload).await? {
        (Reply::Opened { total_pages, title }, _) => Ok(Info { total_pages, title }),
        (other, _) => Err(refusal(other)),
    }
}
