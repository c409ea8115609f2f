//! The bookmarks of a document. A hostile one may lead in circles or be endless.

use pdfium_render::prelude::{PdfBookmark, PdfDocument};

use crate::document::{BOOKMARKS_MAX, Bookmark};
use crate::title;

/// Deeper bookmarks are left out.
const LEVELS_MAX: u8 = 32;

/// All bookmarks in reading order. One without a title is left out, but not those below it.
pub(super) fn of(document: &PdfDocument<'_>) -> Vec<Bookmark> {
    let (mut found, mut visited) = (Vec::new(), 0);
    // The next bookmark of each level, the deepest last.
    let mut path: Vec<Option<PdfBookmark<'_>>> = vec![document.bookmarks().root()];
    if path[0].is_some() {
        // For each bookmark PDFium goes through all pages that it does not know yet. It knows those whose size it was asked for.
        let _ = document.pages().page_sizes();
    }
    while let Some(next) = path.pop() {
        let Some(bookmark) = next else { continue };
        visited += 1;
        // A circle ends here, too.
        if visited > BOOKMARKS_MAX {
            break;
        }
        let level = u8::try_from(path.len() + 1).unwrap_or(u8::MAX);
        let title = title::one_line(&bookmark.title().unwrap_or_default());
        if !title.is_empty() {
            found.push(Bookmark { title, level, page: page_of(&bookmark) });
        }
        path.push(bookmark.next_sibling());
        if level < LEVELS_MAX {
            path.push(bookmark.first_child());
        }
    }
    found
}

fn page_of(bookmark: &PdfBookmark<'_>) -> Option<u32> {
    bookmark.destination()?.page_index().ok()?.try_into().ok()
}
