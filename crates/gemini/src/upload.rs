//! Uploads a file from disk by the resumable protocol, in chunks of 8 MiB.
//!
//! After a fault the client queries how many bytes the server has and resumes there. If the session is lost, the upload starts again.
//! A file that is uploaded twice does no harm: the unused one expires. `session` implements the protocol, and `docs/GEMINI.md`,
//! "Resumable upload", describes it.

mod session;

use std::path::Path;

use rand::RngExt;
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;

use self::session::{Session, UploadStatus};
use super::client::Client;
use super::error::{Error, ErrorKind};
use super::file::{File, FileState, hex};

/// The largest file that Google accepts, in bytes (<https://ai.google.dev/gemini-api/docs/files>, read 2026-09-01).
pub const FILE_BYTES_MAX: u64 = 2_000_000_000;

/// Faults in a row without a new byte at the server, after which an upload fails.
const FAULTS_MAX: u32 = 6;
const SESSIONS_MAX: u32 = 4;
const PROCESSING_POLLS_MAX: u32 = 60;

/// The names and type of a file to upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadSpec {
    /// At most 512 characters. It should be unique: after a lost reply the file is found by it.
    pub display_name: String,
    /// The media type, such as `application/jsonl` or `application/pdf`.
    pub mime_type: String,
    /// `files/` and 1 to 40 characters of `a-z`, `0-9` and inner `-`. `None` lets Google choose.
    pub name: Option<String>,
}

/// The end of one upload session.
enum SessionEnd {
    Uploaded(Box<File>),
    /// The server does not know the session any more. Holds the fault before.
    Lost(Error),
    /// The upload is final, but the reply names no file.
    FileUnknown,
}

impl Client {
    /// Uploads the file at `path` and waits until it is active.
    ///
    /// # Errors
    /// - [`ErrorKind::TooLarge`]: the file has more than [`FILE_BYTES_MAX`] bytes. Nothing was sent.
    /// - [`ErrorKind::Io`]: the file cannot be read.
    /// - [`ErrorKind::Rejected`]: the names in `spec` are malformed, or Google could not process the file.
    ///
    /// After any other error the call may be repeated.
    pub async fn upload_file(&self, path: &Path, spec: &UploadSpec) -> Result<File, Error> {
        let mut source = tokio::fs::File::open(path).await.map_err(|error| Error::io(&error))?;
        let size_bytes = source.metadata().await.map_err(|error| Error::io(&error))?.len();
        check(spec, size_bytes)?;
        let mut spec = spec.clone();
        let mut last = None;
        for _ in 0..SESSIONS_MAX {
            let session = match self.start_session(&spec, size_bytes).await {
                Err(error) if error.http_status == Some(409) => {
                    return self.find_uploaded(path, &spec, size_bytes).await?.ok_or(error);
                }
                started => started?,
            };
            match self.send_chunks(&session, &mut source, size_bytes).await? {
                SessionEnd::Uploaded(file) => return self.wait_until_active(*file).await,
                SessionEnd::Lost(error) => last = Some(error),
                SessionEnd::FileUnknown => {
                    if let Some(file) = self.find_uploaded(path, &spec, size_bytes).await? {
                        return Ok(file);
                    }
                    // Google did this for one media type of JSONL, and not for text/plain
                    // (https://github.com/googleapis/python-genai/issues/1590, read 2026-11-23).
                    if spec.mime_type.contains("json") {
                        spec.mime_type = "text/plain".into();
                    }
                }
            }
        }
        Err(last.unwrap_or_else(|| Error::retry("the file was uploaded but Google did not name it")))
    }

    /// Starts a session. An unused session does no harm, so a fault is retried.
    async fn start_session(&self, spec: &UploadSpec, size_bytes: u64) -> Result<Session, Error> {
        let mut faults = 0;
        loop {
            match Session::start(self, spec, size_bytes).await {
                Err(error) if matches!(error.kind, ErrorKind::Retry { .. }) && faults < FAULTS_MAX => {
                    faults += 1;
                    self.pause(faults).await;
                }
                ended => return ended,
            }
        }
    }

    async fn send_chunks(
        &self,
        session: &Session,
        source: &mut tokio::fs::File,
        size_bytes: u64,
    ) -> Result<SessionEnd, Error> {
        let mut offset = 0;
        // Only bytes beyond the furthest offset are progress. Otherwise a server that loses bytes would keep the loop running.
        let mut furthest = 0;
        let mut faults = 0;
        loop {
            if offset > furthest {
                furthest = offset;
                faults = 0;
            }
            let chunk = read_chunk(source, offset, session.chunk_length(offset, size_bytes)).await?;
            let length = chunk.len() as u64;
            let finalize = offset + length == size_bytes;
            let fault = match session.send(self, offset, chunk, finalize).await {
                Ok(UploadStatus::Final(Some(file))) => return Ok(SessionEnd::Uploaded(file)),
                Ok(UploadStatus::Final(None)) => return Ok(SessionEnd::FileUnknown),
                Ok(UploadStatus::Active) if !finalize => {
                    offset += length;
                    continue;
                }
                Ok(UploadStatus::Active) => Error::retry("the upload was not finalized"),
                Ok(UploadStatus::Unknown) => Error::retry("the server did not say whether the bytes arrived"),
                Err(error) => error,
            };
            faults += 1;
            if faults > FAULTS_MAX {
                return Err(fault);
            }
            self.pause(faults).await;
            match session.query(self).await {
                Ok((UploadStatus::Final(Some(file)), _)) => return Ok(SessionEnd::Uploaded(file)),
                Ok((UploadStatus::Final(None), _)) => return Ok(SessionEnd::FileUnknown),
                Ok((UploadStatus::Active, Some(received))) if received <= size_bytes => offset = received,
                Err(error) if matches!(error.kind, ErrorKind::Retry { .. }) => {}
                _ => return Ok(SessionEnd::Lost(fault)),
            }
        }
    }

    /// Finds the file of an upload whose final reply was lost: by its name, or by display name, size and hash.
    async fn find_uploaded(&self, path: &Path, spec: &UploadSpec, size_bytes: u64) -> Result<Option<File>, Error> {
        let candidates = match &spec.name {
            Some(name) => match self.get_file(name).await {
                Ok(file) => vec![file],
                Err(error) if error.kind == ErrorKind::NotFound => Vec::new(),
                Err(error) => return Err(error),
            },
            None => {
                let mut files = self.find_files(&spec.display_name).await?;
                files.retain(|file| file.display_name == spec.display_name);
                files
            }
        };
        let sha256 = sha256(path).await?;
        let same = |file: &File| {
            let same_content = file.sha256.as_ref().is_none_or(|other| *other == sha256);
            file.size_bytes == size_bytes && same_content && file.state != FileState::Failed
        };
        match candidates.into_iter().find(same) {
            Some(file) => self.wait_until_active(file).await.map(Some),
            None => Ok(None),
        }
    }

    /// Waits until the file is active. Any other file is deleted, because it would use the storage of the project.
    async fn wait_until_active(&self, file: File) -> Result<File, Error> {
        let name = file.name.clone();
        let active = self.poll_until_active(file).await;
        if active.is_err() {
            // A file that cannot be deleted expires after 48 hours.
            let _ = self.delete_file(&name).await;
        }
        active
    }

    async fn poll_until_active(&self, mut file: File) -> Result<File, Error> {
        let mut polls = 0;
        loop {
            match &file.state {
                FileState::Active => return Ok(file),
                FileState::Failed => return Err(Error::rejected("Google could not process the file")),
                // Proxies and emulators may leave the state out.
                FileState::Unknown(state) if state.is_empty() => return Ok(file),
                FileState::Processing | FileState::Unknown(_) if polls >= PROCESSING_POLLS_MAX => {
                    return Err(Error::retry("Google is still processing the file"));
                }
                FileState::Processing | FileState::Unknown(_) => {}
            }
            polls += 1;
            self.pause(polls.min(4)).await;
            match self.get_file(&file.name).await {
                Ok(current) => file = current,
                Err(error) if error.is_transient() => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits with exponential backoff and jitter. `faults` is the number of faults in a row.
    pub(super) async fn pause(&self, faults: u32) {
        let base = self.timeouts().backoff * 2_u32.pow(faults.saturating_sub(1).min(5));
        // Computed before the wait: the random generator is not `Send`.
        let pause = base.mul_f64(rand::rng().random_range(0.5..1.0));
        tokio::time::sleep(pause).await;
    }
}

fn check(spec: &UploadSpec, size_bytes: u64) -> Result<(), Error> {
    if size_bytes > FILE_BYTES_MAX {
        let message = format!("the file has {size_bytes} bytes; Google accepts at most {FILE_BYTES_MAX}");
        return Err(Error::new(ErrorKind::TooLarge, message));
    }
    if spec.display_name.chars().count() > 512 {
        return Err(Error::rejected("the display name is longer than 512 characters"));
    }
    match spec.name.as_deref().map(|name| name.strip_prefix("files/").unwrap_or_default()) {
        Some(id) if !is_file_id(id) => {
            Err(Error::rejected("the name must be files/ and 1 to 40 characters of a-z, 0-9 and inner dashes"))
        }
        _ => Ok(()),
    }
}

fn is_file_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=40).contains(&id.len()) && id.bytes().all(plain) && !id.starts_with('-') && !id.ends_with('-')
}

async fn read_chunk(source: &mut tokio::fs::File, offset: u64, length: usize) -> Result<bytes::Bytes, Error> {
    use tokio::io::AsyncSeekExt;
    let mut chunk = vec![0; length];
    source.seek(std::io::SeekFrom::Start(offset)).await.map_err(|error| Error::io(&error))?;
    source.read_exact(&mut chunk).await.map_err(|error| Error::io(&error))?;
    Ok(chunk.into())
}

async fn sha256(path: &Path) -> Result<String, Error> {
    let mut file = tokio::fs::File::open(path).await.map_err(|error| Error::io(&error))?;
    let mut hasher = Sha256::new();
    let mut block = vec![0; 1 << 20];
    loop {
        match file.read(&mut block).await.map_err(|error| Error::io(&error))? {
            0 => break,
            length => hasher.update(&block[..length]),
        }
    }
    Ok(hex(&hasher.finalize()))
}
