//! Vertical Chinese and Japanese: characters below each other, columns from right to left.
//!
//! Such a page is one of turned lines whose characters stand upright. So the characters get that turn. Ruby beside the characters is left
//! out, because it would stand between the words.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::glyph::{Glyph, Turn};
use super::script;

/// Fewer steps downwards are a label or a spine.
const STEPS_MIN: usize = 12;
/// The farthest step to the next character, in sizes.
const STEP_SIZES_MAX: f32 = 2.0;
/// The largest size of ruby, relative to the text.
const RUBY_MAX: f32 = 0.6;

/// The characters of a page, turned if most of its text is vertical.
pub(super) fn turned(glyphs: &[Glyph]) -> Cow<'_, [Glyph]> {
    if !is_vertical(glyphs) {
        return Cow::Borrowed(glyphs);
    }
    let size = text_size(glyphs);
    let kept = glyphs.iter().filter(|glyph| glyph.char.is_whitespace() || glyph.size > RUBY_MAX * size);
    Cow::Owned(kept.map(turn).collect())
}

/// The size that covers most of the page. Ruby can have more characters than the text.
fn text_size(glyphs: &[Glyph]) -> f32 {
    let mut areas = BTreeMap::<i32, f32>::new();
    for glyph in glyphs.iter().filter(|glyph| script::joins_without_space(glyph.char)) {
        *areas.entry((10.0 * glyph.size) as i32).or_default() += glyph.size * glyph.size;
    }
    let largest = areas.into_iter().max_by(|a, b| a.1.total_cmp(&b.1));
    largest.map_or(0.0, |(tenths, _)| tenths as f32 / 10.0)
}

fn turn(glyph: &Glyph) -> Glyph {
    let [left, _, _, top] = glyph.bounds;
    let char = script::horizontal_form(glyph.char);
    match glyph.turn {
        Turn::Upright => Glyph { char, origin: (left, top), turn: Turn::ThreeQuarters, ..*glyph },
        _ => Glyph { char, ..*glyph },
    }
}

/// Whether most steps from one Chinese or Japanese character to the next lead down.
fn is_vertical(glyphs: &[Glyph]) -> bool {
    let (mut down, mut right) = (0, 0);
    for pair in glyphs.windows(2) {
        let is_ideograph = |glyph: &Glyph| script::joins_without_space(glyph.char) && glyph.turn == Turn::Upright;
        if !pair.iter().all(is_ideograph) {
            continue;
        }
        let (a, b) = (&pair[0].bounds, &pair[1].bounds);
        let most = STEP_SIZES_MAX * pair[0].size;
        let is_step =
            |along: f32, across: f32| along > 0.3 * pair[0].size && along < most && across.abs() < 0.3 * pair[0].size;
        down += usize::from(is_step(a[3] - b[3], a[0] - b[0]));
        right += usize::from(is_step(b[0] - a[0], a[1] - b[1]));
    }
    down >= STEPS_MIN && down > 2 * right
}

#[cfg(test)]
mod tests {
    use super::super::testing::{glyphs, to_markdown};
    use super::*;

    /// A column of characters below each other.
    fn column(text: &str, left: f32, down: f32, size: f32) -> Vec<Glyph> {
        let place = |(row, char): (usize, char)| {
            let mut glyph = glyphs(&char.to_string(), left, down + size * row as f32).remove(0);
            glyph.bounds = [left, glyph.origin.1 - 0.1 * size, left + size, glyph.origin.1 + 0.9 * size];
            Glyph { size, ..glyph }
        };
        text.chars().enumerate().map(place).chain(glyphs("\n", 0.0, 0.0)).collect()
    }

    #[test]
    fn columns_of_vertical_text_are_read_from_the_right_without_ruby() {
        let page = [
            column("吾輩は猫である︒", 300.0, 100.0, 10.0),
            column("わがはい", 310.0, 100.0, 5.0),
            // Ruby left room between the two.
            column("名前はまだ無い︒どこで", 300.0, 183.0, 10.0),
            column("生れたかとんと見当がつかぬ︒何でも薄暗", 282.0, 100.0, 10.0),
            column("いじめじめした所で泣いていた︒", 264.0, 100.0, 10.0),
        ];
        assert_eq!(
            to_markdown(&page.concat(), &[]),
            "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。何でも薄暗いじめじめした所で泣いていた。"
        );
    }
}
