//! Sends a file to Google by the resumable protocol, from disk, 8 MiB at a time.
//!
//! Faults are part of it: after each the server is asked what it has and the upload goes on from there; if it has
//! forgotten, the upload starts over. Uploading twice does no harm, the loser expires. `session` speaks the protocol.

mod session;

use std::path::Path;

use rand::RngExt;
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;

use self::session::{Chunk, Session};
use super::client::Client;
use super::error::{Error, ErrorKind};
use super::file::{File, FileState, hex};

/// The largest file Google takes, in bytes.
pub const FILE_BYTES_MAX: u64 = 2_000_000_000;

/// Faults in a row, without a byte arriving between them, before an upload gives up.
const FAULTS_MAX: u32 = 6;
const SESSIONS_MAX: u32 = 4;
const PROCESSING_POLLS_MAX: u32 = 60;

/// How a file is to be called at Google.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadSpec {
    /// Make it unique: a file whose upload was not answered is found again by it.
    pub display_name: String,
    /// `application/jsonl`, `application/pdf` and so on.
    pub mime_type: String,
    /// `files/` and at most 40 of `a-z`, `0-9`, `-`; `None`: Google chooses.
    pub name: Option<String>,
}

/// How an attempt ended that did not fail for good.
enum Attempt {
    Uploaded(Box<File>),
    /// The session is of no more use.
    Forgotten(Error),
    /// Google took the file and did not say what it made of it.
    Nameless,
}

impl Client {
    /// Uploads a file and waits until it can be used.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] if it has more than [`FILE_BYTES_MAX`] bytes: then nothing was sent. [`ErrorKind::Io`] if it cannot be
    /// read. After any other error the same call may be repeated.
    pub async fn upload_file(&self, path: &Path, spec: &UploadSpec) -> Result<File, Error> {
        let mut source = tokio::fs::File::open(path).await.map_err(|error| Error::io(&error))?;
        let size_bytes = source.metadata().await.map_err(|error| Error::io(&error))?.len();
        check(spec, size_bytes)?;
        let mut spec = spec.clone();
        let mut last = None;
        for _ in 0..SESSIONS_MAX {
            let session = match self.begin(&spec, size_bytes).await {
                Err(error) if error.http_status == Some(409) => {
                    return self.adopt(path, &spec, size_bytes).await?.ok_or(error);
                }
                started => started?,
            };
            match self.transfer(&session, &mut source, size_bytes).await? {
                Attempt::Uploaded(file) => return self.ready(*file).await,
                Attempt::Forgotten(error) => last = Some(error),
                Attempt::Nameless => {
                    if let Some(file) = self.adopt(path, &spec, size_bytes).await? {
                        return Ok(file);
                    }
                    // Seen for one media type of JSONL.
                    if spec.mime_type.contains("json") {
                        spec.mime_type = "text/plain".into();
                    }
                }
            }
        }
        Err(last.unwrap_or_else(|| Error::retry("the file was uploaded but Google did not name it")))
    }

    /// Opens a session; opening one too many does no harm.
    async fn begin(&self, spec: &UploadSpec, size_bytes: u64) -> Result<Session, Error> {
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

    async fn transfer(
        &self,
        session: &Session,
        source: &mut tokio::fs::File,
        size_bytes: u64,
    ) -> Result<Attempt, Error> {
        let mut offset = 0;
        // Only what never arrived before is progress: a server that loses what it has must not keep us here.
        let mut furthest = 0;
        let mut faults = 0;
        loop {
            if offset > furthest {
                furthest = offset;
                faults = 0;
            }
            let chunk = read_chunk(source, offset, session.chunk_bytes(offset, size_bytes)).await?;
            let length = chunk.len() as u64;
            let finalize = offset + length == size_bytes;
            let fault = match session.send(self, offset, chunk, finalize).await {
                Ok(Chunk::Final(Some(file))) => return Ok(Attempt::Uploaded(file)),
                Ok(Chunk::Final(None)) => return Ok(Attempt::Nameless),
                Ok(Chunk::Active) if !finalize => {
                    offset += length;
                    continue;
                }
                Ok(Chunk::Active) => Error::retry("the upload was not finalized"),
                Ok(Chunk::Unclear) => Error::retry("the server did not say whether the bytes arrived"),
                Err(error) => error,
            };
            faults += 1;
            if faults > FAULTS_MAX {
                return Err(fault);
            }
            self.pause(faults).await;
            match session.query(self).await {
                Ok((Chunk::Final(Some(file)), _)) => return Ok(Attempt::Uploaded(file)),
                Ok((Chunk::Final(None), _)) => return Ok(Attempt::Nameless),
                Ok((Chunk::Active, Some(received))) if received <= size_bytes => offset = received,
                Err(error) if matches!(error.kind, ErrorKind::Retry { .. }) => {}
                _ => return Ok(Attempt::Forgotten(fault)),
            }
        }
    }

    /// The file of an upload whose end was not answered: by its name, or else by display name, size and content.
    async fn adopt(&self, path: &Path, spec: &UploadSpec, size_bytes: u64) -> Result<Option<File>, Error> {
        let candidates = match &spec.name {
            Some(name) => match self.get_file(name).await {
                Ok(file) => vec![file],
                Err(error) if error.kind == ErrorKind::NotFound => Vec::new(),
                Err(error) => return Err(error),
            },
            None => self.files_called(&spec.display_name).await?,
        };
        let sha256 = sha256(path).await?;
        let same = |file: &File| {
            let same_content = file.sha256.as_ref().is_none_or(|other| *other == sha256);
            file.size_bytes == size_bytes && same_content && file.state != FileState::Failed
        };
        match candidates.into_iter().find(same) {
            Some(file) => self.ready(file).await.map(Some),
            None => Ok(None),
        }
    }

    async fn files_called(&self, display_name: &str) -> Result<Vec<File>, Error> {
        const PAGES_MAX: usize = 1_000;
        let mut found = Vec::new();
        let mut page_token = None;
        for _ in 0..PAGES_MAX {
            let page = self.list_files(page_token.as_deref()).await?;
            found.extend(page.files.into_iter().filter(|file| file.display_name == display_name));
            match page.next_page_token {
                Some(next) if Some(&next) != page_token.as_ref() => page_token = Some(next),
                _ => break,
            }
        }
        Ok(found)
    }

    /// Waits until the file can be used. One that cannot would only take up the project's room: it is deleted.
    async fn ready(&self, file: File) -> Result<File, Error> {
        let name = file.name.clone();
        let ready = self.processed(file).await;
        if ready.is_err() {
            // What stays behind after all goes away in two days.
            let _ = self.delete_file(&name).await;
        }
        ready
    }

    /// Waits until Google has looked at the file.
    async fn processed(&self, mut file: File) -> Result<File, Error> {
        let mut polls = 0;
        loop {
            match &file.state {
                FileState::Active => return Ok(file),
                FileState::Failed => return Err(Error::rejected("Google could not process the file")),
                // Some servers leave the state out.
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

    /// Longer with each fault in a row, and never the same twice.
    pub(super) async fn pause(&self, faults: u32) {
        let base = self.timeouts().backoff * 2_u32.pow(faults.saturating_sub(1).min(5));
        // Made before the wait: the generator may not cross it.
        let pause = base.mul_f64(rand::rng().random_range(0.5..1.0));
        tokio::time::sleep(pause).await;
    }
}

fn check(spec: &UploadSpec, size_bytes: u64) -> Result<(), Error> {
    if size_bytes > FILE_BYTES_MAX {
        let message = format!("the file has {size_bytes} bytes; Google takes at most {FILE_BYTES_MAX}");
        return Err(Error::new(ErrorKind::TooLarge, message));
    }
    if spec.display_name.chars().count() > 512 {
        return Err(Error::rejected("the display name is longer than 512 characters"));
    }
    match spec.name.as_deref().map(|name| name.strip_prefix("files/").unwrap_or_default()) {
        Some(id) if !is_file_id(id) => {
            Err(Error::rejected("the name must be files/ and 1 to 40 of a-z, 0-9 and inner dashes"))
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
