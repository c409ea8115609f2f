//! CPU-bound work on documents' texts: it runs on blocking threads, and callers take turns.
//!
//! A thread cannot be stopped, so limits on a text's size and depth bound its work (`src/markdown/source.rs`). The timeout is the second
//! limit: a page that exceeds it is shown as plain Markdown.

mod turns;

use std::sync::Arc;
use std::time::Duration;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};
use tokio::task::JoinHandle;

use super::structure::References;
use crate::accounts::Caller;
use crate::error::{Error, Result};
use crate::markdown::matches::Query;
use crate::markdown::{Setting, html_of, preformatted};
use crate::model::wire::Page;
use crate::settings::Settings;
use turns::Turns;

/// The size of an average rendered page, which estimates the number of cached items.
const PAGE_HTML_BYTES: u64 = 8 << 10;
/// An ordinary page takes milliseconds.
const PAGE_TIMEOUT: Duration = Duration::from_secs(2);

/// Limits of rendering: concurrency, time and cache size.
#[derive(Clone, Copy, Debug)]
pub struct RenderingLimits {
    /// Texts that are processed at once. Each account and each network has at most one of them.
    pub at_once_max: usize,
    /// A page that takes longer to render is shown as plain Markdown.
    pub page_timeout: Duration,
    /// The size of the cache of rendered pages, in bytes.
    pub kept_bytes_max: u64,
}

impl RenderingLimits {
    /// Reads the settings `rendering.*`.
    pub fn read(from: &mut Settings) -> Self {
        Self {
            at_once_max: from.positive("rendering.at-once-max", "COLDBREW_RENDERING_AT_ONCE_MAX", 2),
            page_timeout: PAGE_TIMEOUT,
            kept_bytes_max: from.value("rendering.kept-bytes-max", "COLDBREW_RENDERING_KEPT_BYTES_MAX", 32 << 20),
        }
    }
}

/// A page of a document with one version of its text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct PageKey {
    document_id: String,
    index: u32,
    /// SHA-256 of the text.
    text_hash: [u8; 32],
    /// The version of the places that the references of the text lead to.
    references: u32,
}

/// Renders pages and caches them. Clones share the cache and the turns.
#[derive(Clone)]
pub struct Renderer {
    turns: Turns,
    cache: Arc<Cache<PageKey, Arc<str>, Size>>,
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
    /// A renderer with an empty cache.
    pub fn new(limits: RenderingLimits) -> Self {
        let items = usize::try_from(limits.kept_bytes_max / PAGE_HTML_BYTES).unwrap_or(usize::MAX);
        Self {
            turns: Turns::new(limits.at_once_max),
            cache: Arc::new(Cache::with_weighter(items, limits.kept_bytes_max, Size)),
            page_timeout: limits.page_timeout,
        }
    }

    /// The reader's HTML of a page, with its references as links. It is cached if there is no query.
    ///
    /// # Errors
    /// `unavailable` if the caller's turn does not come in time.
    pub async fn page(
        &self,
        caller: &Caller,
        document_id: &str,
        page: &Page,
        references: &Arc<References>,
        query: Option<&Query>,
    ) -> Result<Arc<str>> {
        if query.is_some() {
            return self.render(caller, page, references, query, None).await;
        }
        let text_hash = Sha256::digest(page.markdown.as_bytes()).into();
        let key = PageKey {
            document_id: document_id.to_owned(),
            index: page.index,
            text_hash,
            references: references.version(),
        };
        match self.cache.get(&key) {
            Some(html) => Ok(html),
            None => self.render(caller, page, references, None, Some(key)).await,
        }
    }

    async fn render(
        &self,
        caller: &Caller,
        page: &Page,
        references: &Arc<References>,
        query: Option<&Query>,
        key: Option<PageKey>,
    ) -> Result<Arc<str>> {
        let (markdown, index, query, cache) =
            (page.markdown.clone(), page.index, query.cloned(), Arc::clone(&self.cache));
        let references = Arc::clone(references);
        let rendering = self.begin(caller, move || {
            let html: Arc<str> = html_of(&markdown, index, Setting::Reader(query.as_ref()), Some(&*references)).into();
            // After a timeout too, so that the next request gets the rendered page.
            if let Some(key) = key {
                cache.insert(key, Arc::clone(&html));
            }
            html
        });
        match tokio::time::timeout(self.page_timeout, rendering.await?).await {
            Ok(Ok(html)) => Ok(html),
            Ok(Err(error)) => {
                // A bug in a parser. The panic's message is not logged because it may quote the text.
                tracing::error!(page = index, is_panic = error.is_panic(), "rendering a page failed");
                Ok(preformatted(&page.markdown).into())
            }
            Err(_) => Ok(preformatted(&page.markdown).into()),
        }
    }

    /// Runs CPU-bound work on the caller's texts on a blocking thread, once the caller has a turn.
    ///
    /// # Errors
    /// `unavailable` if the turn does not come in time, `internal` if the work panics.
    pub async fn run<T: Send + 'static>(
        &self,
        caller: &Caller,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        // The panic's message may quote the text.
        self.begin(caller, work).await?.await.map_err(|_| Error::internal("work on a text panicked"))
    }

    /// Starts the work once the caller has a turn. The turn ends with the work, even if the caller has gone.
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
