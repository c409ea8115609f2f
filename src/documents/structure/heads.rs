//! Running heads and feet that stand in the text: printed page numbers, and titles that neighbouring pages share.

use std::collections::{BTreeSet, HashMap};

use super::Guide;
use super::labels::{edges, tokens};
use super::lines::{Line, PageLines};
use super::places::LinePlace;
use super::titles::{Title, folded};

/// Pages before and after one that are compared with it.
const NEIGHBOURS: usize = 6;
/// A line without the page's number is a running head if so many of the neighbours have it.
const SHARED_MIN: usize = 4;
/// The same for the pages of one side of a book: those two and four pages away.
const SHARED_OF_SIDE_MIN: usize = 2;
/// A longer line is no running head.
const CHARS_MAX: usize = 120;
/// A page with fewer blocks is a title page: its lines are no running heads unless they have the page's number.
const BLOCKS_MIN: usize = 4;

/// The indices of the lines of each page that are running heads.
pub(super) type Heads = Vec<BTreeSet<usize>>;

/// A line at the edge of its page.
struct Edge {
    /// Its index among the lines of the page.
    line: usize,
    /// Nothing but running heads may stand between it and the edge.
    depth: usize,
    is_top: bool,
    /// It begins or ends with the printed number of the page.
    has_number: bool,
    /// Its letters and digits without that number.
    key: String,
    /// The same as a title.
    title: Title,
}

pub(super) fn of(pages: &[PageLines], labels: &[Option<String>], bookmarks: &[Guide]) -> Heads {
    let titles = titles(pages, bookmarks);
    let edges: Vec<Vec<Edge>> =
        pages.iter().zip(labels).map(|(page, label)| edges_of(page, label.as_deref())).collect();
    let mut keys = HashMap::<&str, usize>::new();
    for edge in edges.iter().flatten() {
        *keys.entry(&edge.key).or_default() += 1;
    }
    let heads = |at: usize| {
        let found: Vec<&Edge> = edges[at]
            .iter()
            .filter(|edge| !titles.contains(&(at, edge.line)) && is_head(pages, &edges, &keys, at, edge))
            .collect();
        // The second line from an edge is one only if the first is.
        let is_outermost = |edge: &&Edge| {
            edge.depth == 0 || found.iter().any(|other| other.is_top == edge.is_top && other.depth + 1 == edge.depth)
        };
        let lines: BTreeSet<usize> = found.iter().copied().filter(is_outermost).map(|edge| edge.line).collect();
        // The only line of a page is its text, unless it is a number.
        let is_text = pages[at].blocks == 1 && edges[at].iter().any(|edge| !edge.key.is_empty());
        if is_text { BTreeSet::new() } else { lines }
    };
    (0..pages.len()).map(heads).collect()
}

/// The headings that bookmarks name, each the only line of its page that may be meant.
fn titles(pages: &[PageLines], bookmarks: &[Guide]) -> BTreeSet<(usize, usize)> {
    let title = |bookmark: &Guide| {
        let at = pages.binary_search_by_key(&bookmark.page?, |page| page.index).ok()?;
        let title = Title::of(&bookmark.title);
        let mut alike = (0..pages[at].lines.len()).filter(|line| title.agreement(&pages[at].lines[*line].title) >= 2);
        let line = alike.next().filter(|_| alike.next().is_none())?;
        Some((at, line))
    };
    bookmarks.iter().filter_map(title).collect()
}

fn edges_of(page: &PageLines, label: Option<&str>) -> Vec<Edge> {
    let edge = |(line, is_top): (&Line, bool)| {
        if line.text.chars().count() > CHARS_MAX {
            return None;
        }
        let at = page.lines.iter().position(|other| other.block == line.block)?;
        let depth = if is_top { line.block } else { page.blocks - 1 - line.block };
        let numbered = label.and_then(|label| tokens(&line.text).find(|(token, _)| token.eq_ignore_ascii_case(label)));
        let rest = numbered.map_or(line.text.as_str(), |(_, rest)| rest);
        let (key, title) = (folded(rest), Title::of(rest));
        Some(Edge { line: at, depth, is_top, has_number: numbered.is_some(), key, title })
    };
    edges(page).filter_map(edge).collect()
}

fn is_head(pages: &[PageLines], edges: &[Vec<Edge>], keys: &HashMap<&str, usize>, at: usize, edge: &Edge) -> bool {
    let line = &pages[at].lines[edge.line];
    if pages[at].is_entry(line) && !edge.key.is_empty() && !edge.has_number {
        return false;
    }
    let around = (at.saturating_sub(NEIGHBOURS)..(at + NEIGHBOURS + 1).min(pages.len())).filter(|other| *other != at);
    let is_shared = |other: usize| edges[other].iter().any(|e| e.is_top == edge.is_top && e.key == edge.key);
    // "Chapter 3" on page 3 is a title: the number is that of the chapter.
    if edge.title.is_counting_word() {
        return false;
    }
    if edge.has_number {
        // Either the same words with the number of another page, or numbers in the same place on most of its neighbours. Words beside
        // the number must then be a title, since a paragraph may end with any number.
        let numbered = |other: &usize| edges[*other].iter().any(|e| e.has_number && e.is_top == edge.is_top);
        let count = around.clone().count();
        let is_usual = 2 * around.clone().filter(numbered).count() >= count.max(4);
        let is_titled = || {
            let lines = around.clone().chain([at]).flat_map(|other| &pages[other].lines);
            lines.filter(|other| other.text != line.text).any(|other| edge.title.agreement(&other.title) >= 2)
        };
        return is_usual && (edge.key.is_empty() || is_titled())
            || around.clone().any(|other| edges[other].iter().any(|e| e.has_number && e.key == edge.key));
    }
    if edge.key.chars().count() < 3 {
        return false;
    }
    let shared: Vec<usize> = around.clone().filter(|other| is_shared(*other)).collect();
    let count = keys.get(edge.key.as_str()).copied().unwrap_or(0);
    let of_side =
        if count < SHARED_MIN { 0 } else { shared.iter().filter(|other| matches!(other.abs_diff(at), 2 | 4)).count() };
    let is_short = pages.len() < 2 * NEIGHBOURS && 2 * shared.len() >= pages.len().max(4);
    if shared.len() < SHARED_MIN && of_side < SHARED_OF_SIDE_MIN && !is_short {
        return false;
    }
    // Titles such as "Examples" stand at the edges of many pages, and in the middle of others.
    let inside = |other: usize| {
        let page = &pages[other];
        let is_inside = |line: &&Line| line.block >= 2 && line.block + 2 < page.blocks;
        page.lines.iter().filter(is_inside).any(|line| line.title.whole == edge.key)
    };
    if around.clone().filter(|other| inside(*other)).count() >= 2 {
        return false;
    }
    let is_everywhere = 2 * count >= pages.len();
    let is_first = shared.first().is_some_and(|first| *first > at);
    // The first of a run is the title that the others repeat.
    let is_whole = pages[at].blocks < BLOCKS_MIN;
    if is_first { is_everywhere && !is_whole } else { !is_whole || is_everywhere && pages.len() >= 2 * NEIGHBOURS }
}

/// Adds the lines that repeat the title of the chapter or section that their page belongs to.
pub(super) fn add_titles(pages: &[PageLines], guides: &[Guide], placed: &[Option<LinePlace>], heads: &mut Heads) {
    let titles: Vec<Title> = guides.iter().map(|guide| Title::of(&guide.title)).collect();
    let taken: BTreeSet<(usize, usize)> = placed.iter().flatten().map(|place| (place.page, place.line)).collect();
    // The chapters and sections that have begun, with those that begin on the page.
    let mut current: [Option<usize>; 2] = [None, None];
    let mut next =
        placed.iter().enumerate().filter_map(|(guide, place)| Some((guide, place.as_ref()?.page))).peekable();
    for (at, page) in pages.iter().enumerate() {
        let mut titles_here: Vec<usize> = current.iter().flatten().copied().collect();
        while let Some((guide, _)) = next.next_if(|(_, begins)| *begins <= at) {
            match guides[guide].level {
                1 => current = [Some(guide), None],
                2 => current[1] = Some(guide),
                _ => continue,
            }
            titles_here.push(guide);
        }
        let added: Vec<usize> = edges(page)
            .filter_map(|(line, _)| page.lines.iter().position(|other| other.block == line.block))
            .filter(|line| !taken.contains(&(at, *line)) && !heads[at].contains(line))
            .filter(|line| {
                let line = &page.lines[*line];
                let depth = line.block.min(page.blocks - 1 - line.block);
                let is_outermost =
                    depth == 0 || heads[at].iter().any(|head| page.lines[*head].block.abs_diff(line.block) == 1);
                is_outermost
                    && !page.is_entry(line)
                    && titles_here.iter().any(|title| titles[*title].agreement(&line.title) >= 2)
            })
            .collect();
        heads[at].extend(added);
    }
}
