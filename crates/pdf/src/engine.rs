//! The engine: it starts workers within limits, some of them ahead of time.

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

/// The engine's limits, and the paths of its parts.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// The program that is started as `<worker_exe> page-worker`. It must call [`super::worker::run`]. The default is the running
    /// program, even after its file was replaced.
    pub worker_exe: PathBuf,
    /// `libpdfium.so`.
    pub library: PathBuf,
    /// The folder of fonts for text whose font is not in its document. `None`: only the fonts inside PDFium. Fonts of the system are
    /// never used.
    pub fonts: Option<PathBuf>,
    /// What happens on a kernel that lacks a part of the sandbox.
    pub sandbox: SandboxPolicy,
    /// Finds figures. `None`: pages have no figures.
    pub detector: Option<DetectorSpec>,
    /// Address space of one worker, in bytes.
    pub memory_bytes_max: u64,
    /// Wall time for one page. After it, the worker is killed.
    pub page_timeout: Duration,
    /// Wall time for all pages of an open document together. After it, the remaining pages fail. Very long documents have more time.
    pub document_timeout: Duration,
    /// The same for an interactive request.
    pub answer_timeout: Duration,
    /// Wall time to start a worker and open a document in it. An interactive request may also wait this long for a permit.
    pub open_timeout: Duration,
    /// Documents with more pages are refused.
    pub pages_max: u32,
    /// How many documents can be open at once, and how many more workers can read single pages. Both are at least two. From four on, no
    /// requester and no background work can occupy all workers.
    pub workers_max: usize,
    /// Workers that are started before they are needed. Each reads one document and ends.
    pub spare_workers: usize,
    /// How many requests can wait for each of the two. Beyond it, the requester with the most waiting requests is refused.
    pub waiting_max: usize,
    /// Counts how long each account uses workers. `None`: accounts have no limit.
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

    /// Processor time that the longest document may take.
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
    /// Creates an engine. It starts no worker yet.
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

    /// Starts a worker, and loads the library and the detector, for readiness checks. Returns the layers that confine both processes.
    ///
    /// # Errors
    /// [`PdfError::Unavailable`] if a part or a required layer of the sandbox is missing; [`PdfError::Io`] if no process can be started.
    pub async fn check(&self) -> Result<SandboxLayers, PdfError> {
        let mut worker = within(self.config().open_timeout, self.start_worker()).await?;
        let layers = worker.layers();
        Ok(self.load_detector(&mut worker).await?.map_or(layers, |of_layout| layers.and(of_layout)))
    }

    /// Starts workers before they are needed. Returns the layers that confine them.
    ///
    /// # Errors
    /// As for [`Self::check`], for the workers that read documents.
    pub async fn start_ahead(&self) -> Result<SandboxLayers, PdfError> {
        let worker = within(self.config().open_timeout, self.start_worker()).await?;
        let layers = worker.layers();
        self.shared.spares.add(worker, self.config().spare_workers);
        self.refill_spares();
        Ok(layers)
    }

    /// Loads the detector in a process, and connects it to the worker. A timeout is reported as a fault of the engine, not of the
    /// document. `None`: there is no detector.
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
    /// The file must stay at its path while the document is open. After a worker died, the next one opens the file again.
    ///
    /// # Errors
    /// All variants except [`PdfError::Page`].
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

    /// Converts an image file to a PDF of one page. PNG, JPEG, WebP, GIF, BMP and TIFF are supported.
    ///
    /// # Errors
    /// [`DocumentFault::Unreadable`](super::DocumentFault::Unreadable) for another format, or a file that is damaged or too large.
    /// Otherwise as for [`Self::open`].
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
    /// As for [`Self::open`], and [`PdfError::Page`] if a page cannot be read.
    pub async fn read_pages(&self, pdf: &[u8], requester: &Requester) -> Result<Vec<PageText>, PdfError> {
        let _permit = self.shared.readers.acquire(Priority::Background, requester).await?;
        let EngineConfig { open_timeout, page_timeout, pages_max, .. } = *self.config();
        let (mut worker, info) = within(open_timeout, async {
            let mut worker = self.fresh_worker().await?;
            let info = answers::info(worker.ask(&Request::OpenBytes { pages_max }, pdf).await?, pages_max)?;
            Ok((worker, info))
        })
        .await?;
        worker.ask_within(page_timeout, &Request::Survey, b"").await.map_err(|error| error.on_page(0))?;
        let mut texts = Vec::new();
        for page in 0..info.total_pages {
            let answer = worker.ask_within(page_timeout, &Request::Text { page }, b"").await;
            texts.push(answer.and_then(answers::text).map_err(|error| error.on_page(page))?);
        }
        Ok(texts)
    }

    /// Draws one page of the PDF at `path` as a WebP or JPEG file, at most 1,200 pixels wide. The request is interactive. It has permits
    /// of its own, so it never waits for documents that are being extracted.
    ///
    /// # Errors
    /// As for [`Self::open`], and [`PdfError::Page`] if the page cannot be drawn.
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

    /// A worker that has seen no document. The engine starts a replacement in the background.
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

/// The file, opened for reading only. The worker gets its descriptor.
async fn opened(path: &Path) -> Result<File, PdfError> {
    Ok(tokio::fs::File::open(path).await?.into_std().await)
}
