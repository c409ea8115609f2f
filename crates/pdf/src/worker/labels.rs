//! The labels of pages: the numbers that are printed on them, as the file names them.

use pdfium_render::prelude::PdfDocument;

use crate::title;

/// Later pages have no labels. A label is known only of a page that is loaded, which takes about a millisecond.
const PAGES_MAX: i32 = 4_000;

/// The labels of the pages in order, empty where a page has none. If the first page has none, the file names none.
pub(super) fn of(document: &PdfDocument<'_>) -> Vec<String> {
    let pages = document.pages();
    let label = |index| pages.get(index).ok().and_then(|page| page.label().and_then(title::label));
    if label(0).is_none() {
        return Vec::new();
    }
    (0..pages.len().min(PAGES_MAX)).map(|index| label(index).unwrap_or_default()).collect()
}
