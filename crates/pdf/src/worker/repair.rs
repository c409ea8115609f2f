//! Repairs files that PDFium refuses: files that are cut off, or whose cross-reference table is wrong.
//!
//! Another parser looks for the remaining pages and writes them into a sound file, which PDFium then opens like any other. Text and
//! pictures are kept. Links and forms are lost.

use hayro_syntax::Pdf;

use crate::error::DocumentFault;

/// A sound copy of the readable pages. `None` if no page is readable. A file with too many pages is refused, as a sound one is.
pub(super) fn repaired(file: Vec<u8>, pages_max: u32) -> Result<Option<Vec<u8>>, DocumentFault> {
    let Ok(pdf) = Pdf::new(file) else { return Ok(None) };
    let pages: Vec<usize> = (0..pdf.pages().len()).collect();
    match u32::try_from(pages.len()).unwrap_or(u32::MAX) {
        0 => Ok(None),
        pages if pages > pages_max => Err(DocumentFault::TooManyPages { pages, pages_max }),
        _ => Ok(Some(hayro_write::extract_pages_to_pdf(&pdf, &pages))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::simple_pdf;

    #[test]
    fn what_has_too_many_pages_is_not_cut_short() {
        let sound = simple_pdf(&["one", "two", "three"]);
        let cut_off = &sound[..sound.len() - 200];
        assert!(repaired(cut_off.to_vec(), 3).is_ok_and(|repaired| repaired.is_some()));
        assert_eq!(repaired(cut_off.to_vec(), 2), Err(DocumentFault::TooManyPages { pages: 3, pages_max: 2 }));
        assert_eq!(repaired(b"no PDF".to_vec(), 2), Ok(None));
    }
}
