//! The outline of a document: its headings. Deep ranks are left out if there are too many.
//!
//! It is built from pages in any order and stored with them. The number of entries is limited.

use pulldown_cmark::{Event, Tag, TagEnd};
use serde::{Deserialize, Serialize};

use super::{PAGE_BYTES_MAX, Source, heading_id};
use crate::model::wire::{OutlineEntry, Page};

/// A longer list is of no help to a reader.
const ENTRIES_MAX: usize = 300;
const TEXT_CHARS_MAX: usize = 120;
/// Headings of deeper ranks are not listed.
const RANK_MAX: u8 = 3;

/// The headings of some pages, down to a rank at which they fit into the limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outline {
    /// The deepest rank that is listed, 1 to 3. It only decreases.
    rank_max: u8,
    /// In the order of the document.
    entries: Vec<OutlineEntry>,
}

impl Default for Outline {
    fn default() -> Self {
        Self { rank_max: RANK_MAX, entries: Vec::new() }
    }
}

impl Outline {
    /// Adds a page's headings, or replaces them. Headings after the first [`PAGE_BYTES_MAX`] of a page are not listed.
    pub fn add(&mut self, page: &Page) {
        if self.is_full_before(page.index) {
            return;
        }
        self.entries.retain(|entry| entry.page != page.index);
        let before = self.entries.partition_point(|entry| entry.page < page.index);
        let found = headings(page).into_iter().filter(|entry| entry.rank <= self.rank_max);
        self.entries.splice(before..before, found);
        while self.entries.len() > ENTRIES_MAX && self.rank_max > 1 {
            self.rank_max -= 1;
            self.entries.retain(|entry| entry.rank <= self.rank_max);
        }
        self.entries.truncate(ENTRIES_MAX);
    }

    /// Whether no heading of that page or a later one can be listed.
    fn is_full_before(&self, page: u32) -> bool {
        self.rank_max == 1
            && self.entries.len() == ENTRIES_MAX
            && self.entries.last().is_some_and(|last| last.page < page)
    }

    /// The outline of these pages.
    pub fn of<'a>(pages: impl IntoIterator<Item = &'a Page>) -> Self {
        let mut outline = Self::default();
        pages.into_iter().for_each(|page| outline.add(page));
        outline
    }

    /// The entries in the order of the document.
    pub fn into_entries(self) -> Vec<OutlineEntry> {
        self.entries
    }
}

fn headings(page: &Page) -> Vec<OutlineEntry> {
    if !page.markdown.starts_with('#') && !page.markdown.contains("\n#") {
        return Vec::new();
    }
    let text = &page.markdown[..page.markdown.floor_char_boundary(PAGE_BYTES_MAX)];
    let mut found = Vec::new();
    let mut number = 0;
    let mut open: Option<(u8, String)> = None;
    for event in Source::of(text).events() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                number += 1;
                open = Some((level as u8, String::new()));
            }
            Event::End(TagEnd::Heading(_)) => {
                let Some((rank, text)) = open.take() else { continue };
                let text: String = text.trim().chars().take(TEXT_CHARS_MAX).collect();
                if rank <= RANK_MAX && !text.is_empty() {
                    let id = heading_id(page.index + 1, number);
                    found.push(OutlineEntry { text, rank, page: page.index, id, label: None });
                }
            }
            Event::Text(words) | Event::Code(words) | Event::InlineMath(words) => {
                if let Some((_, text)) = &mut open {
                    text.push_str(&words);
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(index: u32, markdown: &str) -> Page {
        Page { index, markdown: markdown.into(), failure: None, note: None }
    }

    #[test]
    fn outline_lists_headings_only() {
        let pages = [
            page(0, "# A *first* title\n\ntext\n\n```sh\n# a comment\n```\n## Second \\_part\\_"),
            page(4, "#hash\n\n#### Fourth\n\n### Third"),
        ];
        let found = Outline::of(&pages).into_entries();
        let found: Vec<_> = found.into_iter().map(|entry| (entry.text, entry.rank, entry.id)).collect();
        let expected = [("A first title", 1, "page-1-1"), ("Second _part_", 2, "page-1-2"), ("Third", 3, "page-5-2")];
        assert_eq!(found, expected.map(|(text, rank, id)| (text.to_owned(), rank, id.to_owned())));
    }

    #[test]
    fn outline_too_long_drops_deep_ranks() {
        let pages: Vec<Page> = (0..200).map(|index| page(index, "# Chapter\n\n## Section\n")).collect();
        let found = Outline::of(&pages).into_entries();
        assert_eq!(found.len(), 200);
        assert!(found.iter().all(|entry| entry.rank == 1));
    }

    #[test]
    fn outline_does_not_depend_on_order_or_repetition_of_pages() {
        for headings in ["# A\n\n## B\n\n### C", "# A", "## B\n\n### C"] {
            let pages: Vec<Page> = (0..120).map(|index| page(index, headings)).collect();
            let mut mixed: Vec<&Page> = pages.iter().rev().chain(&pages[50..60]).collect();
            mixed.rotate_left(37);
            assert_eq!(Outline::of(mixed), Outline::of(&pages));
        }
    }

    #[test]
    fn outline_of_too_many_chapters_has_the_first_ones() {
        let pages: Vec<Page> = (0..20).map(|index| page(index, &"# a\n".repeat(5_000))).collect();
        let outline = Outline::of(pages.iter().rev());
        assert_eq!(outline, Outline::of(&pages));
        assert_eq!(outline.into_entries().len(), ENTRIES_MAX);
    }
}
