//! A file at Google, as its JSON describes it.
//!
//! The fields are described in `docs/GEMINI.md`, "File resource".

use serde_json::Value;

use super::lenient;

/// A file at Google. An upload expires after 48 hours (<https://ai.google.dev/gemini-api/docs/files>, read 2026-09-01).
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// `files/…`; empty if the JSON has no name.
    pub name: String,
    pub display_name: String,
    pub mime_type: String,
    pub size_bytes: u64,
    /// The SHA-256 of the content in lower-case hexadecimal.
    pub sha256: Option<String>,
    pub state: FileState,
    /// The value for `fileData.fileUri` in a request.
    pub uri: String,
    pub create_time: Option<jiff::Timestamp>,
    pub expiration_time: Option<jiff::Timestamp>,
    /// The JSON as it was received.
    pub raw: Value,
}

/// The state of a file. Only an active file can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    Processing,
    Active,
    Failed,
    /// A state that is not in this list, as it was sent. It counts as processing.
    Unknown(String),
}

/// One page of a list of files.
#[derive(Clone, Debug, Default)]
pub struct FilePage {
    pub files: Vec<File>,
    /// The argument for the next page; `None` on the last page.
    pub next_page_token: Option<String>,
}

impl File {
    /// Reads a File object and never fails. Missing fields stay empty.
    pub fn from_json(raw: Value) -> Self {
        let text = |name| lenient::string(&raw, name).unwrap_or_default();
        let state = match text("state").as_str() {
            "ACTIVE" => FileState::Active,
            "PROCESSING" => FileState::Processing,
            "FAILED" => FileState::Failed,
            other => FileState::Unknown(other.to_owned()),
        };
        Self {
            name: text("name"),
            display_name: text("displayName"),
            mime_type: text("mimeType"),
            size_bytes: lenient::count(&raw, "sizeBytes"),
            sha256: lenient::string(&raw, "sha256Hash").and_then(|hash| sha256(&hash)),
            state,
            uri: text("uri"),
            create_time: lenient::time(&raw, "createTime"),
            expiration_time: lenient::time(&raw, "expirationTime"),
            raw,
        }
    }
}

/// The digest in lower-case hexadecimal.
///
/// Google sends base64 of the hexadecimal text (`docs/GEMINI.md`, "File resource"). The hexadecimal text itself and base64 of the 32
/// bytes are accepted too.
fn sha256(sent: &str) -> Option<String> {
    use base64::Engine;
    let is_hex = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex(sent) {
        return Some(sent.to_ascii_lowercase());
    }
    let standard = sent.replace('-', "+").replace('_', "/");
    let bytes = base64::engine::general_purpose::STANDARD_NO_PAD.decode(standard.trim_end_matches('=')).ok()?;
    match str::from_utf8(&bytes) {
        Ok(text) if is_hex(text) => Some(text.to_ascii_lowercase()),
        _ => (bytes.len() == 32).then(|| hex(&bytes)),
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
