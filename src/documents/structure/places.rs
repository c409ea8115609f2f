//! Where the titles of bookmarks or of a table of contents stand on their pages.

use std::collections::{BTreeSet, HashMap};

use super::Guide;
use super::heads::Heads;
use super::lines::PageLines;
use super::titles::Title;

/// Where a title stands. Both count from 0: the page among those of the document, the line among those of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LinePlace {
    pub(super) page: usize,
    pub(super) line: usize,
    /// The title goes on in the next line.
    pub(super) is_split: bool,
}

/// The place of each guide, if its title was found on its page, the next or the one before.
pub(super) fn of(pages: &[PageLines], guides: &[Guide], heads: &Heads) -> Vec<Option<LinePlace>> {
    let titles: Vec<Title> = guides.iter().map(|guide| Title::of(&guide.title)).collect();
    let mut search = Search {
        pages,
        heads,
        page_at: pages.iter().enumerate().map(|(at, page)| (page.index, at)).collect(),
        lines: HashMap::new(),
        taken: BTreeSet::new(),
    };
    if guides.iter().any(|guide| guide.page.is_none()) {
        search.index();
    }
    let mut placed: Vec<Option<LinePlace>> = vec![None; guides.len()];
    // Titles that agree in every letter first, so that none of them is taken by one that is only alike.
    for agreement_min in [2, 1] {
        let mut last = None;
        for (at, guide) in guides.iter().enumerate() {
            if placed[at].is_none() {
                placed[at] = match guide.page {
                    Some(page) => search.near(&titles[at], page, last, agreement_min),
                    None if agreement_min > 1 => search.anywhere(&titles[at], last),
                    None => None,
                };
                search.take(placed[at]);
            }
            last = placed[at].or(last);
        }
    }
    placed
}

struct Search<'a> {
    pages: &'a [PageLines],
    heads: &'a Heads,
    page_at: HashMap<u32, usize>,
    /// The places of lines by their words.
    lines: HashMap<&'a str, Vec<LinePlace>>,
    taken: BTreeSet<(usize, usize)>,
}

impl<'a> Search<'a> {
    fn index(&mut self) {
        for (page, lines) in self.pages.iter().enumerate() {
            for (line, found) in lines.lines.iter().enumerate() {
                let place = LinePlace { page, line, is_split: false };
                for words in BTreeSet::from([found.title.whole.as_str(), found.title.words.as_str()]) {
                    self.lines.entry(words).or_default().push(place);
                }
            }
        }
    }

    fn take(&mut self, place: Option<LinePlace>) {
        if let Some(place) = place {
            self.taken.insert((place.page, place.line));
            if place.is_split {
                self.taken.insert((place.page, place.line + 1));
            }
        }
    }

    fn is_free(&self, page: usize, line: usize) -> bool {
        let lines = &self.pages[page];
        !self.taken.contains(&(page, line)) && !self.heads[page].contains(&line) && !lines.is_entry(&lines.lines[line])
    }

    /// The best place on a page of the file, on the next, or on the one before.
    fn near(&self, title: &Title, page: u32, last: Option<LinePlace>, agreement_min: u8) -> Option<LinePlace> {
        let mut best: Option<(_, LinePlace)> = None;
        for (distance, index) in [Some(page), page.checked_add(1), page.checked_sub(1)].into_iter().enumerate() {
            let Some(&at) = index.and_then(|index| self.page_at.get(&index)) else { continue };
            for line in 0..self.pages[at].lines.len() {
                let Some((agreement, is_split)) = self.agreement(title, at, line, agreement_min) else { continue };
                let place = LinePlace { page: at, line, is_split };
                let is_late = last.is_none_or(|last| place > last);
                let is_heading = self.pages[at].lines[line].style.is_some();
                let rank =
                    (is_late, agreement == 3, distance == 0, is_heading, agreement, usize::MAX - distance, !is_split);
                if best.as_ref().is_none_or(|(other, _)| rank > *other) {
                    best = Some((rank, place));
                }
            }
        }
        best.map(|(_, place)| place)
    }

    /// How well the title agrees with a line, or with it and the next; `None`: too little.
    fn agreement(&self, title: &Title, page: usize, at: usize, agreement_min: u8) -> Option<(u8, bool)> {
        if !self.is_free(page, at) {
            return None;
        }
        let lines = &self.pages[page].lines;
        let line = &lines[at];
        let agreement = title.agreement(&line.title);
        // A paragraph becomes a heading only if it is the title.
        if agreement >= agreement_min.max(if line.style.is_none() { 2 } else { 1 }) {
            return Some((agreement, false));
        }
        let next = lines.get(at + 1).filter(|next| next.block == line.block + 1 && self.is_free(page, at + 1))?;
        let begins = |whole: &str| {
            whole.len() >= 4 && !line.title.whole.is_empty() && whole.starts_with(&line.title.whole)
                || !line.title.words.is_empty() && title.words.starts_with(&line.title.words)
        };
        if !begins(&title.whole) || next.title.whole.is_empty() {
            return None;
        }
        let both = Title::of(&format!("{} {}", line.text, next.text));
        (title.agreement(&both) >= 2).then_some((2, true))
    }

    /// The first free line with these words after the last place. Paragraphs need the number, too.
    fn anywhere(&self, title: &Title, last: Option<LinePlace>) -> Option<LinePlace> {
        let found =
            self.lines.get(title.whole.as_str()).into_iter().chain(self.lines.get(title.words.as_str())).flatten();
        let is_possible = |place: &&LinePlace| {
            let line = &self.pages[place.page].lines[place.line];
            let agreement = title.agreement(&line.title);
            let enough = agreement == 3 || agreement == 2 && line.style.is_some();
            enough && last.is_none_or(|last| **place > last) && self.is_free(place.page, place.line)
        };
        found.filter(is_possible).min().copied()
    }
}
