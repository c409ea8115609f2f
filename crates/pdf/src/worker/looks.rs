//! What makes a page harder to read than others.

use pdfium_render::prelude::PdfPage;

use super::figures::{PageSize, render};
use crate::document::PageLooks;
use crate::error::PageFault;
use crate::text::{Glyph, is_visible};

/// Most text is larger, footnotes included.
const SMALL_TYPE_PT: f32 = 7.0;
/// The long side of A3 is 1,191 points.
const LARGE_PT: f32 = 1_200.0;
/// The width of the picture on which ink is looked for.
const INK_PX: f32 = 300.0;
/// The difference of brightness, of 255, that is ink and not the texture of paper.
const INK_MIN: u8 = 40;

/// The looks of a page with these characters.
pub(super) fn of_page(page: &PdfPage<'_>, glyphs: &[Glyph]) -> Result<PageLooks, PageFault> {
    let size = PageSize::of(page)?;
    let visible = || glyphs.iter().filter(|glyph| is_visible(glyph.char));
    let (total, small) = (visible().count(), visible().filter(|glyph| glyph.size < SMALL_TYPE_PT).count());
    Ok(PageLooks {
        has_small_type: 2 * small > total,
        is_large: size.width.max(size.height) > LARGE_PT,
        is_blank: total == 0 && !has_ink(page, size)?,
    })
}

fn has_ink(page: &PdfPage<'_>, size: PageSize) -> Result<bool, PageFault> {
    let (width, height) = (INK_PX as i32, (INK_PX / size.width * size.height).clamp(1.0, 8.0 * INK_PX) as i32);
    let pixels = render(page, (width, height), (0, 0, width, height))?;
    let (darkest, lightest) =
        pixels.rgb.iter().fold((u8::MAX, 0), |(low, high), level| (low.min(*level), high.max(*level)));
    Ok(lightest.saturating_sub(darkest) >= INK_MIN)
}
