//! The accepted file formats, and the modes that each allows.

use serde::Serialize;

/// An accepted file format. `free` allows text mode, `ai` the AI modes, and `batch` batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Format {
    /// The MIME type. The file's content decides it, never its name.
    #[serde(skip)]
    pub mime: &'static str,
    /// File name extensions with the dot, for the browser's file dialog.
    #[serde(skip)]
    pub extensions: &'static [&'static str],
    pub free: bool,
    pub ai: bool,
    pub batch: bool,
    pub has_pages: bool,
}

/// Every accepted format.
pub const FORMATS: &[Format] = &[
    Format { mime: "application/pdf", extensions: &[".pdf"], free: true, ai: true, batch: true, has_pages: true },
    image("image/png", &[".png"]),
    image("image/jpeg", &[".jpg", ".jpeg"]),
    image("image/webp", &[".webp"]),
    image("image/gif", &[".gif"]),
    image("image/bmp", &[".bmp"]),
    image("image/tiff", &[".tif", ".tiff"]),
    text("text/plain", &[".txt", ".text"]),
    text("text/markdown", &[".md", ".markdown"]),
];

/// An image has no text of its own, so only AI can read it.
const fn image(mime: &'static str, extensions: &'static [&'static str]) -> Format {
    Format { mime, extensions, free: false, ai: true, batch: true, has_pages: false }
}

/// A text file becomes a document at once, without AI.
const fn text(mime: &'static str, extensions: &'static [&'static str]) -> Format {
    Format { mime, extensions, free: true, ai: false, batch: false, has_pages: false }
}

/// The accepted format with this MIME type.
pub fn format_of(mime: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.mime == mime)
}
