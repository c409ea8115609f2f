//! Recognizes scanned pages.

use pdfium_render::prelude::{
    PdfPage, PdfPageObjectCommon, PdfPageObjectType, PdfPageObjectsCommon, PdfPageText, PdfPageTextRenderMode, PdfRect,
};

/// A page with fewer characters has only a page number or a stamp.
const CHARS_MIN: u32 = 20;
/// A page with fewer characters and a full-page picture is a scan with a caption or a header.
const CHARS_FEW: u32 = 200;
/// Pictures that cover more than this fraction fill the page.
const COVER_MIN: f32 = 0.8;
/// The number of cells for each side of the page, for measuring coverage.
const CELLS: usize = 24;
/// The number of characters that are tested for invisible text.
const SAMPLES: usize = 8;

/// Whether the page is a scan: it has drawings and almost no text, or pictures fill it and it has little visible text. A blank page is not
/// a scan. Objects are examined only if the text does not decide.
pub(super) fn is_scan(page: &PdfPage<'_>, text: &PdfPageText<'_>, chars_visible: u32) -> bool {
    if chars_visible < CHARS_MIN {
        return page.objects().iter().any(|object| object.object_type() != PdfPageObjectType::Text);
    }
    (chars_visible < CHARS_FEW || is_invisible(text)) && image_cover(page) > COVER_MIN
}

/// Whether the text is invisible. Text recognition puts its result over the scan as invisible text.
fn is_invisible(text: &PdfPageText<'_>) -> bool {
    let chars = text.chars();
    let step = (chars.len() / SAMPLES).max(1);
    let mut asked = 0;
    for index in (0..chars.len()).step_by(step) {
        let mode = chars.get(index).and_then(|char| char.render_mode());
        match mode {
            Ok(PdfPageTextRenderMode::Invisible | PdfPageTextRenderMode::InvisibleClipping) => asked += 1,
            Ok(_) => return false,
            // A space that PDFium generates belongs to no object.
            Err(_) => {}
        }
    }
    asked > 0
}

/// The fraction of the page that all pictures cover together. Many scans consist of strips.
fn image_cover(page: &PdfPage<'_>) -> f32 {
    let Ok(bounds) = page.boundaries().bounding() else { return 0.0 };
    let images: Vec<PdfRect> = page
        .objects()
        .iter()
        .filter(|object| object.object_type() == PdfPageObjectType::Image)
        .filter_map(|object| Some(object.bounds().ok()?.to_rect()))
        .collect();
    if images.is_empty() {
        return 0.0;
    }
    let covered =
        cell_centres(&bounds.bounds).filter(|point| images.iter().any(|image| contains(image, *point))).count();
    covered as f32 / (CELLS * CELLS) as f32
}

fn cell_centres(page: &PdfRect) -> impl Iterator<Item = (f32, f32)> {
    let (left, bottom, width, height) =
        (page.left().value, page.bottom().value, page.width().value, page.height().value);
    let at = |cell: usize| (cell as f32 + 0.5) / CELLS as f32;
    (0..CELLS * CELLS).map(move |cell| (left + width * at(cell % CELLS), bottom + height * at(cell / CELLS)))
}

fn contains(rect: &PdfRect, (x, y): (f32, f32)) -> bool {
    (rect.left().value..=rect.right().value).contains(&x) && (rect.bottom().value..=rect.top().value).contains(&y)
}
