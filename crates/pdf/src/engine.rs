//! The engine: which limits workers have, and which are started ahead.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::answers;
use super::document::{Document, Info, PageText, time_for};
use super::error::PdfError;
use super::launcher::Launcher;
use super::permits::{Priority, Requester, WorkerPermits, WorkerTime};
use super::process::{WorkerProcess, within};
use super::protocol::{Request, Role};
use super::sandbox::{SandboxLayers, SandboxPolicy};
use super::spares::Spares;
use super::worker::detector::DetectorSpec;

/// The engine's limits and where its parts are.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// The program started as `<worker_exe> page-worker`; it must call [`super::worker::run`].
    /// The default is this very program, even after its file was replaced.
    pub worker_exe: PathBuf,
    /// `libpdfium.so`.
    pub library: PathBuf,
    /// The folder of fonts for text whose font is not in its document; `None`: those inside the library. Fonts of the system are never used.
    pub fonts: Option<PathBuf>,
    /// What happens on a kernel that lacks a part of the sandbox.
    pub sandbox: SandboxPolicy,
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
    /// Workers that are started before they are needed. Each reads one document and ends.
    pub spare_workers: usize,
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
            fonts: None,
            sandbox: SandboxPolicy::Required,
            detector: None,
            memory_bytes_max: 1 << 30,
            page_timeout: Duration::from_secs(10),
            document_timeout: Duration::from_secs(1_800),
            answer_timeout: Duration::from_secs(120),
            open_timeout: Duration::from_secs(20),
            pages_max: 10_000,
            workers_max: 4,
            spare_workers: 2,
            waiting_max: 256,
            worker_time: None,
        }
    }

    /// Time of a processor that the longest document may take.
    pub(super) fn cpu_seconds_max(&self) -> u64 {
        let longest = time_for(self.pages_max, self.document_timeout).saturating_add(self.open_timeout);
        longest.as_secs().saturating_add(1)
    }

    fn pages_role(&self) -> Role {
        let (library, fonts) = (self.library.clone(), self.fonts.clone());
        Role::Pages { library, fonts, has_detector: self.detector.is_some() }
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
    spares: Arc<Spares>,
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
            spares: Arc::default(),
            config,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Starts a worker, sees that it can bind the library and that the detector can be loaded, and says what confines both: for
    /// readiness checks.
    ///
    /// # Errors
    /// [`PdfError::Unavailable`] if a part is missing, also one of the sandbox; [`PdfError::Io`] if no process can be started.
    pub async fn check(&self) -> Result<SandboxLayers, PdfError> {
        let mut worker = within(self.config().open_timeout, self.start_worker()).await?;
        let layers = worker.layers();
        Ok(self.load_detector(&mut worker).await?.map_or(layers, |of_layout| layers.and(of_layout)))
    }

    /// Starts workers before they are needed, and says what confines them.
    ///
    /// # Errors
    /// As [`Self::check`], of the workers that read documents.
    pub async fn start_ahead(&self) -> Result<SandboxLayers, PdfError> {
        let worker = within(self.config().open_timeout, self.start_worker()).await?;
        let layers = worker.layers();
        self.shared.spares.add(worker, self.config().spare_workers);
        self.refill_spares();
        Ok(layers)
    }

    /// Has a process load the detector, and gives it to the worker. That no document is to blame if it takes too long is what the error
    /// says. `None`: there is no detector.
    pub(super) async fn load_detector(&self, worker: &mut WorkerProcess) -> Result<Option<SandboxLayers>, PdfError> {
        let Some(detector) = self.config().detector.clone() else { return Ok(None) };
        let load = async {
            let layout = WorkerProcess::start(&self.shared.launcher, self.config(), Role::Layout { detector }).await?;
            let layers = layout.layers();
            worker.use_detector(layout).await?;
            Ok(Some(layers))
        };
        match within(self.config().open_timeout, load).await {
            Err(PdfError::Timeout(_)) => {
                Err(PdfError::Unavailable("the figure detector takes too long to load".to_owned()))
            }
            loaded => loaded,
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
            let image = opened(path).await?;
            answers::image_pdf(self.fresh_worker().await?.ask_of(&Request::ImageToPdf, &image).await?)
        })
        .await
    }

    /// The text of each page of a PDF held in memory, in the background.
    ///
    /// # Errors
    /// As [`Self::open`], and [`PdfError::Page`] if a page cannot be read.
    pub async fn read_pages(&self, pdf: &[u8], requester: &Requester) -> Result<Vec<PageText>, PdfError> {
        let _permit = self.shared.readers.acquire(Priority::Background, requester).await?;
        let EngineConfig { open_timeout, page_timeout, pages_max, .. } = *self.config();
        let (mut worker, info) = within(open_timeout, async {
            let mut worker = self.fresh_worker().await?;
            let info = answers::info(worker.ask(&Request::OpenBytes { pages_max }, pdf).await?, pages_max)?;
            Ok((worker, info))
        })
        .await?;
        let mut texts = Vec::new();
        for page in 0..info.total_pages {
            let answer = worker.ask_within(page_timeout, &Request::Text { page }, b"").await;
            texts.push(answer.and_then(answers::text).map_err(|error| error.on_page(page))?);
        }
        Ok(texts)
    }

    /// One page of the PDF at `path` as a picture for people to look at: a WebP or JPEG file, at most 1,200 pixels wide. Interactive.
    /// Has permits of its own, so it never waits for documents that are being extracted.
    ///
    /// # Errors
    /// As [`Self::open`], and [`PdfError::Page`] if the page cannot be drawn.
    pub async fn page_picture(&self, path: &Path, page: u32, requester: &Requester) -> Result<Vec<u8>, PdfError> {
        let _permit = self.shared.readers.acquire(Priority::Interactive, requester).await?;
        let (mut worker, _) = self.open_worker(path).await?;
        let answer = worker.ask_within(self.config().page_timeout, &Request::Picture { page }, b"").await;
        answer.and_then(answers::picture).map_err(|error| error.on_page(page))
    }

    /// A worker with the document at `path` open in it.
    pub(super) async fn open_worker(&self, path: &Path) -> Result<(WorkerProcess, Info), PdfError> {
        let EngineConfig { open_timeout, pages_max, .. } = *self.config();
        within(open_timeout, async {
            let file = opened(path).await?;
            let mut worker = self.fresh_worker().await?;
            let info = answers::info(worker.ask_of(&Request::OpenFile { pages_max }, &file).await?, pages_max)?;
            Ok((worker, info))
        })
        .await
    }

    pub(super) fn config(&self) -> &EngineConfig {
        &self.shared.config
    }

    /// A worker that has seen no document. Another one takes its place in the background.
    async fn fresh_worker(&self) -> Result<WorkerProcess, PdfError> {
        let spare = self.shared.spares.take();
        self.refill_spares();
        match spare {
            Some(worker) => Ok(worker),
            None => self.start_worker().await,
        }
    }

    fn refill_spares(&self) {
        let (shared, spares) = (Arc::downgrade(&self.shared), Arc::clone(&self.shared.spares));
        spares.refill(self.config().spare_workers, move || {
            let shared = shared.upgrade();
            async move {
                let engine = Self { shared: shared? };
                within(engine.config().open_timeout, engine.start_worker()).await.ok()
            }
        });
    }

    async fn start_worker(&self) -> Result<WorkerProcess, PdfError> {
        WorkerProcess::start(&self.shared.launcher, self.config(), self.config().pages_role()).await
    }
}

/// The file, for reading only: its descriptor goes to the worker.
async fn opened(path: &Path) -> Result<File, PdfError> {
    Ok(tokio::fs::File::open(path).await?.into_std().await)
}
