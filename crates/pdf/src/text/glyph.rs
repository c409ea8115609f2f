//! Characters on a page, and their places when the page is rotated so that its text is upright.

/// A character with its place in PDF user space: points, y upwards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glyph {
    pub char: char,
    /// The left end of its base line.
    pub origin: (f32, f32),
    /// Left, bottom, right and top of its advance box.
    pub bounds: [f32; 4],
    /// Its visible size, in points.
    pub size: f32,
    pub turn: Turn,
    pub face: Face,
}

/// What the font of a character says about its looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Face {
    /// Equal for the same font on all pages.
    pub font: u32,
    pub bold: bool,
    pub italic: bool,
    pub mono: bool,
}

/// The counter-clockwise rotation of a character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Turn {
    #[default]
    Upright,
    Quarter,
    Half,
    ThreeQuarters,
    /// Any other angle: watermarks and text along a curve.
    Oblique,
}

/// A character on a page with upright text; y downwards.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub char: char,
    /// The left end of its base line.
    pub left: f32,
    pub right: f32,
    pub baseline: f32,
    pub size: f32,
    pub face: Face,
    /// The number of the link on the page.
    pub link: Option<u16>,
}

impl Placed {
    /// Whether it has ink.
    pub(super) fn is_inked(&self) -> bool {
        !self.char.is_whitespace() && !self.char.is_control()
    }

    /// Whether PDFium ends a line with it.
    pub(super) fn ends_line(&self) -> bool {
        matches!(self.char, '\n' | '\r' | LINE_END_HYPHEN)
    }
}

/// PDFium's character for a hyphen that splits a word at the end of a line.
pub(super) const LINE_END_HYPHEN: char = '\u{2}';

/// Larger coordinates come from damaged files.
const COORDINATE_MAX: f32 = 100_000.0;

impl Glyph {
    /// Whether it is a space, a line break or a hyphen at the end of a line.
    fn is_layout(&self) -> bool {
        self.char.is_whitespace() || self.char == LINE_END_HYPHEN
    }

    fn is_sane(&self) -> bool {
        let [left, bottom, right, top] = self.bounds;
        [self.origin.0, self.origin.1, left, bottom, right, top, self.size]
            .iter()
            .all(|value| value.abs() <= COORDINATE_MAX)
    }

    /// The glyph on the page rotated so that glyphs of this turn are upright.
    fn placed(&self, links: &mut Links<'_>) -> Placed {
        let [left, bottom, right, top] = self.bounds;
        let (x, y) = self.origin;
        let (left, right, baseline) = match self.turn {
            Turn::Upright | Turn::Oblique => (x, right, -y),
            Turn::Quarter => (y, top, x),
            Turn::Half => (-x, -left, y),
            Turn::ThreeQuarters => (-y, -bottom, -x),
        };
        let link = links.of(self).map(|link| link.address);
        // Some programs set cross-references in italics.
        let face = Face { italic: self.face.italic && link != Some(None), ..self.face };
        Placed { char: self.char, left, right: right.max(left), baseline, size: self.size, face, link: link.flatten() }
    }
}

/// An area of a page that is a link.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    /// Left, bottom, right and top.
    pub bounds: [f32; 4],
    /// The number of the address on the page. `None`: it leads to a place in the document.
    pub address: Option<u16>,
}

/// The links of a page. Those at the height of one line are kept, because the next character is mostly on it, too.
struct Links<'a> {
    all: &'a [Link],
    near: Vec<&'a Link>,
    height: f32,
}

impl<'a> Links<'a> {
    fn new(all: &'a [Link]) -> Self {
        Self { all, near: Vec::new(), height: f32::NAN }
    }

    /// The first link that holds the middle of a character.
    fn of(&mut self, glyph: &Glyph) -> Option<&'a Link> {
        if self.all.is_empty() {
            return None;
        }
        let (x, y) = (glyph.bounds[0].midpoint(glyph.bounds[2]), glyph.bounds[1].midpoint(glyph.bounds[3]));
        if y != self.height {
            self.height = y;
            self.near.clear();
            self.near.extend(self.all.iter().filter(|link| (link.bounds[1]..=link.bounds[3]).contains(&y)));
        }
        self.near.iter().find(|link| (link.bounds[0]..=link.bounds[2]).contains(&x)).copied()
    }
}

/// Whether a link is set in italics.
pub(super) fn has_italic_reference(glyphs: &[Glyph], links: &[Link]) -> bool {
    let mut links = Links::new(links);
    glyphs.iter().any(|glyph| glyph.face.italic && links.of(glyph).is_some())
}

/// Whether a character is visible: neither white space nor a control, replacement or non-character.
pub(crate) fn is_visible(char: char) -> bool {
    let is_noise = char.is_control() || matches!(char, '\u{fffd}'..='\u{ffff}' | '\u{feff}' | '\u{ad}');
    !char.is_whitespace() && !is_noise
}

/// The most common turn.
pub(super) fn main_turn(glyphs: &[Glyph]) -> Turn {
    let turns = [Turn::Upright, Turn::Quarter, Turn::Half, Turn::ThreeQuarters];
    let mut counts = [0_usize; 4];
    for glyph in glyphs.iter().filter(|glyph| is_visible(glyph.char)) {
        if let Some(at) = turns.iter().position(|turn| *turn == glyph.turn) {
            counts[at] += 1;
        }
    }
    // `max_by_key` returns the last maximum, so upright must be last.
    let most = turns.into_iter().zip(counts).rev().max_by_key(|(_, count)| *count);
    most.map_or(Turn::Upright, |(turn, _)| turn)
}

/// The glyphs of the page's main turn. Others, such as stamps in the margin and axis labels, are dropped. Line breaks, spaces and hyphens
/// that PDFium generates have no turn and are kept.
pub(super) fn upright(glyphs: &[Glyph], links: &[Link], main: Turn) -> Vec<Placed> {
    let mut links = Links::new(links);
    glyphs
        .iter()
        .filter(|glyph| glyph.is_layout() || (glyph.turn == main && is_visible(glyph.char) && glyph.is_sane()))
        .map(|glyph| glyph.placed(&mut links))
        .collect()
}
