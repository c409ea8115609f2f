//! The page engine against real workers: what it reads, and that nothing a document does outlives or outwits its limits.

use std::io::{BufRead, BufReader, Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use coldbrew_pdf::figures::Bounds;
use coldbrew_pdf::testing::{chart_pdf, encrypted_pdf, pdf_from_contents, shared_pictures_pdf, simple_pdf};
use coldbrew_pdf::{
    DetectorSpec, Document, Engine, EngineConfig, Family, FigureImage, PageFault, PdfError, Priority, Requester,
    Runtime,
};
use pdfium_render::prelude::{PdfRenderConfig, Pdfium};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tempfile::TempDir;

const WORKER_EXE: &str = env!("CARGO_BIN_EXE_coldbrew");
const LINE: &str = "A line of text that is long enough to count as one.";

fn library() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vendor/libpdfium.so")
}

pub fn config() -> EngineConfig {
    EngineConfig { worker_exe: WORKER_EXE.into(), ..EngineConfig::new(library()) }
}

pub fn detector() -> DetectorSpec {
    let vendor = Path::new(env!("CARGO_MANIFEST_DIR")).join("vendor");
    DetectorSpec {
        family: Family::PpDoclayout,
        runtime: Runtime::Onnxruntime,
        model: vendor.join("pp-doclayout-s.onnx"),
        library: vendor.join("libonnxruntime.so"),
        threshold_percent: 25,
        figure_classes: Vec::new(),
    }
}

fn engine() -> Engine {
    Engine::new(config()).unwrap()
}

/// An account that no other call has.
pub fn requester() -> Requester {
    static ACCOUNTS: AtomicU32 = AtomicU32::new(0);
    Requester::unlimited(ACCOUNTS.fetch_add(1, Ordering::Relaxed).to_string())
}

/// Opens a document; its folder must live as long as it is read.
async fn open(engine: &Engine, pdf: &[u8]) -> (TempDir, Result<Document, PdfError>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("document");
    std::fs::write(&path, pdf).unwrap();
    let document = engine.open(path, Priority::Interactive, &requester()).await;
    (folder, document)
}

async fn pid(document: &Document) -> Pid {
    Pid::from_raw(document.worker_pid().unwrap().cast_signed()).unwrap()
}

/// Waits until the process is dead and reaped.
async fn wait_until_gone(pid: Pid) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while test_kill_process(pid).is_ok() {
        assert!(Instant::now() < deadline, "the worker is still there");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_document_tells_its_title_pages_and_text() {
    let engine = engine();
    let contents = ["BT /F1 12 Tf 72 700 Td (First <page>) Tj ET", "BT /F1 12 Tf 72 700 Td (Second) Tj ET"];
    let (_folder, document) = open(&engine, &pdf_from_contents(&contents, "/Title (The Title)")).await;
    let document = document.unwrap();
    assert_eq!(document.info().total_pages, 2);
    assert_eq!(document.info().title.as_deref(), Some("The Title"));
    assert_eq!(document.text(0).await.unwrap().markdown, "First &lt;page>");
    assert_eq!(document.text(1).await.unwrap().markdown, "Second");
    assert!(matches!(document.text(2).await, Err(PdfError::Page { index: 2, reason: PageFault::OutOfRange })));
}

#[tokio::test]
async fn a_split_page_is_a_document_with_that_page_alone() {
    let engine = engine();
    let (_folder, document) = open(&engine, &simple_pdf(&["one", "two", "three"])).await;
    let page = document.unwrap().split(1).await.unwrap();
    assert_eq!(engine.read_pages(&page, &requester()).await.unwrap()[0].markdown, "two");
    let (_folder, single) = open(&engine, &page).await;
    assert_eq!(single.unwrap().info().total_pages, 1);
}

#[tokio::test]
async fn a_split_page_does_not_bring_the_pictures_of_all_others() {
    let engine = engine();
    let pdf = shared_pictures_pdf(4, 900);
    assert!(pdf.len() > 6 << 20);
    let (folder, document) = open(&engine, &pdf).await;
    let document = document.unwrap();
    let path = folder.path().join("page");
    for page in 0..4 {
        let split = document.split(page).await.unwrap();
        assert!(split.len() < pdf.len() / 2, "{}", split.len());
        std::fs::write(&path, split).unwrap();
        let picture =
            image::load_from_memory(&engine.page_picture(&path, 0, &requester()).await.unwrap()).unwrap().to_luma8();
        let level = picture.pixels().map(|pixel| u64::from(pixel.0[0])).sum::<u64>() / picture.pixels().len() as u64;
        assert!(level.abs_diff(u64::from(page) * 48 + 7) < 5, "the picture of this page: {level}");
    }
}

#[tokio::test]
async fn lengths_count_characters_and_find_pages_without_text() {
    let engine = engine();
    let line = format!("BT /F1 12 Tf 72 770 Td ({LINE}) Tj ET");
    let drawing = "72 72 200 300 re f";
    let numbered = format!("{drawing} BT /F1 12 Tf 72 40 Td (7) Tj ET");
    let pdf = pdf_from_contents(&[&line, "", drawing, &numbered], "");
    let (_folder, document) = open(&engine, &pdf).await;
    let document = document.unwrap();
    let lengths = document.text_lengths(0..4).await.unwrap();
    let found: Vec<_> = lengths.iter().flatten().map(|length| (length.chars_visible, length.is_scan)).collect();
    assert_eq!(found, [(40, false), (0, false), (0, true), (1, true)]);
    assert_eq!(document.text(0).await.unwrap().chars_visible, 40);
    assert_eq!(document.text_lengths(1..4).await.unwrap(), lengths[1..]);
}

/// With time for models that were compiled without optimisation.
fn patient(detector: DetectorSpec) -> EngineConfig {
    EngineConfig { detector: Some(detector), page_timeout: Duration::from_secs(60), ..config() }
}

/// Has that detector find the chart of a page, and returns what it cut out.
async fn find_the_chart(detector: DetectorSpec) -> FigureImage {
    let engine = Engine::new(patient(detector)).unwrap();
    engine.check().await.unwrap();
    let (_folder, document) = open(&engine, &chart_pdf()).await;
    let mut found = document.unwrap().figures(0).await.unwrap();
    assert_eq!(found.len(), 1);
    let image = found.pop().unwrap();
    assert!(image.figure.bounds.iou(&chart_bounds()) > 0.7, "{:?}", image.figure);
    image
}

/// Where the chart of [`chart_pdf`] is.
fn chart_bounds() -> Bounds {
    Bounds::new(120.0 / 595.0, 242.0 / 842.0, 480.0 / 595.0, 422.0 / 842.0)
}

#[tokio::test]
async fn figures_are_found_and_cut_out() {
    let FigureImage { figure, png } = find_the_chart(detector()).await;
    let picture = image::load_from_memory(&png).unwrap().to_rgb8();
    assert_eq!(picture.dimensions(), (figure.width_px, figure.height_px));
    assert!(
        picture.pixels().any(|pixel| pixel.0 == [51, 102, 204]),
        "the blue of a bar, sharp and not swapped with red"
    );
}

/// What somebody would get who photographed a page with a chart: a PNG of it.
pub fn photograph() -> Vec<u8> {
    // PDFium can be bound once in a process.
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

/// The figures that this detector sees on a photograph, where nothing but the picture tells where they are.
async fn seen(detector: DetectorSpec) -> Vec<Bounds> {
    let engine = Engine::new(patient(detector)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picture");
    std::fs::write(&path, photograph()).unwrap();
    let page = engine.image_to_pdf(&path, Priority::Interactive, &requester()).await.unwrap();
    let (_folder, document) = open(&engine, &page).await;
    document.unwrap().figures(0).await.unwrap().into_iter().map(|image| image.figure.bounds).collect()
}

#[tokio::test]
async fn figures_are_found_on_a_photograph() {
    let found = seen(detector()).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].iou(&chart_bounds()) > 0.7, "{found:?}");
}

#[cfg(feature = "tract")]
#[tokio::test]
async fn tract_sees_what_onnx_runtime_sees_and_needs_no_library() {
    let tract = DetectorSpec { runtime: Runtime::Tract, library: "/nonexistent.so".into(), ..detector() };
    find_the_chart(tract.clone()).await;
    let (found, expected) = (seen(tract).await, seen(detector()).await);
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert!(found.iou(expected) > 0.999, "{found:?} {expected:?}");
    }
}

fn yolo() -> DetectorSpec {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("vendor/yolov8n-doclaynet.onnx");
    // `Picture` of DocLayNet's classes.
    DetectorSpec { family: Family::Yolo, model, figure_classes: vec![6], ..detector() }
}

#[tokio::test]
async fn a_yolo_model_finds_figures_too() {
    find_the_chart(yolo()).await;
}

#[cfg(feature = "tract")]
#[tokio::test]
async fn a_yolo_model_finds_them_in_tract_too() {
    find_the_chart(DetectorSpec { runtime: Runtime::Tract, library: "/nonexistent.so".into(), ..yolo() }).await;
}

#[tokio::test]
async fn a_model_of_another_family_is_refused_in_words() {
    let misnamed = DetectorSpec { family: Family::Yolo, figure_classes: vec![1], ..detector() };
    let engine = Engine::new(patient(misnamed)).unwrap();
    let Err(PdfError::Unavailable(words)) = engine.check().await else { panic!("it seems to fit") };
    assert!(words.starts_with("the figure detector cannot be used: "), "{words}");
}

#[tokio::test]
async fn a_page_without_drawings_needs_no_detector() {
    let nowhere = DetectorSpec { model: "/nonexistent".into(), ..detector() };
    let engine = Engine::new(EngineConfig { detector: Some(nowhere), ..config() }).unwrap();
    assert!(matches!(engine.check().await, Err(PdfError::Unavailable(_))));
    let (_folder, document) = open(&engine, &pdf_from_contents(&["72 72 400 1 re f", "0 0 m 300 500 l S"], "")).await;
    let document = document.unwrap();
    assert_eq!(document.figures(0).await.unwrap(), []);
    assert!(matches!(document.figures(1).await, Err(PdfError::Unavailable(_))));
    assert!(document.split(1).await.is_ok(), "another worker goes on");
}

#[tokio::test]
async fn what_is_left_of_a_damaged_file_is_read() {
    let engine = engine();
    let sound = simple_pdf(&["one", "two"]);
    let end = sound.windows(5).position(|bytes| bytes == b"xref\n").unwrap();
    let (_folder, document) = open(&engine, &sound[..end]).await;
    let document = document.unwrap();
    assert_eq!(document.info().total_pages, 2);
    assert_eq!(document.text(1).await.unwrap().markdown, "two");
    assert!(document.split(1).await.is_ok());
}

#[tokio::test]
async fn what_is_no_readable_pdf_is_refused_with_the_reason() {
    let engine = engine();
    let refusal = async |pdf: &[u8]| open(&engine, pdf).await.1.unwrap_err();
    assert!(matches!(refusal(b"Just text, whatever its name says.").await, PdfError::Unreadable));
    assert!(matches!(refusal(b"").await, PdfError::Unreadable));
    assert!(matches!(refusal(&simple_pdf(&["cut off"])[..80]).await, PdfError::Unreadable | PdfError::Empty));
    assert!(matches!(refusal(&encrypted_pdf()).await, PdfError::Encrypted));
    assert!(matches!(refusal(&simple_pdf(&[])).await, PdfError::Empty));
    assert!(matches!(engine.open("/nonexistent", Priority::Interactive, &requester()).await, Err(PdfError::Io(_))));
}

#[tokio::test]
async fn too_many_pages_are_refused() {
    let engine = Engine::new(EngineConfig { pages_max: 2, ..config() }).unwrap();
    let (_folder, document) = open(&engine, &simple_pdf(&["1", "2", "3"])).await;
    assert!(matches!(document, Err(PdfError::TooManyPages { pages: 3, pages_max: 2 })));
}

#[tokio::test]
async fn a_page_that_hangs_fails_and_the_next_one_works() {
    let engine = Engine::new(EngineConfig { page_timeout: Duration::from_millis(300), ..config() }).unwrap();
    let (_folder, document) = open(&engine, &simple_pdf(&["one", "two"])).await;
    let document = document.unwrap();
    let first = pid(&document).await;
    kill_process(first, Signal::STOP).unwrap();
    assert!(matches!(document.text(0).await, Err(PdfError::Page { index: 0, reason: PageFault::Timeout })));
    wait_until_gone(first).await;
    assert_eq!(document.text(1).await.unwrap().markdown, "two");
    assert_ne!(pid(&document).await, first);
}

#[tokio::test]
async fn a_page_that_crashes_its_worker_fails_and_the_next_one_works() {
    let engine = engine();
    let (_folder, document) = open(&engine, &simple_pdf(&[LINE, LINE])).await;
    let document = document.unwrap();
    kill_process(pid(&document).await, Signal::ABORT).unwrap();
    assert!(matches!(document.text(0).await, Err(PdfError::Page { index: 0, reason: PageFault::Crashed })));
    assert!(document.split(1).await.is_ok());
    kill_process(pid(&document).await, Signal::KILL).unwrap();
    let lengths = document.text_lengths(0..2).await.unwrap();
    assert_eq!(lengths.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test]
async fn a_document_that_keeps_crashing_is_given_up() {
    let engine = engine();
    let (_folder, document) = open(&engine, &simple_pdf(&[LINE])).await;
    let document = document.unwrap();
    for _ in 0..16 {
        // The one before was lost, so this starts another.
        if document.worker_pid().is_none() {
            document.text(0).await.unwrap();
        }
        kill_process(pid(&document).await, Signal::KILL).unwrap();
        assert!(matches!(document.text(0).await, Err(PdfError::Page { index: 0, reason: PageFault::Crashed })));
    }
    assert!(matches!(document.text(0).await, Err(PdfError::Page { index: 0, reason: PageFault::GivenUp })));
    assert_eq!(document.text_lengths(0..1).await.unwrap(), [None]);
}

#[tokio::test]
async fn a_document_has_had_its_time_when_all_its_pages_took_too_long_together() {
    let engine = engine();
    let (_folder, document) = open(&engine, &simple_pdf(&["one", "two", "three"])).await;
    let limit = Duration::from_millis(300);
    let document = document.unwrap().limited_to(limit);
    assert_eq!(document.text(0).await.unwrap().markdown, "one");
    assert!(document.time_left() < limit);
    kill_process(pid(&document).await, Signal::STOP).unwrap();
    let start = Instant::now();
    assert!(matches!(document.text(1).await, Err(PdfError::Page { index: 1, reason: PageFault::Timeout })));
    assert!(start.elapsed() < config().page_timeout / 2, "the document's limit ends sooner than a page's");
    assert!(matches!(document.text(2).await, Err(PdfError::Page { index: 2, reason: PageFault::GivenUp })));
    assert_eq!(document.text_lengths(0..3).await.unwrap(), [None; 3]);
}

#[tokio::test]
async fn measuring_ends_with_the_time_there_is() {
    let engine = Engine::new(EngineConfig { answer_timeout: Duration::from_millis(300), ..config() }).unwrap();
    let (_folder, document) = open(&engine, &simple_pdf(&["one", "two"])).await;
    let document = document.unwrap();
    kill_process(pid(&document).await, Signal::STOP).unwrap();
    assert_eq!(document.text_lengths(0..2).await.unwrap(), [None; 2]);
}

#[tokio::test]
async fn nothing_is_left_of_a_document_that_is_dropped() {
    let engine = engine();
    let (_folder, document) = open(&engine, &simple_pdf(&["one"])).await;
    let document = document.unwrap();
    let worker = pid(&document).await;
    drop(document);
    wait_until_gone(worker).await;
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_put_the_worker_out_of_step() {
    let engine = engine();
    let (_folder, document) = open(&engine, &simple_pdf(&["one", "two"])).await;
    let document = document.unwrap();
    kill_process(pid(&document).await, Signal::STOP).unwrap();
    let given_up = tokio::time::timeout(Duration::from_millis(20), document.text(0)).await;
    assert!(given_up.is_err());
    assert_eq!(document.text(1).await.unwrap().markdown, "two");
}

#[tokio::test]
async fn background_documents_wait_for_a_permit_and_leave_one() {
    let caller = requester();
    let engine = Engine::new(EngineConfig { workers_max: 1, ..config() }).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("document");
    std::fs::write(&path, simple_pdf(&["one"])).unwrap();
    let first = engine.open(&path, Priority::Background, &caller).await.unwrap();
    assert_eq!(first.widen(), 1);
    let mut second = Box::pin(engine.open(&path, Priority::Background, &caller));
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut second).await.is_err());
    let interactive = engine.open(&path, Priority::Interactive, &caller).await.unwrap();
    assert_eq!(interactive.text(0).await.unwrap().markdown, "one");
    drop(first);
    assert_eq!(second.await.unwrap().text(0).await.unwrap().markdown, "one");
}

#[tokio::test]
async fn interactive_document_that_waits_too_long_for_a_permit_is_refused() {
    let limits = EngineConfig { workers_max: 1, open_timeout: Duration::from_secs(2), ..config() };
    let engine = Engine::new(limits).unwrap();
    let (_folder, first) = open(&engine, &simple_pdf(&["one"])).await;
    let (_folder, second) = open(&engine, &simple_pdf(&["two"])).await;
    let (_folder, third) = open(&engine, &simple_pdf(&["three"])).await;
    assert!(first.is_ok() && second.is_ok());
    assert!(matches!(third, Err(PdfError::Busy)));
}

#[tokio::test]
async fn single_pages_are_read_one_after_the_other_good_or_bad() {
    let engine = engine();
    for _ in 0..3 {
        assert_eq!(engine.read_pages(&simple_pdf(&["good"]), &requester()).await.unwrap()[0].markdown, "good");
        assert!(matches!(engine.read_pages(b"bad", &requester()).await, Err(PdfError::Unreadable)));
    }
}

#[tokio::test]
async fn an_installation_that_is_incomplete_is_told_from_a_bad_document() {
    let broken = |config: EngineConfig| async move { Engine::new(config).unwrap().check().await };
    assert!(broken(config()).await.is_ok());
    let no_library = EngineConfig { library: "/nonexistent.so".into(), ..config() };
    assert!(matches!(broken(no_library).await, Err(PdfError::Unavailable(_))));
    let no_worker = EngineConfig { worker_exe: "/nonexistent".into(), ..config() };
    assert!(matches!(broken(no_worker).await, Err(PdfError::Io(_))));
    let no_sense = EngineConfig { worker_exe: "/usr/bin/yes".into(), ..config() };
    assert!(matches!(broken(no_sense).await, Err(PdfError::WorkerCrashed)));
}

/// The worker's parent is a shell here, which is killed while the worker's input stays open.
#[test]
fn a_worker_dies_with_its_parent() {
    let mut parent = Command::new("/bin/sh")
        .args(["-c", "exec 3<&0; \"$0\" page-worker <&3 & echo $$; wait", WORKER_EXE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = parent.stdin.take().unwrap();
    let mut output = BufReader::new(parent.stdout.take().unwrap());
    let mut shell_pid = String::new();
    output.read_line(&mut shell_pid).unwrap();

    let header = format!(r#"{{"op":"start","parent_pid":{},"memory_bytes_max":1073741824}}"#, shell_pid.trim());
    let library = library().into_os_string().into_encoded_bytes();
    input.write_all(&(header.len() as u32).to_le_bytes()).unwrap();
    input.write_all(&(library.len() as u32).to_le_bytes()).unwrap();
    input.write_all(header.as_bytes()).unwrap();
    input.write_all(&library).unwrap();
    let mut started = [0; 8 + r#"{"reply":"started"}"#.len()];
    output.read_exact(&mut started).unwrap();

    parent.kill().unwrap();
    parent.wait().unwrap();
    // The worker's end of the pipe closes when it is gone, and no sooner.
    let (gone, waiting) = std::sync::mpsc::channel();
    std::thread::spawn(move || gone.send(output.read_to_end(&mut Vec::new())));
    assert_eq!(waiting.recv_timeout(Duration::from_secs(10)).unwrap().unwrap(), 0);
    drop(input);
}
