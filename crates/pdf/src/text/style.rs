//! How a whole line is set.

use serde::{Deserialize, Serialize};

use super::glyph::{Face, Placed};

/// The type of a line. Headings of one rank have one style.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Style {
    /// Its size in tenths of a point.
    pub tenths: i32,
    pub bold: bool,
    /// All its letters are capitals.
    pub caps: bool,
    pub italic: bool,
    pub mono: bool,
    pub font: u32,
}

/// Sizes that differ less are one size, in tenths of a point.
const SAME_TENTHS: i32 = 3;
/// Fewer letters are an abbreviation or a sign.
const CAPS_LETTERS_MIN: usize = 4;

impl Style {
    /// The style of a line with these inked characters and this size.
    pub(super) fn of(inked: &[&Placed], size: f32) -> Self {
        let letters = || inked.iter().filter(|glyph| glyph.char.is_alphanumeric());
        let total = letters().count();
        let most = |is: fn(&Face) -> bool| {
            let count = letters().filter(|glyph| is(&glyph.face)).count();
            count > 0 && count * 10 >= total * 9
        };
        let cased = || letters().filter(|glyph| glyph.char.is_lowercase() || glyph.char.is_uppercase());
        Self {
            tenths: (size * 10.0).round() as i32,
            bold: most(|face| face.bold),
            caps: cased().count() >= CAPS_LETTERS_MIN && cased().all(|glyph| glyph.char.is_uppercase()),
            italic: most(|face| face.italic),
            mono: most(|face| face.mono),
            font: most_common_font(letters().map(|glyph| glyph.face.font)),
        }
    }

    pub(super) fn size(&self) -> f32 {
        self.tenths as f32 / 10.0
    }

    /// Whether the two are set alike. Sizes can differ a little by rounding. A line in capitals can be short of letters.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (self.tenths - other.tenths).abs() <= SAME_TENTHS
            && (self.bold, self.italic, self.mono, self.font) == (other.bold, other.italic, other.mono, other.font)
    }

    /// Larger type ranks higher, then bold type, then capitals, then upright type.
    pub(super) fn rank(&self) -> (i32, bool, bool, bool) {
        (self.tenths / SAME_TENTHS, self.bold, self.caps, !self.italic)
    }
}

fn most_common_font(mut fonts: impl Iterator<Item = u32> + Clone) -> u32 {
    let Some(first) = fonts.next() else { return 0 };
    // Mostly there is but one.
    if fonts.clone().all(|font| font == first) {
        return first;
    }
    let mut fonts: Vec<u32> = std::iter::once(first).chain(fonts).collect();
    fonts.sort_unstable();
    fonts.chunk_by(|a, b| a == b).max_by_key(|group| group.len()).map_or(0, |group| group[0])
}
