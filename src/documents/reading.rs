//! A document as the reader shows it: one span of its pages, with the outline and links to all other spans.

use std::sync::Arc;

use super::structure::References;
use super::{Library, READER_PAGES};
use crate::accounts::Account;
use crate::accounts::Caller;
use crate::error::Result;
use crate::markdown::matches::Query;
use crate::model::wire::{
    DocumentSummary, DocumentView, JobView, Opened, Original, OutlineEntry, Page, PageView, ReaderRequest, Span,
};
use crate::model::{ApiError, Mode, PageSet, format_of};
use crate::uploads::upload_key;

/// The most entries of an outline in one page of HTML. Few books have a tenth of it.
const OUTLINE_MAX: usize = 5_000;

impl Library {
    /// Opens a document at a place. While its job is active, its draft is opened.
    ///
    /// # Errors
    /// `not_found` if there is neither a document nor a job that will fill it. `unavailable` if a turn at rendering, a worker or a draft's
    /// rest does not come in time.
    pub async fn open(&self, caller: &Caller, id: &str, place: &ReaderRequest) -> Result<Opened> {
        let account = &caller.account;
        let mut found = self.documents.document(&account.id, id).await?;
        // A job that reads pages again makes no document, so it cannot bring back a deleted one.
        let job = self.jobs.filling(&account.id, id).await?.filter(|job| found.is_some() || !job.rereads);
        let working = job.clone().filter(|job| job.status.is_active());
        if let (None, Some(job)) = (&found, &working) {
            self.begin_draft(account, job).await?;
            found = self.documents.document(&account.id, id).await?;
        }
        match (found, job) {
            (Some(document), job) => {
                let reread = job.filter(|job| job.rereads);
                let reading = self.reading(caller, document, (working, reread), place).await?;
                Ok(Opened::Document(Box::new(reading)))
            }
            // A document that was deleted is gone, whatever job filled it.
            (None, Some(job)) if job.document_id.is_none() => Ok(Opened::Job(job.content_hash)),
            _ => Err(ApiError::not_found("document").into()),
        }
    }

    async fn reading(
        &self,
        caller: &Caller,
        document: DocumentSummary,
        (job, reread): (Option<JobView>, Option<JobView>),
        place: &ReaderRequest,
    ) -> Result<DocumentView> {
        let account = &caller.account;
        let id = document.id.as_str();
        let query = Query::parse(&place.query);
        let drafted = job.as_ref().filter(|_| document.is_draft);
        let indices: Vec<u32> = match drafted {
            Some(job) => job.pages.iter().collect(),
            None => self.documents.page_indices(&account.id, id).await?,
        };
        let mut place = place.clone();
        if let (Some(label), None) = (&place.label, place.page) {
            place.page = self.structure(caller, &document).await?.page_of(label).map(|page| page + 1);
        }
        let place = &place;
        let from = start_of(&indices, place);
        let span = &indices[(from as usize).min(indices.len())..];
        let span: PageSet = span.iter().take(READER_PAGES as usize).copied().collect();
        let rest = !place.pages_only;
        if let Some(job) = drafted {
            self.read_draft(caller, job, &span).await?;
            if rest && query.is_some() {
                self.completed(caller, id).await?;
            }
        }
        let structure = self.structure(caller, &document).await?;
        let pages = self.documents.pages(&account.id, id, span.iter().next().unwrap_or(0), READER_PAGES).await?;
        let (original, page_tokens) = self.original_of(account, id).await?;
        let is_offered = original == Original::Kept && document.mode != Mode::Text && job.is_none();
        let reread_tokens =
            |index: u32| page_tokens.get(index as usize).filter(|_| is_offered).map(|&tokens| u64::from(tokens));
        let references = Arc::new(References::new(Arc::clone(&structure)));
        let mut views = Vec::with_capacity(pages.len());
        for page in pages {
            let page = Page { markdown: structure.applied(page.index, &page.markdown).into_owned(), ..page };
            let html = self.renderer.page(caller, id, &page, &references, query.as_ref()).await?;
            views.push(PageView {
                index: page.index,
                label: structure.label(page.index).map(str::to_owned),
                check: structure.checks().get(&page.index).copied(),
                html: html.to_string(),
                failure: page.failure,
                note: page.note,
                reread_tokens: reread_tokens(page.index),
            });
        }
        let checks = structure.checks().iter().filter(|(_, check)| rest && check.is_worth_checking);
        Ok(DocumentView {
            original,
            outline: if rest { shown(structure.outline()) } else { Vec::new() },
            checked_pages: u32::try_from(structure.checks().len()).unwrap_or(u32::MAX),
            unchecked_pages: structure.unchecked(),
            worth_checking: checks.map(|(page, _)| (*page, structure.label(*page).map(str::to_owned))).collect(),
            found: if rest { self.search(caller, id, &structure, query.as_ref()).await? } else { None },
            spans: spans(&indices),
            from,
            pages: views,
            // A draft shows the page count of the finished document, so that the reader does not see its progress.
            document: match drafted {
                Some(_) => DocumentSummary { pages: count_of(&indices), failed_pages: 0, ..document },
                None => document,
            },
            job,
            reread,
        })
    }

    /// Whether the file that the document's pages are drawn from is stored, and the realtime prices of its pages.
    async fn original_of(&self, account: &Account, id: &str) -> Result<(Original, Vec<u32>)> {
        let source = self.documents.source(&account.id, id).await?;
        let Some(source) = source else { return Ok((Original::Gone, Vec::new())) };
        let upload = self.uploads.upload(&account.id, &source.upload_hash).await?;
        let format = upload.as_ref().and_then(|upload| format_of(&upload.metadata.content_type));
        // A text file has no pages to draw. An image is stored as a one-page PDF.
        if format.is_some_and(|format| format.free && !format.has_pages) {
            return Ok((Original::None, Vec::new()));
        }
        let kept = self.blobs.open(&upload_key(&account.id, &source.content_hash)).await?;
        let page_tokens = upload.map(|upload| upload.page_tokens).unwrap_or_default();
        Ok((if kept.is_some() { Original::Kept } else { Original::Gone }, page_tokens))
    }
}

/// The entries down to the level at which they are not too many for a page.
fn shown(outline: &[OutlineEntry]) -> Vec<OutlineEntry> {
    let counts = |rank: &u8| outline.iter().filter(|entry| entry.rank <= *rank).count() <= OUTLINE_MAX;
    let rank_max = (1..=u8::MAX).rev().find(counts).unwrap_or(1);
    outline.iter().filter(|entry| entry.rank <= rank_max).take(OUTLINE_MAX).cloned().collect()
}

/// The number of pages before the span that contains a place.
fn start_of(indices: &[u32], place: &ReaderRequest) -> u32 {
    let before = match (place.from, place.page) {
        (Some(from), _) => from as usize,
        (None, Some(page)) => indices.partition_point(|&index| index + 1 < page),
        (None, None) => 0,
    };
    let before = before.min(indices.len().saturating_sub(1));
    u32::try_from(before).unwrap_or(0) / READER_PAGES * READER_PAGES
}

fn count_of(indices: &[u32]) -> u32 {
    u32::try_from(indices.len()).unwrap_or(u32::MAX)
}

fn spans(indices: &[u32]) -> Vec<Span> {
    let span = |(number, pages): (u32, &[u32])| {
        Some(Span { from: number * READER_PAGES, first: pages.first()? + 1, last: pages.last()? + 1 })
    };
    (0..).zip(indices.chunks(READER_PAGES as usize)).filter_map(span).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_is_found_in_its_span() {
        let indices: Vec<u32> = (0..50).chain([99]).collect();
        let start = |from, page| start_of(&indices, &ReaderRequest { from, page, ..ReaderRequest::default() });
        assert_eq!([start(None, None), start(Some(40), None), start(Some(45), None)], [0, 40, 40]);
        assert_eq!([start(None, Some(20)), start(None, Some(21)), start(None, Some(70))], [0, 20, 40]);
        assert_eq!([start(Some(900), None), start(None, Some(900)), start(None, Some(0))], [40, 40, 0]);
        assert_eq!(start_of(&[], &ReaderRequest { page: Some(3), ..ReaderRequest::default() }), 0);
        let last = Span { from: 40, first: 41, last: 100 };
        assert_eq!(spans(&indices).last(), Some(&last));
    }
}
