//! A document's pages as they were: drawn by the page engine from the kept file when somebody wants to see them.
//!
//! What was drawn is kept in memory for a while. Who may see it is decided before this is asked.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::error::{Error, Result};
use crate::extract::no_worker;
use crate::model::ErrorCode;
use coldbrew_pdf::{Engine, PageFault, PdfError, Requester};

/// Pictures that are kept, in bytes: some hundreds of pages.
const KEPT_BYTES_MAX: u64 = 48 << 20;
const PICTURE_BYTES: u64 = 120 << 10;

/// A page of a content of an account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PageKey {
    pub account_id: String,
    pub content_hash: String,
    pub page: u32,
}

/// Draws pages. Clones share what is kept.
#[derive(Clone)]
pub struct Originals {
    engine: Engine,
    kept: Arc<Cache<PageKey, Bytes, Size>>,
}

#[derive(Clone)]
struct Size;

impl Weighter<PageKey, Bytes> for Size {
    fn weight(&self, _: &PageKey, picture: &Bytes) -> u64 {
        picture.len() as u64
    }
}

impl Originals {
    /// Nothing is drawn yet.
    pub fn new(engine: Engine) -> Self {
        let items = usize::try_from(KEPT_BYTES_MAX / PICTURE_BYTES).unwrap_or(usize::MAX);
        Self { engine, kept: Arc::new(Cache::with_weighter(items, KEPT_BYTES_MAX, Size)) }
    }

    /// The picture of a page of that file, a WebP or JPEG. Requests for the same page at once wait for one drawing.
    pub async fn picture(&self, file: &Path, key: &PageKey, requester: &Requester) -> Result<Bytes> {
        let draw = async {
            let drawn = self.engine.page_picture(file, key.page, requester).await;
            drawn.map(Bytes::from).map_err(|error| no_worker(&error).unwrap_or_else(|| refusal(error)))
        };
        self.kept.get_or_insert_async(key, draw).await
    }
}

fn refusal(error: PdfError) -> Error {
    match error {
        error @ (PdfError::Unavailable(_) | PdfError::Io(_)) => Error::unavailable(error),
        // The file was opened before, and hardly a page takes so long by itself: the machine has too much to do.
        PdfError::Timeout(_) | PdfError::Page { reason: PageFault::Timeout, .. } => busy(),
        _ => Error::refused(ErrorCode::UnreadableDocument, "This page cannot be drawn: it is damaged."),
    }
}

fn busy() -> Error {
    let words = "Drawing this page takes too long at the moment. Please try again in a little while.";
    Error::refused(ErrorCode::Unavailable, words)
}
