//! A page as a picture: to show beside its text, or to send in place of a page that is too large.
//!
//! A picture to show is lossless WebP. Photographs and scans, which would be too large, are JPEG.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder, RgbImage};
use pdfium_render::prelude::PdfPage;

use super::detector::Pixels;
use super::figures::{PageSize, render};
use super::picture;
use crate::error::PageFault;
use crate::protocol::Half;

/// Sharp at the width of a column on a high-density screen.
const WIDTH_PX: f32 = 1_200.0;
/// The limit for long pages.
const HEIGHT_PX_MAX: f32 = 3_600.0;
/// The width of half a page that a model reads.
const HALF_WIDTH_PX: f32 = 1_600.0;
/// The part of the other half that is repeated, as a share of the page's height.
const HALF_OVERLAP: f32 = 0.04;
const LOSSLESS_BYTES_MAX: usize = 400 << 10;
const JPEG_QUALITY: u8 = 82;

/// The picture of a page, a WebP or JPEG file.
pub(super) fn of_page(page: &PdfPage<'_>) -> Result<Vec<u8>, PageFault> {
    let size = PageSize::of(page)?;
    encoded(&drawn(page, size, (WIDTH_PX / size.width).min(HEIGHT_PX_MAX / size.height))?)
}

/// The picture of a half of the page, with a strip of the other half.
pub(super) fn of_half(page: &PdfPage<'_>, half: Half) -> Result<Vec<u8>, PageFault> {
    let size = PageSize::of(page)?;
    let scale = (HALF_WIDTH_PX / size.width).min(HEIGHT_PX_MAX / size.height);
    let px = |points: f32| (points * scale).round().max(1.0) as i32;
    let (width, height) = (px(size.width), px(size.height));
    let part_height = (height as f32 * (0.5 + HALF_OVERLAP)).round() as i32;
    let top = if half == Half::Upper { 0 } else { height - part_height };
    encoded(&render(page, (width, height), (0, top, width, part_height))?)
}

fn encoded(pixels: &Pixels) -> Result<Vec<u8>, PageFault> {
    let (width, height) = (pixels.width as u32, pixels.height as u32);
    let mut webp = Vec::new();
    WebPEncoder::new_lossless(&mut webp)
        .write_image(&pixels.rgb, width, height, ExtendedColorType::Rgb8)
        .map_err(|_| PageFault::Damaged)?;
    if webp.len() <= LOSSLESS_BYTES_MAX {
        return Ok(webp);
    }
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY)
        .write_image(&pixels.rgb, width, height, ExtendedColorType::Rgb8)
        .map_err(|_| PageFault::Damaged)?;
    Ok(if jpeg.len() < webp.len() { jpeg } else { webp })
}

/// The page as a PDF that contains only its picture, at the largest size of an image file.
pub(super) fn as_pdf(page: &PdfPage<'_>) -> Result<Vec<u8>, PageFault> {
    let size = PageSize::of(page)?;
    let Pixels { width, height, rgb } = drawn(page, size, picture::SIDE_MAX_PX as f32 / size.width.max(size.height))?;
    let picture = RgbImage::from_raw(width as u32, height as u32, rgb).ok_or(PageFault::Damaged)?;
    picture::page(&picture).map_err(|_| PageFault::Damaged)
}

/// Draws the page at `scale` pixels for each point.
fn drawn(page: &PdfPage<'_>, size: PageSize, scale: f32) -> Result<Pixels, PageFault> {
    let px = |points: f32| (points * scale).round().max(1.0) as i32;
    let (width, height) = (px(size.width), px(size.height));
    render(page, (width, height), (0, 0, width, height))
}
