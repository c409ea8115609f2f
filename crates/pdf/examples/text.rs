//! Prints the text of a PDF as Markdown, with a form feed after each page, and how fast it was read:
//! | `cargo run --package coldbrew-pdf --example text -- libpdfium.so book.pdf`

#![allow(clippy::expect_used)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use coldbrew_pdf::{Engine, EngineConfig, Priority, Requester, worker};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // The engine starts this program again as a worker. A worker limits its own memory, so it must start before any thread.
    match arguments.as_slice() {
        [word] if word == "page-worker" => worker::run(),
        [library, pdf] => print(library.into(), pdf.into()),
        _ => {
            eprintln!("usage: text LIBPDFIUM.SO FILE.PDF");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn print(library: PathBuf, pdf: PathBuf) -> ExitCode {
    let engine = Engine::new(EngineConfig::new(library)).expect("a thread can be started");
    let start = Instant::now();
    let document =
        engine.open(pdf, Priority::Background, &Requester::unlimited("reader")).await.expect("it is a readable PDF");
    let pages = document.info().total_pages;
    for page in 0..pages {
        match document.text(page).await {
            Ok(text) => println!("{}\n\u{c}", text.markdown),
            Err(error) => eprintln!("{error}"),
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    eprintln!("{pages} pages in {seconds:.2} s: {:.0} pages/s", f64::from(pages) / seconds);
    ExitCode::SUCCESS
}
