//! The stand-in for Google: the emulator on a loopback port, reading pages with our own engine.

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
use coldbrew_gemini_emulator::{Emulator, EmulatorConfig, PageReader, ReadError, SystemClock, router, serve};
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

/// An emulator that runs for as long as this value lives.
#[derive(Debug)]
pub struct Demo {
    addr: SocketAddr,
    serving: JoinHandle<()>,
}

impl Demo {
    /// Starts the emulator on a free port. Its batches are kept in the data folder, so they survive a restart as Google's do.
    pub async fn start(config: &Config, engine: Engine) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let app = router(emulator(config, engine, false).await?);
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                tracing::error!(%error, "the emulator stopped");
            }
        });
        Ok(Self { addr, serving })
    }

    /// Where its API is.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Serves the emulator alone, with its control endpoint, until `stop`.
pub async fn serve_emulator(config: &Config, addr: SocketAddr, stop: CancellationToken) -> Result<()> {
    let emulator = emulator(config, super::engine(config)?, true).await?;
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

/// What it says where Gemini would read a picture.
const PICTURE: &str = "This page is a picture. Gemini would read it; its stand-in cannot.";

/// Reads pages as text mode does. To the page engine it is an account of its own, as Google is none of ours.
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
        Ok(pages.into_iter().map(shown).collect())
    }
}

impl EngineReader {
    /// An image is read as the page that it fills.
    async fn read_image(&self, bytes: &[u8]) -> Result<Vec<PageText>, PdfError> {
        let file = tempfile::NamedTempFile::new()?;
        tokio::fs::write(file.path(), bytes).await?;
        let Self { engine, requester } = self;
        engine.read_pages(&engine.image_to_pdf(file.path(), Priority::Background, requester).await?, requester).await
    }
}

fn shown(page: PageText) -> String {
    let is_picture = page.is_scan && page.markdown.trim().is_empty();
    if is_picture { PICTURE.to_owned() } else { page.markdown }
}
