//! Each model and runtime finds figures and cuts them out of the page.

use std::io::Cursor;
use std::sync::OnceLock;
use std::time::Duration;

#[cfg(feature = "tract")]
use coldbrew_pdf::Runtime;
use coldbrew_pdf::figures::Bounds;
use coldbrew_pdf::testing::{chart_pdf, pdf_from_contents};
use coldbrew_pdf::{DetectorSpec, Engine, EngineConfig, Family, FigureImage, PdfError, Priority};
use pdfium_render::prelude::{PdfRenderConfig, Pdfium};

use crate::harness::{config, detector, library, open, requester, vendor};

/// A configuration with more time, for models that were compiled without optimisation.
fn patient(detector: DetectorSpec) -> EngineConfig {
    let limit = Duration::from_secs(60);
    EngineConfig { detector: Some(detector), page_timeout: limit, open_timeout: limit, ..config() }
}

/// Finds the chart of a page with this detector, and returns its picture.
async fn find_the_chart(detector: DetectorSpec) -> FigureImage {
    let engine = Engine::new(patient(detector)).unwrap();
    engine.check().await.unwrap();
    let (_folder, document) = open(&engine, &chart_pdf()).await;
    let mut found = document.unwrap().figures(0).await.unwrap().images;
    assert_eq!(found.len(), 1);
    let image = found.pop().unwrap();
    assert!(image.figure.bounds.iou(&chart_bounds()) > 0.7, "{:?}", image.figure);
    image
}

/// The bounds of the chart of [`chart_pdf`].
fn chart_bounds() -> Bounds {
    Bounds::new(120.0 / 595.0, 242.0 / 842.0, 480.0 / 595.0, 422.0 / 842.0)
}

/// A PNG of a page with a chart. It has no text or drawing that a parser could use.
fn photograph() -> Vec<u8> {
    // A process can bind PDFium only once.
    static TAKEN: OnceLock<Vec<u8>> = OnceLock::new();
    TAKEN.get_or_init(take_photograph).clone()
}

fn take_photograph() -> Vec<u8> {
    let pdfium = Pdfium::new(Pdfium::bind_to_library(library()).unwrap());
    let document = pdfium.load_pdf_from_byte_vec(chart_pdf(), None).unwrap();
    let page = document.pages().first().unwrap();
    let bitmap = page.render_with_config(&PdfRenderConfig::new().set_target_width(1_240)).unwrap();
    let (width, height) = (bitmap.width().unsigned_abs(), bitmap.height().unsigned_abs());
    let mut png = Cursor::new(Vec::new());
    let picture = image::RgbaImage::from_raw(width, height, bitmap.as_rgba_bytes()).unwrap();
    picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
    png.into_inner()
}

/// The figures that this detector finds on a photograph, whose pixels are its only content.
async fn seen(detector: DetectorSpec) -> Vec<Bounds> {
    let engine = Engine::new(patient(detector)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picture");
    std::fs::write(&path, photograph()).unwrap();
    let page = engine.image_to_pdf(&path, Priority::Interactive, &requester()).await.unwrap();
    let (_folder, document) = open(&engine, &page).await;
    document.unwrap().figures(0).await.unwrap().images.into_iter().map(|image| image.figure.bounds).collect()
}

fn yolo() -> DetectorSpec {
    let model = vendor().join("yolov8n-doclaynet.onnx");
    // The class `Picture` of DocLayNet.
    DetectorSpec { family: Family::Yolo, model, figure_classes: vec![6], ..detector() }
}

#[tokio::test]
async fn figure_of_a_page_is_found_and_cut_out_sharply() {
    let FigureImage { figure, png } = find_the_chart(detector()).await;
    let picture = image::load_from_memory(&png).unwrap().to_rgb8();
    assert_eq!(picture.dimensions(), (figure.width_px, figure.height_px));
    assert!(
        picture.pixels().any(|pixel| pixel.0 == [51, 102, 204]),
        "the blue of a bar, sharp and not swapped with red"
    );
}

#[tokio::test]
async fn figure_on_a_photograph_is_found() {
    let found = seen(detector()).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].iou(&chart_bounds()) > 0.7, "{found:?}");
}

#[cfg(feature = "tract")]
#[tokio::test]
async fn tract_without_a_library_sees_what_onnx_runtime_sees() {
    let tract = DetectorSpec { runtime: Runtime::Tract, library: "/nonexistent.so".into(), ..detector() };
    find_the_chart(tract.clone()).await;
    let (found, expected) = (seen(tract).await, seen(detector()).await);
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert!(found.iou(expected) > 0.999, "{found:?} {expected:?}");
    }
}

#[tokio::test]
async fn yolo_model_finds_the_figure() {
    find_the_chart(yolo()).await;
}

#[cfg(feature = "tract")]
#[tokio::test]
async fn yolo_model_in_tract_finds_the_figure() {
    find_the_chart(DetectorSpec { runtime: Runtime::Tract, library: "/nonexistent.so".into(), ..yolo() }).await;
}

#[tokio::test]
async fn model_of_another_family_is_refused_with_a_sentence() {
    let misnamed = DetectorSpec { family: Family::Yolo, figure_classes: vec![1], ..detector() };
    let engine = Engine::new(patient(misnamed)).unwrap();
    let Err(PdfError::Unavailable(words)) = engine.check().await else { panic!("it seems to fit") };
    assert!(words.starts_with("the figure detector cannot be used: "), "{words}");
}

#[tokio::test]
async fn page_without_drawings_needs_no_detector() {
    let nowhere = DetectorSpec { model: "/nonexistent".into(), ..detector() };
    let engine = Engine::new(EngineConfig { detector: Some(nowhere), ..config() }).unwrap();
    assert!(matches!(engine.check().await, Err(PdfError::Unavailable(_))));
    let (_folder, document) = open(&engine, &pdf_from_contents(&["72 72 400 1 re f", "0 0 m 300 500 l S"], "")).await;
    let document = document.unwrap();
    assert_eq!(document.figures(0).await.unwrap().images, []);
    assert!(matches!(document.figures(1).await, Err(PdfError::Unavailable(_))));
    assert!(document.split(1).await.is_ok(), "another worker goes on");
}
