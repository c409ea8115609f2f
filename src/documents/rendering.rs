//! Rendering beside the event loop: work on documents' texts, which takes the processor for a while, done for one caller after the other.
//!
//! The size and the depth of a text bound how long it takes (`markdown/source.rs`), since a thread cannot be stopped. The time budget is
//! the second wall: a page that exceeds it is shown as it was written.

mod turns;

use std::sync::Arc;
use std::time::Duration;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};
use tokio::task::JoinHandle;

use crate::accounts::Caller;
use crate::error::{Error, Result};
use crate::markdown::matches::Query;
use crate::markdown::{Setting, html_of, preformatted};
use crate::model::wire::Page;
use crate::settings::Settings;
use turns::Turns;

/// A rendered page of ordinary length, for the number of pages that are kept.
const PAGE_HTML_BYTES: u64 = 8 << 10;
/// A page of ordinary text takes milliseconds.
const PAGE_TIMEOUT: Duration = Duration::from_secs(2);

/// How much is rendered at once, for how long, and what is kept of it.
#[derive(Clone, Copy, Debug)]
pub struct RenderingLimits {
    /// Texts that are worked on at once; of one account or network, one.
    pub at_once_max: usize,
    /// How long rendering one page may take before it is shown as it was written.
    pub page_timeout: Duration,
    /// Rendered pages that are kept in memory, in bytes.
    pub kept_bytes_max: u64,
}

impl RenderingLimits {
    pub fn read(from: &mut Settings) -> Self {
        Self {
            at_once_max: from.positive("rendering.at-once-max", "COLDBREW_RENDERING_AT_ONCE_MAX", 2),
            page_timeout: PAGE_TIMEOUT,
            kept_bytes_max: from.value("rendering.kept-bytes-max", "COLDBREW_RENDERING_KEPT_BYTES_MAX", 32 << 20),
        }
    }
}

/// A page of a document in one edition of its text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct PageKey {
    document_id: String,
    index: u32,
    /// SHA-256 of the text.
    edition: [u8; 32],
}

/// Renders pages. Clones share what is kept, and the turns.
#[derive(Clone)]
pub struct Renderer {
    turns: Turns,
    kept: Arc<Cache<PageKey, Arc<str>, Size>>,
    page_timeout: Duration,
}

#[derive(Clone)]
struct Size;

impl Weighter<PageKey, Arc<str>> for Size {
    fn weight(&self, key: &PageKey, html: &Arc<str>) -> u64 {
        (key.document_id.len() + html.len() + size_of::<PageKey>()) as u64
    }
}

impl Renderer {
    /// Nothing is kept yet.
    pub fn new(limits: RenderingLimits) -> Self {
        let items = usize::try_from(limits.kept_bytes_max / PAGE_HTML_BYTES).unwrap_or(usize::MAX);
        Self {
            turns: Turns::new(limits.at_once_max),
            kept: Arc::new(Cache::with_weighter(items, limits.kept_bytes_max, Size)),
            page_timeout: limits.page_timeout,
        }
    }

    /// The HTML of a page of that document, for the reader. Without a query it is kept.
    ///
    /// # Errors
    /// `unavailable` if the caller's turn does not come in time.
    pub async fn page(
        &self,
        caller: &Caller,
        document_id: &str,
        page: &Page,
        query: Option<&Query>,
    ) -> Result<Arc<str>> {
        if query.is_some() {
            return self.render(caller, page, query, None).await;
        }
        let edition = Sha256::digest(page.markdown.as_bytes()).into();
        let key = PageKey { document_id: document_id.to_owned(), index: page.index, edition };
        match self.kept.get(&key) {
            Some(html) => Ok(html),
            None => self.render(caller, page, None, Some(key)).await,
        }
    }

    async fn render(
        &self,
        caller: &Caller,
        page: &Page,
        query: Option<&Query>,
        key: Option<PageKey>,
    ) -> Result<Arc<str>> {
        let (markdown, index, query, kept) =
            (page.markdown.clone(), page.index, query.cloned(), Arc::clone(&self.kept));
        let rendering = self.begin(caller, move || {
            let html: Arc<str> = html_of(&markdown, index, Setting::Reader(query.as_ref())).into();
            // Also if the reader was given the text as it was written meanwhile.
            if let Some(key) = key {
                kept.insert(key, Arc::clone(&html));
            }
            html
        });
        match tokio::time::timeout(self.page_timeout, rendering.await?).await {
            Ok(Ok(html)) => Ok(html),
            Ok(Err(error)) => {
                // A parser has a fault that this text brings out: the text can be read all the same. A panic's words may quote it.
                tracing::error!(page = index, is_panic = error.is_panic(), "a page could not be rendered");
                Ok(preformatted(&page.markdown).into())
            }
            Err(_) => Ok(preformatted(&page.markdown).into()),
        }
    }

    /// Does work on the text of the caller's documents beside the event loop, when the caller's turn has come.
    ///
    /// # Errors
    /// `unavailable` if the turn does not come in time, `internal` if the work panics.
    pub async fn run<T: Send + 'static>(
        &self,
        caller: &Caller,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        // What a panic says may quote the text.
        self.begin(caller, work).await?.await.map_err(|_| Error::internal("work on a text panicked"))
    }

    /// Begins when the turn has come; the turn ends with the work, whether or not a caller still waits for it.
    async fn begin<T: Send + 'static>(
        &self,
        caller: &Caller,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<JoinHandle<T>> {
        let turn = self.turns.next(caller).await?;
        Ok(tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
