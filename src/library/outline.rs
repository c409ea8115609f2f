//! The headings of a document, found in its Markdown.

use pulldown_cmark::{Event, Tag, TagEnd};

use super::markdown::{events, heading_id};
use crate::model::wire::{OutlineEntry, Page};

/// A longer list helps nobody find anything.
const ENTRIES_MAX: usize = 300;
const TEXT_CHARS_MAX: usize = 120;
/// Lower headings are not listed.
const RANK_MAX: u8 = 3;

/// The headings of pages, down to the rank at which the list would become too long.
pub fn of(pages: &[Page]) -> Vec<OutlineEntry> {
    let all: Vec<OutlineEntry> = pages.iter().flat_map(headings).collect();
    let up_to = |rank: u8| all.iter().filter(move |entry| entry.rank <= rank);
    let lowest = (1..=RANK_MAX).rev().find(|&rank| up_to(rank).count() <= ENTRIES_MAX).unwrap_or(1);
    up_to(lowest).take(ENTRIES_MAX).cloned().collect()
}

fn headings(page: &Page) -> Vec<OutlineEntry> {
    let mut found = Vec::new();
    let mut number = 0;
    let mut open: Option<(u8, String)> = None;
    for event in events(&page.markdown) {
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
                    found.push(OutlineEntry { text, rank, page: page.index, id });
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
    fn finds_headings_and_only_headings() {
        let pages = vec![
            page(0, "# A *first* title\n\ntext\n\n```sh\n# a comment\n```\n## Second \\_part\\_"),
            page(4, "#hash\n\n#### Fourth\n\n### Third"),
        ];
        let found: Vec<_> = of(&pages).into_iter().map(|entry| (entry.text, entry.rank, entry.id)).collect();
        let expected = [("A first title", 1, "page-1-1"), ("Second _part_", 2, "page-1-2"), ("Third", 3, "page-5-2")];
        assert_eq!(found, expected.map(|(text, rank, id)| (text.to_owned(), rank, id.to_owned())));
    }

    #[test]
    fn drops_low_ranks_before_it_grows_too_long() {
        let pages: Vec<Page> = (0..200).map(|index| page(index, "# Chapter\n\n## Section\n")).collect();
        let found = of(&pages);
        assert_eq!(found.len(), 200);
        assert!(found.iter().all(|entry| entry.rank == 1));
    }
}
