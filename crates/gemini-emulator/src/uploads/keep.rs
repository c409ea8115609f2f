//! From bytes that have arrived to a file of the project.

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
use crate::reply::{Failure, Rpc};
use coldbrew_gemini::lenient;

/// How the file is to be called.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct FileWish {
    /// Without `files/`.
    pub id: Option<String>,
    pub display_name: String,
    pub mime_type: String,
}

/// Makes a file of what has arrived.
pub(super) async fn keep(emulator: &Emulator, project: &str, wish: FileWish, part: &Path) -> Result<FileRow, Failure> {
    is_free(emulator, &wish)?;
    let id = wish.id.unwrap_or_else(|| random_id(12));
    let path = emulator.files.path(&id, "bin");
    tokio::fs::rename(part, &path).await?;
    let (sha256, size_bytes) =
        tokio::task::spawn_blocking(move || digest(&path)).await.map_err(|_| Failure::internal())??;
    let file = FileRow {
        id: id.clone(),
        project: project.to_owned(),
        display_name: wish.display_name,
        mime_type: wish.mime_type,
        size_bytes,
        sha256,
        created: emulator.now(),
        generated: false,
        processing_looks: emulator.faults.draw(Fault::FileProcessing).map_or(0, |looks| looks.max(1)),
        failed: emulator.faults.happens(Fault::FileFailed),
    };
    emulator.files.put(&id, file.clone())?;
    Ok(file)
}

/// SHA-256 in hexadecimal, and size in bytes.
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

/// The wish in a body or, failing that, in the headers.
pub(super) fn wish(body: &Value, headers: &HeaderMap) -> Result<FileWish, Failure> {
    let empty = json!({});
    let file = lenient::member(body, "file").unwrap_or(&empty);
    let id = lenient::string(file, "name").map(|name| name.strip_prefix("files/").unwrap_or(&name).to_owned());
    if id.as_deref().is_some_and(|id| !is_id(id)) {
        let rule = "may only contain lowercase alphanumeric characters or dashes (-), cannot begin or end with a dash, and has at \
                    most 40 characters";
        return Err(Failure::invalid(format!(
            "* CreateFileRequest.file.name: File ID (name excluding 'files/') {rule}.\n"
        )));
    }
    let announced = text(headers, "x-goog-upload-header-content-type");
    Ok(FileWish {
        id,
        display_name: lenient::string(file, "displayName").unwrap_or_default(),
        mime_type: lenient::string(file, "mimeType").or(announced).unwrap_or_default(),
    })
}

fn is_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=40).contains(&id.len()) && id.bytes().all(plain) && !id.starts_with('-') && !id.ends_with('-')
}

/// Whether the name that is wished for is not taken.
pub(super) fn is_free(emulator: &Emulator, wish: &FileWish) -> Result<(), Failure> {
    let now = emulator.now();
    match wish.id.as_deref().and_then(|id| emulator.files.get(id)) {
        Some(file) if !file.is_expired(now) => {
            Err(Failure::new(Rpc::AlreadyExists, format!("Requested entity already exists: files/{}", file.id)))
        }
        _ => Ok(()),
    }
}
