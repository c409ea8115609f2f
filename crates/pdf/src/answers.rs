//! The parent's checks of a reply.
//!
//! A hostile file can control its worker, so a reply can say anything. Each number, length and format in it is checked here. The bounds
//! come from the request or are constants. A reply that fails a check means that the worker is lost: [`PdfError::WorkerCrashed`].

use super::document::{BOOKMARKS_MAX, Bookmark, FigureImage, Info, PageFigures, PageLength, PageText};
use super::error::{DocumentFault, PageFault, PdfError};
use super::figures::{Bounds, FIGURES_MAX, Figure};
use super::process::Answer;
use super::protocol::{CutFigure, Fault, PAYLOAD_BYTES_MAX, Reply};
use super::title;

/// A worker has no memory for a page with more characters than this.
const PAGE_CHARS_MAX: u32 = 1 << 24;
/// Bytes of a page as Markdown.
const TEXT_BYTES_MAX: u32 = 64 << 20;
/// Bytes of a page as a picture.
const PICTURE_BYTES_MAX: u32 = 32 << 20;
/// Bytes of a list of bookmarks as JSON.
const BOOKMARKS_BYTES_MAX: u32 = 16 << 20;
/// Bytes of a survey as JSON. Most of it are bookmarks.
const SURVEY_BYTES_MAX: u32 = 16 << 20;
/// Width and height of the picture of a figure.
const FIGURE_SIDE_MAX_PX: u32 = 2_401;
/// Characters of the reason why a detector is unusable.
const DETECTOR_WORDS_MAX: usize = 500;

const PDF_MARK: &[u8] = b"%PDF-";
const PNG_MARK: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
const JPEG_MARK: &[u8] = b"\xff\xd8\xff";

const LIBRARY_NOT_LOADED: &str = "the PDF library cannot be loaded; run scripts/setup or set its path";
const FONTS_NOT_LOADED: &str = "the folder of fonts cannot be read; run scripts/setup or set its path";

/// The largest payload of such a reply, in bytes.
pub(crate) const fn payload_bytes_max(reply: &Reply) -> u32 {
    match reply {
        Reply::Text { .. } => TEXT_BYTES_MAX,
        Reply::Picture => PICTURE_BYTES_MAX,
        Reply::Bookmarks | Reply::Labels => BOOKMARKS_BYTES_MAX,
        Reply::Survey => SURVEY_BYTES_MAX,
        Reply::Pdf | Reply::Figures { .. } => PAYLOAD_BYTES_MAX,
        _ => 0,
    }
}

/// Why a worker could not start. It has seen no document by then, so the operator can trust its sentence.
pub(crate) fn start_refusal(reply: Reply) -> PdfError {
    match reply {
        Reply::Failed { fault: Fault::LibraryUnavailable } => PdfError::Unavailable(LIBRARY_NOT_LOADED.to_owned()),
        Reply::Failed { fault: Fault::FontsUnavailable } => PdfError::Unavailable(FONTS_NOT_LOADED.to_owned()),
        Reply::Failed { fault: Fault::DetectorUnusable { words } } => {
            let words: String = words.chars().take(DETECTOR_WORDS_MAX).collect();
            PdfError::Unavailable(format!("the figure detector cannot be used: {words}"))
        }
        _ => PdfError::WorkerCrashed,
    }
}

/// Page count and title of a document that was opened.
///
/// # Errors
/// [`PdfError::Document`] if the document is refused.
pub(crate) fn info((reply, _): Answer, pages_max: u32) -> Result<Info, PdfError> {
    match reply {
        Reply::Opened { total_pages, title } if (1..=pages_max).contains(&total_pages) => {
            Ok(Info { total_pages, title: title.as_deref().and_then(title::clean) })
        }
        Reply::Failed { fault: Fault::Document(DocumentFault::TooManyPages { pages, .. }) } if pages > pages_max => {
            Err(DocumentFault::TooManyPages { pages, pages_max }.into())
        }
        other => Err(document_refusal(other)),
    }
}

/// A page's text.
///
/// # Errors
/// [`PdfError::Page`] if the page failed.
pub(crate) fn text((reply, payload): Answer) -> Result<PageText, PdfError> {
    let Reply::Text { chars_visible, is_scan, looks } = reply else { return Err(page_refusal(reply)) };
    let PageLength { chars_visible, is_scan } = bounded(chars_visible, is_scan)?;
    let markdown = String::from_utf8(payload).map_err(|_| PdfError::WorkerCrashed)?;
    Ok(PageText { markdown, chars_visible, is_scan, looks })
}

/// The length of a page's text, or `None` if the page failed.
///
/// # Errors
/// Only a reply that fails a check is an error.
pub(crate) fn length((reply, _): Answer) -> Result<Option<PageLength>, PdfError> {
    match reply {
        Reply::Length { chars_visible, is_scan } => bounded(chars_visible, is_scan).map(Some),
        other => match page_refusal(other) {
            PdfError::WorkerCrashed => Err(PdfError::WorkerCrashed),
            _ => Ok(None),
        },
    }
}

/// A page as a PDF.
///
/// # Errors
/// [`PdfError::Page`] if the page failed.
pub(crate) fn page_pdf((reply, pdf): Answer) -> Result<Vec<u8>, PdfError> {
    match reply {
        Reply::Pdf if pdf.starts_with(PDF_MARK) => Ok(pdf),
        other => Err(page_refusal(other)),
    }
}

/// An image file as a PDF.
///
/// # Errors
/// [`PdfError::Document`] if the image is refused.
pub(crate) fn image_pdf((reply, pdf): Answer) -> Result<Vec<u8>, PdfError> {
    match reply {
        Reply::Pdf if pdf.starts_with(PDF_MARK) => Ok(pdf),
        other => Err(document_refusal(other)),
    }
}

/// A page as a picture: WebP or JPEG.
///
/// # Errors
/// [`PdfError::Page`] if the page failed.
pub(crate) fn picture((reply, picture): Answer) -> Result<Vec<u8>, PdfError> {
    let is_webp = picture.starts_with(b"RIFF") && picture.get(8..12) == Some(b"WEBP");
    match reply {
        Reply::Picture if is_webp || picture.starts_with(JPEG_MARK) => Ok(picture),
        other => Err(page_refusal(other)),
    }
}

/// The figures of a page. Each picture has the size that the reply states.
///
/// # Errors
/// [`PdfError::Page`] if the page failed.
pub(crate) fn figures((reply, payload): Answer) -> Result<PageFigures, PdfError> {
    let Reply::Figures { figures, has_tables } = reply else { return Err(page_refusal(reply)) };
    if figures.len() > FIGURES_MAX {
        return Err(PdfError::WorkerCrashed);
    }
    let mut rest = payload.as_slice();
    let mut images = Vec::with_capacity(figures.len());
    for CutFigure { figure, png_bytes } in figures {
        let (png, behind) = rest.split_at_checked(png_bytes).ok_or(PdfError::WorkerCrashed)?;
        if !is_sound(&figure) || !is_png_of(png, &figure) {
            return Err(PdfError::WorkerCrashed);
        }
        images.push(FigureImage { figure, png: png.to_vec() });
        rest = behind;
    }
    if rest.is_empty() { Ok(PageFigures { images, has_tables }) } else { Err(PdfError::WorkerCrashed) }
}

/// The bookmarks of a document of so many pages.
///
/// # Errors
/// Only a reply that fails a check is an error.
pub(crate) fn bookmarks((reply, payload): Answer, pages: u32) -> Result<Vec<Bookmark>, PdfError> {
    let Reply::Bookmarks = reply else { return Err(page_refusal(reply)) };
    let found: Vec<Bookmark> = serde_json::from_slice(&payload).map_err(|_| PdfError::WorkerCrashed)?;
    if found.len() > BOOKMARKS_MAX {
        return Err(PdfError::WorkerCrashed);
    }
    let checked = |Bookmark { title, level, page }: Bookmark| Bookmark {
        title: title::one_line(&title),
        level: level.max(1),
        page: page.filter(|page| *page < pages),
    };
    Ok(found.into_iter().map(checked).collect())
}

/// The survey of a document. It is not read here: only workers of the same document get it.
///
/// # Errors
/// Another reply is an error.
pub(crate) fn survey((reply, payload): Answer) -> Result<Vec<u8>, PdfError> {
    match reply {
        Reply::Survey => Ok(payload),
        other => Err(page_refusal(other)),
    }
}

/// The labels of a document of so many pages.
///
/// # Errors
/// Only a reply that fails a check is an error.
pub(crate) fn labels((reply, payload): Answer, pages: u32) -> Result<Vec<String>, PdfError> {
    let Reply::Labels = reply else { return Err(page_refusal(reply)) };
    let found: Vec<String> = serde_json::from_slice(&payload).map_err(|_| PdfError::WorkerCrashed)?;
    if found.len() > pages as usize {
        return Err(PdfError::WorkerCrashed);
    }
    Ok(found.iter().map(|label| title::label(label).unwrap_or_default()).collect())
}

const fn bounded(chars_visible: u32, is_scan: bool) -> Result<PageLength, PdfError> {
    if chars_visible > PAGE_CHARS_MAX {
        return Err(PdfError::WorkerCrashed);
    }
    Ok(PageLength { chars_visible, is_scan })
}

fn is_sound(figure: &Figure) -> bool {
    let Figure { bounds, row, width_px, height_px } = figure;
    let Bounds { left, top, right, bottom } = *bounds;
    let sides = 1..=FIGURE_SIDE_MAX_PX;
    [left, top, right, bottom].iter().all(|side| (0.0..=1.0).contains(side))
        && left <= right
        && top <= bottom
        && row.is_none_or(|row| (1..=FIGURES_MAX).contains(&usize::from(row)))
        && sides.contains(width_px)
        && sides.contains(height_px)
}

/// Checks the start of the file only. The browser that draws the picture checks the rest.
fn is_png_of(png: &[u8], figure: &Figure) -> bool {
    let Some(head) = png.strip_prefix(PNG_MARK) else { return false };
    head.get(..4) == Some(&figure.width_px.to_be_bytes()) && head.get(4..8) == Some(&figure.height_px.to_be_bytes())
}

/// What is wrong with the document, if the reply is a valid refusal.
fn document_refusal(reply: Reply) -> PdfError {
    match reply {
        Reply::Failed { fault: Fault::Document(fault) } if !matches!(fault, DocumentFault::TooManyPages { .. }) => {
            fault.into()
        }
        _ => PdfError::WorkerCrashed,
    }
}

/// What is wrong with the requested page, if the reply is a valid refusal. The caller sets the number of the page.
fn page_refusal(reply: Reply) -> PdfError {
    match reply {
        Reply::Failed { fault: Fault::Page(reason @ (PageFault::OutOfRange | PageFault::Damaged)) } => {
            PdfError::Page { index: 0, reason }
        }
        _ => PdfError::WorkerCrashed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PageLooks;

    const LOST: &str = "the PDF crashed the page engine";

    fn lost<T>(answer: Result<T, PdfError>) {
        assert_eq!(answer.err().map(|error| error.to_string()).as_deref(), Some(LOST));
    }

    fn png(width: u32, height: u32) -> Vec<u8> {
        [PNG_MARK, &width.to_be_bytes(), &height.to_be_bytes()].concat()
    }

    fn cut(figure: &Figure, png_bytes: usize) -> Reply {
        Reply::Figures { figures: vec![CutFigure { figure: figure.clone(), png_bytes }], has_tables: false }
    }

    #[test]
    fn reply_with_another_count_of_pages_than_is_accepted_is_refused() {
        let opened = |total_pages| info((Reply::Opened { total_pages, title: None }, Vec::new()), 10);
        assert_eq!(opened(10).map(|info| info.total_pages).ok(), Some(10));
        lost(opened(0));
        lost(opened(11));
        lost(opened(u32::MAX));
        let too_many = |pages| {
            let fault = DocumentFault::TooManyPages { pages, pages_max: 7 };
            info((Reply::Failed { fault: fault.into() }, Vec::new()), 10)
        };
        let told = Err("the PDF has 11 pages, at most 10 are accepted".to_owned());
        assert_eq!(too_many(11).map_err(|error| error.to_string()), told);
        lost(too_many(3));
    }

    #[test]
    fn title_of_a_reply_is_cleaned_again() {
        let opened = Reply::Opened { total_pages: 1, title: Some(format!("a\n\u{202e}b{}", "x".repeat(9_000))) };
        let title = info((opened, Vec::new()), 1).map(|info| info.title).ok().flatten();
        assert!(title.is_some_and(|title| !title.contains(['\n', '\u{202e}']) && title.chars().count() <= 300));
    }

    #[test]
    fn reply_with_more_characters_than_fit_into_a_worker_is_refused() {
        let looks = PageLooks::default();
        let answer = |chars_visible| (Reply::Text { chars_visible, is_scan: false, looks }, b"text".to_vec());
        assert!(text(answer(4)).is_ok());
        lost(text(answer(u32::MAX)));
        lost(text((Reply::Text { chars_visible: 1, is_scan: false, looks }, vec![0xff])));
        lost(length((Reply::Length { chars_visible: u32::MAX, is_scan: false }, Vec::new())));
    }

    #[test]
    fn figures_must_be_as_many_as_large_and_where_they_are_said_to_be() {
        let figure = Figure { bounds: Bounds::new(0.1, 0.1, 0.5, 0.5), row: None, width_px: 8, height_px: 9 };
        let picture = png(8, 9);
        assert!(figures((cut(&figure, picture.len()), picture.clone())).is_ok());
        lost(figures((cut(&figure, picture.len() - 1), picture.clone())));
        lost(figures((cut(&figure, usize::MAX), picture.clone())));
        lost(figures((cut(&figure, picture.len()), png(8, 8))));
        lost(figures((cut(&figure, 3), b"GIF".to_vec())));
        let nowhere = Bounds { right: f32::INFINITY, ..figure.bounds };
        for odd in [
            Figure { bounds: nowhere, ..figure.clone() },
            Figure { bounds: Bounds { left: f32::NAN, ..figure.bounds }, ..figure.clone() },
            Figure { bounds: Bounds { left: 0.9, ..figure.bounds }, ..figure.clone() },
            Figure { row: Some(0), ..figure.clone() },
            Figure { row: Some(255), ..figure.clone() },
        ] {
            lost(figures((cut(&odd, picture.len()), picture.clone())));
        }
        let many = vec![CutFigure { figure, png_bytes: picture.len() }; FIGURES_MAX + 1];
        lost(figures((Reply::Figures { figures: many, has_tables: false }, picture.repeat(FIGURES_MAX + 1))));
    }

    #[test]
    fn bookmarks_are_cleaned_and_stay_within_the_document() {
        let json = br#"[{"title":"A\u202e\nb","level":0,"page":3},{"title":"c","level":2,"page":4}]"#;
        let found = bookmarks((Reply::Bookmarks, json.to_vec()), 4).unwrap_or_default();
        let bookmark = |title: &str, level, page| Bookmark { title: title.into(), level, page };
        assert_eq!(found, [bookmark("A b", 1, Some(3)), bookmark("c", 2, None)]);
        lost(bookmarks((Reply::Bookmarks, b"[".to_vec()), 4));
        let many = format!("[{}1]", r#"{"title":"","level":1,"page":null},"#.repeat(BOOKMARKS_MAX + 1));
        lost(bookmarks((Reply::Bookmarks, many.into_bytes()), 4));
    }

    #[test]
    fn labels_are_short_clean_lines_for_pages_of_the_document() {
        let json = serde_json::to_vec(&["xii", "A\u{202e}\n-3", "", &"9".repeat(900)]).unwrap_or_default();
        let found = labels((Reply::Labels, json.clone()), 4).unwrap_or_default();
        assert_eq!(found, ["xii", "A -3", "", &"9".repeat(32)]);
        lost(labels((Reply::Labels, json), 3));
        lost(labels((Reply::Labels, b"{}".to_vec()), 3));
    }

    #[test]
    fn files_must_be_of_the_format_that_was_asked_for() {
        assert!(page_pdf((Reply::Pdf, b"%PDF-1.7".to_vec())).is_ok());
        lost(page_pdf((Reply::Pdf, b"<script>".to_vec())));
        lost(image_pdf((Reply::Pdf, Vec::new())));
        assert!(picture((Reply::Picture, b"RIFF....WEBPVP8L".to_vec())).is_ok());
        lost(picture((Reply::Picture, b"<svg>".to_vec())));
    }

    #[test]
    fn fault_that_was_not_asked_about_loses_the_worker() {
        let failed = |fault: Fault| (Reply::Failed { fault }, Vec::new());
        assert!(matches!(length(failed(PageFault::Damaged.into())), Ok(None)));
        let words = "the whole server is broken".to_owned();
        for fault in [
            Fault::LibraryUnavailable,
            Fault::DetectorUnusable { words },
            DocumentFault::Encrypted.into(),
            PageFault::GivenUp.into(),
        ] {
            lost(text(failed(fault.clone())));
            lost(length(failed(fault)));
        }
        lost(info(failed(PageFault::Damaged.into()), 1));
    }
}
