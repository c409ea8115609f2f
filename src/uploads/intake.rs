//! Processes a received file: opens it in a page process, measures its pages and stores it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

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

/// The maximum size of an image that is stored as a PDF. The largest photograph that is accepted stays below it.
const IMAGE_PDF_BYTES_MAX: usize = 32 << 20;

/// How often, and how long after each try, an upload is recorded again while earlier files of its content are being deleted.
const RECORD_TRIES: u32 = 20;
const RECORD_WAIT: Duration = Duration::from_millis(250);

/// Turns received files into uploads.
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
    /// Fetches the file at a URL and processes it like an upload.
    ///
    /// # Errors
    /// The errors of [`Fetcher::fetch`], [`Self::admit`] and [`Self::receive`].
    pub async fn import(&self, caller: &Caller, address: &str) -> Result<Prepared> {
        let (file, permit) = self.fetcher.fetch(caller, address, |length| self.admit(caller, length)).await?;
        let prepared = self.receive(caller, file).await?;
        drop(permit);
        Ok(prepared)
    }

    /// Reserves space for a file before it is received. Without a known length in bytes, the maximum is reserved.
    ///
    /// # Errors
    /// The errors of [`Incoming::admit`] and [`Storage`].
    pub async fn admit(&self, caller: &Caller, length: Option<u64>) -> Result<UploadPermit> {
        let usage = self.storage.account_usage(&caller.account.id).await?;
        let bytes = length.unwrap_or(self.receiver.bytes_max);
        self.incoming.admit(caller, bytes, self.allowances.of(&caller.account), &usage)
    }

    /// Opens, measures and stores a file.
    ///
    /// # Errors
    /// `unsupported_format`, `unreadable_document`, `encrypted_document` or `too_many_pages` for a file that cannot be extracted;
    /// `limit_reached` if the allowance is too small; otherwise the errors of [`Uploads`], [`Blobs`] and the page engine.
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
        // The record comes first, so that no purge deletes the file.
        self.record(account, &upload).await?;
        crash_point("intake", "on record");
        if let Err(error) = self.blobs.put(&key, &measured.file).await {
            self.uploads.remove_upload(&upload, self.clock.now()).await?;
            return Err(error);
        }
        crash_point("intake", "file kept");
        if !self.uploads.finish_upload(&upload, self.clock.now()).await? {
            return Err(being_deleted());
        }
        crash_point("intake", "finished");
        self.prepared(account, upload).await
    }

    /// Records an upload. Waits while earlier files of its content are being deleted.
    async fn record(&self, account: &Account, upload: &Upload) -> Result<()> {
        for _ in 0..RECORD_TRIES {
            if self.uploads.insert_upload(upload, self.allowances.of(account), self.clock.now()).await? {
                return Ok(());
            }
            self.clock.sleep(RECORD_WAIT).await;
        }
        Err(being_deleted())
    }

    async fn measure_pdf(&self, file: TempPath, requester: &Requester) -> Result<Measured, PdfError> {
        let document = self.engine.open(&*file, Priority::Interactive, requester).await?;
        let total_pages = document.info().total_pages;
        let lengths = document.text_lengths(0..total_pages).await?;
        let page_tokens = lengths.into_iter().map(|length| self.price(length)).collect();
        let title = document.info().title.clone();
        Ok(Measured { file, total_pages, title, page_tokens })
    }

    /// An image is stored as a PDF of one page, so later steps need to handle PDFs only.
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

    /// A page that cannot be measured is priced as a scan.
    fn price(&self, length: Option<PageLength>) -> u32 {
        let text_chars = length.filter(|length| !length.is_scan).map(|length| u64::from(length.chars_visible));
        u32::try_from(self.pricing.estimate_page(text_chars)).unwrap_or(u32::MAX)
    }
}

/// A file whose pages have been measured.
struct Measured {
    /// The file to store and to read later.
    file: TempPath,
    total_pages: u32,
    title: Option<String>,
    page_tokens: Vec<u32>,
}

/// The title of a document that has none: the file name without its ending.
fn title_from(file_name: Option<&str>) -> String {
    let stem = file_name.map(|name| name.rsplit_once('.').map_or(name, |(stem, _)| stem).trim());
    stem.filter(|stem| !stem.is_empty()).unwrap_or("Untitled").chars().take(300).collect()
}

/// Text needs no AI, so its pages are only counted.
async fn measure_text(file: TempPath, format: &Format) -> Result<Measured> {
    let pages = text_file_pages(&file, format).await?;
    let total_pages = u32::try_from(pages.len()).unwrap_or(u32::MAX);
    if total_pages > PAGES_MAX {
        let message = format!("This text has {total_pages} pages; the limit is {PAGES_MAX}. Split it and try again.");
        return Err(Error::refused(ErrorCode::TooManyPages, message));
    }
    Ok(Measured { file, total_pages, title: None, page_tokens: vec![0; pages.len()] })
}

/// Identifies a content within one account. Other accounts get another hash for the same file.
fn content_hash(account: &Account, sha256: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(account.id.as_bytes());
    hasher.update([0]);
    hasher.update(sha256.as_bytes());
    hex(&hasher.finalize())[..32].to_owned()
}

fn being_deleted() -> Error {
    let message = "This file was deleted just now. Wait two minutes, then upload it again.";
    Error::refused(ErrorCode::Unavailable, message)
}

/// Explains to the user why an image cannot be opened.
fn image_refusal(error: PdfError) -> Error {
    match error {
        PdfError::Document(DocumentFault::Unreadable) | PdfError::WorkerCrashed | PdfError::Timeout(_) => {
            let message = "This image is damaged or too large. Try another copy or a smaller one.";
            Error::refused(ErrorCode::UnreadableDocument, message)
        }
        other => refusal(other),
    }
}
