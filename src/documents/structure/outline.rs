//! The table of contents: the titles that guide, or else the headings, each with its page and the place to go to.

use super::levels::Decided;
use super::lines::PageLines;
use super::places::LinePlace;
use super::{Change, Guide};
use crate::markdown::heading_id;
use crate::model::wire::OutlineEntry;

/// A longer title is cut.
const TITLE_CHARS_MAX: usize = 200;
/// Headings of deeper levels are not listed where the headings are the outline.
const LEVEL_MAX: u8 = 3;
/// More entries are left out. The largest outline of a file that was seen has 12,000.
const ENTRIES_MAX: usize = 20_000;

pub(super) fn of(
    pages: &[PageLines],
    guides: &[Guide],
    placed: &[Option<LinePlace>],
    decided: &Decided,
    labels: &[Option<String>],
) -> Vec<OutlineEntry> {
    let is_guided = placed.iter().flatten().next().is_some() || !guides.is_empty();
    let entry = |text: &str, level: u8, at: usize, line: Option<usize>| OutlineEntry {
        text: text.chars().take(TITLE_CHARS_MAX).collect(),
        rank: level,
        page: pages[at].index,
        id: line.map_or_else(|| format!("page-{}", pages[at].number()), |line| anchor(&pages[at], &decided[at], line)),
        label: labels[at].clone(),
    };
    let entries: Vec<OutlineEntry> = if is_guided {
        let of_guide = |(guide, place): (&Guide, &Option<LinePlace>)| {
            let at = match place {
                Some(place) => place.page,
                None => pages.binary_search_by_key(&guide.page?, |page| page.index).ok()?,
            };
            Some(entry(&guide.title, guide.level, at, place.map(|place| place.line)))
        };
        guides.iter().zip(placed).filter_map(of_guide).take(ENTRIES_MAX).collect()
    } else {
        let mut entries = Vec::new();
        for (at, page) in pages.iter().enumerate() {
            for (line, change) in decided[at].iter().enumerate() {
                let Change::Heading(level @ 1..=LEVEL_MAX) = change else { continue };
                let rest = decided[at].get(line + 1).filter(|next| **next == Change::Rest);
                let text = match rest {
                    Some(_) => format!("{} {}", page.lines[line].text, page.lines[line + 1].text),
                    None => page.lines[line].text.clone(),
                };
                entries.push(entry(&text, *level, at, Some(line)));
            }
        }
        entries.truncate(ENTRIES_MAX);
        entries
    };
    with_ranks_in_order(entries)
}

/// The id of a heading: its number among those of its page once the page is changed.
fn anchor(page: &PageLines, decided: &[Change], line: usize) -> String {
    let headings = decided[..=line].iter().filter(|change| matches!(change, Change::Heading(_))).count();
    let number = u32::try_from(headings).unwrap_or(u32::MAX).saturating_add(page.lines[line].inner_headings);
    heading_id(page.number(), number)
}

/// The entries, none of them more than one level below the one before.
fn with_ranks_in_order(mut entries: Vec<OutlineEntry>) -> Vec<OutlineEntry> {
    let mut before = 0;
    for entry in &mut entries {
        entry.rank = entry.rank.clamp(1, before + 1);
        before = entry.rank;
    }
    entries
}
