//! Groups glyphs into lines: runs of the file on one base line.

use std::collections::BTreeSet;

use super::glyph::{LINE_END_HYPHEN, Placed};
use super::lists::Mark;
use super::rich::{Rich, Shift};
use super::style::Style;
use super::tables::Table;
use super::{bidi, script, spacing};

/// The most spaces between two words of code. It bounds the output for hostile coordinates.
const CODE_GAP_COLUMNS_MAX: usize = 60;

/// A wider gap, in sizes, is not a space between words.
const GAP_SIZES: f32 = 1.5;
/// A wider gap, in sizes, separates two texts.
const APART_SIZES: f32 = 2.5;
/// Smaller type, relative to the type beside it, can be raised or lowered.
pub(super) const SMALL_MAX: f32 = 0.85;
/// The least distance of raised or lowered type from the base line, in sizes.
pub(super) const RISE_SIZES_MIN: f32 = 0.12;
/// Dots in a row that lead to a page number.
const LEADERS: [&str; 3] = [".....", ". . . .", "……"];
/// Dots that lead to a page number directly behind them.
const SHORT_LEADER: &str = ". . .";

/// One line of text, or a part of one. In points, y downwards.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    /// Trimmed and never empty; single spaces.
    pub text: Rich,
    pub left: f32,
    pub right: f32,
    pub baseline: f32,
    /// The most common size of its characters.
    pub size: f32,
    /// The width of its first word, which shows whether it would have fitted on the line before.
    pub first_word_width: f32,
    /// Where its second word begins: the text of an item, after its mark.
    pub second_left: Option<f32>,
    /// It ends with a hyphen that is not in `text`.
    pub hyphenated: bool,
    /// It has a gap wider than a space: a row of a table, or an entry of a table of contents.
    pub gapped: bool,
    /// Where its text goes on after its only such gap.
    pub after_gap: Option<f32>,
    /// Its letters are bold.
    pub bold: bool,
    pub style: Style,
    /// The mark of the item that it begins, and the bytes of it.
    pub mark: Option<(Mark, usize)>,
    /// It is monospaced.
    pub mono: Option<Mono>,
    /// It stands for a table. `text` is that of all cells.
    pub table: Option<Table>,
}

/// A line whose characters all have the same width.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mono {
    /// The width of a character.
    pub pitch: f32,
    /// The text with spaces according to its positions.
    pub text: String,
    /// It has letters that differ in width in a proportional font, so the font is monospaced.
    pub certain: bool,
}

impl Line {
    /// Mirrors the line, so that right-to-left text is laid out like left-to-right text.
    pub(super) fn mirror(&mut self) {
        (self.left, self.right) = (-self.right, -self.left);
        (self.second_left, self.after_gap) = (None, None);
        if let Some(table) = &mut self.table {
            table.mirror();
        }
    }

    pub(super) fn width(&self) -> f32 {
        self.right - self.left
    }

    /// Whether dots lead to a page number.
    pub(super) fn has_leader(&self) -> bool {
        let before_number = self.text.trim_end_matches(|char: char| char.is_numeric() || char == ' ');
        let is_short = before_number.len() < self.text.len() && before_number.ends_with(SHORT_LEADER);
        is_short || LEADERS.iter().any(|leader| self.text.contains(leader))
    }

    /// Whether the two overlap horizontally.
    pub(super) fn is_above_or_below(&self, other: &Self) -> bool {
        self.left < other.right && other.left < self.right
    }
}

/// Splits at PDFium's line breaks, and joins neighbours on one base line.
pub(super) fn from_glyphs(glyphs: &[Placed]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for run in glyphs.split_inclusive(Placed::ends_line) {
        let hyphenated = run.last().is_some_and(|glyph| glyph.char == LINE_END_HYPHEN);
        let Some(line) = line(&bidi::ordered(run), hyphenated) else { continue };
        match lines.last_mut() {
            Some(previous) if continues(previous, &line) => {
                let mut line = line;
                if line.left > previous.left && are_right_to_left(previous, &line) {
                    std::mem::swap(previous, &mut line);
                }
                append(previous, line);
            }
            _ => lines.push(line),
        }
    }
    lines
}

fn line(run: &[Placed], hyphenated: bool) -> Option<Line> {
    let inked: Vec<&Placed> = run.iter().filter(|glyph| glyph.is_inked()).collect();
    if inked.is_empty() {
        return None;
    }
    let size = most_common(inked.iter().map(|glyph| glyph.size));
    let of_size = inked.iter().filter(|glyph| (glyph.size - size).abs() < 0.5);
    let baseline = most_common(of_size.map(|glyph| glyph.baseline));
    let style = Style::of(&inked, size);
    let gaps = inked.windows(2).filter(|pair| pair[1].left - pair[0].right > GAP_SIZES * size).map(|pair| pair[1].left);
    let (text, second_left) = spacing::text(run, size, baseline);
    Some(Line {
        text,
        left: inked.iter().map(|glyph| glyph.left).fold(f32::INFINITY, f32::min),
        right: inked.iter().map(|glyph| glyph.right).fold(f32::NEG_INFINITY, f32::max),
        baseline,
        size,
        first_word_width: first_word_width(run),
        second_left,
        hyphenated,
        gapped: gaps.clone().next().is_some(),
        after_gap: only(gaps),
        bold: style.bold,
        style,
        mark: None,
        mono: mono(&inked),
        table: None,
    })
}

/// The only value. `None` for several.
fn only(mut values: impl Iterator<Item = f32>) -> Option<f32> {
    values.next().filter(|_| values.next().is_none())
}

fn first_word_width(run: &[Placed]) -> f32 {
    let word =
        run.iter().skip_while(|glyph| glyph.char.is_whitespace()).take_while(|glyph| !glyph.char.is_whitespace());
    let mut extent: Option<(f32, f32)> = None;
    for glyph in word {
        let (left, right) = extent.unwrap_or((glyph.left, glyph.right));
        extent = Some((left.min(glyph.left), right.max(glyph.right)));
        if script::joins_without_space(glyph.char) {
            break;
        }
    }
    extent.map_or(0.0, |(left, right)| right - left)
}

/// The most common value, rounded to a tenth; the smallest of several.
pub(super) fn most_common(values: impl Iterator<Item = f32> + Clone) -> f32 {
    let mut values = values.map(|value| (value * 10.0).round() as i32);
    let Some(first) = values.next() else { return 0.0 };
    // Mostly there is but one.
    if values.clone().all(|value| value == first) {
        return first as f32 / 10.0;
    }
    let mut tenths: Vec<i32> = std::iter::once(first).chain(values).collect();
    tenths.sort_unstable();
    let mut best = (0, 0);
    for group in tenths.chunk_by(|a, b| a == b) {
        if group.len() > best.1 {
            best = (group[0], group.len());
        }
    }
    best.0 as f32 / 10.0
}

/// The largest distance of a character from the grid of its line, in pitches. Faces of one family differ a little.
const GRID_TOLERANCE: f32 = 0.08;
/// The least pitch of a monospaced font, in sizes.
const PITCH_SIZES_MIN: f32 = 0.3;
/// Letters that are narrow, or wide, in proportional fonts.
const NARROW: &str = "iljtfrI1.,:;'|!()[]{}";
const WIDE: &str = "mwMWABCDGHKNOQRUVXY@%";

pub(super) fn mono(inked: &[&Placed]) -> Option<Mono> {
    let steps = || inked.windows(2).map(|pair| pair[1].left - pair[0].left);
    let size = inked.first()?.size;
    if inked.iter().all(|glyph| glyph.face.mono && !script::joins_without_space(glyph.char)) {
        let pitch = most_common_width(inked);
        return (pitch > 0.0).then(|| Mono { pitch, text: mono_text(inked, pitch), certain: true });
    }
    // A box can be wider than the advance but not narrower, and a step can span spaces.
    let pitch = inked.iter().map(|glyph| glyph.right - glyph.left).chain(steps()).fold(f32::INFINITY, f32::min);
    let ideographic = inked.iter().any(|glyph| script::joins_without_space(glyph.char));
    let on_grid = |step: f32| (step / pitch - (step / pitch).round()).abs() < GRID_TOLERANCE;
    if pitch < size * PITCH_SIZES_MIN || ideographic || !steps().all(on_grid) {
        return None;
    }
    let has = |set: &str| inked.iter().any(|glyph| set.contains(glyph.char));
    let distinct = inked.iter().map(|glyph| glyph.char).collect::<BTreeSet<_>>().len();
    let certain = distinct >= 5 && has(NARROW) && (has(WIDE) || distinct >= 8);
    Some(Mono { pitch, text: mono_text(inked, pitch), certain })
}

/// The advance that most characters have, to a hundredth.
fn most_common_width(inked: &[&Placed]) -> f32 {
    most_common(inked.iter().map(|glyph| (glyph.right - glyph.left) * 10.0)) / 10.0
}

fn mono_text(inked: &[&Placed], pitch: f32) -> String {
    let mut text = String::with_capacity(inked.len() * 2);
    let mut end = inked.first().map_or(0.0, |glyph| glyph.left);
    for glyph in inked {
        text.extend(std::iter::repeat_n(' ', columns(glyph.left - end, pitch)));
        text.push(glyph.char);
        end = glyph.left + pitch;
    }
    text
}

/// The number of characters of this pitch that fit into a gap, at most [`CODE_GAP_COLUMNS_MAX`].
pub(super) fn columns(gap: f32, pitch: f32) -> usize {
    ((gap / pitch).round().max(0.0) as usize).min(CODE_GAP_COLUMNS_MAX)
}

/// The free space between two parts of a line; in right-to-left text the second one can be to the left.
fn gap(previous: &Line, line: &Line) -> f32 {
    let to_right = line.left - previous.right;
    if are_right_to_left(previous, line) { to_right.max(previous.left - line.right) } else { to_right }
}

fn are_right_to_left(previous: &Line, line: &Line) -> bool {
    let is_to_left = |line: &Line| line.text.chars().any(script::is_right_to_left_letter);
    !previous.text.is_ascii() && is_to_left(previous) && (line.text.is_ascii() || is_to_left(line))
}

/// Whether `line` continues `previous` on the same base line: parts of a formula, or text after a superscript.
fn continues(previous: &Line, line: &Line) -> bool {
    let size = previous.size.max(line.size);
    let raised = (previous.size - line.size).abs() > 0.1 * size;
    let rise = (previous.baseline - line.baseline).abs();
    let gap = gap(previous, line);
    !previous.hyphenated
        && rise < if raised { 0.6 } else { 0.25 } * size
        && (-0.5 * size..APART_SIZES * size).contains(&gap)
}

fn append(previous: &mut Line, line: Line) {
    let gap = gap(previous, &line);
    let size = previous.size.max(line.size);
    let rise = previous.baseline - line.baseline;
    let shift = |rise: f32| match rise / size {
        rise if rise > RISE_SIZES_MIN => Shift::Raised,
        rise if rise < -RISE_SIZES_MIN => Shift::Lowered,
        _ => Shift::None,
    };
    let mut text = line.text;
    if line.size < SMALL_MAX * previous.size {
        text = spacing::shifted(&text, shift(rise));
    } else if previous.size < SMALL_MAX * line.size {
        previous.text = spacing::shifted(&previous.text, shift(-rise));
    }
    let is_ideographic = |char: Option<char>| char.is_some_and(script::joins_without_space);
    if gap > 0.1 * size && !(is_ideographic(previous.text.chars().next_back()) && is_ideographic(text.chars().next())) {
        previous.text.push_space();
        previous.second_left = previous.second_left.or(Some(line.left));
    }
    previous.text.append(&text);
    previous.second_left = previous.second_left.or(line.second_left);
    previous.right = previous.right.max(line.right);
    previous.left = previous.left.min(line.left);
    if line.right - line.left > previous.width() - (line.right - line.left) {
        (previous.baseline, previous.size, previous.style) = (line.baseline, line.size, line.style);
    }
    previous.hyphenated = line.hyphenated;
    previous.bold &= line.bold;
    let own = (gap > GAP_SIZES * size).then_some(line.left);
    let is_only = [previous.gapped, own.is_some(), line.gapped].iter().filter(|is_gapped| **is_gapped).count() == 1;
    previous.after_gap = if is_only { previous.after_gap.or(own).or(line.after_gap) } else { None };
    previous.gapped |= line.gapped || own.is_some();
    previous.mono = match (previous.mono.take(), line.mono) {
        (Some(mut head), Some(tail)) if (head.pitch - tail.pitch).abs() <= head.pitch * 0.02 => {
            head.text.extend(std::iter::repeat_n(' ', columns(gap, head.pitch)));
            head.text.push_str(&tail.text);
            head.certain |= tail.certain;
            Some(head)
        }
        _ => None,
    };
}
