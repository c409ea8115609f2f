//! Reads pages of documents whose sources are known, and compares the Markdown with the sources:
//! `cargo bench --package coldbrew-pdf --bench text`, after `scripts/setup text`.
//!
//! `text/compare.py` has the comparison, and reads the same pages with other programs.

#![allow(clippy::expect_used)]

#[allow(dead_code, reason = "its documents are not among these")]
#[path = "../../../benches/corpus.rs"]
mod corpus;
#[path = "../../../benches/engine.rs"]
mod engine;

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Documents {
    document: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    package: String,
    pdf: String,
    /// The first and the last, from 1.
    pages: (u32, u32),
}

#[derive(Serialize)]
struct Answer {
    pages: Vec<String>,
    seconds: f64,
}

#[tokio::main]
async fn main() {
    let folder = corpus::root().join("target/text");
    std::fs::create_dir_all(&folder).expect("target can be written to");
    let documents: Documents = toml::from_str(include_str!("text/documents.toml")).expect("the list can be read");
    let engine = engine::engine(env!("CARGO_BIN_EXE_page-worker"));
    for entry in &documents.document {
        let path = corpus::root().join("vendor/text").join(&entry.package).join(&entry.pdf);
        let start = Instant::now();
        let document = engine::open(&engine, path).await;
        let mut pages = Vec::new();
        for page in entry.pages.0 - 1..entry.pages.1 {
            pages.push(document.text(page).await.expect("the page can be read").markdown);
        }
        let answer = Answer { pages, seconds: start.elapsed().as_secs_f64() };
        let json = serde_json::to_vec(&answer).expect("text is JSON");
        std::fs::write(folder.join(format!("{}.json", entry.name)), json).expect("target can be written to");
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/text");
    let mut python = Command::new(here.join(".venv/bin/python"));
    let status = python.arg("-B").arg(here.join("compare.py")).arg(&folder).status();
    assert!(status.expect("`scripts/setup text` has installed Python").success(), "the comparison failed");
}
