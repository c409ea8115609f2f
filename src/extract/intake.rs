//! Takes a file in: opens it in a page worker, measures its pages, keeps it.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::Recipe;
use crate::accounts::hex;
use crate::error::{Error, Result};
use crate::model::wire::{Metadata, Prepared};
use crate::model::{ApiError, ErrorCode, PageSet, Pricing, format_of};
use crate::pdf::{Engine, PageLength, PdfError};
use crate::store::{Account, Blobs, Upload, Uploads, upload_key};
use crate::world::World;

/// A file that is wholly on this machine's disk, and goes away with this value unless it is kept.
#[derive(Debug)]
pub struct ReceivedFile {
    pub path: tempfile::TempPath,
    /// In bytes.
    pub size: u64,
    /// Of the content, hexadecimal.
    pub sha256: String,
    /// As the sender called it; shown to the owner only.
    pub file_name: Option<String>,
}

/// Makes uploads of files.
#[derive(Clone)]
pub struct Intake {
    pub uploads: Arc<dyn Uploads>,
    pub blobs: Arc<dyn Blobs>,
    pub engine: Engine,
    pub recipe: Recipe,
    pub pricing: Pricing,
    pub world: Arc<dyn World>,
}

impl Intake {
    /// Opens, measures and keeps a file; refuses what cannot be extracted.
    pub async fn receive(&self, account: &Account, file: ReceivedFile) -> Result<Prepared> {
        let content_type = sniff(&file).await?;
        let document = self.engine.open(&*file.path).await.map_err(refusal)?;
        let info = document.info();
        let lengths = document.text_lengths(0..info.total_pages).await.map_err(refusal)?;
        let page_tokens = lengths.into_iter().map(|length| self.price(length)).collect();
        let metadata = Metadata {
            content_type: content_type.into(),
            total_pages: info.total_pages,
            title: info.title.clone().unwrap_or_else(|| title_from(file.file_name.as_deref())),
            file_name: file.file_name.clone(),
            file_size: file.size,
            url: None,
        };
        let upload = Upload {
            hash: self.world.id(),
            account_id: account.id.clone(),
            content_hash: content_hash(account, &file.sha256),
            metadata,
            page_tokens,
        };
        let key = upload_key(&account.id, &upload.content_hash);
        self.blobs.put(&key, &file.path).await?;
        self.uploads.insert_upload(&upload, self.world.now()).await?;
        self.prepared(account, upload).await
    }

    /// An upload of the account, as it would be prepared now.
    pub async fn reopen(&self, account: &Account, hash: &str) -> Result<Prepared> {
        let upload = self.uploads.upload(&account.id, hash).await?;
        let upload = upload.ok_or_else(|| ApiError::not_found("upload"))?;
        self.prepared(account, upload).await
    }

    async fn prepared(&self, account: &Account, upload: Upload) -> Result<Prepared> {
        let all = PageSet::all(upload.metadata.total_pages);
        let cached = self.uploads.cached_pages(&account.id, &upload.content_hash, self.recipe.name()).await?;
        let uncached_pages: PageSet = all.iter().filter(|&index| !cached.contains(index)).collect();
        let mut page_tokens = upload.page_tokens;
        for index in cached.iter() {
            if let Some(tokens) = page_tokens.get_mut(index as usize) {
                *tokens = 0;
            }
        }
        Ok(Prepared {
            hash: upload.hash,
            content_hash: upload.content_hash,
            metadata: upload.metadata,
            uncached_pages,
            estimate: self.pricing.quote(&page_tokens, &all),
            page_tokens,
        })
    }

    /// A page that cannot even be measured is estimated like a scan.
    fn price(&self, length: Option<PageLength>) -> u32 {
        let text_chars = length.filter(|length| !length.is_scan).map(|length| u64::from(length.chars_visible));
        u32::try_from(self.pricing.estimate_page(text_chars)).unwrap_or(u32::MAX)
    }
}

/// The accepted MIME type of a file, by its content. Names prove nothing.
async fn sniff(file: &ReceivedFile) -> Result<&'static str> {
    use tokio::io::AsyncReadExt;
    // A PDF may have up to a kilobyte of something else in front.
    let mut head = Vec::with_capacity(1024);
    tokio::fs::File::open(&file.path).await?.take(1024).read_to_end(&mut head).await?;
    let pdf = head.windows(5).any(|bytes| bytes == b"%PDF-").then(|| format_of("application/pdf")).flatten();
    match pdf {
        Some(format) => Ok(format.mime),
        None => Err(Error::refused(ErrorCode::UnsupportedFormat, "This is not a PDF. Choose a PDF file.")),
    }
}

/// What a document without a title of its own is called: its file's name without the ending.
fn title_from(file_name: Option<&str>) -> String {
    let stem = file_name.map(|name| name.rsplit_once('.').map_or(name, |(stem, _)| stem).trim());
    stem.filter(|stem| !stem.is_empty()).unwrap_or("Untitled").chars().take(300).collect()
}

/// Names content within one account: the same file has another name in another account.
fn content_hash(account: &Account, sha256: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(account.id.as_bytes());
    hasher.update([0]);
    hasher.update(sha256.as_bytes());
    hex(&hasher.finalize())[..32].to_owned()
}

/// What a person is told of a file that the page engine will not read.
pub(super) fn refusal(error: PdfError) -> Error {
    let (code, message) = match error {
        PdfError::Encrypted => (
            ErrorCode::EncryptedDocument,
            "This PDF needs a password. Save a copy without one and try again.".to_owned(),
        ),
        PdfError::Unreadable | PdfError::WorkerCrashed | PdfError::Page { .. } => {
            (ErrorCode::UnreadableDocument, "This PDF is damaged: it could not be opened.".to_owned())
        }
        PdfError::Timeout(_) => (ErrorCode::UnreadableDocument, "This PDF takes too long to open.".to_owned()),
        PdfError::Empty => (ErrorCode::UnreadableDocument, "This PDF has no pages.".to_owned()),
        PdfError::TooManyPages { pages, pages_max } => {
            (ErrorCode::TooManyPages, format!("This PDF has {pages} pages; at most {pages_max} can be extracted."))
        }
        error @ (PdfError::Unavailable | PdfError::Io(_)) => return Error::unavailable(error),
    };
    Error::refused(code, message)
}
