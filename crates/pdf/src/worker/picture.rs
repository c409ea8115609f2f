//! Converts an image file to a PDF of one page, so that all later steps handle one format.
//!
//! The picture is rotated according to its orientation tag, scaled down to the largest size that a model uses, and encoded again. So its
//! metadata, such as the location, is removed. Of several frames, the first is used.

use std::io::{BufReader, Read, Seek, Write};

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, Rgb, RgbImage};

/// The longest side of the page's picture: 15 inches at the page's resolution.
pub(super) const SIDE_MAX_PX: u32 = 3_000;
/// The page's resolution.
const DPI: f32 = 200.0;
const JPEG_QUALITY: u8 = 92;
/// A file whose header claims a larger side is not decoded.
const CLAIMED_SIDE_MAX_PX: u32 = 30_000;
const DECODED_BYTES_MAX: u64 = 512 << 20;

/// The PDF of an image file.
pub(super) fn to_pdf(file: impl Read + Seek) -> Result<Vec<u8>, ImageError> {
    let mut reader = ImageReader::new(BufReader::new(file)).with_guessed_format()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(CLAIMED_SIDE_MAX_PX);
    limits.max_image_height = Some(CLAIMED_SIDE_MAX_PX);
    limits.max_alloc = Some(DECODED_BYTES_MAX);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let orientation = decoder.orientation()?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    if image.width().max(image.height()) > SIDE_MAX_PX {
        image = image.thumbnail(SIDE_MAX_PX, SIDE_MAX_PX);
    }
    image.apply_orientation(orientation);
    page(&on_white(&image))
}

/// The PDF of a picture.
pub(super) fn page(picture: &RgbImage) -> Result<Vec<u8>, ImageError> {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY).encode_image(picture)?;
    Ok(page_of(&jpeg, picture.width(), picture.height())?)
}

/// The picture on a white background.
fn on_white(image: &DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.to_rgb8();
    }
    let image = image.to_rgba8();
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        let [red, green, blue, alpha] = image.get_pixel(x, y).0.map(u32::from);
        Rgb([red, green, blue].map(|level| ((level * alpha + 255 * (255 - alpha)) / 255) as u8))
    })
}

fn page_of(jpeg: &[u8], width_px: u32, height_px: u32) -> std::io::Result<Vec<u8>> {
    let points = |px: u32| px as f32 * 72.0 / DPI;
    let (width, height) = (points(width_px), points(height_px));
    let content = format!("q {width} 0 0 {height} 0 0 cm /I Do Q");
    let picture = format!(
        "<</Type/XObject/Subtype/Image/Width {width_px}/Height {height_px}/ColorSpace/DeviceRGB/BitsPerComponent 8\
         /Filter/DCTDecode/Length {}>>\nstream\n",
        jpeg.len()
    );
    let box_and_parts = format!("MediaBox[0 0 {width} {height}]/Resources<</XObject<</I 5 0 R>>>>/Contents 4 0 R");
    let objects: [Vec<u8>; 5] = [
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
        format!("<</Type/Page/Parent 2 0 R/{box_and_parts}>>").into_bytes(),
        format!("<</Length {}>>\nstream\n{content}\nendstream", content.len()).into_bytes(),
        [picture.as_bytes(), jpeg, b"\nendstream"].concat(),
    ];
    let mut pdf = b"%PDF-1.7\n".to_vec();
    let mut places = String::new();
    for (index, object) in objects.into_iter().enumerate() {
        places.push_str(&format!("{:010} 00000 n \n", pdf.len()));
        writeln!(pdf, "{} 0 obj", index + 1)?;
        pdf.write_all(&object)?;
        pdf.write_all(b"\nendobj\n")?;
    }
    let start = pdf.len();
    write!(
        pdf,
        "xref\n0 6\n0000000000 65535 f \n{places}trailer\n<</Size 6/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n"
    )?;
    Ok(pdf)
}
