//! Creates a file of the project from the received bytes.

use std::io;
use std::path::Path;

use http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::text;
use crate::emulator::{Emulator, random_id};
use crate::faults::Fault;
use crate::file::FileRow;
use crate::reply::{ApiError, RpcCode};
use coldbrew_gemini::lenient;

/// The metadata that an upload announces for its file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct FileMetadata {
    /// The requested id without `files/`. `None` lets the emulator choose.
    pub id: Option<String>,
    pub display_name: String,
    pub mime_type: String,
}

/// Creates the file from the bytes at `part`.
pub(super) async fn create_file(
    emulator: &Emulator,
    project: &str,
    metadata: FileMetadata,
    part: &Path,
) -> Result<FileRow, ApiError> {
    check_name_is_free(emulator, &metadata)?;
    let id = metadata.id.unwrap_or_else(|| random_id(12));
    let path = emulator.files.path(&id, "bin");
    tokio::fs::rename(part, &path).await?;
    let (sha256, size_bytes) =
        tokio::task::spawn_blocking(move || digest(&path)).await.map_err(|_| ApiError::internal())??;
    let file = FileRow {
        id: id.clone(),
        project: project.to_owned(),
        display_name: metadata.display_name,
        mime_type: metadata.mime_type,
        size_bytes,
        sha256,
        created: emulator.now(),
        generated: false,
        processing_polls: emulator.faults.draw(Fault::FileProcessing, "").map_or(0, |polls| polls.max(1)),
        failed: emulator.faults.happens(Fault::FileFailed),
    };
    emulator.files.put(&id, file.clone())?;
    Ok(file)
}

/// The SHA-256 of a file in hexadecimal, and its size in bytes.
pub(crate) fn digest(path: &Path) -> io::Result<(String, u64)> {
    let mut hasher = Sha256::new();
    let mut reader = io::BufReader::with_capacity(1 << 20, std::fs::File::open(path)?);
    let mut size_bytes = 0;
    loop {
        let block = io::BufRead::fill_buf(&mut reader)?;
        if block.is_empty() {
            break;
        }
        hasher.update(block);
        let length = block.len();
        size_bytes += length as u64;
        io::BufRead::consume(&mut reader, length);
    }
    Ok((hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect(), size_bytes))
}

/// The metadata in the body. The media type can be in the headers instead.
pub(super) fn metadata(body: &Value, headers: &HeaderMap) -> Result<FileMetadata, ApiError> {
    let empty = json!({});
    let file = lenient::member(body, "file").unwrap_or(&empty);
    let id = lenient::string(file, "name").map(|name| name.strip_prefix("files/").unwrap_or(&name).to_owned());
    if id.as_deref().is_some_and(|id| !is_id(id)) {
        let rule = "may only contain lowercase alphanumeric characters or dashes (-), cannot begin or end with a dash, and has at \
                    most 40 characters";
        return Err(ApiError::invalid(format!(
            "* CreateFileRequest.file.name: File ID (name excluding 'files/') {rule}.\n"
        )));
    }
    let announced = text(headers, "x-goog-upload-header-content-type");
    Ok(FileMetadata {
        id,
        display_name: lenient::string(file, "displayName").unwrap_or_default(),
        mime_type: lenient::string(file, "mimeType").or(announced).unwrap_or_default(),
    })
}

fn is_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=40).contains(&id.len()) && id.bytes().all(plain) && !id.starts_with('-') && !id.ends_with('-')
}

/// Refuses a requested name that another file has.
pub(super) fn check_name_is_free(emulator: &Emulator, metadata: &FileMetadata) -> Result<(), ApiError> {
    let now = emulator.now();
    match metadata.id.as_deref().and_then(|id| emulator.files.get(id)) {
        Some(file) if !file.is_expired(now) => {
            Err(ApiError::new(RpcCode::AlreadyExists, format!("Requested entity already exists: files/{}", file.id)))
        }
        _ => Ok(()),
    }
}
