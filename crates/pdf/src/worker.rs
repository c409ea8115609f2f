//! The worker's side: a process that loads what it needs, enters a sandbox, and answers requests until its socket is closed.
//!
//! It has one thread, no runtime, no network and no log. [`run`] must be called before the program starts any of those. One kind of
//! process parses and draws one document. The other kind has the model that finds figures, and gets only pixels.

mod bookmarks;
mod channel;
mod content;
pub(crate) mod detector;
mod document_file;
mod faces;
mod figures;
mod fonts;
mod glyphs;
mod labels;
mod layout;
mod links;
mod looks;
mod page_picture;
mod pdfium;
mod picture;
mod repair;
mod rules;
pub(crate) mod sandbox;
mod scan;
mod surveyor;

use std::io;
use std::os::fd::OwnedFd;
use std::process::ExitCode;

use self::channel::{Channel, Frame};
use self::detector::{Detector, DetectorSpec};
use self::document_file::DocumentFile;
use self::fonts::Fonts;
use self::layout::{Finder, LayoutProcess};
use self::pdfium::{Library, OpenDocument};
use self::sandbox::Without;
use self::surveyor::Surveyor;
use super::document::PageText;
use super::error::{DocumentFault, PageFault};
use super::protocol::{CutFigure, Fault, Half, Reply, Request, Role};

/// Characters of the reason why a detector is unusable. The sentence of a runtime can be long.
const DETECTOR_WORDS_MAX: usize = 500;

/// Runs a worker process until its socket is closed. Call it from `main` for the hidden subcommand `page-worker`, and exit with its
/// result.
pub fn run() -> ExitCode {
    match Channel::to_parent().and_then(|mut channel| serve(&mut channel)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// What a process has loaded, ready for its first request.
enum Loaded {
    Pages(Box<Worker>),
    Layout(Box<dyn Detector>),
}

/// The first frame must be a [`Request::Start`], so that no process parses anything outside the sandbox.
fn serve(channel: &mut Channel) -> io::Result<()> {
    let Some(Frame { header: Request::Start { parent_pid, limits, role }, .. }) = channel.receive()? else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    sandbox::prepare(parent_pid, limits)?;
    let loaded = match load(role) {
        Ok(loaded) => loaded,
        Err(fault) => return channel.send(&Reply::Failed { fault }, b""),
    };
    let layers = sandbox::enter(limits, Without::Nothing);
    channel.send(&Reply::Started { layers }, b"")?;
    match loaded {
        Loaded::Layout(mut detector) => layout::serve(channel, detector.as_mut()),
        Loaded::Pages(mut worker) => {
            while let Some(Frame { header, payload, descriptor }) = channel.receive()? {
                worker.answer(header, payload, descriptor, channel)?;
            }
            Ok(())
        }
    }
}

/// Loads and tries everything that the process will need. In the sandbox it can open nothing.
fn load(role: Role) -> Result<Loaded, Fault> {
    match role {
        Role::Pages { library, fonts, has_detector } => {
            let fonts = fonts.map_or_else(|| Ok(Fonts::default()), |folder| Fonts::open(&folder));
            let library = Library::bind(&library, fonts.map_err(|_| Fault::FontsUnavailable)?)?;
            library.warm_up();
            let finder = if has_detector { Finder::Wanted } else { Finder::Nothing };
            Ok(Loaded::Pages(Box::new(Worker { library, document: None, surveyor: Surveyor::default(), finder })))
        }
        Role::Layout { detector } => load_detector(&detector).map(Loaded::Layout),
    }
}

fn load_detector(spec: &DetectorSpec) -> Result<Box<dyn Detector>, Fault> {
    let cut_off = |words: String| words.chars().take(DETECTOR_WORDS_MAX).collect();
    spec.load().map_err(|error| Fault::DetectorUnusable { words: cut_off(error.to_string()) })
}

struct Worker {
    library: Library,
    document: Option<OpenDocument>,
    surveyor: Surveyor,
    finder: Finder,
}

impl Worker {
    /// Fails for a request that the parent never sends: a second document, or a file without its descriptor. An error ends the process.
    fn answer(
        &mut self,
        request: Request,
        payload: Vec<u8>,
        descriptor: Option<OwnedFd>,
        channel: &mut Channel,
    ) -> io::Result<()> {
        let is_opened = self.document.is_some();
        let given = descriptor.ok_or(io::ErrorKind::InvalidData);
        let answer = match request {
            Request::Start { .. } => return Err(io::ErrorKind::InvalidData.into()),
            Request::OpenFile { .. } | Request::OpenBytes { .. } | Request::ImageToPdf if is_opened => {
                return Err(io::ErrorKind::InvalidData.into());
            }
            Request::Lengths { first, count } => return self.stream_lengths(first, count, channel),
            Request::OpenFile { pages_max } => self.open_file(DocumentFile::new(given?), pages_max),
            Request::OpenBytes { pages_max } => self.keep(self.library.open_bytes(payload), pages_max),
            Request::Text { page } => self.text(page),
            Request::Split { page, lean } => self.split(page, lean),
            Request::Figures { page } => self.figures(page),
            Request::Picture { page } => self.page_picture(page),
            Request::Half { page, half } => self.half(page, half),
            Request::Bookmarks => self.bookmarks(),
            Request::Labels => self.labels(),
            Request::Survey => self.survey(),
            Request::UseSurvey => {
                self.surveyor.use_survey(&payload);
                Ok((Reply::SurveyReady, Vec::new()))
            }
            Request::ImageToPdf => image_to_pdf(DocumentFile::new(given?)),
            Request::UseDetector => {
                self.finder = Finder::Ready(LayoutProcess::over(given?));
                Ok((Reply::DetectorReady, Vec::new()))
            }
        };
        let (reply, payload) = answer.unwrap_or_else(|fault| (Reply::Failed { fault }, Vec::new()));
        channel.send(&reply, &payload)
    }

    fn open_file(&mut self, file: DocumentFile, pages_max: u32) -> Result<(Reply, Vec<u8>), Fault> {
        let opened = self.library.open_file(file.clone()).and_then(|document| Ok(document.with_pages()?));
        let opened = match opened {
            Err(fault @ Fault::Document(DocumentFault::Unreadable | DocumentFault::Empty)) => {
                let bytes = file.read_all().map_err(|_| DocumentFault::Unreadable)?;
                self.library.open_bytes(repair::repaired(bytes, pages_max)?.ok_or(fault)?)
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

    fn text(&mut self, page: u32) -> Result<(Reply, Vec<u8>), Fault> {
        let surveyor = &mut self.surveyor;
        let Some(text) = on_page(&self.document, page, |document, page| surveyor.text(document, page))? else {
            return Ok((Reply::SurveyWanted, Vec::new()));
        };
        let PageText { markdown, chars_visible, is_scan, looks } = text;
        Ok((Reply::Text { chars_visible, is_scan, looks }, markdown.into_bytes()))
    }

    fn survey(&mut self) -> Result<(Reply, Vec<u8>), Fault> {
        let document = self.document.as_ref().ok_or(DocumentFault::Unreadable)?;
        Ok((Reply::Survey, self.surveyor.survey(document)))
    }

    fn split(&self, page: u32, lean: bool) -> Result<(Reply, Vec<u8>), Fault> {
        let split = if lean { OpenDocument::split_lean } else { OpenDocument::split };
        let pdf = on_page(&self.document, page, |document, page| split(document, &self.library, page))?;
        Ok((Reply::Pdf, pdf))
    }

    fn page_picture(&self, page: u32) -> Result<(Reply, Vec<u8>), Fault> {
        Ok((Reply::Picture, on_page(&self.document, page, OpenDocument::picture)?))
    }

    fn half(&self, page: u32, half: Half) -> Result<(Reply, Vec<u8>), Fault> {
        Ok((Reply::Picture, on_page(&self.document, page, |document, page| document.half(page, half))?))
    }

    fn bookmarks(&self) -> Result<(Reply, Vec<u8>), Fault> {
        let document = self.document.as_ref().ok_or(DocumentFault::Unreadable)?;
        let found = serde_json::to_vec(&document.bookmarks()).map_err(|_| DocumentFault::Unreadable)?;
        Ok((Reply::Bookmarks, found))
    }

    fn labels(&self) -> Result<(Reply, Vec<u8>), Fault> {
        let document = self.document.as_ref().ok_or(DocumentFault::Unreadable)?;
        let found = serde_json::to_vec(&document.labels()).map_err(|_| DocumentFault::Unreadable)?;
        Ok((Reply::Labels, found))
    }

    fn figures(&mut self, index: u32) -> Result<(Reply, Vec<u8>), Fault> {
        let finder = &mut self.finder;
        let Some(found) = on_page(&self.document, index, |document, page| document.figures(page, finder))? else {
            return Ok((Reply::DetectorWanted, Vec::new()));
        };
        let mut payload = Vec::new();
        let has_tables = found.has_tables;
        let cut = found.cuts.into_iter().map(|(figure, png)| {
            payload.extend_from_slice(&png);
            CutFigure { figure, png_bytes: png.len() }
        });
        Ok((Reply::Figures { figures: cut.collect(), has_tables }, payload))
    }

    fn stream_lengths(&self, first: u32, count: u32, channel: &mut Channel) -> io::Result<()> {
        for page in (first..).take(count as usize) {
            let reply = match on_page(&self.document, page, OpenDocument::length) {
                Ok(length) => Reply::Length { chars_visible: length.chars_visible, is_scan: length.is_scan },
                Err(fault) => Reply::Failed { fault },
            };
            channel.send(&reply, b"")?;
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
        return Err(PageFault::OutOfRange.into());
    }
    read(document, index).map_err(Into::into)
}

fn image_to_pdf(file: DocumentFile) -> Result<(Reply, Vec<u8>), Fault> {
    let pdf = picture::to_pdf(file).map_err(|_| DocumentFault::Unreadable)?;
    Ok((Reply::Pdf, pdf))
}
