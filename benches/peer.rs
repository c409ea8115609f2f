//! For comparison: the work of a PyMuPDF pipeline for a page before any model runs.

use std::path::{Path, PathBuf};
use std::process::Command;

const PACKAGE: &str = "pymupdf==1.26.7";
/// How many pages are measured, taken evenly from the document.
const PAGES: &str = "20";

/// The CPU time for a page, in milliseconds.
pub struct PageMs {
    /// To open the document and write the page as a PDF of its own.
    pub split: f64,
    /// To open the document and render the page as a PNG with 300 dots per inch.
    pub picture: f64,
}

/// The path of a Python with PyMuPDF. The first call installs it below `target`.
pub fn install() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peer");
    let python = folder.join("bin/python");
    if !python.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder));
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", PACKAGE]));
    }
    python
}

/// Measures the pipeline on a document.
pub fn page_ms(python: &Path, path: &Path) -> PageMs {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peer.py");
    let run = Command::new(python).arg(script).arg(path).arg(PAGES).output().expect("python runs");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let numbers = String::from_utf8(run.stdout).expect("numbers are ASCII");
    let mut numbers = numbers.split_whitespace().map(|number| number.parse().expect("a number"));
    let mut next = || numbers.next().expect("two numbers");
    PageMs { split: next(), picture: next() }
}

/// Makes a PDF that has the pages of a file `times` times. Returns its path.
pub fn repeated(python: &Path, file: &Path, times: u32) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let book = root.join("target/corpus/repeated.pdf");
    run(Command::new(python).arg(root.join("benches/repeat.py")).arg(file).arg(times.to_string()).arg(&book));
    book
}

fn run(command: &mut Command) {
    assert!(command.status().expect("python3 is there").success(), "{command:?} failed");
}
