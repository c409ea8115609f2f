//! Whether a page is a picture of text.

use pdfium_render::prelude::{
    PdfPage, PdfPageObjectCommon, PdfPageObjectType, PdfPageObjectsCommon, PdfPageText, PdfPageTextRenderMode, PdfRect,
};

/// A page with fewer characters than this has no text to speak of: a page number, a stamp.
const CHARS_MIN: u32 = 20;
/// A page with fewer characters than this, behind which a picture fills the page, is a scan with a caption or a header.
const CHARS_FEW: u32 = 200;
/// Pictures that together cover more of the page than this fill it.
const COVER_MIN: f32 = 0.8;
/// The page is looked at in this many cells a side.
const CELLS: usize = 24;
/// How many characters are asked whether they are invisible.
const SAMPLES: usize = 8;

/// Whether the page is a scan: something drawn and next to no text, or pictures that fill it and no more than a little
/// visible text. A blank page is none. The objects of the page are walked only if its text leaves the question open.
pub(super) fn is_scan(page: &PdfPage<'_>, text: &PdfPageText<'_>, chars_visible: u32) -> bool {
    if chars_visible < CHARS_MIN {
        return page.objects().iter().any(|object| object.object_type() != PdfPageObjectType::Text);
    }
    (chars_visible < CHARS_FEW || is_invisible(text)) && image_cover(page) > COVER_MIN
}

/// Text recognition puts its result, invisible, over the picture that it read.
fn is_invisible(text: &PdfPageText<'_>) -> bool {
    let chars = text.chars();
    let step = (chars.len() / SAMPLES).max(1);
    let mut asked = 0;
    for index in (0..chars.len()).step_by(step) {
        let mode = chars.get(index).and_then(|char| char.render_mode());
        match mode {
            Ok(PdfPageTextRenderMode::Invisible | PdfPageTextRenderMode::InvisibleClipping) => asked += 1,
            Ok(_) => return false,
            // A space that the engine made up belongs to no object.
            Err(_) => {}
        }
    }
    asked > 0
}

/// The share of the page that pictures cover together; many scans are made of strips.
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
