//! Reads the characters of a page from PDFium with few calls.
//!
//! Each call takes some tens of nanoseconds, and a page has thousands of characters. So size, turn and weight are read again only when the
//! height of the box changes or a line starts.

use pdfium_render::prelude::{PdfPageText, PdfPageTextChar};

use crate::text::{self, Glyph, Turn};

/// The properties of characters with one font and size.
#[derive(Clone, Copy)]
struct Style {
    size: f32,
    turn: Turn,
    bold: bool,
}

/// All characters in file order.
pub(super) fn read(page_text: &PdfPageText<'_>) -> Vec<Glyph> {
    let chars = page_text.chars();
    let mut glyphs: Vec<Glyph> = Vec::with_capacity(chars.len());
    let mut height = f32::NAN;
    let mut style = Style { size: 0.0, turn: Turn::Upright, bold: false };
    let mut last: Option<(usize, PdfPageTextChar<'_>)> = None;
    for char in chars.iter() {
        // A lone surrogate or an unmapped code is not text.
        let Some(value) = char.unicode_char().filter(|value| *value != '\0') else { continue };
        if value.is_whitespace() || value.is_control() {
            glyphs.push(layout(value));
            if matches!(value, '\n' | '\r' | '\u{2}') {
                height = f32::NAN;
                // The end of the line can be in another face of the same height.
                if let Some((index, char)) = last.take() {
                    glyphs[index].bold = is_bold(&char.font_name());
                }
            }
            continue;
        }
        let (Ok(origin), Ok(bounds)) = (char.origin(), char.loose_bounds()) else { continue };
        let bounds = [bounds.left().value, bounds.bottom().value, bounds.right().value, bounds.top().value];
        if bounds[3] - bounds[1] != height {
            height = bounds[3] - bounds[1];
            style = style_of(&char);
        }
        last = Some((glyphs.len(), char));
        let Style { size, turn, bold } = style;
        glyphs.push(Glyph { char: value, origin: (origin.0.value, origin.1.value), bounds, size, turn, bold });
    }
    glyphs
}

/// The number of visible characters that [`read`] would return. It is faster because it reads no places.
pub(super) fn count_visible(page_text: &PdfPageText<'_>) -> u32 {
    let chars = page_text.chars();
    let visible = chars.iter().filter_map(|char| char.unicode_char()).filter(|char| text::is_visible(*char)).count();
    u32::try_from(visible).unwrap_or(u32::MAX)
}

/// A space or a line break, which has no place.
fn layout(char: char) -> Glyph {
    Glyph { char, origin: (0.0, 0.0), bounds: [0.0; 4], size: 0.0, turn: Turn::Upright, bold: false }
}

fn style_of(char: &PdfPageTextChar<'_>) -> Style {
    let unscaled = char.unscaled_font_size().value;
    let (size, turn) = match char.matrix() {
        Ok(matrix) => (unscaled * matrix.c().hypot(matrix.d()), turn(matrix.a(), matrix.b())),
        Err(_) => (unscaled, Turn::Upright),
    };
    Style { size, turn, bold: is_bold(&char.font_name()) }
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

/// Whether a font is bold by its name, since PDFium only guesses the weight. `CMBX`, `SFBX` and `NimbusRomNo9L-Medi` are bold faces of TeX.
fn is_bold(font_name: &str) -> bool {
    const MARKS: [&str; 6] = ["bold", "black", "heavy", "cmbx", "sfbx", "cmssbx"];
    let name = font_name.to_ascii_lowercase();
    MARKS.iter().any(|mark| name.contains(mark)) || name.ends_with("-medi")
}
