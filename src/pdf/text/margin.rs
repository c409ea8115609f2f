//! Numbers that count the lines of a manuscript, for reviewers to point at: they belong to no sentence and are dropped.

use super::glyph::{LINE_END_HYPHEN, Placed};

/// As many numbers below each other, each one more than the one before, are no accident.
const COUNTED_MIN: usize = 5;
/// They are set smaller than the text: the first column of a table is not.
const SIZE_MAX: f32 = 0.85;
/// How far, in points, their right edges may differ.
const EDGE_TOLERANCE: f32 = 2.0;

/// A small number at the beginning of a line.
struct Number {
    /// Where its glyphs are.
    start: usize,
    end: usize,
    value: u32,
    right: f32,
    baseline: f32,
}

/// The glyphs of a page without its line numbers.
pub fn without_line_numbers(glyphs: Vec<Placed>) -> Vec<Placed> {
    let text_size = super::lines::most_common(glyphs.iter().map(|glyph| glyph.size));
    let numbers = numbers(&glyphs, text_size * SIZE_MAX);
    let mut dropped = vec![false; glyphs.len()];
    for counted in numbers.chunk_by(follows).filter(|counted| counted.len() >= COUNTED_MIN) {
        let edge = counted.iter().map(|number| number.right).fold(f32::NEG_INFINITY, f32::max);
        let rows = counted[0].baseline..=counted[counted.len() - 1].baseline;
        let own = |index: usize| counted.iter().any(|number| (number.start..number.end).contains(&index));
        let beside = |(index, glyph): (usize, &Placed)| {
            rows.contains(&glyph.baseline) && is_inked(glyph) && glyph.left < edge && !own(index)
        };
        if !glyphs.iter().enumerate().any(beside) {
            counted.iter().for_each(|number| dropped[number.start..number.end].fill(true));
        }
    }
    let kept = glyphs.into_iter().zip(dropped).filter(|(_, dropped)| !dropped);
    kept.map(|(glyph, _)| glyph).collect()
}

/// In the order of the file, which goes down the page wherever lines are counted.
fn numbers(glyphs: &[Placed], size_max: f32) -> Vec<Number> {
    let mut numbers = Vec::new();
    let mut start = 0;
    let breaks = |glyph: &Placed| matches!(glyph.char, '\n' | '\r' | LINE_END_HYPHEN);
    for run in glyphs.split_inclusive(breaks) {
        let blank = run.iter().take_while(|glyph| !is_inked(glyph)).count();
        let digits = run[blank..].iter().take_while(|glyph| glyph.char.is_ascii_digit() && glyph.size <= size_max);
        let digits = digits.count();
        let first = start + blank;
        start += run.len();
        let Some(last) = digits.checked_sub(1).map(|behind| &run[blank + behind]) else { continue };
        let text: String = run[blank..blank + digits].iter().map(|glyph| glyph.char).collect();
        // What follows at once belongs to the same word.
        let stands_alone = run[blank + digits..]
            .iter()
            .find(|glyph| is_inked(glyph))
            .is_none_or(|next| next.left > last.right + last.size);
        if let (Ok(value), true) = (text.parse(), stands_alone) {
            numbers.push(Number {
                start: first,
                end: first + digits,
                value,
                right: last.right,
                baseline: last.baseline,
            });
        }
    }
    numbers
}

fn follows(number: &Number, next: &Number) -> bool {
    number.value.checked_add(1) == Some(next.value)
        && (number.right - next.right).abs() <= EDGE_TOLERANCE
        && number.baseline < next.baseline
}

fn is_inked(glyph: &Placed) -> bool {
    !glyph.char.is_whitespace() && !glyph.char.is_control()
}

#[cfg(test)]
mod tests {
    use super::super::glyph::upright;
    use super::super::testing::glyphs;
    use super::*;

    /// A page of `count` lines, each with a number before it that is set in type of that size.
    fn numbered(count: usize, size: f32, number: impl Fn(usize) -> usize) -> Vec<Placed> {
        let line_break = glyphs("\n", 0.0, 0.0);
        let line = |row: usize| {
            let down = 80.0 + 12.0 * row as f32;
            let mut digits = glyphs(&format!("{:>3}", number(row)), 20.0, down);
            digits.iter_mut().for_each(|glyph| glyph.size = size);
            [digits, glyphs("and the text goes on", 60.0, down), line_break.clone()].concat()
        };
        upright(&(0..count).flat_map(line).collect::<Vec<_>>())
    }

    fn text(glyphs: Vec<Placed>) -> String {
        let lines = super::super::lines::from_glyphs(&without_line_numbers(glyphs));
        lines.into_iter().map(|line| line.text).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn numbers_that_count_lines_are_dropped() {
        assert_eq!(text(numbered(12, 6.0, |row| 95 + row)), ["and the text goes on"; 12].join("|"));
    }

    #[test]
    fn numbers_that_say_something_stay() {
        let has_numbers = |page| text(page).contains(|char: char| char.is_ascii_digit());
        assert!(has_numbers(numbered(12, 10.0, |row| row)), "as large as the text: a table");
        assert!(has_numbers(numbered(4, 6.0, |row| row)), "too few");
        assert!(has_numbers(numbered(12, 6.0, |row| 3 * row)), "they count nothing");
        let beside = [glyphs("far left", 5.0, 100.0), glyphs("\n", 0.0, 0.0)].concat();
        assert!(has_numbers([numbered(12, 6.0, |row| row), upright(&beside)].concat()), "not in the margin");
    }
}
