//! The order of the parts of a right-to-left line.
//!
//! PDFium gives the letters of a word in reading order, but not always the words: where the font or the script changes, it can take the
//! parts of a line in another order. Their places tell the right one.

use std::borrow::Cow;

use super::glyph::Placed;
use super::script;

/// How far letters of one part can overlap or be apart, in sizes.
const OVERLAP_SIZES: f32 = 0.3;
const APART_SIZES: f32 = 1.0;
/// A gap of at least this many sizes between two parts is a space.
const SPACE_SIZES: f32 = 0.1;

/// Characters that follow each other in one direction.
struct Part<'a> {
    glyphs: &'a [Placed],
    left: f32,
    right: f32,
}

/// The characters of a line in reading order, if it has right-to-left letters and the file has its parts in another order.
pub(super) fn ordered(run: &[Placed]) -> Cow<'_, [Placed]> {
    if !is_right_to_left(run) {
        return Cow::Borrowed(run);
    }
    let end = run.iter().rposition(Placed::is_inked).map_or(0, |last| last + 1);
    let mut parts = parts(&run[..end]);
    // Parts above each other are a letter and its mark.
    let is_next = |pair: &[Part<'_>]| pair[1].right <= pair[0].left + OVERLAP_SIZES * pair[0].glyphs[0].size;
    if parts.windows(2).all(is_next) {
        return Cow::Borrowed(run);
    }
    parts.sort_by(|a, b| b.right.total_cmp(&a.right));
    if !parts.windows(2).all(is_next) {
        return Cow::Borrowed(run);
    }
    let mut ordered: Vec<Placed> = Vec::with_capacity(run.len());
    let mut edge = f32::NEG_INFINITY;
    for part in parts {
        let first = part.glyphs[0];
        if edge - part.right > SPACE_SIZES * first.size {
            ordered.push(Placed { char: ' ', ..first });
        }
        ordered.extend_from_slice(part.glyphs);
        edge = part.left;
    }
    ordered.extend_from_slice(&run[end..]);
    Cow::Owned(ordered)
}

/// Whether a line has right-to-left letters, and not many more others.
fn is_right_to_left(run: &[Placed]) -> bool {
    let (mut to_left, mut others) = (0_usize, 0_usize);
    for glyph in run.iter().filter(|glyph| !glyph.char.is_ascii() || glyph.char.is_ascii_alphabetic()) {
        let is_to_left = goes_left(glyph.char);
        to_left += usize::from(is_to_left);
        others += usize::from(!is_to_left && glyph.char.is_alphabetic());
    }
    to_left > 0 && 2 * to_left >= others
}

/// Splits a line where the next character is not beside the one before it.
fn parts(run: &[Placed]) -> Vec<Part<'_>> {
    let mut parts: Vec<Part<'_>> = Vec::new();
    let mut before: Option<&Placed> = None;
    let mut start = 0;
    for (at, glyph) in run.iter().enumerate().filter(|(_, glyph)| glyph.is_inked()) {
        if before.is_none_or(|before| !is_beside(before, glyph)) {
            parts.push(Part { glyphs: &run[at..=at], left: glyph.left, right: glyph.right });
            start = at;
        } else if let Some(part) = parts.last_mut() {
            part.glyphs = &run[start..=at];
            (part.left, part.right) = (part.left.min(glyph.left), part.right.max(glyph.right));
        }
        before = Some(glyph);
    }
    parts
}

fn is_beside(before: &Placed, glyph: &Placed) -> bool {
    let reach = -OVERLAP_SIZES * glyph.size..APART_SIZES * glyph.size;
    let (to_left, to_right) = (before.left - glyph.right, glyph.left - before.right);
    // A mark is above its letter.
    let is_above = glyph.left >= before.left - 1.0 && glyph.right <= before.right + 1.0;
    let is_left = reach.contains(&to_left) && !(goes_right(glyph.char) && goes_right(before.char));
    is_above || is_left || reach.contains(&to_right) && !goes_left(glyph.char) && !goes_left(before.char)
}

/// Whether it is a Latin letter or a digit.
fn goes_right(char: char) -> bool {
    char.is_ascii_alphabetic() || char.is_numeric()
}

/// Whether it is a letter that is to the left of the one before it. Digits are not, in any script.
fn goes_left(char: char) -> bool {
    script::is_right_to_left_letter(char) && !char.is_numeric()
}

#[cfg(test)]
mod tests {
    use super::super::glyph::{Turn, upright};
    use super::super::testing::{glyphs, leftward_glyphs};
    use super::*;

    /// Words with their left edges, in the order of the file. Letters of Hebrew words go to the left.
    fn read(line: &[(&str, f32)]) -> String {
        let mut page = Vec::new();
        for (word, left) in line {
            let place = if word.chars().all(goes_left) { leftward_glyphs } else { glyphs };
            page.append(&mut place(word, *left, 80.0));
        }
        ordered(&upright(&page, &[], Turn::Upright)).iter().map(|glyph| glyph.char).collect()
    }

    #[test]
    fn parts_of_a_right_to_left_line_are_read_from_the_right() {
        assert_eq!(read(&[("עולם", 150.0), ("שלום", 200.0)]), "שלום עולם");
        assert_eq!(read(&[("abc", 150.0), ("עולם", 100.0), ("שלום", 200.0)]), "שלום abc עולם");
        assert_eq!(read(&[("٤٢٢", 150.0), ("عربية", 200.0)]), "عربية ٤٢٢");
    }

    #[test]
    fn line_in_order_and_line_of_another_script_are_left_alone() {
        assert_eq!(read(&[("שלום", 200.0), (" ", 0.0), ("עולם", 150.0)]), "שלום עולם");
        assert_eq!(read(&[("second", 150.0), ("first", 50.0)]), "secondfirst");
    }
}
