//! Files that are meant to hurt: mutants and bombs, made by code from a seed. Each gets an answer in time, whatever it is, and
//! afterwards everything works as before and nothing is left.

use std::fmt::Write;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use coldbrew_pdf::testing::{chart_pdf, pdf_from_contents, simple_pdf};
use coldbrew_pdf::{Document, Engine, EngineConfig, PdfError, Priority};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use futures::{StreamExt, stream};
use tempfile::TempDir;

use crate::pdf::engine::{config, detector, requester};
use crate::support::harness::{TestServer, files_below};

/// Numbers that are the same in each run.
struct Chance(u64);

impl Chance {
    /// Below `end`, which is not 0.
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// The document with something done to it that happens to files, or that somebody would do to them.
fn mutant(document: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = document.to_vec();
    let (a, b) = (chance.below(bytes.len()), chance.below(bytes.len()));
    let (start, end) = (a.min(b), a.max(b));
    match chance.below(6) {
        0 => (0..20).for_each(|_| {
            let at = chance.below(bytes.len());
            bytes[at] = chance.below(256) as u8;
        }),
        1 => bytes.truncate(start.max(8)),
        2 => {
            let copy = bytes[start..end].to_vec();
            bytes.splice(start..start, copy);
        }
        3 => drop(bytes.drain(start..end.min(start + 200))),
        4 => replace_number(&mut bytes, start, b"99999999999"),
        _ => {
            let target = (1 + chance.below(9)).to_string();
            replace_number(&mut bytes, start, target.as_bytes());
        }
    }
    bytes
}

/// Replaces the first number behind a place: a length, a size, or where a reference leads.
fn replace_number(bytes: &mut Vec<u8>, from: usize, number: &[u8]) {
    let Some(start) = bytes[from..].iter().position(u8::is_ascii_digit).map(|at| from + at) else { return };
    let end = bytes[start..].iter().position(|byte| !byte.is_ascii_digit()).map_or(bytes.len(), |at| start + at);
    bytes.splice(start..end, number.iter().copied());
}

/// So many pages, each of which takes long to measure and longer than it may to draw. They share their content: the file is small.
pub fn slow_pdf(pages: usize) -> Vec<u8> {
    let kids: String = (0..pages).map(|page| format!("{} 0 R ", page + 4)).collect();
    let mut objects = vec![
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        format!("<</Type/Pages/Kids[{kids}]/Count {pages}/MediaBox[0 0 595 842]>>"),
        stream("", &"0 0 m 9 999 999 9 595 842 c S\n".repeat(60_000)),
    ];
    objects.extend((0..pages).map(|_| "<</Type/Page/Parent 2 0 R/Contents 3 0 R>>".to_owned()));
    from_objects(&objects)
}

/// A document whose objects, from the first on, are these; the reader finds them by searching, for there is no table.
fn from_objects(objects: &[String]) -> Vec<u8> {
    let mut file = "%PDF-1.7\n".to_owned();
    for (index, object) in objects.iter().enumerate() {
        let _ = writeln!(file, "{} 0 obj\n{object}\nendobj", index + 1);
    }
    (file + "trailer\n<</Root 1 0 R>>\n%%EOF\n").into_bytes()
}

/// One page at the end of so many nodes.
fn deep_tree(depth: usize) -> Vec<u8> {
    let node = |place: usize| format!("<</Type/Pages/Kids[{} 0 R]/Count 1/Parent {} 0 R>>", place + 1, place - 1);
    let mut objects = vec!["<</Type/Catalog/Pages 2 0 R>>".to_owned()];
    objects.extend((2..depth).map(node));
    objects.push(format!("<</Type/Page/Parent {} 0 R/MediaBox[0 0 595 842]>>", depth - 1));
    from_objects(&objects)
}

fn stream(dictionary: &str, content: &str) -> String {
    format!("<<{dictionary}/Length {}>>\nstream\n{content}\nendstream", content.len())
}

/// One page with this content and these further entries; its objects go on from 5.
fn page(entries: &str, content: &str, further: &[String]) -> Vec<u8> {
    let mut objects = vec![
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        format!("<</Type/Page/Parent 2 0 R/Contents 4 0 R{entries}>>"),
        stream("", content),
    ];
    objects.extend_from_slice(further);
    from_objects(&objects)
}

/// A stream that is compressed twice: a few kilobytes that unfold to as many spaces as this.
fn unfolding(bytes: u64) -> String {
    let mut once = ZlibEncoder::new(Vec::new(), Compression::fast());
    std::io::copy(&mut std::io::repeat(b' ').take(bytes), &mut once).unwrap();
    let mut twice = ZlibEncoder::new(Vec::new(), Compression::best());
    twice.write_all(&once.finish().unwrap()).unwrap();
    let hex = twice.finish().unwrap().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    stream("/Filter[/ASCIIHexDecode/FlateDecode/FlateDecode]", &format!("{hex}>"))
}

fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let a4 = "/MediaBox[0 0 595 842]";
    let form = |content: &str| {
        stream("/Type/XObject/Subtype/Form/BBox[0 0 595 842]/Resources<</XObject<</F 5 0 R>>>>", content)
    };
    let image =
        stream("/Type/XObject/Subtype/Image/Width 60000/Height 60000/ColorSpace/DeviceRGB/BitsPerComponent 8", "x");
    let tile = stream(
        "/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 1 1]/XStep 0.001/YStep 0.001/Resources<<>>",
        "0 0 1 1 re f",
    );
    vec![
        (
            "pages that are their own children",
            from_objects(&[
                "<</Type/Catalog/Pages 2 0 R>>".into(),
                "<</Type/Pages/Kids[2 0 R 2 0 R]/Count 1000000000>>".into(),
            ]),
        ),
        (
            "more pages than anybody wrote",
            from_objects(&["<</Type/Catalog/Pages 2 0 R>>".into(), "<</Type/Pages/Kids[]/Count 1400000000>>".into()]),
        ),
        ("a page without end", page("/MediaBox[0 0 1e30 1e30]", "0 0 m 1e29 1e29 l S", &[])),
        ("a page that is no number", page("/MediaBox[0 0 nan -595]", "0 0 m 10 10 l S", &[])),
        (
            "a form that draws itself",
            page(&format!("{a4}/Resources<</XObject<</F 5 0 R>>>>"), "/F Do", &[form("/F Do /F Do")]),
        ),
        (
            "a picture larger than memory",
            page(&format!("{a4}/Resources<</XObject<</F 5 0 R>>>>"), "500 0 0 500 0 0 cm /F Do", &[image]),
        ),
        (
            "a ground of endless tiles",
            page(&format!("{a4}/Resources<</Pattern<</P 5 0 R>>>>"), "/Pattern cs /P scn 0 0 595 842 re f", &[tile]),
        ),
        ("a hundred thousand levels", page(a4, &"q ".repeat(100_000), &[])),
        ("arrays in arrays in arrays", page(&format!("{a4}/X {}", "[".repeat(200_000)), "", &[])),
        (
            "a few kilobytes that unfold to more than there is memory",
            from_objects(&[
                "<</Type/Catalog/Pages 2 0 R>>".into(),
                "<</Type/Pages/Kids[3 0 R]/Count 1>>".into(),
                format!("<</Type/Page/Parent 2 0 R/Contents 4 0 R{a4}>>"),
                unfolding(1 << 30),
            ]),
        ),
        ("a tree of pages ten thousand deep", deep_tree(10_000)),
        ("a path of very many curves", page(a4, &"0 0 m 9 999 999 9 595 842 c S\n".repeat(60_000), &[])),
    ]
}

/// The small ones among the odd files, and some made by code.
fn seeds() -> Vec<Vec<u8>> {
    const BYTES_MAX: usize = 60_000;
    let own = [chart_pdf(), simple_pdf(&["one", "two", "three"]), pdf_from_contents(&["1 0 0 rg 9 9 99 99 re f"], "")];
    let odd = odd_files().into_iter().map(|path| std::fs::read(path).unwrap()).filter(|file| file.len() < BYTES_MAX);
    own.into_iter().chain(odd).collect()
}

/// PDFs that two other projects collected because something is odd about each; `scripts/setup test` fetches them.
pub fn odd_files() -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("vendor/odd")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let is_folder = entry.file_type().unwrap().is_dir();
            if is_folder {
                folders.push(entry.path())
            } else if is_pdf(&entry.path()) {
                files.push(entry.path())
            }
        }
    }
    files.sort();
    files
}

fn is_pdf(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "pdf")
}

fn mutants(count: usize) -> impl Iterator<Item = Vec<u8>> {
    let mut chance = Chance(0x000c_01db_4e11);
    let documents = seeds();
    (0..count).map(move |index| mutant(&documents[index % documents.len()], &mut chance))
}

/// Everything that is asked of a document.
async fn ask_everything(document: &Document) {
    let last = document.info().total_pages - 1;
    let _ = document.text_lengths(0..(last + 1).min(3)).await;
    for page in [0, last] {
        let answers = [
            document.text(page).await.map(drop),
            document.split(page).await.map(drop),
            // The detector of a new worker may take longer to load than is given here.
            document
                .figures(page)
                .await
                .map(drop)
                .or_else(|error| if matches!(error, PdfError::Unavailable(_)) { Ok(()) } else { Err(error) }),
        ];
        for answer in answers {
            assert!(matches!(answer, Ok(()) | Err(PdfError::Page { .. })), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn no_file_outlasts_its_limits() {
    let limit = Duration::from_secs(2);
    let limits = EngineConfig {
        page_timeout: limit,
        open_timeout: limit,
        memory_bytes_max: MEMORY_BYTES_MAX,
        detector: Some(detector()),
        ..config()
    };
    let engine = Engine::new(limits).unwrap();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("document");
    std::fs::write(&path, simple_pdf(&["sound"])).unwrap();
    let sound = engine.open(&path, Priority::Interactive, &requester()).await.unwrap();
    assert_eq!(workers(), 1, "they can be counted");
    drop(sound);
    let mutants = mutants(90).map(|bytes| ("a mutant", bytes));
    let mut opened = 0;
    for (number, (name, bytes)) in bombs().into_iter().chain(mutants).enumerate() {
        std::fs::write(&path, bytes).unwrap();
        let start = Instant::now();
        if let Ok(document) = engine.open(&path, Priority::Interactive, &requester()).await {
            opened += 1;
            ask_everything(&document).await;
        }
        // Opening, measuring three pages, and three questions for two pages, two of them asked twice, with a new worker each.
        assert!(start.elapsed() < limit * 30, "{number}: {name} took {:?}", start.elapsed());
        // A process that was killed takes a moment to be gone.
        while workers() > 0 {
            assert!(start.elapsed() < limit * 30, "{number}: {name} left a process");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    assert!(opened > 40, "only {opened} could be opened: the others test nothing");
    assert_eq!(files_below(folder.path()), 1, "nothing but the document itself");
    assert_eq!(engine.read_pages(&simple_pdf(&["as before"]), &requester()).await.unwrap()[0].markdown, "as before");
}

#[tokio::test]
async fn odd_files_of_other_projects_are_read_or_refused_with_the_reason() {
    let engine = Engine::new(EngineConfig { detector: Some(detector()), ..config() }).unwrap();
    let files = stream::iter(odd_files()).map(|path| what_becomes_of(&engine, path)).buffer_unordered(2);
    let found: Vec<&str> = files.collect().await;
    let count = |wanted| found.iter().filter(|outcome| **outcome == wanted).count();
    assert_eq!((count("read"), count("encrypted"), count("unreadable")), (102, 11, 1));
    assert_eq!(engine.read_pages(&simple_pdf(&["as before"]), &requester()).await.unwrap()[0].markdown, "as before");
}

async fn what_becomes_of(engine: &Engine, path: PathBuf) -> &'static str {
    match engine.open(&path, Priority::Interactive, &requester()).await {
        Ok(document) => {
            ask_everything(&document).await;
            "read"
        }
        Err(PdfError::Encrypted) => "encrypted",
        Err(PdfError::Unreadable | PdfError::Empty) => "unreadable",
        Err(error) => panic!("{path:?} {error:?}"),
    }
}

/// What a worker of this test may use. No other test sets the same limit, which is how its workers are told from others'.
const MEMORY_BYTES_MAX: u64 = 509 << 20;

/// How many workers that this test has started still run.
fn workers() -> usize {
    workers_with(MEMORY_BYTES_MAX)
}

/// How many workers of this process run that may use so many bytes.
pub fn workers_with(memory_bytes_max: u64) -> usize {
    let tasks = Path::new("/proc/self/task");
    let of_thread =
        |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
    let pids = std::fs::read_dir(tasks).unwrap().flatten().map(of_thread).collect::<Vec<_>>().join(" ");
    let is_alive = |pid: &&str| {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // One that was killed is gone as soon as somebody asks how it ended.
        !matches!(state.rsplit_once(") ").map(|(_, rest)| rest.as_bytes()[0]), Some(b'Z') | None)
    };
    let is_ours = |pid: &&str| {
        let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap_or_default();
        limits.contains(&format!(" {memory_bytes_max} "))
    };
    pids.split_whitespace().filter(is_alive).filter(is_ours).count()
}

#[tokio::test]
async fn the_server_answers_every_one_and_keeps_nothing() {
    let data = TempDir::new().unwrap();
    let server =
        TestServer::start(&data, &[("COLDBREW_OPEN_TIMEOUT_MS", "2000"), ("COLDBREW_PAGE_TIMEOUT_MS", "2000")]).await;
    let guest = server.guest().await;
    for bytes in bombs().into_iter().map(|(_, bytes)| bytes).chain(mutants(12)) {
        let status = guest.upload("book.pdf", bytes).await.status().as_u16();
        assert!([200, 415, 422].contains(&status), "{status}");
    }
    assert_eq!(guest.get("/readyz").await["ready"], true);
    assert_eq!(files_below(&data.path().join("receiving")), 0);
    assert_eq!(guest.upload_pages(3).await["metadata"]["total_pages"], 3);
}
