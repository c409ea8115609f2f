//! The text of a line, with spaces where its gaps are.
//!
//! PDFium reports the spaces of the file, and some where it guesses a gap. It misses some, and guesses wrong in tracked type. So the gaps
//! decide.

use super::glyph::Placed;
use super::lines::{RISE_SIZES_MIN, SMALL_MAX};
use super::rich::{Look, Rich, Shift};
use super::script;

/// A wider gap without a space is one, in sizes.
const SPACE_SIZES_MIN: f32 = 0.2;
/// Letters further apart than this are tracked, in sizes.
const TRACKED_SIZES_MIN: f32 = 0.09;
/// Tracked type needs some letters.
const TRACKED_LETTERS_MIN: usize = 5;
/// Longer raised or lowered text is a line of its own.
const SHIFTED_CHARS_MAX: usize = 12;

/// The text of the glyphs of a line with this size and base line, and where its second word begins.
pub(super) fn text(run: &[Placed], size: f32, baseline: f32) -> (Rich, Option<f32>) {
    let spacing = Spacing::of(run, size);
    let mut text = Rich::default();
    let mut second_left = None;
    let mut before: Option<&Placed> = None;
    let mut has_space = false;
    for glyph in run {
        if glyph.char.is_whitespace() {
            has_space = true;
            continue;
        }
        if glyph.char.is_control() {
            continue;
        }
        if before.is_some_and(|before| spacing.is_space(has_space, before, glyph)) && !text.is_empty() {
            text.push_space();
            second_left = second_left.or(Some(glyph.left));
        }
        let look = look(glyph, size, baseline);
        match script::expand_ligature(glyph.char) {
            Some(letters) => text.push_str(letters, look),
            None => text.push(glyph.char, look),
        }
        has_space = false;
        before = Some(glyph);
    }
    (without_logos(text), second_left)
}

/// The text, in which letters within a word are not raised: they belong to a name like that of LaTeX.
fn without_logos(text: Rich) -> Rich {
    let is_letters = |text: &str| text.chars().all(char::is_alphabetic);
    if text.runs().all(|(_, look)| look.shift == Shift::None) {
        return text;
    }
    let runs: Vec<_> = text.runs().collect();
    let mut changed = Rich::default();
    for (at, (run, look)) in runs.iter().enumerate() {
        let next_is_letter = runs.get(at + 1).is_some_and(|(next, _)| next.starts_with(char::is_alphabetic));
        let is_logo = is_letters(run) && next_is_letter && changed.ends_with(char::is_alphabetic);
        changed.push_str(run, if is_logo { Look { shift: Shift::None, ..*look } } else { *look });
    }
    changed
}

fn look(glyph: &Placed, size: f32, baseline: f32) -> Look {
    let rise = (baseline - glyph.baseline) / size.max(1.0);
    let shift = if glyph.size >= SMALL_MAX * size || rise.abs() < RISE_SIZES_MIN {
        Shift::None
    } else if rise > 0.0 {
        Shift::Raised
    } else {
        Shift::Lowered
    };
    let mono = glyph.face.mono && !script::joins_without_space(glyph.char);
    Look { bold: glyph.face.bold, italic: glyph.face.italic, mono, shift, link: glyph.link }
}

/// The text as raised or lowered, unless it is too long for that.
pub(super) fn shifted(text: &Rich, shift: Shift) -> Rich {
    if text.chars().count() > SHIFTED_CHARS_MAX {
        return text.clone();
    }
    text.relook(|look| Look { shift, ..look })
}

/// Which gaps of a line are spaces.
struct Spacing {
    /// The least gap that is one.
    gap_min: f32,
    /// Letters are apart, so a reported space can be none.
    is_tracked: bool,
}

impl Spacing {
    fn of(run: &[Placed], size: f32) -> Self {
        let is_letter = |glyph: &&Placed| glyph.char.is_alphabetic() && !script::joins_without_space(glyph.char);
        let inked = || run.iter().filter(|glyph| glyph.is_inked());
        let pairs =
            inked().zip(inked().skip(1)).filter(|(a, b)| [a, b].iter().all(|of| is_letter(of) && !of.face.mono));
        let mut gaps: Vec<f32> = Vec::with_capacity(run.len());
        gaps.extend(pairs.map(|(before, glyph)| gap(before, glyph)));
        // Most gaps are within words.
        let at = gaps.len() * 2 / 5;
        let usual = if gaps.is_empty() { 0.0 } else { *gaps.select_nth_unstable_by(at, f32::total_cmp).1 };
        let is_tracked = gaps.len() >= TRACKED_LETTERS_MIN && usual > TRACKED_SIZES_MIN * size;
        Self { gap_min: SPACE_SIZES_MIN * size + if is_tracked { usual } else { 0.0 }, is_tracked }
    }

    fn is_space(&self, is_reported: bool, before: &Placed, glyph: &Placed) -> bool {
        let gap = gap(before, glyph);
        if is_reported {
            // A line of single letters in spaced type has spaces between all of them.
            return !self.is_tracked || gap > self.gap_min;
        }
        let is_wide = gap > self.gap_min.max(if glyph.face.mono { 0.5 * (glyph.right - glyph.left) } else { 0.0 });
        let joined = [before, glyph].iter().all(|glyph| script::joins_without_space(glyph.char));
        is_wide && !joined && (before.size - glyph.size).abs() < 0.15 * glyph.size.max(before.size)
    }
}

/// The free space between two glyphs, in either direction of writing.
fn gap(before: &Placed, glyph: &Placed) -> f32 {
    (glyph.left - before.right).max(before.left - glyph.right)
}

#[cfg(test)]
mod tests {
    use super::super::glyph::{Turn, upright};
    use super::super::testing::glyphs;
    use super::*;

    /// The text of letters that are this far apart, without reported spaces. An underscore is a gap of four points more.
    fn spaced(letters: &str, apart: f32) -> String {
        let mut x = 50.0;
        let mut page = Vec::new();
        for char in letters.chars() {
            if char == '_' {
                x += 4.0;
                continue;
            }
            let mut glyph = glyphs(&char.to_string(), x, 80.0);
            glyph[0].bounds[2] = x + 5.0;
            x += 5.0 + apart;
            page.append(&mut glyph);
        }
        text(&upright(&page, &[], Turn::Upright), 10.0, -762.0).0.to_string()
    }

    #[test]
    fn gap_without_a_reported_space_is_one() {
        assert_eq!(spaced("two_words", 0.0), "two words");
        assert_eq!(spaced("oneword", 1.0), "oneword");
    }

    #[test]
    fn tracked_letters_are_one_word() {
        assert_eq!(spaced("tracked_type", 2.5), "tracked type");
    }
}
