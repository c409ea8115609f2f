//! Tables that only the places of their texts show: at least three rows with the same columns.

use super::super::lists::bullet;
use super::Draft;
use super::columns::{self, TableRow};
use super::rows::{Page, Piece, Row};

/// A gap of at least this many sizes is between columns.
const GAP_SIZES: f32 = 1.2;
/// Rows further apart than this many sizes are not of one table.
const LEADING_SIZES: f32 = 2.4;
/// The least number of rows, and that of a table with two columns: labels and numbers stand beside each other as often.
const ROWS_MIN: usize = 3;
const ROWS_OF_PAIRS_MIN: usize = 4;
/// The share of rows that have all columns.
const FULL_ROWS_MIN: f32 = 0.6;
/// Pieces whose edges are this close are aligned.
const EDGE: f32 = 1.5;
/// The share of pieces of a column that are aligned.
const ALIGNED_MIN: f32 = 0.8;
/// The widest average cell of a table with two columns, in sizes.
const PAIR_WIDTH_MAX: f32 = 22.0;
/// Explanations that all begin with the same characters are no cells.
const ALIKE_CHARS: usize = 8;
/// More columns are letters set apart.
const COLUMNS_MAX: usize = 16;

/// Takes out tables that no rule shows.
pub(super) fn find(page: &mut Page) -> Vec<Draft> {
    let mut tables = Vec::new();
    for run in runs(page) {
        let Some(draft) = table(page, run) else { continue };
        page.take(draft.rows.iter().flatten().flat_map(|cell| cell.glyphs.iter().copied()));
        tables.push(draft);
    }
    tables
}

/// Rows below each other that all have a wide gap, or continue a cell of such a row.
fn runs(page: &Page) -> Vec<Vec<(Row, Vec<Piece>)>> {
    let mut runs: Vec<Vec<(Row, Vec<Piece>)>> = Vec::new();
    // The left edges of the cells of the last row with a gap.
    let mut edges: Vec<f32> = Vec::new();
    for row in page.rows() {
        // Most lines are text between lines of text.
        if edges.is_empty() && !page.has_gap(&row, GAP_SIZES) {
            continue;
        }
        let pieces = page.pieces(&row, GAP_SIZES, &[]);
        let is_near = runs.last().and_then(|run| run.last()).is_some_and(|(last, _)| is_close(last, &row));
        if pieces.len() < 2 {
            let is_below = |piece: &Piece| edges.iter().skip(1).any(|edge| (piece.left - edge).abs() <= EDGE);
            let continues = is_near && edges.len() > 2 && pieces.iter().all(is_below);
            match runs.last_mut().filter(|_| continues) {
                Some(run) => run.push((row.into_owned(), pieces)),
                None => edges.clear(),
            }
            continue;
        }
        let is_open = is_near && !edges.is_empty();
        edges = pieces.iter().map(|piece| piece.left).collect();
        match runs.last_mut() {
            Some(run) if is_open => run.push((row.into_owned(), pieces)),
            _ => runs.push(vec![(row.into_owned(), pieces)]),
        }
    }
    runs.retain(|run| run.len() >= ROWS_MIN);
    runs
}

fn is_close(last: &Row, row: &Row) -> bool {
    row.baseline - last.baseline < LEADING_SIZES * last.size.max(row.size)
        && (last.size - row.size).abs() < 0.25 * row.size
}

fn table(page: &Page, run: Vec<(Row, Vec<Piece>)>) -> Option<Draft> {
    let (rows, pieces): (Vec<Row>, Vec<Vec<Piece>>) = run.into_iter().unzip();
    if rows.iter().any(|row| page.has_leader(row) || page.is_code(row)) {
        return None;
    }
    let size = rows.iter().map(|row| row.size).fold(0.0, f32::max);
    let cuts = columns::cuts(&pieces, GAP_SIZES * size, 0);
    let count = cuts.len() + 1;
    let mut rows = columns::without_wraps(page, columns::in_columns(&rows, pieces, &cuts), count);
    while rows.pop_if(|row| row.spans.len() < 2).is_some() {}
    let full = rows.iter().filter(|row| row.spans.len() >= count).count();
    let least = if count == 2 { ROWS_OF_PAIRS_MIN } else { ROWS_MIN };
    let is_table = (2..=COLUMNS_MAX).contains(&count)
        && full >= least
        && full as f32 >= FULL_ROWS_MIN * rows.len() as f32
        && (0..count).all(|column| is_aligned(&rows, column))
        && is_left_or_right(&rows, count)
        && !is_list_of_numbers(page, &rows)
        && !is_index(page, &rows)
        && columns::wide_columns(&rows, count) <= usize::from(count > 2)
        && (count > 2 || is_pair(page, &rows))
        && !is_contents(page, &rows, count)
        && !is_formula(page, &rows);
    is_table.then(|| columns::draft(&rows, count))
}

/// The left edges, right edges and middles of the pieces of a column.
fn edges(rows: &[TableRow], column: usize) -> [Vec<f32>; 3] {
    let pieces = || rows.iter().flat_map(|row| &row.spans).filter(|span| span.first == column).map(|span| &span.piece);
    [
        pieces().map(|piece| piece.left).collect(),
        pieces().map(|piece| piece.right).collect(),
        pieces().map(|piece| (piece.left + piece.right) / 2.0).collect(),
    ]
}

/// The share of the values that are near the most common one.
fn agreeing(mut values: Vec<f32>) -> f32 {
    values.sort_by(f32::total_cmp);
    let (mut from, mut best) = (0, 0);
    for at in 0..values.len() {
        while values[at] - values[from] > EDGE {
            from += 1;
        }
        best = best.max(at + 1 - from);
    }
    best as f32 / values.len().max(1) as f32
}

fn is_aligned(rows: &[TableRow], column: usize) -> bool {
    edges(rows, column).into_iter().any(|values| agreeing(values) >= ALIGNED_MIN)
}

/// Whether most columns are aligned at a side: names above each other in a title are centred.
fn is_left_or_right(rows: &[TableRow], columns: usize) -> bool {
    let at_side = |column: usize| edges(rows, column).into_iter().take(2).any(|values| agreeing(values) >= ALIGNED_MIN);
    2 * (0..columns).filter(|column| at_side(*column)).count() > columns
}

/// Whether two columns are a table, and not the marks and texts of a list, or two columns of text.
fn is_pair(page: &Page, rows: &[TableRow]) -> bool {
    let is_narrow = rows.iter().flat_map(|row| &row.spans).all(|span| span.piece.width() <= PAIR_WIDTH_MAX * 10.0);
    let is_mark = |row: &TableRow| {
        let text = row.spans.first().map(|span| page.text(&span.piece.glyphs)).unwrap_or_default();
        let inner = text.trim_matches(['(', ')', '[', ']', '.', ':']);
        let is_letter = inner.chars().count() == 1 && inner.len() < text.len();
        !text.chars().any(char::is_alphanumeric)
            || bullet(&text).is_some()
            || is_letter
            || (inner.len() < text.len() && inner.chars().all(|c| c.is_ascii_digit()))
    };
    let is_sentence =
        |row: &&TableRow| row.spans.last().is_some_and(|span| page.text(&span.piece.glyphs).ends_with('.'));
    let are_definitions = 2 * rows.iter().filter(is_sentence).count() > rows.len();
    let texts: Vec<String> = rows.iter().filter_map(|row| Some(page.text(&row.spans.last()?.piece.glyphs))).collect();
    let alike = |text: &String| text.chars().zip(texts[0].chars()).take_while(|(a, b)| a == b).count() >= ALIKE_CHARS;
    is_narrow && !are_definitions && !texts.iter().all(alike) && !rows.iter().any(is_mark)
}

/// Whether the last column has page numbers: numbers that never fall.
fn is_contents(page: &Page, rows: &[TableRow], columns: usize) -> bool {
    let last = rows.iter().filter_map(|row| row.spans.last().filter(|span| span.last + 1 == columns));
    let numbers: Vec<Option<u32>> = last.map(|span| page.text(&span.piece.glyphs).parse().ok()).collect();
    let known: Vec<u32> = numbers.iter().flatten().copied().collect();
    known.len() * 5 >= numbers.len() * 4 && known.is_sorted() && columns <= 3
}

/// Whether there are only numbers: a matrix, or what a program printed.
fn is_list_of_numbers(page: &Page, rows: &[TableRow]) -> bool {
    let mut spans = rows.iter().flat_map(|row| &row.spans);
    !spans.any(|span| page.text(&span.piece.glyphs).chars().any(char::is_alphabetic))
}

/// Whether a third of the cells are entries of an index: words and page numbers.
fn is_index(page: &Page, rows: &[TableRow]) -> bool {
    let spans = || rows.iter().flat_map(|row| &row.spans);
    let is_entry = |text: String| {
        let numbers = text.trim_start_matches(|char: char| char != ',');
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.len() > numbers.len() && !numbers.is_empty() && numbers[1..].split([',', '-', '–']).all(is_number)
    };
    spans().filter(|span| is_entry(page.text(&span.piece.glyphs))).count() * 3 > spans().count()
}

/// Whether most pieces have hardly a letter or digit, or a bracket stands before a row of a matrix.
fn is_formula(page: &Page, rows: &[TableRow]) -> bool {
    let opens = |text: String| text.starts_with(['[', '(', '|']) && !text.contains([']', ')']);
    let is_matrix = |row: &TableRow| row.spans.first().is_some_and(|span| opens(page.text(&span.piece.glyphs)));
    if rows.iter().any(is_matrix) {
        return true;
    }
    let spans = || rows.iter().flat_map(|row| &row.spans);
    let is_sign = |text: String| text.chars().filter(|char| char.is_alphanumeric()).count() * 2 < text.chars().count();
    spans().filter(|span| is_sign(page.text(&span.piece.glyphs))).count() * 3 > spans().count()
}
