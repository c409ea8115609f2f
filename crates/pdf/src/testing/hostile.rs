//! PDFs that attack their parser: bombs, mutants and slow pages.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::{chart_pdf, pdf_from_contents, simple_pdf};

/// The number of curves that take PDFium seconds to draw.
const SLOW_CURVES: usize = 60_000;
/// Larger files make the tests slow.
const SEED_BYTES_MAX: usize = 60_000;
const MUTANTS_SEED: u64 = 0x000c_01db_4e11;

/// Pseudorandom numbers, the same in each run.
struct Random(u64);

impl Random {
    /// A number below `end`, which must not be 0.
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// `count` damaged or manipulated copies of these documents, the same in each run. There must be at least one document.
pub fn mutants(documents: Vec<Vec<u8>>, count: usize) -> impl Iterator<Item = Vec<u8>> {
    let mut random = Random(MUTANTS_SEED);
    (0..count).map(move |index| mutant(&documents[index % documents.len()], &mut random))
}

/// Small documents as sources of [`mutants`]: some generated ones, and the small ones of these files.
///
/// # Panics
/// If one of the files cannot be read.
#[allow(clippy::unwrap_used, reason = "only tests call it")]
pub fn seeds(files: &[PathBuf]) -> Vec<Vec<u8>> {
    let own = [chart_pdf(), simple_pdf(&["one", "two", "three"]), pdf_from_contents(&["1 0 0 rg 9 9 99 99 re f"], "")];
    let odd = files.iter().map(|path| std::fs::read(path).unwrap()).filter(|file| file.len() < SEED_BYTES_MAX);
    own.into_iter().chain(odd).collect()
}

/// All PDFs below a folder, sorted by path.
///
/// # Panics
/// If a folder cannot be read.
#[allow(clippy::unwrap_used, reason = "only tests call it")]
pub fn pdfs_below(folder: &Path) -> Vec<PathBuf> {
    let mut folders = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "pdf") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// The document with random damage or manipulation: changed, removed or repeated bytes, or a replaced number.
fn mutant(document: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = document.to_vec();
    let (a, b) = (random.below(bytes.len()), random.below(bytes.len()));
    let (start, end) = (a.min(b), a.max(b));
    match random.below(6) {
        0 => (0..20).for_each(|_| {
            let at = random.below(bytes.len());
            bytes[at] = random.below(256) as u8;
        }),
        1 => bytes.truncate(start.max(8)),
        2 => {
            let copy = bytes[start..end].to_vec();
            bytes.splice(start..start, copy);
        }
        3 => drop(bytes.drain(start..end.min(start + 200))),
        4 => replace_number(&mut bytes, start, b"99999999999"),
        _ => {
            let target = (1 + random.below(9)).to_string();
            replace_number(&mut bytes, start, target.as_bytes());
        }
    }
    bytes
}

/// Replaces the first number after `from`: a length, a size, or the target of a reference.
fn replace_number(bytes: &mut Vec<u8>, from: usize, number: &[u8]) {
    let Some(start) = bytes[from..].iter().position(u8::is_ascii_digit).map(|at| from + at) else { return };
    let end = bytes[start..].iter().position(|byte| !byte.is_ascii_digit()).map_or(bytes.len(), |at| start + at);
    bytes.splice(start..end, number.iter().copied());
}

/// A small file with `pages` pages that share their content. Each takes long to measure, and exceeds the time limit when drawn.
pub fn slow_pdf(pages: usize) -> Vec<u8> {
    let kids: String = (0..pages).map(|page| format!("{} 0 R ", page + 4)).collect();
    let mut objects = vec![
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        format!("<</Type/Pages/Kids[{kids}]/Count {pages}/MediaBox[0 0 595 842]>>"),
        stream("", &slow_content()),
    ];
    objects.extend((0..pages).map(|_| "<</Type/Page/Parent 2 0 R/Contents 3 0 R>>".to_owned()));
    from_objects(&objects)
}

fn slow_content() -> String {
    "0 0 m 9 999 999 9 595 842 c S\n".repeat(SLOW_CURVES)
}

/// Documents that need excessive memory, time or depth, each with a description.
pub fn bombs() -> Vec<(&'static str, Vec<u8>)> {
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
            "a count of pages that do not exist",
            from_objects(&["<</Type/Catalog/Pages 2 0 R>>".into(), "<</Type/Pages/Kids[]/Count 1400000000>>".into()]),
        ),
        ("a page of enormous size", page("/MediaBox[0 0 1e30 1e30]", "0 0 m 1e29 1e29 l S", &[])),
        ("a page whose size is not a number", page("/MediaBox[0 0 nan -595]", "0 0 m 10 10 l S", &[])),
        (
            "a form that draws itself",
            page(&format!("{a4}/Resources<</XObject<</F 5 0 R>>>>"), "/F Do", &[form("/F Do /F Do")]),
        ),
        (
            "a picture larger than memory",
            page(&format!("{a4}/Resources<</XObject<</F 5 0 R>>>>"), "500 0 0 500 0 0 cm /F Do", &[image]),
        ),
        (
            "a pattern with millions of tiles",
            page(&format!("{a4}/Resources<</Pattern<</P 5 0 R>>>>"), "/Pattern cs /P scn 0 0 595 842 re f", &[tile]),
        ),
        ("a hundred thousand nested graphics states", page(a4, &"q ".repeat(100_000), &[])),
        ("arrays in arrays in arrays", page(&format!("{a4}/X {}", "[".repeat(200_000)), "", &[])),
        (
            "a few kilobytes that decompress to more than the memory limit",
            from_objects(&[
                "<</Type/Catalog/Pages 2 0 R>>".into(),
                "<</Type/Pages/Kids[3 0 R]/Count 1>>".into(),
                format!("<</Type/Page/Parent 2 0 R/Contents 4 0 R{a4}>>"),
                compressed_twice(1 << 30),
            ]),
        ),
        ("a tree of pages ten thousand deep", deep_tree(10_000)),
        ("a path with many curves", page(a4, &slow_content(), &[])),
    ]
}

/// A document with these objects, numbered from 1. It has no cross-reference table, so the parser searches for them.
fn from_objects(objects: &[String]) -> Vec<u8> {
    let mut file = "%PDF-1.7\n".to_owned();
    for (index, object) in objects.iter().enumerate() {
        let _ = writeln!(file, "{} 0 obj\n{object}\nendobj", index + 1);
    }
    (file + "trailer\n<</Root 1 0 R>>\n%%EOF\n").into_bytes()
}

/// A document whose only page is `depth` levels deep in the page tree.
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

/// A document with one page that has this content and these further entries. Further objects are numbered from 5.
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

/// A stream of `bytes` spaces, compressed twice to a few kilobytes.
#[allow(clippy::unwrap_used, reason = "writing into memory cannot fail")]
fn compressed_twice(bytes: u64) -> String {
    let mut once = ZlibEncoder::new(Vec::new(), Compression::fast());
    std::io::copy(&mut std::io::repeat(b' ').take(bytes), &mut once).unwrap();
    let mut twice = ZlibEncoder::new(Vec::new(), Compression::best());
    twice.write_all(&once.finish().unwrap()).unwrap();
    let hex = twice.finish().unwrap().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    stream("/Filter[/ASCIIHexDecode/FlateDecode/FlateDecode]", &format!("{hex}>"))
}
