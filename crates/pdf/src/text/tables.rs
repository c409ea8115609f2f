//! Takes tables and the [`labels`] of drawings out of the characters of a page, before the rest becomes lines.
//!
//! Three kinds are found, the surest first: cells between [`rules`] ([`grid`]), rows between horizontal rules ([`banded`]), and columns that
//! only their places show ([`aligned`]). A character is in at most one table, and all others are left in their order. Each table stays in
//! the reading order as one line that carries it.
//!
//! A table that is not found is read row by row. Text that is taken for one is torn apart, so all conditions are strict.

mod aligned;
mod banded;
mod columns;
mod grid;
mod labels;
mod markup;
mod rows;
mod rules;
#[cfg(test)]
mod tests;

use super::PageGlyphs;
use super::glyph::{Placed, Turn};
use super::lines::{self, Line};

pub(crate) use self::labels::Area;
pub(super) use self::markup::render;
use self::rows::Page;
pub(crate) use self::rules::Rule;
use self::rules::Sides;

/// Rows of cells. A cell that spans several rows is in the first of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Table {
    pub rows: Vec<Vec<Cell>>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cell {
    pub lines: Vec<Line>,
    /// How many columns and rows it spans.
    pub columns: usize,
    pub rows: usize,
}

impl Table {
    /// Mirrors the table, as [`Line::mirror`] does.
    pub(super) fn mirror(&mut self) {
        self.rows.iter_mut().for_each(|row| row.reverse());
    }
}

/// A table whose cells name their characters by their indices on the page.
struct Draft {
    rows: Vec<Vec<DraftCell>>,
}

#[derive(Clone, Debug, Default)]
struct DraftCell {
    glyphs: Vec<usize>,
    columns: usize,
    rows: usize,
}

/// The characters that are in no table and no drawing, and a line for each table. `drawn` has the rules and drawings of the page, and
/// `turn` is that of its text.
pub(super) fn take_out(glyphs: Vec<Placed>, drawn: &PageGlyphs, turn: Turn) -> (Vec<Placed>, Vec<Line>) {
    let mut page = Page::new(glyphs);
    labels::take(&mut page, &drawn.drawings, turn);
    let lines = drafts(&mut page, &Sides::of(&drawn.rules, turn))
        .iter()
        .filter_map(|draft| line(&page.glyphs, draft))
        .collect();
    (page.rest(), lines)
}

fn drafts(page: &mut Page, sides: &Sides) -> Vec<Draft> {
    let (mut tables, used) = grid::find(page, sides);
    tables.extend(banded::find(page, &sides.horizontal, &used));
    tables.extend(aligned::find(page));
    tables
}

/// Puts the line of a table behind the nearest line above it, where the file most likely has it.
pub(super) fn insert(lines: &mut Vec<Line>, table: Line) {
    let is_above = |line: &&Line| line.baseline < table.baseline && line.is_above_or_below(&table);
    let above = lines.iter().enumerate().filter(|(_, line)| is_above(line));
    let nearest = above.max_by(|(_, a), (_, b)| a.baseline.total_cmp(&b.baseline));
    lines.insert(nearest.map_or(0, |(index, _)| index + 1), table);
}

/// The line that stands for a table: at its first row, as wide as the table.
fn line(glyphs: &[Placed], draft: &Draft) -> Option<Line> {
    let rows: Vec<Vec<Cell>> =
        draft.rows.iter().map(|row| row.iter().map(|cell| finished(glyphs, cell)).collect()).collect();
    let lines = || rows.iter().flatten().flat_map(|cell| &cell.lines);
    let first = lines().min_by(|a, b| a.baseline.total_cmp(&b.baseline))?;
    Some(Line {
        text: lines().map(|line| &*line.text).collect::<Vec<_>>().join(" ").as_str().into(),
        left: lines().map(|line| line.left).fold(f32::INFINITY, f32::min),
        right: lines().map(|line| line.right).fold(f32::NEG_INFINITY, f32::max),
        first_word_width: first.first_word_width,
        second_left: None,
        baseline: first.baseline,
        size: first.size,
        hyphenated: false,
        gapped: true,
        after_gap: None,
        bold: false,
        style: first.style,
        mark: None,
        mono: None,
        table: Some(Table { rows }),
    })
}

/// The lines of a cell. Each character is followed by the spaces after it in the file.
fn finished(glyphs: &[Placed], cell: &DraftCell) -> Cell {
    let mut indices = cell.glyphs.clone();
    indices.sort_unstable();
    let mut text: Vec<Placed> = Vec::with_capacity(indices.len() * 2);
    let mut before: Option<Placed> = None;
    for index in indices {
        let glyph = glyphs[index];
        if before.is_some_and(|before| (before.baseline - glyph.baseline).abs() > 0.6 * before.size.max(glyph.size)) {
            text.push(Placed { char: '\n', ..glyph });
        }
        text.push(glyph);
        text.extend(glyphs[index + 1..].iter().take_while(|next| !next.is_inked()));
        before = Some(glyph);
    }
    let mut lines = lines::from_glyphs(&text);
    lines.sort_by(|a, b| a.baseline.total_cmp(&b.baseline));
    Cell { lines, columns: cell.columns, rows: cell.rows }
}
