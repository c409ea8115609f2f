//! The rules of a page, as lines between cells.

use super::super::glyph::Turn;

/// A straight rule in PDF user space, in points: its thin side is horizontal or vertical.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rule {
    pub left: f32,
    pub bottom: f32,
    pub right: f32,
    pub top: f32,
}

impl Rule {
    pub(crate) fn thickness(&self) -> f32 {
        (self.right - self.left).min(self.top - self.bottom)
    }
}

/// A horizontal or vertical line on a page with upright text; y downwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Side {
    /// The height of a horizontal line, or the place from the left of a vertical one.
    pub at: f32,
    pub from: f32,
    pub to: f32,
}

/// The lines of a page.
#[derive(Debug, Default)]
pub(super) struct Sides {
    pub horizontal: Vec<Side>,
    pub vertical: Vec<Side>,
}

/// A shorter line is a mark or a part of a letter.
const LENGTH_MIN: f32 = 5.0;
/// Lines at most this far apart are one line, drawn for each cell.
const JOIN: f32 = 2.0;
/// Lines at most this far from each other, at the same place along them, are one line.
const SAME: f32 = 1.0;
/// Pages with more lines in one direction are drawings.
const LINES_MAX: usize = 1_000;

impl Sides {
    /// The lines on the page rotated so that glyphs of this turn are upright. None if there are too many.
    pub(super) fn of(rules: &[Rule], turn: Turn) -> Self {
        let mut sides = Self::default();
        for rule in rules {
            let Rule { left, bottom, right, top } = *rule;
            let [left, top, right, bottom] = match turn {
                Turn::Upright | Turn::Oblique => [left, -top, right, -bottom],
                Turn::Quarter => [bottom, left, top, right],
                Turn::Half => [-right, bottom, -left, top],
                Turn::ThreeQuarters => [-top, -right, -bottom, -left],
            };
            let (width, height) = (right - left, bottom - top);
            if ![left, top, right, bottom].iter().all(|side| side.is_finite()) || width.max(height) < LENGTH_MIN {
                continue;
            }
            if width >= height {
                sides.horizontal.push(Side { at: (top + bottom) / 2.0, from: left, to: right });
            } else {
                sides.vertical.push(Side { at: (left + right) / 2.0, from: top, to: bottom });
            }
        }
        sides.horizontal = joined(sides.horizontal);
        sides.vertical = joined(sides.vertical);
        if sides.horizontal.len().max(sides.vertical.len()) > LINES_MAX { Self::default() } else { sides }
    }
}

/// Joins the pieces of each line. The result is sorted by place.
fn joined(mut pieces: Vec<Side>) -> Vec<Side> {
    pieces.sort_by(|a, b| a.at.total_cmp(&b.at));
    let mut lines = Vec::new();
    for group in pieces.chunk_by_mut(|a, b| b.at - a.at <= SAME) {
        group.sort_by(|a, b| a.from.total_cmp(&b.from));
        let mut line: Option<Side> = None;
        for piece in group.iter() {
            match &mut line {
                Some(line) if piece.from <= line.to + JOIN => line.to = line.to.max(piece.to),
                _ => lines.extend(line.replace(*piece)),
            }
        }
        lines.extend(line);
    }
    lines
}

/// Groups places that are at most `distance` from the one before. Returns the first of each group.
pub(super) fn distinct(places: impl Iterator<Item = f32>, distance: f32) -> Vec<f32> {
    let mut places: Vec<f32> = places.collect();
    places.sort_by(f32::total_cmp);
    let mut kept: Vec<f32> = Vec::new();
    let mut last = f32::NEG_INFINITY;
    for place in places {
        if place - last > distance {
            kept.push(place);
        }
        last = place;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(left: f32, bottom: f32, right: f32, top: f32) -> Rule {
        Rule { left, bottom, right, top }
    }

    #[test]
    fn pieces_of_one_rule_are_joined() {
        let pieces =
            [rule(50.0, 700.0, 100.0, 700.4), rule(100.5, 700.2, 200.0, 700.6), rule(300.0, 700.0, 400.0, 700.4)];
        let sides = Sides::of(&pieces, Turn::Upright);
        let extents: Vec<(f32, f32)> = sides.horizontal.iter().map(|side| (side.from, side.to)).collect();
        assert_eq!(extents, [(50.0, 200.0), (300.0, 400.0)]);
        assert!(sides.vertical.is_empty());
    }

    #[test]
    fn rule_of_a_turned_page_is_turned_with_its_text() {
        // On a page read from the side, a rule along the page is one across the text.
        let sides = Sides::of(&[rule(99.8, 50.0, 100.2, 700.0)], Turn::Quarter);
        assert_eq!(sides.horizontal.len(), 1);
        assert_eq!((sides.horizontal[0].from, sides.horizontal[0].to), (50.0, 700.0));
    }

    #[test]
    fn drawing_of_too_many_rules_has_no_lines() {
        let hatched: Vec<Rule> = (0..100_000).map(|at| rule(0.0, 2.0 * at as f32, 50.0, 2.0 * at as f32)).collect();
        assert!(Sides::of(&hatched, Turn::Upright).horizontal.is_empty());
    }
}
