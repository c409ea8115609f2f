//! The headings of a document, found in its Markdown.

use crate::model::wire::{OutlineEntry, Page};

/// A longer list helps nobody find anything.
const ENTRIES_MAX: usize = 300;
const TEXT_CHARS_MAX: usize = 120;

/// The headings of pages that come with their places, down to the rank at which the list would become too long.
pub fn of(pages: Vec<(u32, Page)>) -> Vec<OutlineEntry> {
    let all: Vec<OutlineEntry> = pages.iter().flat_map(|(place, page)| headings(*place, page)).collect();
    let up_to = |rank: u8| all.iter().filter(move |entry| entry.rank <= rank);
    let lowest = (1..=3).rev().find(|&rank| up_to(rank).count() <= ENTRIES_MAX).unwrap_or(1);
    up_to(lowest).take(ENTRIES_MAX).cloned().collect()
}

fn headings(place: u32, page: &Page) -> Vec<OutlineEntry> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in page.markdown.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        }
        let rank = line.bytes().take_while(|&byte| byte == b'#').count();
        let text = line.get(rank..).and_then(|rest| rest.strip_prefix(' ')).map(plain);
        if let (false, 1..=3, Some(text)) = (fenced, rank, text)
            && !text.is_empty()
        {
            found.push(OutlineEntry { text, rank: rank as u8, page: page.index, place });
        }
    }
    found
}

/// The words of a heading without its marks.
fn plain(heading: &str) -> String {
    let unmarked = heading.trim().trim_end_matches('#').replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let mut escaped = false;
    let kept = unmarked.chars().filter(|&c| {
        let is_mark = !escaped && matches!(c, '*' | '_' | '`' | '\\');
        escaped = !escaped && c == '\\';
        !is_mark
    });
    kept.take(TEXT_CHARS_MAX).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(index: u32, markdown: &str) -> (u32, Page) {
        (index, Page { index, markdown: markdown.into(), failure: None, note: None })
    }

    #[test]
    fn finds_headings_and_only_headings() {
        let pages = vec![
            page(0, "# A *first* title\n\ntext\n\n```sh\n# a comment\n```\n## Second \\_part\\_"),
            page(4, "#hash\n\n### Third"),
        ];
        let found: Vec<_> = of(pages).into_iter().map(|entry| (entry.text, entry.rank, entry.page)).collect();
        let expected = [("A first title", 1, 0), ("Second _part_", 2, 0), ("Third", 3, 4)];
        assert_eq!(found, expected.map(|(text, rank, page)| (text.to_owned(), rank, page)));
    }

    #[test]
    fn drops_low_ranks_before_it_grows_too_long() {
        let pages = (0..200).map(|index| page(index, "# Chapter\n\n## Section\n")).collect();
        let found = of(pages);
        assert_eq!(found.len(), 200);
        assert!(found.iter().all(|entry| entry.rank == 1));
    }
}
