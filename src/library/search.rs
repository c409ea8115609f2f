//! Searching a document: all pages, whether or not they are shown.

use super::Library;
use super::markdown::events;
use super::matches::{Query, hits};
use crate::error::Result;
use crate::model::wire::{Found, SearchHit};
use crate::store::Account;

/// Hits that are listed; all are counted.
const HITS_MAX: usize = 200;
/// Pages that are looked through at once.
const PAGES_AT_ONCE: u32 = 200;

impl Library {
    /// Where the document has what is searched for; `None` if that is nothing.
    pub(super) async fn search(&self, account: &Account, id: &str, query: Option<&Query>) -> Result<Option<Found>> {
        let Some(query) = query else { return Ok(None) };
        let mut found = Found::default();
        let mut next = 0;
        loop {
            let pages = self.documents.pages(&account.id, id, next, PAGES_AT_ONCE).await?;
            let Some(last) = pages.last() else { return Ok(Some(found)) };
            next = last.index + 1;
            for page in pages.iter().filter(|page| page.failure.is_none()) {
                let hits = hits(events(&page.markdown), query);
                found.pages += u32::from(!hits.is_empty());
                found.total += u32::try_from(hits.len()).unwrap_or(u32::MAX);
                let room = HITS_MAX - found.hits.len();
                found.hits.extend((1..).zip(hits).take(room).map(|(number, hit)| SearchHit {
                    page: page.index + 1,
                    number,
                    before: hit.before,
                    found: hit.found,
                    after: hit.after,
                }));
            }
        }
    }
}
