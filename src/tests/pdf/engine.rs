//! The page engine as the tests of the product use it. Its own tests are in `crates/pdf/tests`.

use std::io::Cursor;
use std::path::Path;
use std::sync::OnceLock;

use coldbrew_pdf::testing::chart_pdf;
use coldbrew_pdf::{Engine, EngineConfig, Requester};

/// An engine's settings whose workers are the product's own program.
pub fn config() -> EngineConfig {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("vendor/libpdfium.so");
    EngineConfig { worker_exe: env!("CARGO_BIN_EXE_coldbrew").into(), ..EngineConfig::new(library) }
}

/// A PNG of a page with a chart, as a camera would take it.
pub fn photograph() -> Vec<u8> {
    static TAKEN: OnceLock<Vec<u8>> = OnceLock::new();
    // A test's own runtime cannot wait for another.
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
