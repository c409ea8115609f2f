//! The page engine for benchmarks, configured as in the server.

use std::path::PathBuf;

use coldbrew_pdf::{DetectorSpec, Document, Engine, EngineConfig, Family, Priority, Requester, Runtime};

use crate::corpus;

/// An engine whose worker processes run `worker_exe`.
pub fn engine(worker_exe: &str) -> Engine {
    let vendor = corpus::root().join("vendor");
    let detector = DetectorSpec {
        family: Family::PpDoclayout,
        runtime: Runtime::Onnxruntime,
        model: vendor.join("pp-doclayout-s.onnx"),
        library: vendor.join("libonnxruntime.so"),
        threshold_percent: 25,
        figure_classes: Vec::new(),
    };
    let config = EngineConfig {
        worker_exe: worker_exe.into(),
        detector: Some(detector),
        ..EngineConfig::new(vendor.join("libpdfium.so"))
    };
    Engine::new(config).expect("a thread can be started")
}

/// Opens a document without limits of time.
#[allow(dead_code, reason = "not every benchmark opens one")]
pub async fn open(engine: &Engine, path: impl Into<PathBuf>) -> Document {
    engine.open(path, Priority::Background, &Requester::unlimited("benchmark")).await.expect("the document opens")
}
