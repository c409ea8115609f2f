//! The settings of the page engine, and the paths of its libraries and models.

use std::path::PathBuf;
use std::sync::Arc;

use crate::accounts::HourlyBudgets;
use crate::model::PAGES_MAX;
use crate::settings::Settings;
use coldbrew_pdf::{DetectorSpec, EngineConfig, Family, Runtime};

/// Reads the tables `pages` and `figures`. [`crate::extract::EngineShares`] has the limits of each account.
pub(super) fn read(from: &mut Settings) -> EngineConfig {
    let usual = EngineConfig::new(file(from, "pages.pdfium", "COLDBREW_PDFIUM", "vendor/libpdfium.so"));
    EngineConfig {
        detector: detector(from),
        worker_exe: from.value("pages.worker-exe", "COLDBREW_PAGE_WORKER_EXE", usual.worker_exe),
        workers_max: from.positive("pages.workers-max", "COLDBREW_PAGE_WORKERS_MAX", usual.workers_max),
        waiting_max: from.positive("pages.waiting-max", "COLDBREW_PAGE_WAITING_MAX", usual.waiting_max),
        memory_bytes_max: from.positive(
            "pages.memory-bytes-max",
            "COLDBREW_PAGE_MEMORY_BYTES_MAX",
            usual.memory_bytes_max,
        ),
        open_timeout: from.interval("pages.open-timeout-ms", "COLDBREW_OPEN_TIMEOUT_MS", usual.open_timeout),
        page_timeout: from.interval("pages.page-timeout-ms", "COLDBREW_PAGE_TIMEOUT_MS", usual.page_timeout),
        document_timeout: from.interval(
            "pages.document-timeout-ms",
            "COLDBREW_DOCUMENT_TIMEOUT_MS",
            usual.document_timeout,
        ),
        answer_timeout: from.interval("pages.answer-timeout-ms", "COLDBREW_ANSWER_TIMEOUT_MS", usual.answer_timeout),
        library: usual.library,
        pages_max: PAGES_MAX,
        worker_time: Some(Arc::new(HourlyBudgets::default())),
    }
}

fn detector(from: &mut Settings) -> Option<DetectorSpec> {
    let runtime = from.or_none("figures.runtime", "COLDBREW_FIGURE_RUNTIME", Some(Runtime::Onnxruntime));
    let detector = DetectorSpec {
        runtime: runtime.unwrap_or(Runtime::Onnxruntime),
        family: from.value("figures.family", "COLDBREW_FIGURE_FAMILY", Family::PpDoclayout),
        model: file(from, "figures.model", "COLDBREW_FIGURE_MODEL", "vendor/pp-doclayout-s.onnx"),
        library: file(from, "figures.library", "COLDBREW_FIGURE_LIBRARY", "vendor/libonnxruntime.so"),
        threshold_percent: from.percent("figures.threshold-percent", "COLDBREW_FIGURE_THRESHOLD_PERCENT", 25),
        figure_classes: from.list("figures.classes", "COLDBREW_FIGURE_CLASSES").unwrap_or_else(|| vec![3]),
    };
    runtime.map(|_| detector)
}

/// The path of a library or a model: as configured if that exists, otherwise beside the executable, where an installed program has it.
fn file(from: &mut Settings, key: &'static str, variable: &'static str, default: &str) -> PathBuf {
    let configured = from.value(key, variable, PathBuf::from(default));
    let beside = || Some(std::env::current_exe().ok()?.parent()?.join(configured.file_name()?));
    let found = if configured.exists() { None } else { beside().filter(|path| path.exists()) };
    found.unwrap_or(configured)
}
