//! Groups lines in reading order into paragraphs.

use super::lines::{Line, most_common};
use super::rich::Shift;
use super::script;

/// The largest relative difference of sizes within one paragraph.
const SIZE_TOLERANCE: f32 = 0.08;
/// Latin type among Chinese or Japanese type is often larger, and a line can have more of it than the next.
const MIXED_SIZE_TOLERANCE: f32 = 0.1;
/// The leading in sizes, if the page has too few lines to measure it.
const LEADING_DEFAULT: f32 = 1.2;
/// The least indent of a paragraph, in sizes.
const INDENT_SIZES: f32 = 0.8;

/// Lines of justified text end this close to each other, in points.
const SHARED_EDGE: f32 = 0.5;
/// A line that runs over the edge does so by more than this, in sizes.
const OVERRUN_SIZES_MIN: f32 = 0.5;
/// Large type has wider leading than text, in sizes.
const LARGE_LEADING: f32 = 1.5;
const LARGE: f32 = 1.15;

/// Groups lines into paragraphs. `lines` must be in reading order.
pub(super) fn group(lines: Vec<Line>) -> Vec<Vec<Line>> {
    let leading = leading(&lines);
    let text_size = most_common(lines.iter().map(|line| line.size));
    let mut starts = Vec::with_capacity(lines.len());
    for index in 0..lines.len() {
        let before_starts = starts.last().copied().unwrap_or(true);
        starts.push(
            index == 0
                || starts_at(
                    &lines,
                    index,
                    before_starts,
                    if lines[index].size > LARGE * text_size { leading.max(LARGE_LEADING) } else { leading },
                ),
        );
    }
    let mut paragraphs: Vec<Vec<Line>> = Vec::new();
    for (line, starts) in lines.into_iter().zip(starts) {
        match paragraphs.last_mut() {
            Some(paragraph) if !starts => paragraph.push(line),
            _ => paragraphs.push(vec![line]),
        }
    }
    paragraphs
}

/// The usual distance of base lines in sizes: the lower median over close consecutive lines.
fn leading(lines: &[Line]) -> f32 {
    let mut ratios: Vec<f32> = lines
        .windows(2)
        .filter(|pair| same_size(&pair[0], &pair[1]) && pair[0].is_above_or_below(&pair[1]))
        .map(|pair| (pair[1].baseline - pair[0].baseline) / pair[0].size.max(1.0))
        .filter(|ratio| (0.8..2.2).contains(ratio))
        .collect();
    ratios.sort_by(f32::total_cmp);
    ratios.get(ratios.len().saturating_sub(1) / 2).copied().unwrap_or(LEADING_DEFAULT)
}

/// Whether a paragraph starts at `lines[index]`. `before_starts`: whether one starts at the line before.
fn starts_at(lines: &[Line], index: usize, before_starts: bool, leading: f32) -> bool {
    let (previous, line) = (&lines[index - 1], &lines[index]);
    if !same_size(previous, line) {
        return true;
    }
    let follows = line.baseline > previous.baseline && previous.is_above_or_below(line);
    if !follows {
        return !continues_in_next_column(previous, line);
    }
    if (line.baseline - previous.baseline) / previous.size.max(1.0) > leading * 1.2 {
        return true;
    }
    if previous.hyphenated {
        return false;
    }
    line.mark.is_some()
        || before_starts && previous.bold && !line.bold && previous.mark.is_none()
        || opens_note(line)
        || starts_entry(previous, line)
        || is_row(previous) && !hangs_from(previous, line)
        || is_row(line)
        || is_indented(lines, index)
        || is_outdented(previous, line, before_starts)
        || ends_early(lines, index)
}

fn same_size(a: &Line, b: &Line) -> bool {
    let difference = (a.size - b.size).abs() / a.size.max(b.size);
    let are_mixed = || [a, b].iter().all(|line| line.text.chars().any(script::joins_without_space));
    difference <= SIZE_TOLERANCE || a.size == b.size || difference <= MIXED_SIZE_TOLERANCE && are_mixed()
}

/// Whether a line is a row of a table. The gap behind the mark of an item does not make it one.
fn is_row(line: &Line) -> bool {
    line.gapped && line.mark.is_none() && !line.has_leader()
}

/// Whether a line goes on where the text beside a term begins.
fn hangs_from(previous: &Line, line: &Line) -> bool {
    previous.after_gap.is_some_and(|left| (line.left - left).abs() < 0.3 * line.size)
}

/// Whether a line begins with the raised mark of a note.
fn opens_note(line: &Line) -> bool {
    line.text.runs().next().is_some_and(|(_, look)| look.shift == Shift::Raised)
}

/// Whether a line begins an entry of a table of contents. The second line of an entry hangs.
fn starts_entry(previous: &Line, line: &Line) -> bool {
    previous.has_leader() || line.has_leader() && line.left < previous.left + INDENT_SIZES * line.size
}

/// Whether a paragraph continues at the top of the next column: it was cut in mid-sentence.
fn continues_in_next_column(previous: &Line, line: &Line) -> bool {
    let closed = previous.text.ends_with(['.', '!', '?', ':', ';', '。', '！', '？', '”', '"', ')']);
    let opens_small = line.text.starts_with(|char: char| char.is_lowercase() || script::joins_without_space(char));
    let moved_on = line.left > previous.left && line.baseline < previous.baseline;
    previous.hyphenated || (moved_on && !closed && opens_small)
}

/// An indented line begins a paragraph, unless it belongs to a hanging item or the next lines have the same indent.
fn is_indented(lines: &[Line], index: usize) -> bool {
    let (previous, line) = (&lines[index - 1], &lines[index]);
    let indent = INDENT_SIZES * line.size;
    let next_returns = match lines.get(index + 1) {
        Some(next) if same_size(line, next) && next.baseline > line.baseline => next.left < line.left - indent,
        _ => ends_early(lines, index),
    };
    line.left > previous.left + indent && next_returns && !opens_item(previous) && !hangs_from(previous, line)
}

/// A line further to the left begins the next item of a hanging list. It does not after the indented first line of a paragraph.
fn is_outdented(previous: &Line, line: &Line, before_starts: bool) -> bool {
    line.left < previous.left - INDENT_SIZES * line.size && (!before_starts || opens_item(previous))
}

/// Whether a text begins with a bullet, a number or a bracketed key, like items of hanging lists.
fn opens_item(line: &Line) -> bool {
    line.mark.is_some() || line.text.starts_with('[') || line.text.starts_with(|char: char| char.is_ascii_digit())
}

/// Whether the line before ended although the first word of this one would have fitted, so the break is intended.
fn ends_early(lines: &[Line], index: usize) -> bool {
    let (previous, line) = (&lines[index - 1], &lines[index]);
    let room = right_edge(lines, index) - previous.right;
    room > line.first_word_width + 0.8 * line.size
}

/// The right edge of the surrounding text: the lines before and after in the same column and size. A single line that is longer than all
/// others runs over the edge.
fn right_edge(lines: &[Line], index: usize) -> f32 {
    const REACH: usize = 12;
    let around = |line: &&Line| same_size(line, &lines[index]) && line.is_above_or_below(&lines[index]);
    let before = lines[..index].iter().rev().take(REACH).take_while(around);
    let after = lines[index..].iter().take(REACH).take_while(around);
    let mut edges: Vec<f32> = before.chain(after).map(|line| line.right).collect();
    edges.sort_by(|a, b| b.total_cmp(a));
    let shared = edges.windows(2).find(|pair| pair[0] - pair[1] < SHARED_EDGE).map(|pair| pair[0]);
    let longest = edges.first().copied().unwrap_or(f32::NEG_INFINITY);
    shared.filter(|shared| longest - shared > OVERRUN_SIZES_MIN * lines[index].size).unwrap_or(longest)
}

#[cfg(test)]
mod tests {
    use super::super::lists;
    use super::super::testing::paragraph;
    use super::*;

    fn grouped(mut lines: Vec<Line>) -> Vec<String> {
        lists::mark(&mut lines);
        let text = |lines: Vec<Line>| lines.iter().map(|line| &*line.text).collect::<Vec<_>>().join("|");
        group(lines).into_iter().map(text).collect()
    }

    #[test]
    fn short_line_ends_its_paragraph() {
        let lines = paragraph(&["a line as wide as the column", "and its short end.", "Another line opens one more."]);
        assert_eq!(grouped(lines), ["a line as wide as the column|and its short end.", "Another line opens one more."]);
    }

    #[test]
    fn ragged_line_does_not_end_its_paragraph() {
        let lines = paragraph(&["a line as wide as the column", "and one ragged because of", "incomprehensible words"]);
        assert_eq!(grouped(lines).len(), 1);
    }

    #[test]
    fn indented_line_begins_a_paragraph() {
        let mut lines =
            paragraph(&["the last line of a paragraph", "An indented one follows it,", "going on below at the left."]);
        lines[1].left += 15.0;
        lines[1].right += 5.0;
        assert_eq!(grouped(lines)[1], "An indented one follows it,|going on below at the left.");
    }

    #[test]
    fn hanging_item_is_one_paragraph() {
        let mut lines = paragraph(&[
            "[1] An entry of a bibliography",
            "whose lines hang from the mark",
            "as far in as the text is long.",
            "[2] Another entry, as long as",
            "the first, and hanging as far.",
        ]);
        for index in [1, 2, 4] {
            lines[index].left += 15.0;
        }
        assert_eq!(grouped(lines).len(), 2);
    }

    #[test]
    fn wide_gap_separates_paragraphs_and_hyphen_does_not() {
        let mut lines = paragraph(&[
            "the whole width of the column",
            "is taken by each of the lines",
            "whatever they have to tell us",
        ]);
        lines[2].baseline += 6.0;
        assert_eq!(grouped(lines.clone()).len(), 2);
        lines[2].baseline -= 6.0;
        lines[0].hyphenated = true;
        lines[0].right -= 60.0;
        assert_eq!(grouped(lines).len(), 1);
    }

    #[test]
    fn bullet_begins_an_item() {
        let lines = paragraph(&["• an item of the width there is", "• another, and just as wide as it"]);
        assert_eq!(grouped(lines).len(), 2);
    }

    #[test]
    fn definition_that_hangs_beside_its_term_is_one_paragraph() {
        let mut lines =
            paragraph(&["-s    a definition that is long", "and hangs where it began", "-r    another one"]);
        for index in [0, 2] {
            (lines[index].gapped, lines[index].after_gap) = (true, Some(80.0));
        }
        lines[1].left = 80.0;
        assert_eq!(grouped(lines).len(), 2);
    }

    #[test]
    fn line_that_runs_over_the_edge_does_not_move_it() {
        let mut lines = paragraph(&[
            "a line as wide as the column",
            "and one more as wide as that",
            "as is the third line of them",
        ]);
        lines[2].right += 40.0;
        assert_eq!(grouped(lines).len(), 1);
    }

    #[test]
    fn lines_with_more_latin_type_are_of_one_paragraph() {
        let mut lines = paragraph(&["日本語の文章が続いてい", "ます．また LaTeX も"]);
        lines[1].size = 11.0;
        assert_eq!(grouped(lines).len(), 1);
    }
}
