//! Original pages: pictures of the pages of a document's file, drawn by the page engine on request.
//!
//! Pictures are cached in memory. Callers check first that the account owns the document.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::error::{Error, Result};
use crate::extract::no_worker;
use crate::model::ErrorCode;
use coldbrew_pdf::{Engine, PageFault, PdfError, Requester};

/// The size of the cache in bytes: some hundreds of pages.
const CACHE_BYTES_MAX: u64 = 48 << 20;
/// The size of an average picture, which estimates the number of cached items.
const PICTURE_BYTES: u64 = 120 << 10;

/// A page of an account's file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PageKey {
    pub account_id: String,
    pub content_hash: String,
    /// Counts from 0.
    pub page: u32,
}

/// Draws pages and caches the pictures. Clones share the cache.
#[derive(Clone)]
pub struct Originals {
    engine: Engine,
    cache: Arc<Cache<PageKey, Bytes, Size>>,
}

#[derive(Clone)]
struct Size;

impl Weighter<PageKey, Bytes> for Size {
    fn weight(&self, _: &PageKey, picture: &Bytes) -> u64 {
        picture.len() as u64
    }
}

impl Originals {
    /// An empty cache over this engine.
    pub fn new(engine: Engine) -> Self {
        let items = usize::try_from(CACHE_BYTES_MAX / PICTURE_BYTES).unwrap_or(usize::MAX);
        Self { engine, cache: Arc::new(Cache::with_weighter(items, CACHE_BYTES_MAX, Size)) }
    }

    /// The picture of a page of that file, a WebP or JPEG. Concurrent requests for one page share one drawing.
    ///
    /// # Errors
    /// `unavailable` or `too_many_requests` if the engine has no worker for the requester, and `unavailable` if drawing takes too long.
    /// `unreadable_document` if the page is damaged.
    pub async fn picture(&self, file: &Path, key: &PageKey, requester: &Requester) -> Result<Bytes> {
        let draw = async {
            let drawn = self.engine.page_picture(file, key.page, requester).await;
            drawn.map(Bytes::from).map_err(|error| no_worker(&error).unwrap_or_else(|| refusal(error)))
        };
        self.cache.get_or_insert_async(key, draw).await
    }
}

fn refusal(error: PdfError) -> Error {
    match error {
        error @ (PdfError::Unavailable(_) | PdfError::Io(_)) => Error::unavailable(error),
        // The file was opened before, so a timeout most likely means an overloaded machine.
        PdfError::Timeout(_) | PdfError::Page { reason: PageFault::Timeout, .. } => busy(),
        _ => Error::refused(ErrorCode::UnreadableDocument, "This page is damaged and cannot be shown."),
    }
}

fn busy() -> Error {
    let message = "Drawing this page takes too long right now. Try again in a moment.";
    Error::refused(ErrorCode::Unavailable, message)
}
