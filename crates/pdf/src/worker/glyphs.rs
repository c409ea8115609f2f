//! Reads the characters of a page from PDFium with few calls.
//!
//! Each call takes some tens of nanoseconds, and a page has thousands of characters. So the font is read once for each run of text of the
//! file, and the base line only where a box changes.

use pdfium_render::prelude::{PdfPageText, PdfPageTextChar};

use super::faces::Faces;
use crate::text::{self, Face, Glyph, Turn};

/// All characters in file order.
pub(super) fn read(page_text: &PdfPageText<'_>, faces: &mut Faces) -> Vec<Glyph> {
    let chars = page_text.chars();
    let mut glyphs: Vec<Glyph> = Vec::with_capacity(chars.len());
    let (mut run, mut row) = (Run::default(), Row::default());
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
            continue;
        }
        let Ok(bounds) = char.loose_bounds() else { continue };
        let bounds = [bounds.left().value, bounds.bottom().value, bounds.right().value, bounds.top().value];
        let is_letter = value.is_alphanumeric();
        let is_changed = !row.is_of(&bounds);
        if is_changed || !in_word || !is_letter {
            run.read(&char, is_changed, faces);
        }
        in_word = is_letter;
        let Some(origin) = row.origin(&char, bounds, run.turn) else { continue };
        glyphs.push(Glyph { char: value, origin, bounds, size: run.size, turn: run.turn, face: run.face });
    }
    glyphs
}

/// Characters that the file sets together.
#[derive(Default)]
struct Run {
    /// Their matrix with their place. Another run has the same only if this one has no width.
    matrix: Option<[f32; 6]>,
    size: f32,
    turn: Turn,
    face: Face,
}

impl Run {
    /// Reads the run to which a character belongs, unless it is this one. `is_changed`: its box shows that it is another.
    fn read(&mut self, char: &PdfPageTextChar<'_>, is_changed: bool, faces: &mut Faces) {
        let matrix = char.matrix().ok().map(|of| [of.a(), of.b(), of.c(), of.d(), of.e(), of.f()]);
        if !is_changed && matrix.is_some() && matrix == self.matrix {
            return;
        }
        let unscaled = char.unscaled_font_size().value;
        (self.size, self.turn) = match matrix {
            Some([a, b, c, d, ..]) => (unscaled * c.hypot(d), turn(a, b)),
            None => (unscaled, Turn::Upright),
        };
        self.face = faces.of(char);
        self.matrix = matrix;
    }
}

/// The bottom and top of the boxes of characters beside each other, and their base line, if boxes begin where characters do.
#[derive(Default)]
struct Row {
    extent: (f32, f32),
    baseline: Option<f32>,
}

impl Row {
    fn is_of(&self, bounds: &[f32; 4]) -> bool {
        self.extent == (bounds[1], bounds[3])
    }

    /// The origin of a character, which is read only if its box differs from that before it.
    fn origin(&mut self, char: &PdfPageTextChar<'_>, bounds: [f32; 4], turn: Turn) -> Option<(f32, f32)> {
        if let Some(baseline) = self.baseline.filter(|_| turn == Turn::Upright && self.is_of(&bounds)) {
            return Some((bounds[0], baseline));
        }
        let (x, y) = char.origin().ok()?;
        self.extent = (bounds[1], bounds[3]);
        self.baseline = (x.value == bounds[0]).then_some(y.value);
        Some((x.value, y.value))
    }
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
