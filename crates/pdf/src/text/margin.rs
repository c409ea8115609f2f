//! Drops the line numbers of a manuscript, which are not part of its text.

use super::glyph::Placed;
use super::lines::most_common;

/// Fewer consecutive numbers may be a coincidence.
const COUNTED_MIN: usize = 5;
/// The largest size of line numbers, relative to the text. In a row of a table, all sizes are equal.
const SIZE_MAX: f32 = 0.85;
/// The largest difference of their right edges, in points.
const EDGE_TOLERANCE: f32 = 2.0;

/// A small number at the beginning of a line.
struct Number {
    /// The range of its glyphs.
    start: usize,
    end: usize,
    value: u32,
    right: f32,
    baseline: f32,
}

/// The glyphs of a page without its line numbers. Unlike footnotes and listings, line numbers are on at least half of the lines. No text is
/// to the left of them.
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

/// The possible line numbers in file order, and the number of lines of text. In a manuscript, file order runs down the page.
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

/// The number at the beginning of a line. `start`: the index of the line's first glyph.
fn number(run: &[Placed], start: usize, size_max: f32) -> Option<Number> {
    let blank = run.iter().take_while(|glyph| !glyph.is_inked()).count();
    let is_small_digit = |glyph: &&Placed| glyph.char.is_ascii_digit() && glyph.size <= size_max;
    let digits = run[blank..].iter().take_while(is_small_digit).count();
    let (number, rest) = run[blank..].split_at(digits);
    let last = number.last()?;
    // A glyph directly after the digits belongs to the same word.
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
    use super::super::glyph::{Glyph, Turn, upright};
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
        let lines = super::super::lines::from_glyphs(&without_line_numbers(upright(page, &[], Turn::Upright)));
        lines.into_iter().map(|line| line.text.to_string()).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn line_numbers_are_dropped() {
        let manuscript = [plain(1, 60.0, 60.0), numbered(12, 80.0, 6.0, 10.0), plain(2, 60.0, 240.0)].concat();
        assert_eq!(text(&manuscript), [TEXT; 15].join("|"));
    }

    #[test]
    fn numbers_of_tables_footnotes_and_short_lists_are_kept() {
        let has_numbers = |page: &[Glyph]| text(page).contains("96");
        assert!(has_numbers(&numbered(4, 80.0, 6.0, 10.0)), "too few");
        let table = [numbered(9, 80.0, 8.0, 8.0), plain(10, 20.0, 240.0)].concat();
        assert!(has_numbers(&table), "as large as the text beside them");
        let footnotes = [plain(30, 20.0, 80.0), numbered(6, 500.0, 6.0, 8.0)].concat();
        assert!(has_numbers(&footnotes), "on few lines of the page");
        let margin = [numbered(12, 80.0, 6.0, 10.0), plain(1, 5.0, 100.0)].concat();
        assert!(has_numbers(&margin), "text to their left");
    }
}
