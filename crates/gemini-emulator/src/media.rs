//! Reads the pages, images and texts in a request, or in the files that it refers to.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use super::answer::parts;
use super::emulator::Inner;
use super::files;
use super::reader::ReadError;
use super::reply::{ApiError, RpcCode};
use coldbrew_gemini::lenient;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The content of one part of a request.
pub(crate) struct Document {
    pub mime_type: String,
    /// The text of each of its pages.
    pub pages: Vec<String>,
}

/// The documents of a request, in order.
pub(crate) async fn read_all(emulator: &Inner, project: &str, request: &Value) -> Result<Vec<Document>, ApiError> {
    let mut documents = Vec::new();
    for part in parts(request) {
        if let Some((mime_type, bytes)) = fetch(emulator, project, part).await? {
            let pages = read(emulator, &mime_type, &bytes).await?;
            documents.push(Document { mime_type, pages });
        }
    }
    Ok(documents)
}

/// The media type and bytes of a part. `None` if the part is text.
async fn fetch(emulator: &Inner, project: &str, part: &Value) -> Result<Option<(String, Vec<u8>)>, ApiError> {
    if let Some(blob) = lenient::member(part, "inlineData") {
        let data = lenient::string(blob, "data").unwrap_or_default().replace('-', "+").replace('_', "/");
        let bytes = LENIENT.decode(data).map_err(|_| ApiError::invalid("Base64 decoding failed."))?;
        return Ok(Some((lenient::string(blob, "mimeType").unwrap_or_default(), bytes)));
    }
    let Some(data) = lenient::member(part, "fileData") else { return Ok(None) };
    let uri = lenient::string(data, "fileUri").unwrap_or_default();
    let id = uri.rsplit('/').next().unwrap_or_default();
    let file = files::find(emulator, project, id)?;
    if !file.is_active() {
        return Err(files::not_active(id));
    }
    let bytes = tokio::fs::read(emulator.files.path(id, "bin")).await?;
    Ok(Some((lenient::string(data, "mimeType").unwrap_or(file.mime_type), bytes)))
}

async fn read(emulator: &Inner, mime_type: &str, bytes: &[u8]) -> Result<Vec<String>, ApiError> {
    if mime_type.starts_with("text/") {
        return Ok(vec![String::from_utf8_lossy(bytes).into_owned()]);
    }
    if mime_type != "application/pdf" && !mime_type.starts_with("image/") {
        return Err(ApiError::invalid(format!("Unsupported MIME type: {mime_type}")));
    }
    emulator.reader.read(mime_type, bytes).await.map_err(|error| match error {
        ReadError::Unreadable if mime_type == "application/pdf" => ApiError::invalid("The document has no pages."),
        ReadError::Unreadable => ApiError::invalid("Unable to process input image. Please retry or report the issue."),
        ReadError::Unavailable => {
            ApiError::new(RpcCode::Unavailable, "The model is overloaded. Please try again later.")
        }
    })
}
