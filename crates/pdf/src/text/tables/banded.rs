//! Tables with horizontal rules alone: one above, one below, mostly one below the header, and perhaps more between rows.

use super::Draft;
use super::columns::{self, TableRow};
use super::rows::Page;
use super::rules::Side;

/// The rules of one table begin and end within this distance.
const EDGE_TOLERANCE: f32 = 4.0;
/// Text may reach this far beyond the rules.
const OVERHANG: f32 = 3.0;
/// The least width of a gap between columns, in sizes.
const GAP_SIZES: f32 = 0.75;
/// A table with more rules has one below each row.
const RULES_OF_GROUPS_MAX: usize = 4;
/// More lines between two rules are several rows.
const LINES_OF_ROW_MAX: usize = 8;
/// A page with more rules outside of grids is a drawing.
const FREE_RULES_MAX: usize = 400;
/// The most rules of one table that are tried.
const RULES_MAX: usize = 120;
/// A shorter rule is that of a fraction, in points.
const LENGTH_MIN: f32 = 50.0;
/// The least share of rows with several cells.
const DIVIDED_MIN: f32 = 0.6;
/// Fewer cells with text are no table.
const FILLED_MIN: f32 = 0.5;

/// Takes out the tables between horizontal rules. `used` marks the rules of other tables.
pub(super) fn find(page: &mut Page, rules: &[Side], used: &[bool]) -> Vec<Draft> {
    let mut tables = Vec::new();
    let mut free: Vec<Side> = rules
        .iter()
        .zip(used)
        .filter(|(rule, used)| !**used && rule.to - rule.from >= LENGTH_MIN)
        .map(|(rule, _)| *rule)
        .collect();
    if free.len() > FREE_RULES_MAX {
        return tables;
    }
    while let Some(top) = free.first().copied() {
        let same =
            |rule: &Side| (rule.from - top.from).abs() <= EDGE_TOLERANCE && (rule.to - top.to).abs() <= EDGE_TOLERANCE;
        let group: Vec<Side> = free.iter().copied().filter(same).collect();
        free.retain(|rule| !same(rule));
        let mut start = 0;
        while start + 1 < group.len() {
            match longest(page, &group[start..group.len().min(start + RULES_MAX)]) {
                Some((draft, rules)) => {
                    page.take(draft.rows.iter().flatten().flat_map(|cell| cell.glyphs.iter().copied()));
                    tables.push(draft);
                    start += rules;
                }
                None => start += 1,
            }
        }
    }
    tables
}

/// The table below the first of the rules that has most of them, and how many it has.
fn longest(page: &Page, rules: &[Side]) -> Option<(Draft, usize)> {
    let mut best = None;
    for count in 2..=rules.len() {
        match table(page, &rules[..count]) {
            Some(draft) => best = Some((draft, count)),
            // The band below the header can be too short on its own, but text that is no table stays none.
            None if count > 3 => break,
            None => {}
        }
    }
    best
}

fn table(page: &Page, rules: &[Side]) -> Option<Draft> {
    let (top, bottom) = (rules.first()?, rules.last()?);
    let sides = (top.from - OVERHANG, top.to + OVERHANG);
    let rows = page.rows_in((top.at, bottom.at), sides);
    let code = rows.iter().filter(|row| page.is_code(row)).count();
    if rows.len() < 2 || 2 * code > rows.len() || rows.iter().any(|row| page.has_leader(row)) {
        return None;
    }
    let size = rows.iter().map(|row| row.size).fold(0.0, f32::max);
    let pieces: Vec<_> = rows.iter().map(|row| page.pieces(row, GAP_SIZES, &[])).collect();
    let crossings = if rows.len() < 4 { 0 } else { 1 + rows.len() / 10 };
    let cuts = columns::cuts(&pieces, GAP_SIZES * size * 0.8, crossings);
    let count = cuts.len() + 1;
    let lines = columns::in_columns(&rows, pieces, &cuts);
    let rows = by_rules(page, lines, rules, count);
    let has_header = rules.len() > 2;
    let is_table = count >= 2
        && rows.len() >= if has_header { 2 } else { 3 }
        && columns::wide_columns(&rows, count) <= 1
        && columns::divided(&rows) as f32 >= DIVIDED_MIN * rows.len() as f32
        && columns::filled(&rows, count) >= FILLED_MIN
        && 4 * columns::full_spans(&rows, count) <= rows.len();
    is_table.then(|| columns::draft(&rows, count))
}

/// The rows of the table. A rule always separates rows. In the header, and if there is a rule below each row, all lines between two rules are
/// one row.
fn by_rules(page: &Page, lines: Vec<TableRow>, rules: &[Side], columns: usize) -> Vec<TableRow> {
    let band_of = |baseline: f32| rules.partition_point(|rule| rule.at < baseline);
    let mut rows = Vec::new();
    let mut rest = lines.into_iter().peekable();
    while let Some(first) = rest.next() {
        let band = band_of(first.baseline);
        let mut lines = vec![first];
        while let Some(line) = rest.next_if(|line| band_of(line.baseline) == band) {
            lines.push(line);
        }
        let is_header = band == 1 && rules.len() > 2;
        let is_one = lines.len() <= LINES_OF_ROW_MAX && (is_header || rules.len() > RULES_OF_GROUPS_MAX);
        let has_spans = lines.iter().flat_map(|line| &line.spans).any(|span| span.first < span.last);
        // Lines with all columns are rows: one cell of a row is mostly shorter than the others.
        let is_divided = lines.iter().all(|line| line.spans.len() == columns);
        if is_one && !has_spans && (is_header || !is_divided) {
            rows.extend(lines.into_iter().reduce(|mut row, line| {
                columns::merge(&mut row, line);
                row
            }));
        } else {
            rows.extend(columns::without_wraps(page, lines, columns));
        }
    }
    rows
}
