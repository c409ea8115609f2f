//! The figures of a page: detected on a small picture of the page, and cut out of a sharp one.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use pdfium_render::prelude::{PdfBitmap, PdfBitmapFormat, PdfPage, PdfRenderConfig};

use super::content::Content;
use super::detector::Pixels;
use super::layout::{Finder, LayoutProcess};
use crate::error::PageFault;
use crate::figures::{Bounds, Figure, arranged};

/// The resolution of a figure's picture, in dots per inch of the page.
const CROP_DPI: f32 = 200.0;
/// The longest side of a figure's picture.
const CROP_SIDE_MAX_PX: f32 = 2_400.0;
/// The margin around a figure, as a fraction of the page, since detected boxes are tight.
const MARGIN: f32 = 0.008;

/// A figure and its picture as a PNG.
pub(super) type Cut = (Figure, Vec<u8>);

/// The figures of a page, and whether it has a table.
#[derive(Default)]
pub(super) struct Found {
    pub cuts: Vec<Cut>,
    pub has_tables: bool,
}

/// A page's figures. `None`: a detector is needed first. A page that cannot have figures needs no detector.
///
/// # Errors
/// If the page is damaged or the detector fails.
pub(super) fn of_page(page: &PdfPage<'_>, finder: &mut Finder) -> Result<Option<Found>, PageFault> {
    let content = Content::of(page);
    match finder {
        Finder::Ready(layout) if content.may_hold_figure() => detected(page, &content, layout).map(Some),
        Finder::Wanted if content.may_hold_figure() => Ok(None),
        _ => Ok(Some(Found { cuts: Vec::new(), has_tables: content.has_table_rules() })),
    }
}

fn detected(page: &PdfPage<'_>, content: &Content, layout: &mut LayoutProcess) -> Result<Found, PageFault> {
    let size = PageSize::of(page)?;
    let (width, height) = layout.canvas(size.width / size.height)?;
    let pixels = render(page, (width, height), (0, 0, width, height))?;
    let seen = layout.find(&pixels)?;
    let found = arranged(content.confirmed(&seen)).into_iter();
    let cuts = found.map(|(bounds, row)| cut_out(page, size, bounds, content.with_margin(&bounds, MARGIN), row));
    Ok(Found { cuts: cuts.collect::<Result<_, _>>()?, has_tables: seen.has_tables || content.has_table_rules() })
}

/// The size of a page as shown, in points.
#[derive(Clone, Copy)]
pub(super) struct PageSize {
    pub width: f32,
    pub height: f32,
}

impl PageSize {
    /// The size of this page.
    pub(super) fn of(page: &PdfPage<'_>) -> Result<Self, PageFault> {
        let size = Self { width: page.width().value, height: page.height().value };
        let is_sound = |length: f32| length.is_finite() && length >= 1.0;
        if is_sound(size.width) && is_sound(size.height) { Ok(size) } else { Err(PageFault::Damaged) }
    }
}

fn cut_out(
    page: &PdfPage<'_>,
    size: PageSize,
    bounds: Bounds,
    outer: Bounds,
    row: Option<u8>,
) -> Result<Cut, PageFault> {
    let long_side = (outer.width() * size.width).max(outer.height() * size.height);
    let scale = (CROP_DPI / 72.0).min(CROP_SIDE_MAX_PX / long_side);
    let whole = (size.width * scale, size.height * scale);
    let px = |fraction: f32, whole: f32| (fraction * whole).round() as i32;
    let (x, y) = (px(outer.left, whole.0), px(outer.top, whole.1));
    let (width, height) = (px(outer.width(), whole.0).max(1), px(outer.height(), whole.1).max(1));
    let pixels = render(page, (whole.0.round() as i32, whole.1.round() as i32), (x, y, width, height))?;
    let figure = Figure { bounds, row, width_px: width.unsigned_abs(), height_px: height.unsigned_abs() };
    Ok((figure, png(&pixels)?))
}

/// Draws the part `(x, y, width, height)` of a page that is `whole` pixels in size.
pub(super) fn render(page: &PdfPage<'_>, whole: (i32, i32), part: (i32, i32, i32, i32)) -> Result<Pixels, PageFault> {
    let (x, y, width, height) = part;
    // PDFium swaps blue and red while drawing, at no cost.
    let config =
        PdfRenderConfig::new().set_target_size(whole.0, whole.1).set_origin(-x, -y).set_reverse_byte_order(true);
    let mut bitmap = PdfBitmap::empty(width, height, PdfBitmapFormat::BGRx).map_err(|_| PageFault::Damaged)?;
    page.render_into_bitmap_with_config(&mut bitmap, &config).map_err(|_| PageFault::Damaged)?;
    let rgba = bitmap.as_rgba_bytes();
    let mut rgb = vec![0; rgba.len() / 4 * 3];
    for (three, four) in rgb.chunks_exact_mut(3).zip(rgba.chunks_exact(4)) {
        three.copy_from_slice(&four[..3]);
    }
    Ok(Pixels { width: width.unsigned_abs() as usize, height: height.unsigned_abs() as usize, rgb })
}

fn png(pixels: &Pixels) -> Result<Vec<u8>, PageFault> {
    let mut png = Vec::new();
    let (width, height) = (pixels.width as u32, pixels.height as u32);
    PngEncoder::new_with_quality(&mut png, CompressionType::Fast, FilterType::Adaptive)
        .write_image(&pixels.rgb, width, height, ExtendedColorType::Rgb8)
        .map_err(|_| PageFault::Damaged)?;
    Ok(png)
}
