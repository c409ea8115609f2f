//! A document's pages as they were: drawn by the page engine from the kept file when somebody wants to see them.
//!
//! What was drawn is kept in memory for a while. Who may see it is decided before this is asked.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::sync::Semaphore;

use crate::error::{Error, Result};
use crate::model::ErrorCode;
use crate::pdf::{Engine, PageFault, PdfError};

/// Pictures that are kept, in bytes: some hundreds of pages.
const KEPT_BYTES_MAX: u64 = 48 << 20;
const PICTURE_BYTES: u64 = 120 << 10;
/// Pages that are drawn at once: a reader who shows all of them must not slow each of them beyond its time limit.
const DRAWN_AT_ONCE: usize = 2;
/// How long a page waits for its turn: whoever asked has other things to do.
const TURN_WAIT: Duration = Duration::from_secs(30);

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
    turns: Arc<Semaphore>,
    turn_wait: Duration,
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
        Self {
            engine,
            kept: Arc::new(Cache::with_weighter(items, KEPT_BYTES_MAX, Size)),
            turns: Arc::new(Semaphore::new(DRAWN_AT_ONCE)),
            turn_wait: TURN_WAIT,
        }
    }

    /// The picture of a page of that file, a WebP or JPEG. Those who want the same page at once wait for one drawing.
    pub async fn picture(&self, file: &Path, key: &PageKey) -> Result<Bytes> {
        let draw = async {
            let turn = tokio::time::timeout(self.turn_wait, self.turns.acquire());
            let _turn = turn.await.map_err(|_| busy())?.map_err(Error::internal)?;
            self.engine.page_picture(file, key.page).await.map(Bytes::from).map_err(refusal)
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::pdf::EngineConfig;

    #[tokio::test]
    async fn who_waits_too_long_for_a_turn_is_told_to_come_back() {
        let engine = Engine::new(EngineConfig::new("no-library".into())).unwrap();
        let (turns, turn_wait) = (Arc::new(Semaphore::new(0)), Duration::from_millis(1));
        let originals = Originals { turns, turn_wait, ..Originals::new(engine) };
        let key = PageKey { account_id: "a".into(), content_hash: "c".into(), page: 0 };
        let answer = originals.picture(Path::new("file.pdf"), &key).await;
        assert_eq!(answer.unwrap_err().public().code, ErrorCode::Unavailable);
    }
}
