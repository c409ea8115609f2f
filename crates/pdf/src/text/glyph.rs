//! One character as the page has it, and the page turned so that its text stands upright.

/// A character with its place in PDF user space: points, y upwards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glyph {
    pub char: char,
    /// Where the pen stands: the left end of the base line.
    pub origin: (f32, f32),
    /// Left, bottom, right, top of the advance box.
    pub bounds: [f32; 4],
    /// Size of the type as it appears, in points.
    pub size: f32,
    pub turn: Turn,
    pub bold: bool,
}

/// How far a character is turned counter-clockwise from upright.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Upright,
    Quarter,
    Half,
    ThreeQuarters,
    /// Anything else: watermarks and text along a curve.
    Oblique,
}

/// A character on a page whose text stands upright: y downwards.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub char: char,
    /// Where the pen stands before it, and how far it reaches to the right.
    pub left: f32,
    pub right: f32,
    pub baseline: f32,
    pub size: f32,
    pub bold: bool,
}

impl Placed {
    /// Whether a reader sees it.
    pub(super) fn is_inked(&self) -> bool {
        !self.char.is_whitespace() && !self.char.is_control()
    }

    /// Whether the engine lets a line end with it.
    pub(super) fn ends_line(&self) -> bool {
        matches!(self.char, '\n' | '\r' | LINE_END_HYPHEN)
    }
}

/// PDFium's mark for a hyphen at the end of a line whose word goes on in the next.
pub(super) const LINE_END_HYPHEN: char = '\u{2}';

/// Beyond this, coordinates are damage and not layout.
const COORDINATE_MAX: f32 = 100_000.0;

impl Glyph {
    /// Whether it stands for a space, a line break or a hyphen at the end of a line.
    fn is_layout(&self) -> bool {
        self.char.is_whitespace() || self.char == LINE_END_HYPHEN
    }

    fn is_sane(&self) -> bool {
        let [left, bottom, right, top] = self.bounds;
        [self.origin.0, self.origin.1, left, bottom, right, top, self.size]
            .iter()
            .all(|value| value.abs() <= COORDINATE_MAX)
    }

    /// The glyph with the page turned so that glyphs of this turn stand upright.
    fn placed(&self) -> Placed {
        let [left, bottom, right, top] = self.bounds;
        let (x, y) = self.origin;
        let (left, right, baseline) = match self.turn {
            Turn::Upright | Turn::Oblique => (x, right, -y),
            Turn::Quarter => (y, top, x),
            Turn::Half => (-x, -left, y),
            Turn::ThreeQuarters => (-y, -bottom, -x),
        };
        Placed { char: self.char, left, right: right.max(left), baseline, size: self.size, bold: self.bold }
    }
}

/// Whether a reader would see something: not white space, not a control character, not a stand-in for "unknown".
pub(crate) fn is_visible(char: char) -> bool {
    let is_noise = char.is_control() || matches!(char, '\u{fffd}'..='\u{ffff}' | '\u{feff}' | '\u{ad}');
    !char.is_whitespace() && !is_noise
}

/// The glyphs of the turn that most visible ones have; the others are dropped: stamps in the margin, axis labels.
/// Line breaks, spaces and hyphens that the engine made up have no turn of their own and stay.
pub(super) fn upright(glyphs: &[Glyph]) -> Vec<Placed> {
    let turns = [Turn::Upright, Turn::Quarter, Turn::Half, Turn::ThreeQuarters];
    let count = |turn: &Turn| glyphs.iter().filter(|glyph| glyph.turn == *turn && is_visible(glyph.char)).count();
    // `max_by_key` takes the last of equals, and upright must win ties.
    let main = turns.into_iter().rev().max_by_key(count).unwrap_or(Turn::Upright);
    glyphs
        .iter()
        .filter(|glyph| glyph.is_layout() || (glyph.turn == main && is_visible(glyph.char) && glyph.is_sane()))
        .map(Glyph::placed)
        .collect()
}
