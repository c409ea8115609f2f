//! Takes a file in: opens it in a page worker, measures its pages, keeps it.

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tempfile::TempPath;

use super::fetch::Fetcher;
use super::kind::format_of_file;
use super::{Blobs, Incoming, ReceivedFile, Receiver, Upload, UploadPermit, Uploads, upload_key};
use crate::accounts::{Account, Allowances, Caller, Storage};
use crate::clock::{Clock, IdGenerator};
use crate::crash::crash_point;
use crate::error::{Error, Result};
use crate::extract::{EngineShares, Recipe, refusal, text_file_pages};
use crate::model::wire::{Metadata, Prepared};
use crate::model::{ErrorCode, Format, PAGES_MAX, PageSet, Pricing, hex};
use coldbrew_pdf::{DocumentFault, Engine, PageLength, PdfError, Priority, Requester};

/// The most that an image may take as a PDF: more than a photograph of the size that is kept.
const IMAGE_PDF_BYTES_MAX: usize = 32 << 20;

/// Makes uploads of files.
#[derive(Clone)]
pub struct Intake {
    pub incoming: Incoming,
    pub receiver: Receiver,
    pub fetcher: Fetcher,
    pub storage: Arc<dyn Storage>,
    pub uploads: Arc<dyn Uploads>,
    pub blobs: Arc<dyn Blobs>,
    pub engine: Engine,
    pub shares: EngineShares,
    pub recipe: Recipe,
    pub pricing: Pricing,
    pub allowances: Allowances,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdGenerator>,
}

impl Intake {
    /// Fetches the file at an address, and takes it in like an upload.
    pub async fn import(&self, caller: &Caller, address: &str) -> Result<Prepared> {
        let (file, permit) = self.fetcher.fetch(caller, address, |length| self.admit(caller, length)).await?;
        let prepared = self.receive(caller, file).await?;
        drop(permit);
        Ok(prepared)
    }

    /// Reserves room for a file of that length, in bytes, before it is received; `None`: its length is not known, so the largest counts.
    ///
    /// # Errors
    /// Those of [`Incoming::admit`].
    pub async fn admit(&self, caller: &Caller, length: Option<u64>) -> Result<UploadPermit> {
        let usage = self.storage.account_usage(&caller.account.id).await?;
        let bytes = length.unwrap_or(self.receiver.bytes_max);
        self.incoming.admit(caller, bytes, self.allowances.of(&caller.account), &usage)
    }

    /// Opens, measures and keeps a file; refuses what cannot be extracted.
    pub async fn receive(&self, caller: &Caller, file: ReceivedFile) -> Result<Prepared> {
        let (account, requester) = (&caller.account, self.shares.of_caller(caller));
        let ReceivedFile { path, size, sha256, file_name, url } = file;
        let format = format_of_file(&path, file_name.as_deref()).await?;
        let measured = match (format.has_pages, format.ai) {
            (true, _) => self.measure_pdf(path, &requester).await.map_err(refusal)?,
            (false, true) => self.measure_image(path, &requester).await.map_err(image_refusal)?,
            (false, false) => measure_text(path, format).await?,
        };
        let metadata = Metadata {
            content_type: format.mime.into(),
            total_pages: measured.total_pages,
            title: measured.title.unwrap_or_else(|| title_from(file_name.as_deref())),
            file_name,
            file_size: size,
            url,
        };
        let upload = Upload {
            hash: self.ids.id(),
            account_id: account.id.clone(),
            content_hash: content_hash(account, &sha256),
            metadata,
            kept_bytes: tokio::fs::metadata(&measured.file).await?.len(),
            page_tokens: measured.page_tokens,
        };
        let key = upload_key(&account.id, &upload.content_hash);
        crash_point("intake", "measured");
        // In this order: whoever deletes the last of this content at this moment sees the record, and leaves the file alone.
        self.uploads.insert_upload(&upload, self.allowances.of(account), self.clock.now()).await?;
        crash_point("intake", "on record");
        if let Err(error) = self.blobs.put(&key, &measured.file).await {
            self.uploads.remove_upload(&upload).await?;
            return Err(error);
        }
        crash_point("intake", "file kept");
        self.prepared(account, upload).await
    }

    async fn measure_pdf(&self, file: TempPath, requester: &Requester) -> Result<Measured, PdfError> {
        let document = self.engine.open(&*file, Priority::Interactive, requester).await?;
        let total_pages = document.info().total_pages;
        let lengths = document.text_lengths(0..total_pages).await?;
        let page_tokens = lengths.into_iter().map(|length| self.price(length)).collect();
        let title = document.info().title.clone();
        Ok(Measured { file, total_pages, title, page_tokens })
    }

    /// An image is kept as a PDF of one page: from here on there are no images.
    async fn measure_image(&self, file: TempPath, requester: &Requester) -> Result<Measured, PdfError> {
        let pdf = self.engine.image_to_pdf(&file, Priority::Interactive, requester).await?;
        if pdf.len() > IMAGE_PDF_BYTES_MAX {
            return Err(DocumentFault::Unreadable.into());
        }
        let folder = file.parent().unwrap_or(Path::new("."));
        let page = tempfile::Builder::new().prefix("image").tempfile_in(folder)?.into_temp_path();
        tokio::fs::write(&page, pdf).await?;
        self.measure_pdf(page, requester).await
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

/// A file whose pages are known.
struct Measured {
    /// What is kept of the file and read later.
    file: TempPath,
    total_pages: u32,
    title: Option<String>,
    page_tokens: Vec<u32>,
}

/// What a document without a title of its own is called: its file's name without the ending.
fn title_from(file_name: Option<&str>) -> String {
    let stem = file_name.map(|name| name.rsplit_once('.').map_or(name, |(stem, _)| stem).trim());
    stem.filter(|stem| !stem.is_empty()).unwrap_or("Untitled").chars().take(300).collect()
}

/// Text is no work: its pages are counted.
async fn measure_text(file: TempPath, format: &Format) -> Result<Measured> {
    let pages = text_file_pages(&file, format).await?;
    let total_pages = u32::try_from(pages.len()).unwrap_or(u32::MAX);
    if total_pages > PAGES_MAX {
        let words = format!("This text has {total_pages} pages; at most {PAGES_MAX} can be kept.");
        return Err(Error::refused(ErrorCode::TooManyPages, words));
    }
    Ok(Measured { file, total_pages, title: None, page_tokens: vec![0; pages.len()] })
}

/// Names content within one account: the same file has another name in another account.
fn content_hash(account: &Account, sha256: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(account.id.as_bytes());
    hasher.update([0]);
    hasher.update(sha256.as_bytes());
    hex(&hasher.finalize())[..32].to_owned()
}

/// What a person is told of an image that cannot be read.
fn image_refusal(error: PdfError) -> Error {
    match error {
        PdfError::Document(DocumentFault::Unreadable) | PdfError::WorkerCrashed | PdfError::Timeout(_) => {
            let words = "This image is damaged or too large: it could not be opened.";
            Error::refused(ErrorCode::UnreadableDocument, words)
        }
        other => refusal(other),
    }
}
