//! Full-text search in all pages of a document.

use std::sync::Arc;

use super::Library;
use super::structure::Structure;
use crate::accounts::Caller;
use crate::error::Result;
use crate::markdown::Source;
use crate::markdown::matches::{Query, hits};
use crate::model::wire::{Page, SearchHit, SearchResults};

/// The most hits that are listed. All are counted.
const HITS_MAX: usize = 200;
/// Pages that are searched in one turn.
const PAGES_AT_ONCE: u32 = 32;

impl Library {
    /// The hits in the document; `None` without a query.
    pub(super) async fn search(
        &self,
        caller: &Caller,
        id: &str,
        structure: &Arc<Structure>,
        query: Option<&Query>,
    ) -> Result<Option<SearchResults>> {
        let Some(query) = query else { return Ok(None) };
        let mut found = SearchResults::default();
        let mut next = 0;
        loop {
            let pages = self.documents.pages(&caller.account.id, id, next, PAGES_AT_ONCE).await?;
            let Some(last) = pages.last() else { return Ok(Some(found)) };
            next = last.index + 1;
            let (query, structure) = (query.clone(), Arc::clone(structure));
            let search = move || {
                pages.iter().for_each(|page| search_page(page, &structure, &query, &mut found));
                found
            };
            found = self.renderer.run(caller, search).await?;
        }
    }
}

fn search_page(page: &Page, structure: &Structure, query: &Query, found: &mut SearchResults) {
    let text = structure.applied(page.index, &page.markdown);
    let (count, listed) = hits(Source::of(&text).events(), query, HITS_MAX - found.hits.len());
    found.pages += u32::from(count > 0);
    found.total = found.total.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
    found.hits.extend((1..).zip(listed).map(|(number, hit)| SearchHit {
        page: page.index + 1,
        label: structure.label(page.index).map(str::to_owned),
        chapter: structure.chapter_of(page.index, hit.headings).map(str::to_owned),
        number,
        before: hit.before,
        found: hit.found,
        after: hit.after,
    }));
}
