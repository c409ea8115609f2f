//! Demo mode: runs the emulator of the Gemini API on a loopback port. It reads pages with the page engine.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Config;
use crate::error::Result;
use crate::settings::{SECOND, Settings};
use coldbrew_gemini_emulator::{Emulator, EmulatorConfig, FaultMix, PageReader, ReadError, SystemClock, router, serve};
use coldbrew_pdf::{Engine, PageText, PdfError, Priority, Requester};

/// How long the emulator keeps a batch in each state.
#[derive(Clone, Copy, Debug)]
pub struct DemoTiming {
    pub pending: Duration,
    pub running: Duration,
}

impl DemoTiming {
    pub(super) fn read(from: &mut Settings) -> Self {
        Self {
            pending: from.millis("demo.pending-ms", "COLDBREW_DEMO_PENDING_MS", 5 * SECOND),
            running: from.millis("demo.running-ms", "COLDBREW_DEMO_RUNNING_MS", 10 * SECOND),
        }
    }
}

/// A running emulator. Dropping it stops the emulator.
#[derive(Debug)]
pub struct Demo {
    addr: SocketAddr,
    serving: JoinHandle<()>,
}

impl Demo {
    /// Starts the emulator on a free port. Its batches are stored in the data folder, so they survive a restart, as Google's do.
    ///
    /// # Errors
    /// The port or the data folder cannot be used.
    pub async fn start(config: &Config, engine: Engine) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let app = router(emulator(config, engine, false).await?);
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                tracing::error!(%error, "emulator stopped");
            }
        });
        Ok(Self { addr, serving })
    }

    /// The base URL of its API.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Serves only the emulator, with its control endpoint, until `stop`. `faults`: a mix of faults, and the seed that chooses what they meet.
///
/// # Errors
/// The address, the page engine or the data folder cannot be used.
pub async fn serve_emulator(
    config: &Config,
    addr: SocketAddr,
    faults: Option<(FaultMix, u64)>,
    stop: CancellationToken,
) -> Result<()> {
    let emulator = emulator(config, super::engine(config)?, true).await?;
    if let Some((mix, seed)) = faults {
        emulator.arm(mix, seed);
    }
    let listener = TcpListener::bind(addr).await?;
    println!("The Gemini emulator is ready at http://{}", listener.local_addr()?);
    Ok(serve(listener, emulator, stop.cancelled_owned()).await?)
}

async fn emulator(config: &Config, engine: Engine, control: bool) -> Result<Emulator> {
    let emulator = EmulatorConfig {
        data_dir: config.storage.data_dir.join("fake-gemini"),
        pending: config.demo.pending,
        running: config.demo.running,
        reader: Arc::new(EngineReader { engine, requester: Requester::unlimited("gemini emulator") }),
        clock: Arc::new(SystemClock),
        control,
    };
    Ok(Emulator::open(emulator).await?)
}

/// The text of a page that only Gemini could read.
const PICTURE: &str = "This page is a picture. Gemini would read it; the demo's local reader cannot.";

/// Reads pages as text mode does. The page engine treats the emulator as one more account, without limits.
struct EngineReader {
    engine: Engine,
    requester: Requester,
}

#[async_trait]
impl PageReader for EngineReader {
    async fn read(&self, mime: &str, bytes: &[u8]) -> Result<Vec<String>, ReadError> {
        let pages = match mime {
            "application/pdf" => self.engine.read_pages(bytes, &self.requester).await,
            _ if mime.starts_with("image/") => self.read_image(bytes).await,
            _ => return Err(ReadError::Unreadable),
        };
        let pages = pages.map_err(|error| match error {
            PdfError::Busy | PdfError::BudgetSpent(_) | PdfError::Unavailable(_) | PdfError::Io(_) => {
                ReadError::Unavailable
            }
            _ => ReadError::Unreadable,
        })?;
        Ok(pages.into_iter().map(text_of).collect())
    }
}

impl EngineReader {
    /// Reads an image as a PDF of one page.
    async fn read_image(&self, bytes: &[u8]) -> Result<Vec<PageText>, PdfError> {
        let file = tempfile::NamedTempFile::new()?;
        tokio::fs::write(file.path(), bytes).await?;
        let Self { engine, requester } = self;
        engine.read_pages(&engine.image_to_pdf(file.path(), Priority::Background, requester).await?, requester).await
    }
}

fn text_of(page: PageText) -> String {
    let is_picture = page.is_scan && page.markdown.trim().is_empty();
    if is_picture { PICTURE.to_owned() } else { page.markdown }
}
