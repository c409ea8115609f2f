//! Columns that no vertical rule separates.

use super::rows::{Page, Piece, Row};
use super::{Draft, DraftCell};

/// A gap between two letters of at least this many sizes is a space.
const SPACE_SIZES: f32 = 0.12;
/// The room in a column beyond the next word with which a line still counts as full, in sizes.
const SLACK_SIZES: f32 = 0.6;
/// No line wraps in a narrower column, in sizes.
const WRAP_SIZES: f32 = 4.0;
/// An average cell wider than this many sizes holds sentences.
const SENTENCE_SIZES: f32 = 12.0;
/// More columns are letters set apart, or a page made to take long.
const COLUMNS_MAX: usize = 40;
/// A column has at least this many pieces.
const PIECES_MIN: usize = 2;

/// A piece of a row, and the first and last column that it is in.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub first: usize,
    pub last: usize,
    pub piece: Piece,
}

/// A row of the page, or several that are one row of a table.
#[derive(Clone, Debug)]
pub(super) struct TableRow {
    pub baseline: f32,
    pub size: f32,
    /// The spans of all its lines.
    pub spans: Vec<Span>,
    /// The number of its lines.
    pub lines: usize,
}

/// The places between columns: strips of at least `width` that at most `crossings` pieces cross.
pub(super) fn cuts(rows: &[Vec<Piece>], width: f32, crossings: usize) -> Vec<f32> {
    let mut cuts = strips(rows, width, crossings);
    if cuts.len() >= COLUMNS_MAX {
        return Vec::new();
    }
    // A strip that only a single line made is no column.
    loop {
        let mut counts = vec![0; cuts.len() + 1];
        for piece in rows.iter().flatten() {
            let (first, last) = columns_of(piece, &cuts);
            counts[first] += usize::from(first == last);
        }
        let Some(poor) = counts.iter().position(|count| *count < PIECES_MIN).filter(|_| !cuts.is_empty()) else {
            return cuts;
        };
        cuts.remove(poor.min(cuts.len() - 1));
    }
}

fn strips(rows: &[Vec<Piece>], width: f32, crossings: usize) -> Vec<f32> {
    let mut edges: Vec<(f32, isize)> =
        rows.iter().flatten().flat_map(|piece| [(piece.left, 1), (piece.right, -1)]).collect();
    // At one place, pieces end before others begin.
    edges.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let (mut cuts, mut covered) = (Vec::new(), 0);
    // The clearest part of the current strip: how many pieces cross it, and its sides.
    let mut best: Option<(isize, f32, f32)> = None;
    for pair in edges.windows(2) {
        covered += pair[0].1;
        let (from, to) = (pair[0].0, pair[1].0);
        if covered > crossings as isize {
            let wide = best.take().filter(|(_, from, to)| to - from >= width);
            cuts.extend(wide.map(|(_, from, to)| (from + to) / 2.0));
        } else if best
            .is_none_or(|(least, left, right)| covered < least || covered == least && to - from > right - left)
        {
            best = Some((covered, from, to));
        }
    }
    cuts
}

fn columns_of(piece: &Piece, cuts: &[f32]) -> (usize, usize) {
    (cuts.partition_point(|cut| *cut < piece.left), cuts.partition_point(|cut| *cut < piece.right))
}

/// The rows with their pieces in columns.
pub(super) fn in_columns(rows: &[Row], pieces: Vec<Vec<Piece>>, cuts: &[f32]) -> Vec<TableRow> {
    let spans = |pieces: Vec<Piece>| {
        let place = |piece: Piece| {
            let (first, last) = columns_of(&piece, cuts);
            Span { first, last, piece }
        };
        pieces.into_iter().map(place).collect()
    };
    let with_spans = |(row, pieces): (&Row, Vec<Piece>)| TableRow {
        baseline: row.baseline,
        size: row.size,
        spans: spans(pieces),
        lines: 1,
    };
    rows.iter().zip(pieces).map(with_spans).collect()
}

/// Joins lines that continue the cells of the line before: their cells are full, and not all of them go on.
pub(super) fn without_wraps(page: &Page, lines: Vec<TableRow>, columns: usize) -> Vec<TableRow> {
    let edges: Vec<f32> = (0..columns).map(|column| right_edge(&lines, column)).collect();
    let mut rows: Vec<TableRow> = Vec::new();
    // The last piece in each column of the current row.
    let mut last: Vec<Option<Piece>> = vec![None; columns];
    for line in lines {
        let is_wrapped = rows.last().is_some_and(|row| continues(page, row, &last, &line, &edges));
        if !is_wrapped {
            last.fill(None);
        }
        line.spans.iter().for_each(|span| last[span.first] = Some(span.piece.clone()));
        match rows.last_mut() {
            Some(row) if is_wrapped => merge(row, line),
            _ => rows.push(line),
        }
    }
    rows
}

/// Joins lines into one row.
pub(super) fn merge(row: &mut TableRow, line: TableRow) {
    row.spans.extend(line.spans);
    row.baseline = line.baseline;
    row.lines += line.lines;
}

fn continues(page: &Page, row: &TableRow, last: &[Option<Piece>], line: &TableRow, edges: &[f32]) -> bool {
    let is_close = line.baseline - row.baseline < 1.6 * row.size.max(line.size);
    let before = last.iter().flatten().count();
    let is_full = |span: &Span| {
        let needed = first_word_width(page, &span.piece, line.size) - SLACK_SIZES * line.size;
        last[span.first].as_ref().is_some_and(|piece| {
            let width = edges[span.last] - piece.left;
            width > WRAP_SIZES * line.size && edges[span.last] - piece.right < needed.max(SPACE_SIZES * line.size)
        })
    };
    is_close && line.spans.len() < before && line.spans.iter().all(is_full)
}

fn first_word_width(page: &Page, piece: &Piece, size: f32) -> f32 {
    let glyphs = piece.glyphs.iter().map(|index| &page.glyphs[*index]);
    let mut right = piece.left;
    for glyph in glyphs {
        if glyph.left - right > SPACE_SIZES * size {
            break;
        }
        right = right.max(glyph.right);
    }
    // And the space before it.
    right - piece.left + 0.3 * size
}

fn right_edge(rows: &[TableRow], column: usize) -> f32 {
    let spans = rows.iter().flat_map(|row| &row.spans).filter(|span| span.last == column);
    spans.map(|span| span.piece.right).fold(f32::NEG_INFINITY, f32::max)
}

/// The average width of the lines of a column, in sizes.
fn average_width(rows: &[TableRow], column: usize) -> f32 {
    let widths = rows.iter().flat_map(|row| row.spans.iter().map(|span| (span, row.size)));
    let widths: Vec<f32> = widths
        .filter(|(span, _)| (span.first, span.last) == (column, column))
        .map(|(span, size)| span.piece.width() / size.max(1.0))
        .collect();
    widths.iter().sum::<f32>() / widths.len().max(1) as f32
}

/// The number of columns that hold sentences.
pub(super) fn wide_columns(rows: &[TableRow], columns: usize) -> usize {
    (0..columns).filter(|column| average_width(rows, *column) > SENTENCE_SIZES).count()
}

/// The share of cells that have text of their own.
pub(super) fn filled(rows: &[TableRow], columns: usize) -> f32 {
    let has_text =
        |row: &TableRow, column: usize| row.spans.iter().any(|span| (span.first, span.last) == (column, column));
    let filled = |row: &TableRow| (0..columns).filter(|column| has_text(row, *column)).count();
    rows.iter().map(filled).sum::<usize>() as f32 / (rows.len() * columns).max(1) as f32
}

/// The rows with texts in at least two columns of their own.
pub(super) fn divided(rows: &[TableRow]) -> usize {
    rows.iter().filter(|row| row.spans.iter().filter(|span| span.first == span.last).count() >= 2).count()
}

/// The rows that are one cell over all columns.
pub(super) fn full_spans(rows: &[TableRow], columns: usize) -> usize {
    rows.iter().filter(|row| row.spans.iter().any(|span| span.first == 0 && span.last + 1 == columns)).count()
}

pub(super) fn draft(rows: &[TableRow], columns: usize) -> Draft {
    Draft { rows: rows.iter().map(|row| cells(row, columns)).collect() }
}

fn cells(row: &TableRow, columns: usize) -> Vec<DraftCell> {
    // Which cell each column belongs to: the first column of the cell.
    let mut owner: Vec<usize> = (0..columns).collect();
    for span in &row.spans {
        let first = owner[span.first];
        let last = span.last.min(columns - 1);
        let end = (last + 1..columns).find(|column| owner[*column] != owner[last]).unwrap_or(columns);
        owner[span.first..end].fill(first);
    }
    let mut cells = Vec::new();
    for first in (0..columns).filter(|column| owner[*column] == *column) {
        let within = |span: &&Span| owner[span.first] == first;
        let glyphs = row.spans.iter().filter(within).flat_map(|span| span.piece.glyphs.iter().copied()).collect();
        cells.push(DraftCell { glyphs, columns: owner.iter().filter(|owner| **owner == first).count(), rows: 1 });
    }
    cells
}
