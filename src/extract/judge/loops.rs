//! Finds answers in which the model repeats itself until a limit stops it, or until it breaks off.
//!
//! A *run* is a part of the text that repeats one unit at least [`REPEATS_MIN`] times without a gap. Honest pages have runs too: leaders of
//! dots, empty cells, rows of zeros, a prayer. So a run counts only from a size that depends on what it is made of, and only if the page's
//! own text does not repeat that unit as well. Detectors in use work the same way (docs/GEMINI.md, "Loops").
//!
//! Sizes are bytes of UTF-8, so that a character of a script without spaces counts about as much as half a word.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// The repeats of a run.
const REPEATS_MIN: usize = 6;
/// A period is searched by parts of so many characters, which occur again after it.
const PART_CHARS: usize = 12;
/// The most frequent distances between equal parts are tried as periods.
const PERIODS_MAX: usize = 64;
/// Smaller runs of words do not count.
const WORDS_MIN: usize = 60;
/// Leaders of dots are shorter. A line of a printed contents page has up to 150 of them.
const LEADERS_MIN: usize = 400;
/// Empty cells, rules and blank lines of a form, or numbers: a page of them is smaller.
const LAYOUT_MIN: usize = 2_000;
/// Runs that cover half of the text make a loop from this size.
const COVERED_MIN: usize = 400;
/// One run of so many repeats and bytes is a loop in a text of any length.
const LONG_RUN: (usize, usize) = (12, 1_000);
/// So is a run of this size with which the text ends.
const LAST_RUN: (usize, usize) = (8, 400);
/// So is a run of this size if the page's own text shows that it is not on the page.
const FOREIGN_RUN: (usize, usize) = (REPEATS_MIN, 200);

/// What a repeated unit is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Material {
    Words,
    Leaders,
    /// Punctuation and numbers.
    Layout,
}

/// A part of the text that repeats its first `period` characters.
struct Run {
    start: usize,
    end: usize,
    period: usize,
}

impl Run {
    const fn repeats(&self) -> usize {
        (self.end - self.start) / self.period
    }
}

/// Whether the answer is a loop. `own` is the page's own text, if it has any.
pub(super) fn is_loop(answer: &str, own: Option<&str>) -> bool {
    let text = with_single_spaces(answer);
    let own_letters = own.map(letters).filter(|letters| !letters.is_empty());
    let mut covered = vec![false; text.len()];
    for run in runs(&text) {
        let unit: String = text[run.start..run.start + run.period].iter().collect();
        let (material, run_bytes) = (material(&unit), bytes(&text[run.start..run.end]));
        if run_bytes < size_min(material) || own_letters.as_deref().is_some_and(|own| repeats_too(own, &unit, &run)) {
            continue;
        }
        let is = |(repeats, bytes): (usize, usize)| run.repeats() >= repeats && run_bytes >= bytes;
        let is_last = run.end + run.period >= text.len();
        if material != Material::Words || is(LONG_RUN) || (is_last && is(LAST_RUN)) {
            return true;
        }
        if own_letters.is_some() && is(FOREIGN_RUN) {
            return true;
        }
        covered[run.start..run.end].fill(true);
    }
    let covered_bytes: usize =
        text.iter().zip(covered).filter(|(_, covered)| *covered).map(|(c, _)| c.len_utf8()).sum();
    covered_bytes >= COVERED_MIN && 2 * covered_bytes >= bytes(&text)
}

const fn size_min(material: Material) -> usize {
    match material {
        Material::Words => WORDS_MIN,
        Material::Leaders => LEADERS_MIN,
        Material::Layout => LAYOUT_MIN,
    }
}

/// Whether the page's own letters repeat the unit at least half as often. A reading may join columns and leave out rules.
fn repeats_too(own: &str, unit: &str, run: &Run) -> bool {
    let unit = letters(unit);
    !unit.is_empty() && 2 * own.matches(&*unit).count() >= run.repeats()
}

fn material(unit: &str) -> Material {
    let is_word = |word: &str| word.chars().any(char::is_alphabetic) && !word.chars().any(char::is_numeric);
    if without_tags(unit).split(|c: char| c.is_whitespace() || c == '|').any(is_word) {
        return Material::Words;
    }
    let is_leader = unit.chars().all(|c| c.is_whitespace() || ".·•‥…・".contains(c));
    if is_leader { Material::Leaders } else { Material::Layout }
}

/// The text without HTML tags.
fn without_tags(text: &str) -> String {
    let mut parts = text.split('<');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, part| kept + part.split_once('>').map_or(part, |(_, rest)| rest))
}

/// The letters and digits of a text.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

fn with_single_spaces(text: &str) -> Vec<char> {
    let mut chars = Vec::with_capacity(text.len());
    for c in text.trim().chars() {
        match c.is_whitespace() {
            true if chars.last() == Some(&' ') => {}
            true => chars.push(' '),
            false => chars.push(c),
        }
    }
    chars
}

fn bytes(chars: &[char]) -> usize {
    chars.iter().map(|c| c.len_utf8()).sum()
}

/// All runs with a likely period.
fn runs(text: &[char]) -> Vec<Run> {
    likely_periods(text).into_iter().flat_map(|period| runs_of(text, period)).collect()
}

/// The most frequent distances between a part and its next occurrence.
fn likely_periods(text: &[char]) -> Vec<usize> {
    let (hashes, mut last, mut counts) = (RandomState::new(), HashMap::new(), HashMap::<usize, usize>::new());
    for (index, part) in text.windows(PART_CHARS).enumerate() {
        if let Some(before) = last.insert(hashes.hash_one(part), index) {
            *counts.entry(index - before).or_default() += 1;
        }
    }
    let mut periods: Vec<_> = counts.into_iter().map(|(period, count)| (std::cmp::Reverse(count), period)).collect();
    periods.sort_unstable();
    periods.into_iter().take(PERIODS_MAX).map(|(_, period)| period).collect()
}

/// The longest parts of the text in which each character equals the one `period` before it.
fn runs_of(text: &[char], period: usize) -> Vec<Run> {
    let (mut found, mut start) = (Vec::new(), 0);
    for index in period..=text.len() {
        if index < text.len() && text[index] == text[index - period] {
            continue;
        }
        if index - start >= REPEATS_MIN * period {
            found.push(Run { start, end: index, period });
        }
        start = index + 1 - period;
    }
    found
}

#[cfg(test)]
mod tests;
