//! The kinds of file that are accepted, and what can be done with each.

use serde::Serialize;

/// One accepted kind of file. `ai` and `batch` say which extractions it allows; `free` that text mode does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Format {
    /// The MIME type, decided by content and never by name.
    #[serde(skip)]
    pub mime: &'static str,
    /// File name endings, with the dot, for the browser's file dialog.
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

/// A picture of text: there is nothing in it that could be read without AI.
const fn image(mime: &'static str, extensions: &'static [&'static str]) -> Format {
    Format { mime, extensions, free: false, ai: true, batch: true, has_pages: false }
}

/// Text needs no reading: it is a document at once.
const fn text(mime: &'static str, extensions: &'static [&'static str]) -> Format {
    Format { mime, extensions, free: true, ai: false, batch: false, has_pages: false }
}

/// The accepted format of that MIME type, if it is one.
pub fn format_of(mime: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.mime == mime)
}
