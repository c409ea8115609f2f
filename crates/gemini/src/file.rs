//! A file at Google, as its JSON describes it.

use serde_json::Value;

use super::lenient;

/// A file at Google. Uploads go away after 48 hours.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// `files/…`; empty if the JSON had none.
    pub name: String,
    pub display_name: String,
    pub mime_type: String,
    pub size_bytes: u64,
    pub sha256: Option<String>,
    pub state: FileState,
    /// Where a request refers to it, as `fileData.fileUri`.
    pub uri: String,
    pub create_time: Option<jiff::Timestamp>,
    pub expiration_time: Option<jiff::Timestamp>,
    pub raw: Value,
}

/// Whether a file can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    Processing,
    Active,
    Failed,
    /// Treated as processing.
    Unknown(String),
}

/// Some files, and where to go on.
#[derive(Clone, Debug, Default)]
pub struct FilePage {
    pub files: Vec<File>,
    pub next_page_token: Option<String>,
}

impl File {
    /// Reads a File object. Never fails: what is missing stays empty.
    pub fn read(raw: Value) -> Self {
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

/// The digest in lower-case hexadecimal. Google sends base64 of the hexadecimal text; the text itself, and base64 of the
/// 32 bytes, are understood too.
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
