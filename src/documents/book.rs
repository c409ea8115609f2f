//! A document as a book: its structure over its pages, derived when it is first asked for, and stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::structure::{Guide, Guides, STRUCTURE_VERSION, Scan, StoredStructure, Structure};
use super::{Library, Source};
use crate::accounts::Caller;
use crate::error::Result;
use crate::extract::{OwnPage, check};
use crate::metrics::page_checked;
use crate::model::wire::{DocumentSummary, Page, PageCheck};
use crate::model::{Mode, format_of};
use crate::uploads::upload_key;
use coldbrew_pdf::{PdfError, Priority};

/// Pages that are loaded and scanned in one turn.
const PAGES_AT_ONCE: u32 = 64;

/// What a page that was read with AI is compared with.
struct OwnText {
    /// `None`: the page is a scan. The text behind a scan is no text of its own.
    text: Option<String>,
    figures: usize,
}

impl Library {
    /// The structure of a document. A draft has an outline only.
    ///
    /// # Errors
    /// `unavailable` if the structure has to be derived and the caller's turn does not come in time.
    pub(super) async fn structure(&self, caller: &Caller, document: &DocumentSummary) -> Result<Arc<Structure>> {
        let (account, id) = (&caller.account.id, document.id.as_str());
        if document.is_draft {
            let outline = self.documents.outline(account, id).await?.unwrap_or_default();
            return Ok(Arc::new(Structure::of_outline(outline.into_entries())));
        }
        let stored = self.documents.structure(account, id).await?;
        let guides = match stored {
            Some(stored) if stored.version == STRUCTURE_VERSION => return Ok(Arc::new(stored.structure)),
            Some(older) => Some(older.guides),
            None => self.guides(caller, document).await?,
        };
        let is_final = guides.is_some();
        let guides = guides.unwrap_or_default();
        let structure = self.derived(caller, document, &guides).await?;
        // Without the guides, which the next request may get, it is only shown.
        if is_final {
            let stored = StoredStructure { version: STRUCTURE_VERSION, guides, structure };
            self.documents.keep_structure(account, document, &stored).await?;
            return Ok(Arc::new(stored.structure));
        }
        Ok(Arc::new(structure))
    }

    /// What the file says of its structure. `None`: it could not be opened now.
    async fn guides(&self, caller: &Caller, document: &DocumentSummary) -> Result<Option<Guides>> {
        let account = &caller.account.id;
        let Some(source) = self.documents.source(account, &document.id).await? else { return Ok(None) };
        let upload = self.uploads.upload(account, &source.upload_hash).await?;
        let format = upload.and_then(|upload| format_of(&upload.metadata.content_type));
        if format.is_some_and(|format| !format.has_pages) {
            return Ok(Some(Guides::default()));
        }
        let Some(file) = self.blobs.open(&upload_key(account, &source.content_hash)).await? else {
            return Ok(Some(Guides::default()));
        };
        let opened = self.engine.open(file, Priority::Interactive, &self.shares.of_caller(caller)).await;
        let read = match opened {
            Ok(opened) => both(&opened).await,
            Err(error) => Err(error),
        };
        Ok(match read {
            Ok((bookmarks, labels)) => {
                let guide = |bookmark: coldbrew_pdf::Bookmark| Guide {
                    title: bookmark.title,
                    level: bookmark.level,
                    page: bookmark.page,
                };
                let labels = Some(labels).filter(|labels| !labels.is_empty());
                Some(Guides { bookmarks: bookmarks.into_iter().map(guide).collect(), labels })
            }
            Err(PdfError::BudgetSpent(_) | PdfError::Busy | PdfError::Unavailable(_) | PdfError::Io(_)) => None,
            // It will not open next time either.
            Err(_) => Some(Guides::default()),
        })
    }

    async fn derived(&self, caller: &Caller, document: &DocumentSummary, guides: &Guides) -> Result<Structure> {
        let account = &caller.account.id;
        let source = self.documents.source(account, &document.id).await?.filter(|_| document.mode != Mode::Text);
        let (mut scan, mut checks, mut next) = (Scan::default(), BTreeMap::new(), 0);
        let mut unchecked = 0;
        loop {
            let pages = self.documents.pages(account, &document.id, next, PAGES_AT_ONCE).await?;
            let Some(last) = pages.last() else { break };
            next = last.index + 1;
            let own = self.own_texts(account, source.as_ref(), &pages).await?;
            let work = move || {
                for page in &pages {
                    scan.push(page.index, &page.markdown);
                    let Some(OwnText { text, figures }) = own.get(&page.index) else { continue };
                    match text.as_ref().and_then(|own| check(own, &page.markdown, *figures)) {
                        Some(check) => checks.extend([(page.index, check)]),
                        None => unchecked += 1,
                    }
                }
                (scan, checks, unchecked)
            };
            (scan, checks, unchecked) = self.renderer.run(caller, work).await?;
        }
        checks.values().for_each(|check: &PageCheck| page_checked(check.is_worth_checking));
        let guides = guides.clone();
        let structure = self.renderer.run(caller, move || scan.structure(&guides)).await?;
        Ok(structure.with_checks(checks, unchecked))
    }

    /// The file's own texts of pages that were read with AI, as far as they are recorded.
    async fn own_texts(
        &self,
        account: &str,
        source: Option<&Source>,
        pages: &[Page],
    ) -> Result<BTreeMap<u32, OwnText>> {
        let Some(source) = source else { return Ok(BTreeMap::new()) };
        let read: Vec<u32> = pages.iter().filter(|page| page.failure.is_none()).map(|page| page.index).collect();
        let figures = self.figures.figures(account, &source.content_hash).await?;
        let own = self.figures.own_pages(account, &source.content_hash, &read).await?;
        let text = |(index, own): (u32, OwnPage)| {
            let figures = figures.get(&index).into_iter().flatten().flatten().count();
            (index, OwnText { text: own.facts(figures).text.map(str::to_owned), figures })
        };
        Ok(own.into_iter().map(text).collect())
    }
}

/// What the file knows of its chapters and of the printed numbers of its pages.
async fn both(document: &coldbrew_pdf::Document) -> Result<(Vec<coldbrew_pdf::Bookmark>, Vec<String>), PdfError> {
    Ok((document.bookmarks().await?, document.labels().await?))
}
