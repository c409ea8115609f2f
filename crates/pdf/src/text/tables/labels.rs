//! Takes the labels of drawings out of the characters of a page. They belong to a figure, not to the text.
//!
//! A drawing is a region of curves and slanted lines. Its labels are short and scattered. If anything longer is in the region, it is the
//! frame or the background of text, and all of its text is left where it is.

use super::super::glyph::Turn;
use super::super::lines::most_common;
use super::rows::{Page, Piece};

/// Left, bottom, right and top in PDF user space, in points.
pub(crate) type Area = [f32; 4];

/// More paths are an ornament or a map.
const PARTS_MAX: usize = 2_000;
/// Fewer paths are a sign in the text.
const PARTS_MIN: usize = 2;
/// A smaller region is a sign in the text, in points.
const SIDE_MIN: f32 = 24.0;
/// Paths this close to each other are of one drawing, in points.
const NEAR: f32 = 6.0;
/// Text this far beside or below a drawing can be its label, in points, and only if it is this short.
const BESIDE: f32 = 10.0;
const BELOW: f32 = 8.0;
const OUTER_CHARS_MAX: usize = 12;
/// A longer piece of text is no label.
const CHARS_MAX: usize = 30;
/// Pieces below each other that are longer are lines of text.
const LINE_CHARS_MIN: usize = 10;
const LINES_MAX: usize = 1;
/// A piece at least this wide, as a share of the drawing, is no label, unless it has few characters.
const WIDTH_MAX: f32 = 0.7;
/// The most of a drawing that its labels cover.
const COVERED_MAX: f32 = 0.35;
/// Larger type is a title.
const LARGER: f32 = 1.15;
/// A gap of at least this many sizes is between two labels.
const GAP_SIZES: f32 = 1.2;

/// A drawing on a page with upright text; y downwards.
#[derive(Clone, Copy, Debug)]
struct Region {
    left: f32,
    top: f32,
    right: f32,
    bottom: f32,
    parts: usize,
}

impl Region {
    fn of([left, bottom, right, top]: Area) -> Self {
        Self { left, top: -top, right, bottom: -bottom, parts: 1 }
    }

    fn is_near(&self, other: &Self) -> bool {
        self.left <= other.right + NEAR
            && other.left <= self.right + NEAR
            && self.top <= other.bottom + NEAR
            && other.top <= self.bottom + NEAR
    }

    fn united(&self, other: &Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
            parts: self.parts + other.parts,
        }
    }

    fn holds(&self, x: f32, baseline: f32) -> bool {
        (self.left..=self.right).contains(&x) && (self.top..=self.bottom).contains(&baseline)
    }
}

/// Takes the labels of all drawings.
pub(super) fn take(page: &mut Page, drawings: &[Area], turn: Turn) {
    if turn != Turn::Upright || !(PARTS_MIN..=PARTS_MAX).contains(&drawings.len()) {
        return;
    }
    let size = most_common(page.glyphs.iter().filter(|glyph| glyph.is_inked()).map(|glyph| glyph.size));
    for region in regions(drawings) {
        if let Some(labels) = labels(page, &region, size) {
            page.take(labels.into_iter());
        }
    }
}

fn regions(drawings: &[Area]) -> Vec<Region> {
    let mut regions: Vec<Region> = Vec::new();
    for area in drawings.iter().filter(|area| area.iter().all(|side| side.is_finite())) {
        let mut whole = Region::of(*area);
        while let Some(at) = regions.iter().position(|region| region.is_near(&whole)) {
            whole = whole.united(&regions.swap_remove(at));
        }
        regions.push(whole);
    }
    let is_large = |region: &Region| region.right - region.left >= SIDE_MIN && region.bottom - region.top >= SIDE_MIN;
    regions.retain(|region| region.parts >= PARTS_MIN && is_large(region));
    regions
}

/// The characters of a drawing's labels. `None`: it has text that is none.
fn labels(page: &Page, region: &Region, size: f32) -> Option<Vec<usize>> {
    let outer =
        Region { left: region.left - BESIDE, right: region.right + BESIDE, bottom: region.bottom + BELOW, ..*region };
    let (width, height) = (region.right - region.left, region.bottom - region.top);
    let (mut taken, mut covered, mut lines) = (Vec::new(), 0.0, 0);
    let mut above: Option<(Piece, f32)> = None;
    for row in page.rows_in((outer.top, outer.bottom), (f32::NEG_INFINITY, f32::INFINITY)) {
        for piece in page.pieces(&row, GAP_SIZES, &[]) {
            let middle = (piece.left + piece.right) / 2.0;
            let chars = piece.glyphs.len();
            let is_code = page.is_mono(&piece);
            if !outer.holds(middle, row.baseline) || row.size > LARGER * size || is_code && chars <= OUTER_CHARS_MAX {
                continue;
            }
            if !region.holds(middle, row.baseline) {
                if !is_code && chars <= OUTER_CHARS_MAX {
                    taken.extend(piece.glyphs);
                }
                continue;
            }
            if is_code || chars > CHARS_MAX || piece.width() > WIDTH_MAX * width && chars > OUTER_CHARS_MAX {
                return None;
            }
            let is_line = |(above, baseline): &(Piece, f32)| {
                (above.left - piece.left).abs() < 2.0
                    && row.baseline - baseline < 1.6 * row.size
                    && above.glyphs.len().min(chars) >= LINE_CHARS_MIN
            };
            lines += usize::from(above.as_ref().is_some_and(is_line));
            covered += piece.width() * row.size;
            taken.extend_from_slice(&piece.glyphs);
            above = Some((piece, row.baseline));
        }
    }
    (lines <= LINES_MAX && covered <= COVERED_MAX * width * height).then_some(taken)
}

#[cfg(test)]
mod tests {
    use super::super::super::PageGlyphs;
    use super::super::super::testing::{glyphs, page_to_markdown};

    /// A page of text with a curve of two paths between two heights from the top, and these texts at their places.
    fn page(texts: &[(&str, f32, f32)]) -> String {
        let body =
            (0..4).map(|row| ("The text of the page is as wide as its column is,", 50.0, 400.0 + 12.0 * row as f32));
        let lines = texts.iter().copied().chain(body);
        let glyphs =
            lines.flat_map(|(text, left, down)| [glyphs(text, left, down), glyphs("\n", 0.0, 0.0)].concat()).collect();
        let drawings = vec![[100.0, 842.0 - 300.0, 250.0, 842.0 - 100.0], [240.0, 842.0 - 290.0, 300.0, 842.0 - 150.0]];
        page_to_markdown(&PageGlyphs { glyphs, drawings, ..PageGlyphs::default() })
    }

    #[test]
    fn labels_of_a_drawing_are_left_out_and_its_caption_is_kept() {
        let labels = [("speed", 120.0, 130.0), ("time", 260.0, 295.0), ("0.5", 92.0, 200.0)];
        let found = page(&[&labels[..], &[("Figure 1: The speed of the fox", 100.0, 320.0)]].concat());
        assert!(found.starts_with("Figure 1: The speed of the fox\n\nThe text of the page"), "{found}");
    }

    #[test]
    fn text_in_a_frame_is_kept() {
        let tip = [("A tip that is longer than a label would be,", 110.0, 130.0), ("and ends", 110.0, 142.0)];
        assert!(page(&tip).starts_with("A tip that is longer than a label would be, and ends"));
        let short =
            [("some lines of it", 110.0, 130.0), ("that are short,", 110.0, 142.0), ("but stand below", 110.0, 154.0)];
        assert!(page(&[&short[..], &[("each other here", 110.0, 166.0)]].concat()).contains("some lines of it"));
    }
}
