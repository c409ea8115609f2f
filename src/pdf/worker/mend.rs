//! A second opinion on files that PDFium refuses: cut off, or with a table that leads nowhere.
//!
//! Another engine looks for what is left of the pages and writes them into a sound file, which PDFium then opens as any other.
//! Links and forms do not survive that; text and pictures do.

use hayro_syntax::Pdf;

/// A sound copy of what can be read of the file, at most so many pages; `None`: nothing can.
pub fn mended(file: Vec<u8>, pages_max: u32) -> Option<Vec<u8>> {
    let pdf = Pdf::new(file).ok()?;
    let pages: Vec<usize> = (0..pdf.pages().len()).take(pages_max as usize).collect();
    (!pages.is_empty()).then(|| hayro_write::extract_pages_to_pdf(&pdf, &pages))
}
