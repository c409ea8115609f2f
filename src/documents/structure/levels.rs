//! The level of each heading: from the titles that guide, then from numbers, then from the style that the page gave it.

use std::collections::{BTreeMap, HashMap};

use super::heads::Heads;
use super::lines::{Line, PageLines};
use super::places::LinePlace;
use super::titles::{Number, Title};
use super::{Change, Guide};

/// The deepest heading of Markdown.
const LEVEL_MAX: u8 = 6;
/// A style or a depth tells a level if so many headings agree.
const AGREED_MIN: usize = 3;
const AGREED_MIN_PERCENT: usize = 80;

/// What each line of each page becomes.
pub(super) type Decided = Vec<Vec<Change>>;

pub(super) fn of(pages: &[PageLines], guides: &[Guide], placed: &[Option<LinePlace>], heads: &Heads) -> Decided {
    let mut decided: Decided = pages.iter().map(|page| vec![Change::Text; page.lines.len()]).collect();
    let guided: HashMap<(usize, usize), (usize, bool)> = placed
        .iter()
        .enumerate()
        .filter_map(|(guide, place)| place.map(|place| ((place.page, place.line), (guide, place.is_split))))
        .collect();
    let known = Known::of(pages, guides, placed);
    let mut walk = Walk { known, guides, level: 0, guide_level: 0, number: None, passed: 0 };
    for (at, page) in pages.iter().enumerate() {
        walk.pass(page.index, guides, placed);
        for line in 0..page.lines.len() {
            let before = (line > 0).then(|| decided[at][line - 1]);
            decided[at][line] = match guided.get(&(at, line)) {
                _ if heads[at].contains(&line) => Change::Head,
                Some((guide, _)) => walk.guided(*guide, &page.lines[line]),
                None if line > 0 && guided.get(&(at, line - 1)).is_some_and(|(_, is_split)| *is_split) => Change::Rest,
                None => walk.unguided(page, line, guided.contains_key(&(at, line + 1)), before),
            };
        }
    }
    raise(&mut decided, &guided);
    decided
}

/// Takes headings down that stand more than one level above the next one that is guided.
fn raise(decided: &mut Decided, guided: &HashMap<(usize, usize), (usize, bool)>) {
    let mut next = 0_u8;
    for (at, page) in decided.iter_mut().enumerate().rev() {
        for (line, change) in page.iter_mut().enumerate().rev() {
            let Change::Heading(level) = change else { continue };
            if !guided.contains_key(&(at, line)) {
                *level = (*level).max(next.saturating_sub(1));
            }
            next = *level;
        }
    }
}

/// The changes of a page, in the order of its blocks.
pub(super) fn changes(page: &PageLines, decided: &[Change]) -> Vec<(u32, Change)> {
    let change = |(at, (line, change)): (usize, (&Line, &Change))| {
        let is_same = match change {
            Change::Heading(level) => line.style == Some(*level) && decided.get(at + 1) != Some(&Change::Rest),
            Change::Text => line.style.is_none(),
            Change::Rest | Change::Head => false,
        };
        (!is_same).then(|| (u32::try_from(line.block).unwrap_or(u32::MAX), *change))
    };
    page.lines.iter().zip(decided).enumerate().filter_map(change).collect()
}

/// What the headings whose level is known tell of the others.
struct Known {
    has_guides: bool,
    /// The levels of numbered titles by the depth of their numbers.
    depths: BTreeMap<u8, u8>,
    /// The levels of headings by the style that their pages gave them.
    styles: BTreeMap<u8, u8>,
}

impl Known {
    fn of(pages: &[PageLines], guides: &[Guide], placed: &[Option<LinePlace>]) -> Self {
        let (mut depths, mut styles) = (Counts::default(), Counts::default());
        let has_guides = placed.iter().flatten().count() >= AGREED_MIN;
        for (guide, place) in guides.iter().zip(placed).filter_map(|(guide, place)| Some((guide, place.as_ref()?))) {
            let line = &pages[place.page].lines[place.line];
            let number = line.title.number.clone().or_else(|| Title::of(&guide.title).number);
            number.iter().for_each(|number| depths.add(number.depth, guide.level));
            line.style.iter().for_each(|style| styles.add(*style, guide.level));
        }
        if !has_guides {
            (depths, styles) = (Counts::default(), Counts::default());
            let lines = || pages.iter().flat_map(|page| &page.lines).filter(|line| line.style.is_some());
            let is_part = |line: &Line| line.title.number.as_ref().is_some_and(|number| number.depth == 0);
            let parts = u8::from(lines().any(is_part));
            for line in lines() {
                let Some(number) = &line.title.number else { continue };
                depths.add(number.depth, number.depth + parts);
                line.style.iter().for_each(|style| styles.add(*style, number.depth + parts));
            }
            return Self { has_guides, depths: depths.all(), styles: styles.agreed() };
        }
        Self { has_guides, depths: depths.agreed(), styles: styles.agreed() }
    }
}

/// How often each key has each level.
#[derive(Default)]
pub(super) struct Counts(BTreeMap<u8, BTreeMap<u8, usize>>);

impl Counts {
    pub(super) fn add(&mut self, key: u8, level: u8) {
        *self.0.entry(key).or_default().entry(level).or_default() += 1;
    }

    /// The level of each key that has one nearly always.
    pub(super) fn agreed(&self) -> BTreeMap<u8, u8> {
        let agreed = |(key, levels): (&u8, &BTreeMap<u8, usize>)| {
            let all: usize = levels.values().sum();
            let (level, count) = levels.iter().max_by_key(|(_, count)| **count)?;
            (all >= AGREED_MIN && 100 * count >= AGREED_MIN_PERCENT * all).then_some((*key, *level))
        };
        self.0.iter().filter_map(agreed).collect()
    }

    fn all(&self) -> BTreeMap<u8, u8> {
        self.0.iter().filter_map(|(key, levels)| Some((*key, *levels.keys().next()?))).collect()
    }
}

/// The state of a walk through the document's lines.
struct Walk<'a> {
    known: Known,
    guides: &'a [Guide],
    /// The level of the heading before, or of the guide that was passed.
    level: u8,
    /// The level of the last guide.
    guide_level: u8,
    /// The last number of a title.
    number: Option<Number>,
    /// The guides before this one begin before the page, whether they were found or not.
    passed: usize,
}

impl Walk<'_> {
    /// Takes the level of the guides that begin before a page and were not found.
    fn pass(&mut self, page: u32, guides: &[Guide], placed: &[Option<LinePlace>]) {
        while let Some(guide) = guides.get(self.passed).filter(|guide| guide.page.is_some_and(|begins| begins < page)) {
            self.guide_level = guide.level;
            if placed[self.passed].is_none() {
                self.level = guide.level;
            }
            self.passed += 1;
        }
    }

    fn guided(&mut self, guide: usize, line: &Line) -> Change {
        self.level = self.guides[guide].level;
        self.guide_level = self.level;
        self.number = line.title.number.clone().or_else(|| self.number.take());
        Change::Heading(self.level.clamp(1, LEVEL_MAX))
    }

    fn unguided(&mut self, page: &PageLines, at: usize, before_guided: bool, before: Option<Change>) -> Change {
        let line = &page.lines[at];
        if page.is_entry(line) {
            return Change::Text;
        }
        let Some(style) = line.style else { return self.promoted(line) };
        let next = page.lines.get(at + 1).filter(|next| next.block == line.block + 1 && next.style.is_some());
        if line.title.is_label() && (before_guided || next.is_some()) && before != Some(Change::Rest) {
            // "Chapter 3" stands above the title of the chapter.
            return match before_guided {
                true => Change::Text,
                false => self.heading(line, style),
            };
        }
        if at > 0
            && page.lines[at - 1].title.is_label()
            && page.lines[at - 1].block + 1 == line.block
            && matches!(before, Some(Change::Heading(_)))
        {
            return Change::Rest;
        }
        self.heading(line, style)
    }

    fn heading(&mut self, line: &Line, style: u8) -> Change {
        let by_number = line.title.number.as_ref().and_then(|number| self.known.depths.get(&number.depth)).copied();
        let by_style = self.known.styles.get(&style).copied();
        let level = match (by_number, by_style) {
            (Some(level), _) => level,
            (None, Some(level)) => level,
            // What the contents do not name is a part of what they name.
            (None, None) if self.known.has_guides => self.guide_level.saturating_add(1),
            (None, None) => style,
        };
        let level = level.clamp(1, self.level.saturating_add(1)).min(LEVEL_MAX);
        self.level = level;
        if line.title.number.is_some() {
            self.number.clone_from(&line.title.number);
        }
        Change::Heading(level)
    }

    /// A paragraph whose number follows the last one is a heading, where no contents say otherwise.
    fn promoted(&mut self, line: &Line) -> Change {
        let Some(number) = line.title.number.as_ref().filter(|number| number.parts.len() > 1) else {
            return Change::Text;
        };
        let is_next = self.number.as_ref().is_some_and(|before| number.follows(before));
        let ends_open = line.text.ends_with(['.', ',', ';', ':']);
        if self.known.has_guides || !is_next || ends_open || line.title.words.starts_with(char::is_numeric) {
            return Change::Text;
        }
        self.heading(line, LEVEL_MAX)
    }
}
