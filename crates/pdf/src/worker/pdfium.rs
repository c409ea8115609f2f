//! The binding to PDFium. All calls of PDFium are here.

use std::path::Path;

use pdfium_render::prelude::{
    PdfDocument, PdfDocumentMetadataTagType, PdfPage, Pdfium, PdfiumError, PdfiumInternalError,
};

use crate::document::{Bookmark, PageLength, PageLooks};
use crate::error::{DocumentFault, PageFault};
use crate::protocol::{Fault, Half};
use crate::text::{self, PageGlyphs, Survey};
use crate::title;

use super::document_file::DocumentFile;
use super::faces::Faces;
use super::figures::Found;
use super::fonts::Fonts;
use super::layout::Finder;
use super::rules::Drawn;
use super::{bookmarks, figures, glyphs, labels, links, looks, page_picture, rules, scan};

/// A page with more bytes than this may be replaced by a picture.
const SPLIT_BYTES_LARGE: usize = 4 << 20;

const WARM_UP_PX: i32 = 60;
/// A small page with text in a standard font. It has no cross-reference table, which PDFium rebuilds.
const WARM_UP_PDF: &[u8] = b"%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 60 60]/Resources<</Font<</F 4 0 R>>>>/Contents 5 0 R>>endobj
4 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj
5 0 obj<</Length 33>>stream
BT /F 12 Tf 9 9 Td (Warm) Tj ET  
endstream endobj
trailer<</Root 1 0 R>>
";

/// PDFium, bound once per process and never unbound.
#[derive(Clone, Copy)]
pub(super) struct Library {
    pdfium: &'static Pdfium,
}

impl Library {
    /// Binds the library, with these fonts and none of the system's.
    pub(super) fn bind(path: &Path, fonts: Fonts) -> Result<Self, Fault> {
        let bindings = Pdfium::bind_to_library(path).map_err(|_| Fault::LibraryUnavailable)?;
        let mut pdfium = Pdfium::new(bindings);
        pdfium.set_custom_font_provider(Box::new(fonts));
        Ok(Self { pdfium: Box::leak(Box::new(pdfium)) })
    }

    /// Does once what every document needs, so that PDFium loads all its lazy parts before the sandbox.
    pub(super) fn warm_up(&self) {
        let Ok(document) = self.open_bytes(WARM_UP_PDF.to_vec()) else { return };
        let _ = document.read(0, &mut Faces::default(), None);
        let _ = document.split(self, 0);
        let _ = document
            .page(0)
            .and_then(|page| figures::render(&page, (WARM_UP_PX, WARM_UP_PX), (0, 0, WARM_UP_PX, WARM_UP_PX)));
    }

    /// Opens a file. PDFium reads only the parts that it needs.
    pub(super) fn open_file(&self, file: DocumentFile) -> Result<OpenDocument, Fault> {
        opened(self.pdfium.load_pdf_from_reader(file, None))
    }

    pub(super) fn open_bytes(&self, pdf: Vec<u8>) -> Result<OpenDocument, Fault> {
        opened(self.pdfium.load_pdf_from_byte_vec(pdf, None))
    }
}

fn opened(result: Result<PdfDocument<'static>, PdfiumError>) -> Result<OpenDocument, Fault> {
    match result {
        Ok(document) => Ok(OpenDocument { document }),
        Err(PdfiumError::PdfiumLibraryInternalError(
            PdfiumInternalError::PasswordError | PdfiumInternalError::SecurityError,
        )) => Err(DocumentFault::Encrypted.into()),
        Err(_) => Err(DocumentFault::Unreadable.into()),
    }
}

/// A page as PDFium reads it, not yet Markdown.
pub(super) struct ReadPage {
    pub glyphs: PageGlyphs,
    pub chars_visible: u32,
    pub is_scan: bool,
    pub looks: PageLooks,
}

/// A document open in this process.
pub(super) struct OpenDocument {
    document: PdfDocument<'static>,
}

impl OpenDocument {
    /// The document, if it has any pages.
    pub(super) fn with_pages(self) -> Result<Self, DocumentFault> {
        if self.total_pages() == 0 { Err(DocumentFault::Empty) } else { Ok(self) }
    }

    pub(super) fn with_pages_at_most(self, pages_max: u32) -> Result<Self, DocumentFault> {
        match self.total_pages() {
            pages if pages > pages_max => Err(DocumentFault::TooManyPages { pages, pages_max }),
            _ => self.with_pages(),
        }
    }

    pub(super) fn total_pages(&self) -> u32 {
        u32::try_from(self.document.pages().len()).unwrap_or(0)
    }

    pub(super) fn title(&self) -> Option<String> {
        let title = self.document.metadata().get(PdfDocumentMetadataTagType::Title)?;
        title::clean(title.value())
    }

    /// The characters of a page, and what else its text needs. `survey`: that of the document, if it is there yet.
    pub(super) fn read(&self, index: u32, faces: &mut Faces, survey: Option<&Survey>) -> Result<ReadPage, PageFault> {
        let page = self.page(index)?;
        let text = page.text().map_err(|_| PageFault::Damaged)?;
        let glyphs = glyphs::read(&text, faces);
        let chars_visible = text::visible_chars(&glyphs);
        let is_scan = scan::is_scan(&page, &text, chars_visible);
        let looks = looks::of_page(&page, &glyphs)?;
        let wants_links = survey.is_none_or(|survey| survey.wants_links(&glyphs));
        let (links, addresses) = if wants_links { links::of_page(&page) } else { Default::default() };
        let Drawn { rules, drawings, .. } = rules::read(&page);
        let glyphs = PageGlyphs { glyphs, links, addresses, rules, drawings };
        Ok(ReadPage { glyphs, chars_visible, is_scan, looks })
    }

    pub(super) fn length(&self, index: u32) -> Result<PageLength, PageFault> {
        let page = self.page(index)?;
        let text = page.text().map_err(|_| PageFault::Damaged)?;
        let chars_visible = glyphs::count_visible(&text);
        Ok(PageLength { chars_visible, is_scan: scan::is_scan(&page, &text, chars_visible) })
    }

    pub(super) fn figures(&self, index: u32, finder: &mut Finder) -> Result<Option<Found>, PageFault> {
        figures::of_page(&self.page(index)?, finder)
    }

    pub(super) fn picture(&self, index: u32) -> Result<Vec<u8>, PageFault> {
        page_picture::of_page(&self.page(index)?)
    }

    pub(super) fn half(&self, index: u32, half: Half) -> Result<Vec<u8>, PageFault> {
        page_picture::of_half(&self.page(index)?, half)
    }

    pub(super) fn bookmarks(&self) -> Vec<Bookmark> {
        bookmarks::of(&self.document)
    }

    pub(super) fn labels(&self) -> Vec<String> {
        labels::of(&self.document)
    }

    /// The page as a PDF of its own, or as a picture if the PDF is large and the picture is smaller. Many programs give all pages one
    /// list of pictures. Each page then brings the pictures of the whole document.
    pub(super) fn split_lean(&self, library: &Library, index: u32) -> Result<Vec<u8>, PageFault> {
        let pdf = self.split(library, index)?;
        if pdf.len() <= SPLIT_BYTES_LARGE {
            return Ok(pdf);
        }
        let picture = self.page(index).and_then(|page| page_picture::as_pdf(&page));
        Ok(picture.ok().filter(|picture| picture.len() < pdf.len()).unwrap_or(pdf))
    }

    pub(super) fn split(&self, library: &Library, index: u32) -> Result<Vec<u8>, PageFault> {
        let mut single = library.pdfium.create_new_pdf().map_err(|_| PageFault::Damaged)?;
        let index = i32::try_from(index).map_err(|_| PageFault::OutOfRange)?;
        single.pages_mut().copy_page_from_document(&self.document, index, 0).map_err(|_| PageFault::Damaged)?;
        single.save_to_bytes().map_err(|_| PageFault::Damaged)
    }

    fn page(&self, index: u32) -> Result<PdfPage<'_>, PageFault> {
        let index = i32::try_from(index).map_err(|_| PageFault::OutOfRange)?;
        self.document.pages().get(index).map_err(|_| PageFault::Damaged)
    }
}
