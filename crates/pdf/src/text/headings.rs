//! Which lines are headings, and of which level.
//!
//! A bookmark with the title of a line is the strongest evidence. The styles of all lines that bookmarks name, and of those that stand out
//! from the body text, get levels by rank. A line in one of these styles is a heading if it stands alone.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::lines::Line;
use super::script;
use super::style::Style;
use crate::document::Bookmark;

/// A longer heading is a paragraph in large type.
const CHARS_MAX: usize = 160;
const LINES_MAX: usize = 4;
/// Signs with which a heading can begin.
const OPENING: &str = "§¿¡“‘\"'«„「『【《〈";
/// A heading of the largest level of Markdown.
const LEVEL_MAX: u8 = 6;
/// The least size of headings that are not bold, relative to the body text.
const LARGER: f32 = 1.1;
/// Bold headings can be a little smaller than the body text.
const NOT_SMALLER: f32 = 0.93;
/// The levels of large type in a document that says nothing else, by its least size relative to the body text.
const LEVELS_BY_SIZE: [f32; 3] = [1.7, 1.35, 1.12];
/// The most styles that are told apart.
const STYLES_MAX: usize = 200;
/// The most distance of a line from the edge at which it begins, in sizes.
const EDGE_SIZES: f32 = 0.8;
/// A centred heading is at least this far from the edge, in sizes.
const CENTRED_SIZES_MIN: f32 = 8.0;
/// The least share of the lines that begin at a left edge of the text, in hundredths.
const MARGIN_SHARE: usize = 8;
/// A document with fewer bookmarks in its sample does not say which styles are those of headings.
const BOOKMARKED_MIN: usize = 3;
/// So many lines of a style can be alike by chance.
const REPEATED_MIN: usize = 4;
/// Characters of a title that are compared.
const KEY_CHARS_MAX: usize = 80;

/// The headings of a document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Headings {
    body: Style,
    /// The styles of headings with their levels.
    levels: Vec<(Style, u8)>,
    /// Styles that are no headings.
    others: Vec<Style>,
    /// The left edges of the text, in points, in order.
    margins: Vec<i32>,
    /// The bookmarks of each page.
    bookmarks: BTreeMap<u32, Vec<Entry>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    level: u8,
    title: String,
}

impl Headings {
    pub(super) fn of_bookmarks(bookmarks: &[Bookmark]) -> Self {
        let mut headings = Self::default();
        for Bookmark { title, level, page } in bookmarks {
            let Some(page) = page else { continue };
            let entry = Entry { level: (*level).min(LEVEL_MAX), title: title.clone() };
            headings.bookmarks.entry(*page).or_default().push(entry);
        }
        headings
    }

    pub(super) fn body_size(&self) -> f32 {
        self.body.size()
    }

    /// The level and the title of the bookmark that names these lines.
    pub(super) fn bookmarked(&self, page: u32, lines: &[Line]) -> Option<(u8, &str)> {
        let entries = self.bookmarks.get(&page)?;
        if lines.len() > LINES_MAX || lines.iter().any(Line::has_leader) {
            return None;
        }
        let text = key(lines.iter().map(|line| &*line.text));
        let named = entries.iter().find(|entry| is_title(&text, &key([entry.title.as_str()])));
        named.map(|entry| (entry.level, entry.title.as_str()))
    }

    /// Whether a bookmark names this line.
    pub(super) fn is_title(&self, page: u32, line: &Line) -> bool {
        self.bookmarked(page, std::slice::from_ref(line)).is_some()
    }

    /// The level of a heading without a bookmark. `None`: it is none.
    pub(super) fn level(&self, lines: &[Line]) -> Option<u8> {
        let style = lines.first()?.style;
        if !stands_alone(lines) || style.is_like(&self.body) {
            return None;
        }
        let known = |(known, _): &&(Style, u8)| known.is_like(&style);
        if let Some((_, level)) = self.levels.iter().find(known) {
            return Some(*level);
        }
        let ratio = style.size() / self.body.size().max(1.0);
        if self.others.iter().any(|other| other.is_like(&style)) || ratio < LEVELS_BY_SIZE[2] {
            return None;
        }
        // A style that the sample lacks: one level above the next smaller heading.
        let smaller =
            self.levels.iter().filter(|(known, _)| known.rank() < style.rank()).map(|(_, level)| *level).min();
        let by_size = LEVELS_BY_SIZE.iter().position(|least| ratio >= *least).map(|position| position as u8 + 1);
        match smaller {
            Some(level) => Some(level.saturating_sub(1).max(1)),
            None if self.levels.is_empty() => by_size,
            None => self.levels.iter().map(|(_, level)| (*level + 1).min(LEVEL_MAX)).max(),
        }
    }

    /// Whether a line begins at a left edge of the text, or to the left of all text, or far to the right, where it is centred.
    pub(super) fn is_at_margin(&self, line: &Line) -> bool {
        let is_near = |margin: &i32| (*margin as f32 - line.left).abs() < EDGE_SIZES * line.size;
        let is_centred =
            self.margins.last().is_some_and(|last| line.left > *last as f32 + CENTRED_SIZES_MIN * line.size);
        self.margins.is_empty() || is_centred || self.is_left_of_text(line) || self.margins.iter().any(is_near)
    }

    pub(super) fn is_left_of_text(&self, line: &Line) -> bool {
        self.margins.first().is_some_and(|first| line.left < *first as f32 - EDGE_SIZES * line.size)
    }

    /// Ranks the styles of a document.
    pub(super) fn set_styles(&mut self, styles: Styles) {
        self.body = styles.body();
        let named: usize = styles.tallies.iter().map(Tally::named).sum();
        let mut standing_out: Vec<&Tally> =
            styles.tallies.iter().filter(|tally| tally.stands_out(&self.body)).collect();
        standing_out.sort_by_key(|tally| std::cmp::Reverse(tally.style.rank()));
        let ranks_are_told = named >= BOOKMARKED_MIN;
        let mut levels: Vec<(Style, u8)> = Vec::new();
        for tally in standing_out {
            let level = match (tally.level(), levels.last()) {
                (Some(level), _) => level,
                (None, None) => 1,
                (None, Some((style, level))) if style.rank() == tally.style.rank() => *level,
                (None, Some(_)) if ranks_are_told && !tally.is_below_named(&styles) => continue,
                (None, Some((_, level))) => (level + 1).min(LEVEL_MAX),
            };
            levels.push((tally.style, level));
        }
        let is_level = |style: &Style| levels.iter().any(|(level, _)| level == style);
        self.others = styles.tallies.iter().map(|tally| tally.style).filter(|style| !is_level(style)).collect();
        self.levels = levels;
        self.margins = styles.margins();
    }
}

/// Whether lines can be a heading by their form.
pub(super) fn stands_alone(lines: &[Line]) -> bool {
    let Some(first) = lines.first() else { return false };
    let chars: usize = lines.iter().map(|line| line.text.chars().count()).sum();
    let letters = lines.iter().flat_map(|line| line.text.chars()).filter(|char| char.is_alphabetic());
    // A letter of Chinese is a word.
    let words = letters.map(|char| 1 + usize::from(script::joins_without_space(char))).sum::<usize>();
    lines.len() <= LINES_MAX
        && chars <= CHARS_MAX
        && words >= 2
        && lines.iter().all(|line| line.style.is_like(&first.style) && !line.has_leader())
        && !first.style.mono
        && lines.iter().all(|line| !line.gapped || has_number(line))
        && first.text.starts_with(|char: char| char.is_alphanumeric() || OPENING.contains(char))
        && !lines.last().is_some_and(|last| last.text.ends_with([',', ';']))
}

/// Whether the gap of a line is behind the number of a heading.
fn has_number(line: &Line) -> bool {
    let first = line.text.split_whitespace().next().unwrap_or_default();
    line.after_gap.is_some_and(|after| line.second_left == Some(after)) && first.chars().any(char::is_numeric)
        || first.trim_end_matches(['.', ')']).chars().count() == 1
}

/// The styles of a document, with how often lines are set in them.
#[derive(Default)]
pub(super) struct Styles {
    tallies: Vec<Tally>,
    /// How many lines of paragraphs begin at each left edge, in points.
    edges: BTreeMap<i32, usize>,
}

struct Tally {
    style: Style,
    chars: usize,
    paragraphs: usize,
    alone: usize,
    /// The texts of those that stand alone.
    texts: BTreeSet<String>,
    /// How many bookmarks of each level name a paragraph of this style.
    named: [usize; LEVEL_MAX as usize + 1],
}

impl Styles {
    pub(super) fn add(&mut self, paragraph: &[Line], bookmark: Option<(u8, &str)>) {
        let Some(style) = paragraph.first().map(|line| line.style) else { return };
        if paragraph.iter().any(Line::has_leader) {
            return;
        }
        if paragraph.len() > 1 {
            let left = paragraph.iter().map(|line| line.left).fold(f32::INFINITY, f32::min);
            *self.edges.entry(left.round() as i32).or_default() += paragraph.len();
        }
        let chars: usize = paragraph.iter().map(|line| line.text.chars().count()).sum();
        // Rows of tables and entries of contents can be in the style of headings.
        if paragraph.iter().any(|line| line.gapped) && !stands_alone(paragraph) {
            return;
        }
        let Some(tally) = self.tally(style) else { return };
        tally.chars += chars;
        // A paragraph can begin with a line in the style of headings.
        tally.paragraphs += usize::from(paragraph.iter().all(|line| line.style.is_like(&style)));
        if stands_alone(paragraph) {
            tally.alone += 1;
            tally.texts.insert(key(paragraph.iter().map(|line| &*line.text)));
        }
        if let Some((level, _)) = bookmark {
            tally.named[usize::from(level.min(LEVEL_MAX))] += 1;
        }
    }

    fn tally(&mut self, style: Style) -> Option<&mut Tally> {
        let known = self.tallies.iter().position(|tally| tally.style.is_like(&style));
        if known.is_none() && self.tallies.len() < STYLES_MAX {
            self.tallies.push(Tally {
                style,
                chars: 0,
                paragraphs: 0,
                alone: 0,
                texts: BTreeSet::new(),
                named: Default::default(),
            });
        }
        match known {
            Some(known) => self.tallies.get_mut(known),
            None => self.tallies.last_mut().filter(|tally| tally.style == style),
        }
    }

    /// The left edges at which many lines begin.
    fn margins(&self) -> Vec<i32> {
        let total: usize = self.edges.values().sum();
        let is_margin = |(_, lines): &(&i32, &usize)| **lines * 100 >= total * MARGIN_SHARE;
        self.edges.iter().filter(is_margin).map(|(edge, _)| *edge).collect()
    }

    /// The style of most characters; that of most proportional ones, if there are any.
    fn body(&self) -> Style {
        let of = |mono: bool| self.tallies.iter().filter(move |tally| tally.style.mono == mono);
        let largest = of(false).max_by_key(|tally| tally.chars).or_else(|| of(true).max_by_key(|tally| tally.chars));
        largest.map_or_else(Style::default, |tally| tally.style)
    }
}

impl Tally {
    fn named(&self) -> usize {
        self.named.iter().sum()
    }

    /// The level that most bookmarks give it.
    fn level(&self) -> Option<u8> {
        let most = self.named.iter().enumerate().max_by_key(|(level, count)| (**count, usize::MAX - level))?;
        (*most.1 > 0).then_some(most.0 as u8)
    }

    /// Whether it is the style of headings, judged by its looks and uses.
    fn stands_out(&self, body: &Style) -> bool {
        let ratio = self.style.size() / body.size().max(1.0);
        let looks = ratio >= LARGER || (self.style.bold && !body.bold && ratio >= NOT_SMALLER);
        let is_named = self.named() * 3 >= self.alone.max(1);
        // The same words again and again are the title of a note or a box, or the head of a table.
        let is_varied = self.alone < REPEATED_MIN || self.texts.len() * 5 >= self.alone * 3;
        !self.style.is_like(body) && (is_named || looks && is_varied && self.alone * 5 >= self.paragraphs * 3)
    }

    /// Whether a heading with a bookmark ranks higher, so that it can be a heading for which there are no bookmarks.
    fn is_below_named(&self, styles: &Styles) -> bool {
        styles.tallies.iter().any(|other| other.named() > 0 && other.style.rank() > self.style.rank())
    }
}

/// The letters and digits of a text, in small letters.
fn key<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let chars = texts.into_iter().flat_map(str::chars).filter(|char| char.is_alphanumeric()).take(KEY_CHARS_MAX);
    chars.flat_map(char::to_lowercase).collect()
}

/// Whether a text is a title, apart from its number: `1.2 Title`, `Title`, `Chapter 1. Title`.
fn is_title(text: &str, title: &str) -> bool {
    const NUMBER_CHARS_MAX: usize = 12;
    let (longer, shorter) = if text.len() > title.len() { (text, title) } else { (title, text) };
    let has_number = |number: &str| {
        let is_letter = number.chars().count() == 1;
        number.is_empty()
            || is_letter
            || number.chars().any(|char| char.is_numeric()) && number.len() <= NUMBER_CHARS_MAX
    };
    shorter.chars().count() >= 2 && longer.strip_suffix(shorter).is_some_and(has_number)
}

#[cfg(test)]
mod tests {
    use super::super::testing::line;
    use super::*;

    fn styled(text: &str, size: f32, bold: bool) -> Vec<Line> {
        let style = Style { tenths: (size * 10.0) as i32, bold, ..Style::default() };
        vec![Line { size, bold, style, ..line(text, 50.0, 200.0, 100.0) }]
    }

    /// A document of these paragraphs, with a lot of body text in 10 points.
    fn headings(paragraphs: &[Vec<Line>], bookmarks: &[Bookmark]) -> Headings {
        let mut headings = Headings::of_bookmarks(bookmarks);
        let mut styles = Styles::default();
        styles.add(&styled(&"the body of the text. ".repeat(100), 10.0, false), None);
        paragraphs.iter().for_each(|paragraph| styles.add(paragraph, headings.bookmarked(0, paragraph)));
        headings.set_styles(styles);
        headings
    }

    fn bookmark(title: &str, level: u8) -> Bookmark {
        Bookmark { title: title.to_owned(), level, page: Some(0) }
    }

    #[test]
    fn styles_that_stand_out_rank_by_size_and_weight() {
        let paragraphs =
            [styled("A Chapter", 20.0, true), styled("A Section", 14.0, true), styled("A Part", 10.0, true)];
        let found = headings(&paragraphs, &[]);
        assert_eq!(paragraphs.each_ref().map(|lines| found.level(lines)), [Some(1), Some(2), Some(3)]);
        assert_eq!(found.level(&styled("Body text", 10.0, false)), None);
        assert_eq!(found.level(&styled("A small note", 8.0, false)), None);
        assert_eq!(found.level(&styled("An unseen title", 16.0, false)), Some(1));
    }

    #[test]
    fn bookmarks_give_their_styles_levels() {
        let paragraphs = [
            styled("1 First", 14.0, true),
            styled("2 Second", 14.0, true),
            styled("1.1 Part", 12.0, true),
            styled("Author", 13.0, false),
        ];
        let found = headings(&paragraphs, &[bookmark("First", 2), bookmark("Second", 2), bookmark("1.1. Part", 3)]);
        assert_eq!(found.level(&styled("3 Third", 14.0, true)), Some(2));
        assert_eq!(found.level(&styled("Deeper", 10.0, true)), Some(4).filter(|_| false));
        assert_eq!(found.bookmarked(0, &styled("1.1 Part", 12.0, true)), Some((3, "1.1. Part")));
        assert_eq!(found.bookmarked(1, &styled("1.1 Part", 12.0, true)), None);
    }

    #[test]
    fn title_is_found_with_and_without_its_number() {
        for (text, title) in [("1.2 A title", "A title"), ("A title", "Chapter 3. A title"), ("A TITLE", "a title")] {
            assert!(is_title(&key([text]), &key([title])), "{text}");
        }
        for (text, title) in [("about a title", "A title"), ("1.2", "1.2 A title"), ("", "")] {
            assert!(!is_title(&key([text]), &key([title])), "{text}");
        }
    }
}
