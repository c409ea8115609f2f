//! The worker's side: a process that limits itself, opens a document and answers until its parent closes the pipe.
//!
//! It has one thread, no runtime, no network and no log. It must be entered before the program starts any of those.

mod content;
pub(crate) mod detector;
mod figures;
mod glyphs;
mod limits;
mod mend;
mod page_picture;
mod pdfium;
mod picture;
mod scan;

use std::ffi::OsString;
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use image::ImageError;

use self::detector::Finder;
use self::pdfium::{Library, OpenDocument};
use super::document::PageText;
use super::error::{DocumentFault, PageFault};
use super::protocol::{CutFigure, Fault, Reply, Request, read_frame, write_frame};

/// Characters of what is wrong with a detector; a runtime may have a lot to say.
const DETECTOR_WORDS_MAX: usize = 500;

/// The whole life of a worker process: call it from `main` for the hidden subcommand `page-worker` and exit with its result.
pub fn run() -> ExitCode {
    let mut input = io::stdin().lock();
    let mut output = BufWriter::new(io::stdout().lock());
    match serve(&mut input, &mut output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// The first frame must be a [`Request::Start`]: nothing is parsed by a process without limits.
fn serve(input: &mut impl Read, output: &mut impl Write) -> io::Result<()> {
    let Some((Request::Start { parent_pid, memory_bytes_max, detector }, library)) = read_frame(input)? else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    limits::apply(parent_pid, memory_bytes_max)?;
    let library = match Library::bind(&path_from(library)) {
        Ok(library) => library,
        Err(fault) => return write_frame(output, &Reply::Failed { fault }, b""),
    };
    write_frame(output, &Reply::Started, b"")?;
    let mut worker = Worker { library, document: None, finder: Finder::of(detector) };
    while let Some((request, payload)) = read_frame(input)? {
        worker.answer(request, payload, output)?;
    }
    Ok(())
}

struct Worker {
    library: Library,
    document: Option<OpenDocument>,
    finder: Finder,
}

impl Worker {
    fn answer(&mut self, request: Request, payload: Vec<u8>, output: &mut impl Write) -> io::Result<()> {
        let answer = match request {
            Request::Start { .. } => return Err(io::ErrorKind::InvalidData.into()),
            Request::Lengths { first, count } => return self.stream_lengths(first, count, output),
            Request::OpenFile { pages_max } => self.open_file(&path_from(payload), pages_max),
            Request::OpenBytes { pages_max } => self.keep(self.library.open_bytes(payload), pages_max),
            Request::Text { page } => self.text(page),
            Request::Split { page, lean } => self.split(page, lean),
            Request::Figures { page } => self.figures(page),
            Request::Picture { page } => self.page_picture(page),
            Request::ImageToPdf => image_to_pdf(&path_from(payload)),
            Request::LoadDetector => self.load_detector(),
        };
        let (reply, payload) = answer.unwrap_or_else(|fault| (Reply::Failed { fault }, Vec::new()));
        write_frame(output, &reply, &payload)
    }

    fn open_file(&mut self, path: &Path, pages_max: u32) -> Result<(Reply, Vec<u8>), Fault> {
        let opened = self.library.open_file(path).and_then(|document| Ok(document.with_pages()?));
        let opened = match opened {
            Err(fault @ Fault::Document(DocumentFault::Unreadable | DocumentFault::Empty)) => {
                let file = std::fs::read(path).map_err(|_| Fault::FileUnavailable)?;
                self.library.open_bytes(mend::mended(file, pages_max)?.ok_or(fault)?)
            }
            opened => opened,
        };
        self.keep(opened, pages_max)
    }

    fn keep(&mut self, opened: Result<OpenDocument, Fault>, pages_max: u32) -> Result<(Reply, Vec<u8>), Fault> {
        let document = opened?.with_pages_at_most(pages_max)?;
        let reply = Reply::Opened { total_pages: document.total_pages(), title: document.title() };
        self.document = Some(document);
        Ok((reply, Vec::new()))
    }

    fn text(&self, page: u32) -> Result<(Reply, Vec<u8>), Fault> {
        let PageText { markdown, chars_visible, is_scan } = on_page(&self.document, page, OpenDocument::text)?;
        Ok((Reply::Text { chars_visible, is_scan }, markdown.into_bytes()))
    }

    fn split(&self, page: u32, lean: bool) -> Result<(Reply, Vec<u8>), Fault> {
        let split = if lean { OpenDocument::split_lean } else { OpenDocument::split };
        let pdf = on_page(&self.document, page, |document, page| split(document, &self.library, page))?;
        Ok((Reply::Pdf, pdf))
    }

    fn page_picture(&self, page: u32) -> Result<(Reply, Vec<u8>), Fault> {
        Ok((Reply::Picture, on_page(&self.document, page, OpenDocument::picture)?))
    }

    fn load_detector(&mut self) -> Result<(Reply, Vec<u8>), Fault> {
        self.finder.load().map_err(|error| Fault::DetectorUnusable {
            words: error.to_string().chars().take(DETECTOR_WORDS_MAX).collect(),
        })?;
        Ok((Reply::DetectorReady, Vec::new()))
    }

    fn figures(&mut self, index: u32) -> Result<(Reply, Vec<u8>), Fault> {
        let finder = &mut self.finder;
        let Some(found) = on_page(&self.document, index, |document, page| document.figures(page, finder))? else {
            return Ok((Reply::DetectorWanted, Vec::new()));
        };
        let mut payload = Vec::new();
        let cut = found.into_iter().map(|(figure, png)| {
            payload.extend_from_slice(&png);
            CutFigure { figure, png_bytes: png.len() }
        });
        Ok((Reply::Figures { figures: cut.collect() }, payload))
    }

    fn stream_lengths(&self, first: u32, count: u32, output: &mut impl Write) -> io::Result<()> {
        for page in (first..).take(count as usize) {
            let reply = match on_page(&self.document, page, OpenDocument::length) {
                Ok(length) => Reply::Length { chars_visible: length.chars_visible, is_scan: length.is_scan },
                Err(fault) => Reply::Failed { fault },
            };
            write_frame(output, &reply, b"")?;
        }
        Ok(())
    }
}

fn on_page<T>(
    document: &Option<OpenDocument>,
    index: u32,
    read: impl FnOnce(&OpenDocument, u32) -> Result<T, PageFault>,
) -> Result<T, Fault> {
    let document = document.as_ref().ok_or(DocumentFault::Unreadable)?;
    if index >= document.total_pages() {
        return Err(Fault::Page { index, reason: PageFault::OutOfRange });
    }
    read(document, index).map_err(|reason| Fault::Page { index, reason })
}

fn image_to_pdf(path: &Path) -> Result<(Reply, Vec<u8>), Fault> {
    let pdf = picture::to_pdf(path).map_err(|error| match error {
        ImageError::IoError(error) if error.kind() == io::ErrorKind::NotFound => Fault::FileUnavailable,
        _ => DocumentFault::Unreadable.into(),
    })?;
    Ok((Reply::Pdf, pdf))
}

fn path_from(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes))
}
