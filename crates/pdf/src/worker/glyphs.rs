//! Reads the characters of a page from PDFium with few calls.
//!
//! Each call takes some tens of nanoseconds, and a page has thousands of characters. So size and turn are read again only when the
//! height of the box changes or a line starts, and the font only where a word or a sign starts, too.

use pdfium_render::prelude::{PdfPageText, PdfPageTextChar};

use super::faces::Faces;
use crate::text::{self, Face, Glyph, Turn};

/// All characters in file order.
pub(super) fn read(page_text: &PdfPageText<'_>, faces: &mut Faces) -> Vec<Glyph> {
    let chars = page_text.chars();
    let mut glyphs: Vec<Glyph> = Vec::with_capacity(chars.len());
    let mut height = f32::NAN;
    let (mut size, mut turn, mut face) = (0.0, Turn::Upright, Face::default());
    let mut in_word = false;
    let mut halves = Halves::default();
    for char in chars.iter() {
        // An unmapped code is not text.
        let Some(value) = halves.whole(char.unicode_value()).filter(|value| *value != '\0') else { continue };
        let at_start = glyphs.last().is_none_or(|last| matches!(last.char, '\n' | '\r'));
        let value = match value {
            // A sign of a font without names, at the start of a line, is a bullet.
            '\u{80}'..='\u{9f}' if at_start => '•',
            value if is_code(value) => symbol(&char, value),
            value => value,
        };
        if value.is_whitespace() || value.is_control() {
            glyphs.push(layout(value));
            in_word = false;
            if matches!(value, '\n' | '\r' | '\u{2}') {
                height = f32::NAN;
            }
            continue;
        }
        let (Ok(origin), Ok(bounds)) = (char.origin(), char.loose_bounds()) else { continue };
        let bounds = [bounds.left().value, bounds.bottom().value, bounds.right().value, bounds.top().value];
        let is_changed = bounds[3] - bounds[1] != height;
        if is_changed {
            height = bounds[3] - bounds[1];
            (size, turn) = size_and_turn(&char);
        }
        let is_letter = value.is_alphanumeric();
        if is_changed || !in_word || !is_letter {
            face = faces.of(&char);
        }
        in_word = is_letter;
        glyphs.push(Glyph { char: value, origin: (origin.0.value, origin.1.value), bounds, size, turn, face });
    }
    glyphs
}

/// Whether it is the code of a sign in a font that does not say which.
const fn is_code(value: char) -> bool {
    matches!(value, '\u{1}' | '\u{3}'..='\u{8}' | '\u{e}'..='\u{1f}')
}

/// The sign with this code in the symbol font of TeX, whose bullets begin items.
fn symbol(char: &PdfPageTextChar<'_>, code: char) -> char {
    if !char.font_name().to_ascii_uppercase().contains("CMSY") {
        return code;
    }
    match code {
        '\u{1}' => '·',
        '\u{3}' => '∗',
        '\u{4}' => '÷',
        '\u{6}' => '±',
        '\u{e}' => '◦',
        '\u{f}' => '•',
        '\u{14}' => '≤',
        '\u{15}' => '≥',
        '\u{18}' => '∼',
        _ => code,
    }
}

/// PDFium gives a character beyond U+FFFF as two halves.
#[derive(Default)]
struct Halves {
    first: Option<u16>,
}

impl Halves {
    /// The character that ends with this value. `None` for the first half of one, and for what is no character.
    fn whole(&mut self, value: u32) -> Option<char> {
        let first = self.first.take();
        let Ok(half) = u16::try_from(value) else { return char::from_u32(value) };
        match half {
            0xd800..=0xdbff => {
                self.first = Some(half);
                None
            }
            0xdc00..=0xdfff => char::decode_utf16([first?, half]).next()?.ok(),
            _ => char::from_u32(value),
        }
    }
}

/// The number of visible characters that [`read`] would return. It is faster because it reads no places.
pub(super) fn count_visible(page_text: &PdfPageText<'_>) -> u32 {
    let chars = page_text.chars();
    let mut halves = Halves::default();
    let whole = chars.iter().filter_map(|char| halves.whole(char.unicode_value()));
    u32::try_from(whole.filter(|char| text::is_visible(*char)).count()).unwrap_or(u32::MAX)
}

/// A space or a line break, which has no place.
fn layout(char: char) -> Glyph {
    Glyph { char, origin: (0.0, 0.0), bounds: [0.0; 4], size: 0.0, turn: Turn::Upright, face: Face::default() }
}

fn size_and_turn(char: &PdfPageTextChar<'_>) -> (f32, Turn) {
    let unscaled = char.unscaled_font_size().value;
    match char.matrix() {
        Ok(matrix) => (unscaled * matrix.c().hypot(matrix.d()), turn(matrix.a(), matrix.b())),
        Err(_) => (unscaled, Turn::Upright),
    }
}

/// The direction of the base line to the nearest quarter, if it is within 10 degrees of one.
fn turn(a: f32, b: f32) -> Turn {
    let quarters = b.atan2(a).to_degrees() / 90.0;
    if (quarters - quarters.round()).abs() > 1.0 / 9.0 {
        return Turn::Oblique;
    }
    match quarters.round() as i32 {
        0 => Turn::Upright,
        1 => Turn::Quarter,
        -1 => Turn::ThreeQuarters,
        _ => Turn::Half,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_a_character_are_joined() {
        let mut halves = Halves::default();
        let codes = [0x41, 0xd835, 0xdc00, 0xdc00, 0xd835, 0x42, 0x1f600];
        let whole: Vec<_> = codes.into_iter().filter_map(|code| halves.whole(code)).collect();
        assert_eq!(whole, ['A', '\u{1d400}', 'B', '\u{1f600}']);
    }
}
