//! Numbers that count the lines of a manuscript, for reviewers to point at: they belong to no sentence and are dropped.

use super::glyph::Placed;
use super::lines::most_common;

/// As many numbers below each other, each one more than the one before, are no accident.
const COUNTED_MIN: usize = 5;
/// They are set smaller than the text beside them. A row of a table is all of one size.
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

/// The glyphs of a page without its line numbers: they stand at half of its lines at least, which footnotes and listings do not, and
/// nothing is written to their left.
pub(super) fn without_line_numbers(glyphs: Vec<Placed>) -> Vec<Placed> {
    let (numbers, lines) = numbers(&glyphs);
    let longest = numbers.chunk_by(follows).max_by_key(|counted| counted.len());
    let Some(counted) = longest.filter(|counted| counted.len() >= COUNTED_MIN.max(lines.div_ceil(2))) else {
        return glyphs;
    };
    let mut is_number = vec![false; glyphs.len()];
    counted.iter().for_each(|number| is_number[number.start..number.end].fill(true));
    let edge = counted.iter().map(|number| number.right).fold(f32::NEG_INFINITY, f32::max);
    let rows = counted[0].baseline..=counted[counted.len() - 1].baseline;
    let is_left = |glyph: &Placed| glyph.is_inked() && glyph.left < edge && rows.contains(&glyph.baseline);
    if glyphs.iter().zip(&is_number).any(|(glyph, is_number)| !is_number && is_left(glyph)) {
        return glyphs;
    }
    let kept = glyphs.into_iter().zip(is_number).filter(|(_, is_number)| !is_number);
    kept.map(|(glyph, _)| glyph).collect()
}

/// What may be line numbers, in the order of the file, which goes down the page wherever lines are counted; and how many lines of text
/// there are.
fn numbers(glyphs: &[Placed]) -> (Vec<Number>, usize) {
    let size_max = SIZE_MAX * most_common(glyphs.iter().filter(|glyph| glyph.is_inked()).map(|glyph| glyph.size));
    let (mut numbers, mut lines, mut start) = (Vec::new(), 0, 0);
    for run in glyphs.split_inclusive(Placed::ends_line) {
        lines += usize::from(run.iter().any(|glyph| glyph.is_inked() && glyph.size > size_max));
        numbers.extend(number(run, start, size_max));
        start += run.len();
    }
    (numbers, lines)
}

/// The number that a line begins with. `start` is where the line does.
fn number(run: &[Placed], start: usize, size_max: f32) -> Option<Number> {
    let blank = run.iter().take_while(|glyph| !glyph.is_inked()).count();
    let is_small_digit = |glyph: &&Placed| glyph.char.is_ascii_digit() && glyph.size <= size_max;
    let digits = run[blank..].iter().take_while(is_small_digit).count();
    let (number, rest) = run[blank..].split_at(digits);
    let last = number.last()?;
    // What follows at once belongs to the same word.
    let is_beside_text = |next: &Placed| next.left > last.right + last.size && last.size <= SIZE_MAX * next.size;
    let stands_alone = rest.iter().find(|glyph| glyph.is_inked()).is_none_or(is_beside_text);
    let value = number.iter().map(|glyph| glyph.char).collect::<String>().parse().ok().filter(|_| stands_alone)?;
    let (start, end) = (start + blank, start + blank + digits);
    Some(Number { start, end, value, right: last.right, baseline: last.baseline })
}

fn follows(number: &Number, next: &Number) -> bool {
    number.value.checked_add(1) == Some(next.value)
        && (number.right - next.right).abs() <= EDGE_TOLERANCE
        && number.baseline < next.baseline
}

#[cfg(test)]
mod tests {
    use super::super::glyph::{Glyph, upright};
    use super::super::testing::glyphs;
    use super::*;

    const TEXT: &str = "and the text goes on";

    /// Lines with a number before each, counted from 95, set in type of these sizes, `down` points below the top of the page.
    fn numbered(count: usize, down: f32, number_size: f32, text_size: f32) -> Vec<Glyph> {
        let line = |row: usize| {
            let down = down + 12.0 * row as f32;
            let sized = |text: &str, left: f32, size: f32| {
                glyphs(text, left, down).into_iter().map(move |glyph| Glyph { size, ..glyph })
            };
            let number = sized(&format!("{:>3}", 95 + row), 20.0, number_size);
            number.chain(sized(TEXT, 60.0, text_size)).chain(glyphs("\n", 0.0, 0.0)).collect::<Vec<_>>()
        };
        (0..count).flat_map(line).collect()
    }

    fn plain(count: usize, left: f32, down: f32) -> Vec<Glyph> {
        let line = |row: usize| [glyphs(TEXT, left, down + 12.0 * row as f32), glyphs("\n", 0.0, 0.0)].concat();
        (0..count).flat_map(line).collect()
    }

    fn text(page: &[Glyph]) -> String {
        let lines = super::super::lines::from_glyphs(&without_line_numbers(upright(page)));
        lines.into_iter().map(|line| line.text).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn numbers_that_count_lines_are_dropped() {
        let manuscript = [plain(1, 60.0, 60.0), numbered(12, 80.0, 6.0, 10.0), plain(2, 60.0, 240.0)].concat();
        assert_eq!(text(&manuscript), [TEXT; 15].join("|"));
    }

    #[test]
    fn numbers_that_say_something_stay() {
        let has_numbers = |page: &[Glyph]| text(page).contains("96");
        assert!(has_numbers(&numbered(4, 80.0, 6.0, 10.0)), "too few");
        let table = [numbered(9, 80.0, 8.0, 8.0), plain(10, 20.0, 240.0)].concat();
        assert!(has_numbers(&table), "as large as what stands beside them");
        let footnotes = [plain(30, 20.0, 80.0), numbered(6, 500.0, 6.0, 8.0)].concat();
        assert!(has_numbers(&footnotes), "on few lines of the page");
        let margin = [numbered(12, 80.0, 6.0, 10.0), plain(1, 5.0, 100.0)].concat();
        assert!(has_numbers(&margin), "something is written to their left");
    }
}
