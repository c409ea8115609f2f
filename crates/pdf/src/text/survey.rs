//! What the pages of a document have in common: its body text, its headings, its running lines and its words.
//!
//! One page alone cannot tell a heading from an emphasised line, nor a running head from text. A long document is judged by a sample of
//! its pages.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::glyph::Glyph;
use super::headings::{Headings, Styles};
use super::lines::Line;
use super::running::{self, Band};
use super::vocabulary::Vocabulary;
use super::{order, paragraphs};
use crate::document::Bookmark;

/// Pages of a document that are surveyed. A longer one is sampled.
const PAGES_MAX: u32 = 36;
/// So many neighbouring pages are sampled, because left and right pages differ.
const NEIGHBOURS: u32 = 4;
/// What an address shows.
const ADDRESS: [char; 3] = [':', '/', '/'];
/// Pages on which chapters begin that are sampled.
const OPENINGS_MAX: usize = 16;

/// What the pages of a document have in common.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Survey {
    pub(super) headings: Headings,
    pub(super) bands: Vec<Band>,
    pub(super) words: Vocabulary,
    /// A page leads out of the document, or has italics that only show a reference.
    has_links: bool,
}

impl Survey {
    /// Whether it tells nothing, because it failed or no page has text.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the links of a page are worth reading, which takes a twelfth of the time of a page. A page that shows an address has one.
    pub(crate) fn wants_links(&self, page: &[Glyph]) -> bool {
        self.has_links
            || self.is_empty()
            || page.windows(ADDRESS.len()).any(|run| run.iter().map(|glyph| glyph.char).eq(ADDRESS))
    }

    pub(super) fn with_links(mut self, has_links: bool) -> Self {
        self.has_links = has_links;
        self
    }

    /// Surveys some pages of a document, each with its number and its lines.
    pub(super) fn of(pages: Vec<(u32, Vec<Line>)>, bookmarks: &[Bookmark]) -> Self {
        let bands = running::bands(&pages);
        let mut headings = Headings::of_bookmarks(bookmarks);
        let mut styles = Styles::default();
        let mut words = Vocabulary::default();
        for (page, lines) in pages {
            let lines = order::reading_order(running::without(lines, &bands, |line| headings.is_title(page, line)));
            lines.iter().for_each(|line| words.add(&line.text));
            for paragraph in paragraphs::group(lines) {
                styles.add(&paragraph, headings.bookmarked(page, &paragraph));
            }
        }
        headings.set_styles(styles);
        Self { headings, bands, words, has_links: false }
    }
}

/// The pages of a document that are surveyed, in order.
pub(crate) fn sample(total_pages: u32, bookmarks: &[Bookmark]) -> Vec<u32> {
    if total_pages <= PAGES_MAX {
        return (0..total_pages).collect();
    }
    let mut openings: Vec<u32> =
        bookmarks.iter().filter(|bookmark| bookmark.level <= 2).filter_map(|of| of.page).collect();
    openings.dedup();
    let step = openings.len().div_ceil(OPENINGS_MAX).max(1);
    let mut pages: BTreeSet<u32> = openings.into_iter().step_by(step).filter(|page| *page < total_pages).collect();
    let groups = (PAGES_MAX - pages.len() as u32) / NEIGHBOURS;
    for group in 0..groups {
        // In the middle of each part of the document.
        let start = u64::from(total_pages) * u64::from(2 * group + 1) / u64::from(2 * groups);
        pages.extend((start as u32..total_pages).take(NEIGHBOURS as usize));
    }
    pages.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sample_is_bounded_and_within_the_document(
            total in 1_u32..20_000,
            pages in proptest::collection::vec((any::<Option<u32>>(), 1_u8..4), 0..60),
        ) {
            let bookmark = |(page, level)| Bookmark { title: String::new(), level, page };
            let sampled = sample(total, &pages.into_iter().map(bookmark).collect::<Vec<_>>());
            prop_assert!(!sampled.is_empty() && sampled.len() <= PAGES_MAX as usize);
            prop_assert!(sampled.is_sorted() && sampled.iter().all(|page| *page < total));
        }
    }

    #[test]
    fn links_are_wanted_where_the_document_or_the_page_has_addresses() {
        let text = |text: &str| super::super::testing::glyphs(text, 50.0, 80.0);
        let mut words = Vocabulary::default();
        words.add("some words");
        let without = Survey { words, ..Survey::default() };
        assert!(!without.wants_links(&text("no address: none")));
        assert!(without.wants_links(&text("see https://example.org")));
        assert!(without.with_links(true).wants_links(&text("here")));
    }

    #[test]
    fn sample_has_neighbours_and_the_pages_on_which_chapters_begin() {
        let bookmark = |page| Bookmark { title: String::new(), level: 1, page: Some(page) };
        let sampled = sample(1_000, &[bookmark(7), bookmark(600)]);
        assert!(sampled.contains(&7) && sampled.contains(&600));
        let neighbours = sampled.windows(3).filter(|pages| pages[2] - pages[0] == 2).count();
        assert!(neighbours >= 8, "{sampled:?}");
    }
}
