//! The stored row of a file, and its File object.
//!
//! The fields are described in `docs/GEMINI.md`, "File resource".

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// <https://ai.google.dev/gemini-api/docs/files>, read 2026-09-01.
pub(crate) const FILE_BYTES_MAX: u64 = 2 << 30;
/// The retention of uploads: <https://ai.google.dev/gemini-api/docs/files>, read 2026-09-01.
const UPLOADS_KEPT: SignedDuration = SignedDuration::from_hours(48);
/// The retention of outputs, six weeks: <https://ai.google.dev/gemini-api/docs/batch-api>, read 2026-09-01.
const OUTPUTS_KEPT: SignedDuration = SignedDuration::from_hours(6 * 7 * 24);

/// The stored row of a file. Its bytes are in a file beside the row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FileRow {
    /// The id without `files/`.
    pub id: String,
    pub project: String,
    pub display_name: String,
    pub mime_type: String,
    pub size_bytes: u64,
    /// The SHA-256 of the content in hexadecimal.
    pub sha256: String,
    pub created: Timestamp,
    /// Whether the file is the output of a batch. Only such a file can be downloaded.
    pub generated: bool,
    /// The number of polls that still find the file in PROCESSING.
    // The name in the files of earlier versions.
    #[serde(rename = "processing_looks")]
    pub processing_polls: u32,
    pub failed: bool,
}

impl FileRow {
    fn expires(&self) -> Timestamp {
        let kept = if self.generated { OUTPUTS_KEPT } else { UPLOADS_KEPT };
        self.created.saturating_add(kept).unwrap_or(Timestamp::MAX)
    }

    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires()
    }

    pub const fn is_active(&self) -> bool {
        self.processing_polls == 0 && !self.failed
    }

    /// The File object. `version` is part of its URI.
    pub fn show(&self, version: &str) -> Value {
        let uri = format!("https://generativelanguage.googleapis.com/{version}/files/{}", self.id);
        let state = match self {
            Self { processing_polls: 1.., .. } => "PROCESSING",
            Self { failed: true, .. } => "FAILED",
            _ => "ACTIVE",
        };
        let mut file = json!({
            "name": format!("files/{}", self.id),
            "mimeType": self.mime_type,
            "createTime": micros(self.created),
            "updateTime": micros(self.created),
            "expirationTime": nanos(self.expires()),
            // Base64 of the hexadecimal text, as Google sends it.
            "sha256Hash": STANDARD.encode(&self.sha256),
            "uri": uri,
            "state": state,
            "source": if self.generated { "GENERATED" } else { "UPLOADED" },
        });
        if self.size_bytes > 0 {
            file["sizeBytes"] = json!(self.size_bytes.to_string());
        }
        if !self.display_name.is_empty() {
            file["displayName"] = json!(self.display_name);
        }
        if self.generated {
            file["downloadUri"] = json!(format!("{uri}:download?alt=media"));
        }
        if state == "FAILED" {
            file["error"] = json!({"code": 13, "message": "The file could not be processed."});
        }
        file
    }
}

/// RFC 3339 with six digits.
pub(crate) fn micros(time: Timestamp) -> String {
    format!("{time:.6}")
}

/// RFC 3339 with nine digits.
pub(crate) fn nanos(time: Timestamp) -> String {
    format!("{time:.9}")
}
