//! The characters of a page by rows: those on one base line, from left to right.

use std::borrow::Cow;

use super::super::glyph::Placed;
use super::super::lines;

/// Characters whose base lines are at most this far apart, in sizes, are in one row: raised and lowered ones too.
const ROW_SIZES: f32 = 0.55;
/// This many dots in a row lead to a page number.
const LEADER_DOTS: usize = 5;

/// A page whose tables are being taken out.
pub(super) struct Page {
    pub glyphs: Vec<Placed>,
    is_taken: Vec<bool>,
    /// From top to bottom; the characters of each from left to right.
    rows: Vec<Row>,
}

#[derive(Clone, Debug)]
pub(super) struct Row {
    pub baseline: f32,
    pub size: f32,
    pub glyphs: Vec<usize>,
}

/// Characters of one row without a wide gap between them.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub left: f32,
    pub right: f32,
    pub glyphs: Vec<usize>,
}

impl Page {
    pub(super) fn new(glyphs: Vec<Placed>) -> Self {
        let mut inked: Vec<usize> = (0..glyphs.len()).filter(|index| glyphs[*index].is_inked()).collect();
        // The file is mostly in this order.
        inked.sort_by(|a, b| glyphs[*a].baseline.total_cmp(&glyphs[*b].baseline));
        let mut rows: Vec<Row> = Vec::new();
        for index in inked {
            let Placed { baseline, size, .. } = glyphs[index];
            match rows.last_mut() {
                Some(row) if baseline - row.baseline <= ROW_SIZES * row.size.max(size) => {
                    // The base line of a row is that of its largest characters.
                    if size > row.size {
                        (row.baseline, row.size) = (baseline, size);
                    }
                    row.glyphs.push(index);
                }
                _ => rows.push(Row { baseline, size, glyphs: vec![index] }),
            }
        }
        for row in &mut rows {
            row.glyphs.sort_by(|a, b| glyphs[*a].left.total_cmp(&glyphs[*b].left));
        }
        Self { is_taken: vec![false; glyphs.len()], glyphs, rows }
    }

    /// The rows with the characters that are in no table yet.
    pub(super) fn rows(&self) -> impl Iterator<Item = Cow<'_, Row>> {
        self.rows.iter().filter_map(|row| {
            let is_whole = !row.glyphs.iter().any(|index| self.is_taken[*index]);
            if is_whole { Some(Cow::Borrowed(row)) } else { self.part(row, |_| true).map(Cow::Owned) }
        })
    }

    /// Whether a row has a gap of at least `gap` sizes.
    pub(super) fn has_gap(&self, row: &Row, gap: f32) -> bool {
        let mut end = f32::INFINITY;
        row.glyphs.iter().any(|index| {
            let Placed { left, right, .. } = self.glyphs[*index];
            let is_apart = left - end >= gap * row.size;
            end = if end.is_finite() { end.max(right) } else { right };
            is_apart
        })
    }

    /// The rows between two heights, with the characters between two places from the left that are in no table yet.
    pub(super) fn rows_in(&self, (top, bottom): (f32, f32), (left, right): (f32, f32)) -> Vec<Row> {
        let start = self.rows.partition_point(|row| row.baseline < top);
        let rows = self.rows[start..].iter().take_while(|row| row.baseline < bottom);
        rows.filter_map(|row| self.part(row, |glyph| glyph.left >= left && glyph.right <= right)).collect()
    }

    fn part(&self, row: &Row, is_in: impl Fn(&Placed) -> bool) -> Option<Row> {
        let wanted = |index: &usize| !self.is_taken[*index] && is_in(&self.glyphs[*index]);
        let glyphs: Vec<usize> = row.glyphs.iter().copied().filter(wanted).collect();
        (!glyphs.is_empty()).then_some(Row { glyphs, ..*row })
    }

    /// Splits a row at gaps of at least `gap` sizes and at the places `cuts`.
    pub(super) fn pieces(&self, row: &Row, gap: f32, cuts: &[f32]) -> Vec<Piece> {
        let (mut pieces, mut column_before) = (Vec::<Piece>::new(), 0);
        for &index in &row.glyphs {
            let Placed { left, right, .. } = self.glyphs[index];
            let middle = (left + right) / 2.0;
            // How many cuts are left of the character.
            let column = cuts.partition_point(|cut| *cut < middle);
            let is_same_column = column == std::mem::replace(&mut column_before, column);
            match pieces.last_mut() {
                Some(piece) if left - piece.right < gap * row.size && is_same_column => {
                    piece.right = piece.right.max(right);
                    piece.glyphs.push(index);
                }
                _ => pieces.push(Piece { left, right, glyphs: vec![index] }),
            }
        }
        pieces
    }

    /// The characters without spaces.
    pub(super) fn text(&self, glyphs: &[usize]) -> String {
        glyphs.iter().map(|index| self.glyphs[*index].char).collect()
    }

    /// Whether most of a piece is in the face of code.
    pub(super) fn is_mono(&self, piece: &Piece) -> bool {
        2 * piece.glyphs.iter().filter(|index| self.glyphs[**index].face.mono).count() > piece.glyphs.len()
    }

    /// Whether the characters are in a monospaced font.
    pub(super) fn is_code(&self, row: &Row) -> bool {
        let glyphs: Vec<&Placed> = row.glyphs.iter().map(|index| &self.glyphs[*index]).collect();
        lines::mono(&glyphs).is_some_and(|mono| mono.certain)
    }

    pub(super) fn has_leader(&self, row: &Row) -> bool {
        row.glyphs.windows(LEADER_DOTS).any(|run| run.iter().all(|index| self.glyphs[*index].char == '.'))
    }

    pub(super) fn take(&mut self, glyphs: impl Iterator<Item = usize>) {
        glyphs.for_each(|index| self.is_taken[index] = true);
    }

    /// The characters that were not taken, with all spaces and line breaks.
    pub(super) fn rest(self) -> Vec<Placed> {
        if !self.is_taken.contains(&true) {
            return self.glyphs;
        }
        let kept = self.glyphs.into_iter().zip(self.is_taken).filter(|(_, is_taken)| !is_taken);
        kept.map(|(glyph, _)| glyph).collect()
    }
}

impl Piece {
    pub(super) fn width(&self) -> f32 {
        self.right - self.left
    }
}
