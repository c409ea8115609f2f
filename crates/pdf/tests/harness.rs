//! An engine whose workers are this crate's own program, and documents open in it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use coldbrew_pdf::{DetectorSpec, Document, Engine, EngineConfig, Family, PdfError, Priority, Requester, Runtime};
use tempfile::TempDir;

pub const WORKER_EXE: &str = env!("CARGO_BIN_EXE_page-worker");
pub const LINE: &str = "A line of text that is long enough to count as one.";

/// The folder in which `scripts/setup` puts libraries, models and odd files.
pub fn vendor() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vendor")
}

pub fn library() -> PathBuf {
    vendor().join("libpdfium.so")
}

pub fn config() -> EngineConfig {
    EngineConfig { worker_exe: WORKER_EXE.into(), fonts: Some(vendor().join("fonts")), ..EngineConfig::new(library()) }
}

pub fn detector() -> DetectorSpec {
    DetectorSpec {
        family: Family::PpDoclayout,
        runtime: Runtime::Onnxruntime,
        model: vendor().join("pp-doclayout-s.onnx"),
        library: vendor().join("libonnxruntime.so"),
        threshold_percent: 25,
        figure_classes: Vec::new(),
    }
}

pub fn engine() -> Engine {
    Engine::new(config()).unwrap()
}

/// A requester with an account that no other call uses.
pub fn requester() -> Requester {
    static ACCOUNTS: AtomicU32 = AtomicU32::new(0);
    Requester::unlimited(ACCOUNTS.fetch_add(1, Ordering::Relaxed).to_string())
}

/// Opens a document. Its folder must exist while the document is read.
pub async fn open(engine: &Engine, pdf: &[u8]) -> (TempDir, Result<Document, PdfError>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("document");
    std::fs::write(&path, pdf).unwrap();
    let document = engine.open(path, Priority::Interactive, &requester()).await;
    (folder, document)
}
