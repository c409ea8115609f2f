//! What the emulator remembers of a file, and how the API shows it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) const FILE_BYTES_MAX: u64 = 2 << 30;
const UPLOADS_KEPT: SignedDuration = SignedDuration::from_hours(48);
const OUTPUTS_KEPT: SignedDuration = SignedDuration::from_hours(6 * 7 * 24);

/// A file; its bytes lie beside its row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FileRow {
    pub id: String,
    pub project: String,
    pub display_name: String,
    pub mime_type: String,
    pub size_bytes: u64,
    /// Hexadecimal.
    pub sha256: String,
    pub created: Timestamp,
    /// Made by a batch: it may be downloaded.
    pub generated: bool,
    /// Looks at it that still find it processing.
    pub processing_looks: u32,
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
        self.processing_looks == 0 && !self.failed
    }

    /// The File object. `version` is part of its URI.
    pub fn show(&self, version: &str) -> Value {
        let uri = format!("https://generativelanguage.googleapis.com/{version}/files/{}", self.id);
        let state = match self {
            Self { processing_looks: 1.., .. } => "PROCESSING",
            Self { failed: true, .. } => "FAILED",
            _ => "ACTIVE",
        };
        let mut file = json!({
            "name": format!("files/{}", self.id),
            "mimeType": self.mime_type,
            "createTime": micros(self.created),
            "updateTime": micros(self.created),
            "expirationTime": nanos(self.expires()),
            // Base64 of the hexadecimal text, as Google has it.
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
