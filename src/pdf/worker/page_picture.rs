//! A page as a picture for people to look at beside its text.
//!
//! Drawn pages are lossless WebP; what that makes too large, photographs and scans, is JPEG.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder};
use pdfium_render::prelude::PdfPage;

use super::figures::{PageSize, render};
use crate::pdf::error::PageFault;

/// Sharp at the width of a column on a dense screen.
const WIDTH_PX: f32 = 1_200.0;
/// Of a page that is a long strip.
const HEIGHT_PX_MAX: f32 = 3_600.0;
const LOSSLESS_BYTES_MAX: usize = 400 << 10;
const JPEG_QUALITY: u8 = 82;

/// The picture of a page, as a file.
pub fn of_page(page: &PdfPage<'_>) -> Result<Vec<u8>, PageFault> {
    let size = PageSize::of(page)?;
    let scale = (WIDTH_PX / size.width).min(HEIGHT_PX_MAX / size.height);
    let px = |points: f32| (points * scale).round().max(1.0) as i32;
    let (width, height) = (px(size.width), px(size.height));
    let pixels = render(page, (width, height), (0, 0, width, height))?;
    let (width, height) = (width.unsigned_abs(), height.unsigned_abs());
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
