//! Tables whose cells are between horizontal and vertical rules.

use super::columns::{self, TableRow};
use super::rows::{Page, Piece};
use super::rules::{Side, Sides, distinct};
use super::{Draft, DraftCell};

/// Rules that end this close to each other meet.
const TOUCH: f32 = 2.5;
/// Rules closer to each other than this are one border.
const BORDER: f32 = 3.5;
/// A table whose rules reach further than this beyond the outer ones across them is open at that side.
const OPEN: f32 = 6.0;
/// Larger grids are drawings.
const SQUARES_MAX: usize = 4_000;
/// A table with fewer rules between its rows has several rows between two rules.
const BANDS_OF_ROWS_MIN: usize = 3;
/// This many lines at the same heights in all columns are rows.
const EQUAL_LINES_MIN: usize = 3;
/// The shares of cells with text, and of squares that are cells of their own, below which a grid is a form or a drawing.
const FILLED_MIN: f32 = 0.4;
const REGULAR_MIN: f32 = 0.4;

/// The largest share of words that a vertical rule goes through.
const CROSSED_MAX: f32 = 0.15;
/// A smaller gap, in sizes, is between letters of a word.
const WORD_GAP_SIZES: f32 = 0.15;
/// The least number of cells with letters: squares with numbers are drawings as often.
const WORDS_MIN: usize = 2;

/// What is printed beside a note, in the languages of most manuals.
const NOTES: [&str; 21] = [
    "note",
    "notes",
    "tip",
    "hint",
    "important",
    "caution",
    "warning",
    "attention",
    "danger",
    "hinweis",
    "tipp",
    "wichtig",
    "achtung",
    "warnung",
    "remarque",
    "astuce",
    "avertissement",
    "nota",
    "aviso",
    "注意",
    "ヒント",
];

/// The lines of rules that meet, and the rules.
struct Frame {
    xs: Vec<f32>,
    ys: Vec<f32>,
    horizontal: Vec<Side>,
    vertical: Vec<Side>,
}

/// Takes out the tables between rules. Also returns which horizontal rules cannot be part of another one.
pub(super) fn find(page: &mut Page, sides: &Sides) -> (Vec<Draft>, Vec<bool>) {
    let mut used = vec![false; sides.horizontal.len()];
    let mut tables = Vec::new();
    for (frame, members) in frames(sides) {
        let draft = table(page, &frame);
        if draft.is_some() || frame.has_walls() {
            members.iter().for_each(|index| used[*index] = true);
        }
        let Some(draft) = draft else { continue };
        page.take(draft.rows.iter().flatten().flat_map(|cell| cell.glyphs.iter().copied()));
        tables.push(draft);
    }
    (tables, used)
}

/// Groups rules that meet. Each frame comes with the indices of its horizontal rules.
fn frames(sides: &Sides) -> Vec<(Frame, Vec<usize>)> {
    let Sides { horizontal, vertical } = sides;
    // Each vertical rule belongs to a group, and so does each horizontal one that meets any.
    let mut group_of: Vec<usize> = (0..vertical.len()).collect();
    let meet = |h: &Side, v: &Side| {
        (v.from - TOUCH..=v.to + TOUCH).contains(&h.at) && (h.from - TOUCH..=h.to + TOUCH).contains(&v.at)
    };
    let mut group_of_horizontal: Vec<Option<usize>> = vec![None; horizontal.len()];
    for (h, group) in horizontal.iter().zip(&mut group_of_horizontal) {
        let met: Vec<usize> = (0..vertical.len()).filter(|index| meet(h, &vertical[*index])).collect();
        let Some(first) = met.first() else { continue };
        *group = Some(*first);
        let target = group_of[*first];
        let joined: Vec<usize> = met.iter().map(|index| group_of[*index]).filter(|group| *group != target).collect();
        if !joined.is_empty() {
            group_of.iter_mut().filter(|group| joined.contains(group)).for_each(|group| *group = target);
        }
    }
    let mut frames = Vec::new();
    for group in 0..vertical.len() {
        let own: Vec<Side> = vertical.iter().zip(&group_of).filter(|(_, of)| **of == group).map(|(v, _)| *v).collect();
        let is_member = |index: &usize| group_of_horizontal[*index].is_some_and(|first| group_of[first] == group);
        let members: Vec<usize> = (0..horizontal.len()).filter(is_member).collect();
        if own.is_empty() || members.is_empty() {
            continue;
        }
        let across: Vec<Side> = members.iter().map(|index| horizontal[*index]).collect();
        let xs = with_open_sides(distinct(own.iter().map(|v| v.at), BORDER), &across);
        let ys = with_open_sides(distinct(across.iter().map(|h| h.at), BORDER), &own);
        frames.push((Frame { xs, ys, horizontal: across, vertical: own }, members));
    }
    frames
}

/// The places of borders, with those of sides that have no rule: the rules across reach beyond the outer ones.
fn with_open_sides(mut places: Vec<f32>, across: &[Side]) -> Vec<f32> {
    let from = across.iter().map(|side| side.from).fold(f32::INFINITY, f32::min);
    let to = across.iter().map(|side| side.to).fold(f32::NEG_INFINITY, f32::max);
    if places.first().is_some_and(|first| from < first - OPEN) {
        places.insert(0, from);
    }
    if places.last().is_some_and(|last| to > last + OPEN) {
        places.push(to);
    }
    places
}

fn table(page: &Page, frame: &Frame) -> Option<Draft> {
    let (columns, bands) = (frame.xs.len().checked_sub(1)?, frame.ys.len().checked_sub(1)?);
    if columns < 2 || bands < 1 || columns * bands > SQUARES_MAX {
        return None;
    }
    if crossed(page, frame) > CROSSED_MAX {
        return None;
    }
    let draft = if bands < BANDS_OF_ROWS_MIN { by_lines(page, frame) } else { None };
    let draft = draft.or_else(|| by_rules(page, frame))?;
    let is_large = draft.rows.len() >= 2 && draft.rows.iter().map(Vec::len).max()? >= 2;
    let cells: Vec<&DraftCell> = draft.rows.iter().flatten().collect();
    let filled = cells.iter().filter(|cell| !cell.glyphs.is_empty()).count() as f32 / cells.len() as f32;
    let squares: usize = cells.iter().map(|cell| cell.columns * cell.rows).sum();
    let words =
        cells.iter().filter(|cell| page.text(&cell.glyphs).chars().filter(|char| char.is_alphabetic()).count() > 1);
    if words.count() < WORDS_MIN {
        return None;
    }
    // A single rule across another one can be the axes of a chart.
    let filled_min = if frame.horizontal.len() < 2 { 1.0 } else { FILLED_MIN };
    (is_large && filled >= filled_min && !is_note(page, &draft) && cells.len() as f32 >= REGULAR_MIN * squares as f32)
        .then_some(draft)
}

/// The share of words that a vertical rule goes through. In a drawing they are many, in a table only those too long for their cells.
fn crossed(page: &Page, frame: &Frame) -> f32 {
    let Frame { xs, ys, vertical, .. } = frame;
    let (mut crossed, mut words) = (0, 0);
    for row in page.rows_in((ys[0], ys[ys.len() - 1]), (xs[0], xs[xs.len() - 1])) {
        let (top, bottom) = (row.baseline - 0.5 * row.size, row.baseline);
        let walls: Vec<f32> = vertical.iter().filter(|v| v.from <= top && v.to >= bottom).map(|v| v.at).collect();
        let pieces = page.pieces(&row, WORD_GAP_SIZES, &[]);
        let is_crossed =
            |piece: &&Piece| walls.iter().any(|wall| piece.left + 1.0 < *wall && *wall < piece.right - 1.0);
        crossed += pieces.iter().filter(is_crossed).count();
        words += pieces.len();
    }
    crossed as f32 / words.max(1) as f32
}

/// Whether it is a note: its kind in one cell, and its text beside it.
fn is_note(page: &Page, draft: &Draft) -> bool {
    let first = draft.rows.iter().filter_map(|row| row.first()).filter(|cell| !cell.glyphs.is_empty());
    first.map(|cell| page.text(&cell.glyphs)).all(|label| NOTES.contains(&label.to_lowercase().as_str()))
}

/// The rows of a table with few horizontal rules: its lines, except those that continue a cell.
fn by_lines(page: &Page, frame: &Frame) -> Option<Draft> {
    let (xs, ys) = (&frame.xs, &frame.ys);
    let cuts = &xs[1..xs.len() - 1];
    let columns = cuts.len() + 1;
    let mut rows: Vec<TableRow> = Vec::new();
    for band in ys.windows(2) {
        let lines = page.rows_in((band[0], band[1]), (xs[0] - TOUCH, xs[xs.len() - 1] + TOUCH));
        let pieces = lines.iter().map(|row| page.pieces(row, f32::INFINITY, cuts)).collect();
        rows.extend(columns::without_wraps(page, columns::in_columns(&lines, pieces, cuts), columns));
    }
    let has_spans = rows.iter().flat_map(|row| &row.spans).any(|span| span.first < span.last);
    let has_text = |column: usize| {
        2 * rows.iter().filter(|row| row.spans.iter().any(|span| span.first == column)).count() >= rows.len()
    };
    let are_rows = rows.len() > ys.len() - 1 && !has_spans && (0..columns).all(has_text);
    are_rows.then(|| columns::draft(&rows, columns))
}

/// The cells between rules. Squares without a rule between them are one cell.
fn by_rules(page: &Page, frame: &Frame) -> Option<Draft> {
    let Frame { xs, ys, .. } = frame;
    let (columns, bands) = (xs.len() - 1, ys.len() - 1);
    let mut content: Vec<Vec<usize>> = vec![Vec::new(); columns * bands];
    for row in page.rows_in((ys[0] - TOUCH, ys[bands] + TOUCH), (xs[0] - TOUCH, xs[columns] + TOUCH)) {
        for index in row.glyphs {
            let glyph = &page.glyphs[index];
            let column = xs.partition_point(|x| *x < (glyph.left + glyph.right) / 2.0).clamp(1, columns) - 1;
            let band = ys.partition_point(|y| *y < glyph.baseline - 0.3 * glyph.size).clamp(1, bands) - 1;
            content[band * columns + column].push(index);
        }
    }
    let mut is_covered = vec![false; columns * bands];
    // Band, column, and the cell that begins there.
    let mut cells: Vec<(usize, usize, DraftCell)> = Vec::new();
    for (band, column) in (0..bands).flat_map(|band| (0..columns).map(move |column| (band, column))) {
        if is_covered[band * columns + column] {
            continue;
        }
        let is_free = |column: usize| !is_covered[band * columns + column];
        let right =
            (column + 1..columns).take_while(|next| is_free(*next) && !frame.is_walled(*next, band)).count() + 1;
        let is_open = |next: usize| {
            (column..column + right)
                .all(|column| !frame.is_floored(next, column) && !is_covered[next * columns + column])
                && (column + 1..column + right).all(|column| !frame.is_walled(column, next))
        };
        let down = (band + 1..bands).take_while(|next| is_open(*next)).count() + 1;
        let mut glyphs = Vec::new();
        for square in
            (band..band + down).flat_map(|band| (column..column + right).map(move |column| band * columns + column))
        {
            is_covered[square] = true;
            glyphs.append(&mut content[square]);
        }
        cells.push((band, column, DraftCell { glyphs, columns: right, rows: down }));
    }
    Some(without_empty(cells, columns, bands)).map(|draft| split_bands(page, draft))
}

impl Frame {
    /// Whether vertical rules separate texts, or it is a box around text: its horizontal rules are no table of their own.
    fn has_walls(&self) -> bool {
        self.xs.len() > 2 || self.horizontal.len() <= 2
    }

    /// Whether a rule is at the left of a square.
    fn is_walled(&self, column: usize, band: usize) -> bool {
        covers(&self.vertical, self.xs[column], (self.ys[band] + self.ys[band + 1]) / 2.0)
    }

    /// Whether a rule is above a square.
    fn is_floored(&self, band: usize, column: usize) -> bool {
        covers(&self.horizontal, self.ys[band], (self.xs[column] + self.xs[column + 1]) / 2.0)
    }
}

fn covers(sides: &[Side], at: f32, middle: f32) -> bool {
    sides.iter().any(|side| (side.at - at).abs() <= BORDER + 0.5 && side.from <= middle && side.to >= middle)
}

/// The cells without the rows and columns that are empty: between double rules.
fn without_empty(cells: Vec<(usize, usize, DraftCell)>, columns: usize, bands: usize) -> Draft {
    let (mut has_column, mut has_band) = (vec![false; columns], vec![false; bands]);
    for (band, column, _) in cells.iter().filter(|(_, _, cell)| !cell.glyphs.is_empty()) {
        has_column[*column] = true;
        has_band[*band] = true;
    }
    let count = |has: &[bool], from: usize, length: usize| has[from..from + length].iter().filter(|has| **has).count();
    let mut rows: Vec<Vec<(usize, DraftCell)>> = vec![Vec::new(); bands];
    for (band, column, mut cell) in cells {
        cell.columns = count(&has_column, column, cell.columns);
        cell.rows = count(&has_band, band, cell.rows);
        if cell.columns > 0 && cell.rows > 0 {
            // It begins in the first of its bands that is left.
            let first = (band..bands).find(|band| has_band[*band]).unwrap_or(band);
            rows[first].push((column, cell));
        }
    }
    rows.iter_mut().for_each(|row| row.sort_by_key(|(column, _)| *column));
    let rows = rows.into_iter().map(|row| row.into_iter().map(|(_, cell)| cell).collect());
    Draft { rows: rows.filter(|row: &Vec<DraftCell>| !row.is_empty()).collect() }
}

/// Splits rows whose cells all have the same lines: there is a rule only below each group of rows.
fn split_bands(page: &Page, draft: Draft) -> Draft {
    if draft.rows.iter().flatten().any(|cell| cell.rows > 1) {
        return draft;
    }
    Draft { rows: draft.rows.into_iter().flat_map(|row| split_band(page, row)).collect() }
}

fn split_band(page: &Page, row: Vec<DraftCell>) -> Vec<Vec<DraftCell>> {
    let heights: Vec<Vec<f32>> =
        row.iter().map(|cell| baselines(page, cell)).filter(|heights| !heights.is_empty()).collect();
    let is_same = |a: &[f32], b: &[f32]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1.0);
    let Some(first) = heights.first().filter(|first| heights.len() > 1 && first.len() >= EQUAL_LINES_MIN) else {
        return vec![row];
    };
    if !heights.iter().all(|heights| is_same(heights, first)) {
        return vec![row];
    }
    let mut rows =
        vec![row.iter().map(|cell| DraftCell { glyphs: Vec::new(), ..*cell }).collect::<Vec<_>>(); first.len()];
    for (at, cell) in row.iter().enumerate() {
        for &index in &cell.glyphs {
            // A raised character belongs to the line below it.
            let line = first.partition_point(|height| *height < page.glyphs[index].baseline - 1.0).min(first.len() - 1);
            rows[line][at].glyphs.push(index);
        }
    }
    rows
}

/// The base lines of a cell.
fn baselines(page: &Page, cell: &DraftCell) -> Vec<f32> {
    distinct(cell.glyphs.iter().map(|index| page.glyphs[*index].baseline), 4.0)
}
