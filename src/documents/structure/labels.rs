//! The printed numbers of pages: those that the file names, or those that stand at the edges of its pages.

use super::lines::{Line, PageLines};
use super::titles::{as_roman, roman};

/// Pages before and after one whose printed numbers are evidence for its own.
const NEIGHBOURS: usize = 10;
/// So many of them must be numbered alike.
const ALIKE_MIN: usize = 3;

/// How pages are numbered: in which letters, and the difference between the index of a page and its printed number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbering {
    is_roman: bool,
    offset: i64,
}

impl Numbering {
    fn label(self, index: u32) -> Option<String> {
        let number = u32::try_from(i64::from(index) - self.offset).ok().filter(|number| *number > 0)?;
        if self.is_roman { (number < 400).then(|| as_roman(number)) } else { Some(number.to_string()) }
    }
}

/// The printed number of each page.
pub(super) fn of(pages: &[PageLines], named: Option<&[String]>) -> Vec<Option<String>> {
    if let Some(named) = named {
        let label = |page: &PageLines| named.get(page.index as usize).filter(|label| !label.is_empty()).cloned();
        return pages.iter().map(label).collect();
    }
    let seen: Vec<Vec<Numbering>> = pages.iter().map(numberings).collect();
    let chosen: Vec<Option<Numbering>> = (0..pages.len()).map(|at| numbering_at(&seen, at)).collect();
    let label = |(page, numbering): (&PageLines, Option<Numbering>)| numbering?.label(page.index);
    pages.iter().zip(chosen).map(label).collect()
}

/// The numbering with the most evidence around a page, if the page is within it.
fn numbering_at(seen: &[Vec<Numbering>], at: usize) -> Option<Numbering> {
    let around = at.saturating_sub(NEIGHBOURS)..(at + NEIGHBOURS + 1).min(seen.len());
    let evidence = |numbering: &Numbering| seen[around.clone()].iter().filter(|page| page.contains(numbering)).count();
    let own = seen[at].iter().max_by_key(|numbering| evidence(numbering)).filter(|found| evidence(found) >= ALIKE_MIN);
    if let Some(own) = own {
        return Some(*own);
    }
    // A page without a number, such as the first of a chapter, is numbered if the pages on both sides are.
    let before = seen[around.start..at].iter().rev().find(|page| !page.is_empty())?;
    let after = seen[at + 1..around.end].iter().find(|page| !page.is_empty())?;
    before.iter().filter(|found| after.contains(found)).max_by_key(|found| evidence(found)).copied()
}

fn numberings(page: &PageLines) -> Vec<Numbering> {
    let mut found = Vec::new();
    for (line, _) in edges(page) {
        for (token, _) in tokens(&line.text) {
            let (number, is_roman) = match token.parse::<u32>() {
                Ok(number) => (Some(number), false),
                Err(_) => (roman(&token.to_lowercase()), true),
            };
            let Some(number) = number else { continue };
            let numbering = Numbering { is_roman, offset: i64::from(page.index) - i64::from(number) };
            if !found.contains(&numbering) {
                found.push(numbering);
            }
        }
    }
    found
}

/// The lines in the first two and the last two blocks of a page, and whether they stand at its top.
pub(super) fn edges(page: &PageLines) -> impl Iterator<Item = (&Line, bool)> {
    let is_top = |line: &Line| line.block < 2;
    let lines = page.lines.iter().filter(move |line| is_top(line) || line.block + 2 >= page.blocks);
    lines.map(move |line| (line, is_top(line)))
}

/// What may be the printed number at the beginning or the end of a line, with the rest of the line.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let trimmed =
        text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '-' | '–' | '—' | '|' | '·' | '[' | ']' | '~'));
    let first = trimmed.split_once(char::is_whitespace);
    let last = trimmed.rsplit_once(char::is_whitespace).map(|(rest, token)| (token, rest));
    let alone = first.is_none().then_some((trimmed, ""));
    first.into_iter().chain(last).chain(alone).filter(|(token, _)| is_number(token))
}

fn is_number(token: &str) -> bool {
    !token.is_empty()
        && token.len() <= 7
        && (token.len() <= 4 && token.bytes().all(|byte| byte.is_ascii_digit())
            || roman(&token.to_lowercase()).is_some())
}
