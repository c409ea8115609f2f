//! Detects the format of a file from its content. The file name only distinguishes kinds of text.

use std::path::Path;

use tokio::fs::File;
use tokio::io::AsyncReadExt;

use crate::error::{Error, Result};
use crate::model::{ErrorCode, FORMATS, Format, format_of};

/// Acrobat accepts a PDF whose header is within the first 1,024 bytes
/// (<https://mail-archive.com/dev@pdfbox.apache.org/msg18432.html>, read 2026-11-30).
const HEAD_BYTES: u64 = 1_024;
/// The size limit of a text file.
const TEXT_BYTES_MAX: u64 = 8 << 20;

/// The format of a file.
///
/// # Errors
/// `unsupported_format` if the format is not accepted; `unavailable` if the file cannot be read.
pub(crate) async fn format_of_file(path: &Path, file_name: Option<&str>) -> Result<&'static Format> {
    let mut head = Vec::new();
    File::open(path).await?.take(HEAD_BYTES).read_to_end(&mut head).await?;
    let mime = match mime_of(&head) {
        Some(mime) => Some(mime),
        None if is_text(path).await? => Some(text_mime(file_name)?),
        None => None,
    };
    mime.and_then(format_of).ok_or_else(|| {
        let message = "This kind of file is not supported. Use PDF, PNG, JPEG, WebP, GIF, BMP, TIFF or UTF-8 text; save Word files as PDF.";
        Error::refused(ErrorCode::UnsupportedFormat, message)
    })
}

/// The MIME type of a file that is not text.
fn mime_of(head: &[u8]) -> Option<&'static str> {
    if head.windows(5).any(|bytes| bytes == b"%PDF-") {
        return Some("application/pdf");
    }
    infer::get(head).map(|kind| kind.mime_type())
}

async fn is_text(path: &Path) -> Result<bool> {
    let mut bytes = Vec::new();
    File::open(path).await?.take(TEXT_BYTES_MAX + 1).read_to_end(&mut bytes).await?;
    let is_short = bytes.len() as u64 <= TEXT_BYTES_MAX;
    let is_written = |char: char| !char.is_control() || matches!(char, '\n' | '\r' | '\t' | '\u{c}');
    let is_plain = |text: &str| !text.trim().is_empty() && text.chars().all(is_written);
    Ok(is_short && std::str::from_utf8(&bytes).is_ok_and(is_plain))
}

/// The MIME type of a text file. A text with the name of a PDF or image is refused, because its sender expects another format.
fn text_mime(file_name: Option<&str>) -> Result<&'static str> {
    let ending = file_name.and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending.to_ascii_lowercase());
    let Some(ending) = ending else { return Ok("text/plain") };
    let claimed = FORMATS.iter().find(|format| format.extensions.contains(&format!(".{ending}").as_str()));
    match claimed {
        Some(format) if format.ai => {
            let message =
                format!("This is not a {} but plain text. Rename it to .txt to add it.", ending.to_uppercase());
            Err(Error::refused(ErrorCode::UnsupportedFormat, message))
        }
        Some(format) => Ok(format.mime),
        None => Ok("text/plain"),
    }
}
