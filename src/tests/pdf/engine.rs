//! The page engine for the tests of the server. The engine's own tests are in `crates/pdf/tests`.

use std::io::Cursor;
use std::path::Path;
use std::sync::OnceLock;

use coldbrew_pdf::testing::chart_pdf;
use coldbrew_pdf::{Engine, EngineConfig, Requester};

/// The configuration of an engine whose workers are the server's own executable.
pub fn config() -> EngineConfig {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("vendor/libpdfium.so");
    EngineConfig { worker_exe: env!("CARGO_BIN_EXE_coldbrew").into(), ..EngineConfig::new(library) }
}

/// A PNG picture of a page with a chart.
pub fn photograph() -> Vec<u8> {
    static TAKEN: OnceLock<Vec<u8>> = OnceLock::new();
    // A test's runtime cannot block on another runtime.
    TAKEN.get_or_init(|| std::thread::spawn(take_photograph).join().unwrap()).clone()
}

#[tokio::main(flavor = "current_thread")]
async fn take_photograph() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chart.pdf");
    std::fs::write(&path, chart_pdf()).unwrap();
    let engine = Engine::new(config()).unwrap();
    let picture = engine.page_picture(&path, 0, &Requester::unlimited("photographer")).await.unwrap();
    let mut png = Cursor::new(Vec::new());
    image::load_from_memory(&picture).unwrap().write_to(&mut png, image::ImageFormat::Png).unwrap();
    png.into_inner()
}
