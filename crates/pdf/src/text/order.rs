//! The reading order of lines.
//!
//! Consecutive lines of the file that are below each other form a chunk, whose inner order is kept. Chunks are sorted by recursive cuts
//! along white space: first into columns, then into strips from top to bottom. Where no cut is possible, file order is kept.

use super::columns;
use super::lines::Line;

/// The most levels of cuts, as a limit for hostile pages. Ordinary pages have fewer.
const DEPTH_MAX: usize = 24;
/// Lines further apart than this many sizes belong to different chunks.
const CHUNK_LEADING_SIZES: f32 = 2.5;

/// Lines that keep their order, and the box around them.
#[derive(Debug)]
pub(super) struct Chunk {
    pub lines: Vec<Line>,
    pub left: f32,
    pub right: f32,
    pub top: f32,
    pub bottom: f32,
}

/// Sorts the lines of a page from file order into reading order.
pub(super) fn reading_order(lines: Vec<Line>) -> Vec<Line> {
    sort(chunks(lines), DEPTH_MAX).into_iter().flat_map(|chunk| chunk.lines).collect()
}

fn chunks(lines: Vec<Line>) -> Vec<Chunk> {
    let splits: Vec<bool> = (0..lines.len()).map(|index| enters_or_leaves_columns(&lines, index)).collect();
    let mut chunks: Vec<Chunk> = Vec::new();
    for (line, is_split) in lines.into_iter().zip(splits) {
        match chunks.last_mut() {
            Some(chunk) if !is_split && chunk.continues_with(&line) => chunk.push(line),
            _ => chunks.push(Chunk::new(line)),
        }
    }
    chunks
}

/// Whether columns of prose begin or end between the previous line and this one: one of the two spans the columns. In a file in row order,
/// the line of the other column is directly before or after.
fn enters_or_leaves_columns(lines: &[Line], index: usize) -> bool {
    let Some(previous) = index.checked_sub(1).map(|index| &lines[index]) else { return false };
    let line = &lines[index];
    let after = lines.get(index + 1).is_some_and(|next| is_beside(line, next) && previous.is_above_or_below(next));
    let before = index.checked_sub(2).map(|index| &lines[index]);
    after || before.is_some_and(|before| is_beside(previous, before) && line.is_above_or_below(before))
}

fn is_beside(line: &Line, other: &Line) -> bool {
    let on_one_baseline = (line.baseline - other.baseline).abs() < 0.3 * line.size.max(other.size);
    on_one_baseline && !line.is_above_or_below(other) && [line, other].into_iter().all(columns::has_room)
}

fn sort(chunks: Vec<Chunk>, depth: usize) -> Vec<Chunk> {
    if chunks.len() < 2 || depth == 0 {
        return chunks;
    }
    if let Some(gutter) = columns::gutter(&chunks) {
        let (first, second) = chunks.into_iter().partition::<Vec<_>, _>(|chunk| chunk.right <= gutter.0);
        return sort(first, depth - 1).into_iter().chain(sort(second, depth - 1)).collect();
    }
    let strips = strips(chunks);
    if strips.len() < 2 {
        return strips.into_iter().flatten().collect();
    }
    columns::rejoin(strips).into_iter().flat_map(|strip| sort(strip, depth - 1)).collect()
}

/// Cuts at every height that no chunk crosses. Strips are sorted from top to bottom, and each strip is in file order.
fn strips(chunks: Vec<Chunk>) -> Vec<Vec<Chunk>> {
    let mut indexed: Vec<(usize, Chunk)> = chunks.into_iter().enumerate().collect();
    indexed.sort_by(|(_, a), (_, b)| a.top.total_cmp(&b.top));
    let mut strips: Vec<Vec<(usize, Chunk)>> = Vec::new();
    let mut bottom = f32::NEG_INFINITY;
    for (index, chunk) in indexed {
        let starts_below = chunk.top > bottom;
        bottom = bottom.max(chunk.bottom);
        match strips.last_mut() {
            Some(strip) if !starts_below => strip.push((index, chunk)),
            _ => strips.push(vec![(index, chunk)]),
        }
    }
    let in_file_order = |mut strip: Vec<(usize, Chunk)>| {
        strip.sort_by_key(|(index, _)| *index);
        strip.into_iter().map(|(_, chunk)| chunk).collect()
    };
    strips.into_iter().map(in_file_order).collect()
}

impl Chunk {
    fn new(line: Line) -> Self {
        let (top, bottom) = vertical(&line);
        Self { left: line.left, right: line.right, top, bottom, lines: vec![line] }
    }

    fn push(&mut self, line: Line) {
        let (top, bottom) = vertical(&line);
        self.left = self.left.min(line.left);
        self.right = self.right.max(line.right);
        self.top = self.top.min(top);
        self.bottom = self.bottom.max(bottom);
        self.lines.push(line);
    }

    fn continues_with(&self, line: &Line) -> bool {
        self.lines.last().is_some_and(|last| {
            let size = last.size.max(line.size);
            let advance = line.baseline - last.baseline;
            advance > 0.3 * size && advance < CHUNK_LEADING_SIZES * size && last.is_above_or_below(line)
        })
    }
}

/// The top and bottom of a line's ink. It is a little smaller than the size, so that tightly set lines do not touch.
fn vertical(line: &Line) -> (f32, f32) {
    (line.baseline - 0.7 * line.size, line.baseline + 0.1 * line.size)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testing::line;
    use super::*;

    fn order(lines: Vec<Line>) -> String {
        reading_order(lines).iter().map(|line| &*line.text).collect::<Vec<_>>().join(" ")
    }

    /// A column of lines at `left`, 200 points wide, from `top` downwards.
    fn column(name: &str, left: f32, top: f32, count: usize) -> Vec<Line> {
        (0..count).map(|row| line(&format!("{name}{row}"), left, left + 200.0, top + 12.0 * row as f32)).collect()
    }

    #[test]
    fn columns_in_row_order_are_read_one_after_the_other() {
        let (left, right) = (column("a", 50.0, 100.0, 5), column("b", 300.0, 100.0, 5));
        let rows = left.into_iter().zip(right).flat_map(|(a, b)| [a, b]).collect();
        assert_eq!(order(rows), "a0 a1 a2 a3 a4 b0 b1 b2 b3 b4");
    }

    #[test]
    fn title_above_columns_and_footer_below_are_not_part_of_them() {
        let mut lines = vec![line("foot", 50.0, 500.0, 780.0)];
        lines.extend(column("b", 300.0, 100.0, 4));
        lines.extend(column("a", 50.0, 100.0, 4));
        lines.push(line("title", 50.0, 500.0, 60.0));
        assert_eq!(order(lines), "title a0 a1 a2 a3 b0 b1 b2 b3 foot");
    }

    #[test]
    fn columns_between_full_width_lines_are_read_one_after_the_other() {
        let rows = |from: usize, top: f32| {
            let (left, right) = (column("a", 50.0, top, 4), column("b", 300.0, top, 4));
            let numbered = move |line: Line| Line {
                text: format!("{}{}", &line.text[..1], from + line.text[1..].parse::<usize>().unwrap()).as_str().into(),
                ..line
            };
            left.into_iter().zip(right).flat_map(|(a, b)| [a, b]).map(numbered).collect::<Vec<_>>()
        };
        let across = |text: &str, baseline: f32| vec![line(text, 50.0, 500.0, baseline)];
        // All distances are those of lines in a paragraph.
        let lines =
            [across("title", 88.0), rows(0, 100.0), across("part", 148.0), rows(4, 160.0), across("foot", 208.0)];
        assert_eq!(order(lines.concat()), "title a0 a1 a2 a3 b0 b1 b2 b3 part a4 a5 a6 a7 b4 b5 b6 b7 foot");
    }

    #[test]
    fn columns_with_gaps_at_one_height_are_not_cut_across() {
        let mut lines = vec![line("title", 50.0, 500.0, 60.0)];
        for left in ["a", "b"] {
            let x = if left == "a" { 50.0 } else { 300.0 };
            lines.extend(column(&format!("{left}1"), x, 100.0, 4));
            lines.extend(column(&format!("{left}2"), x, 300.0, 4));
        }
        assert_eq!(order(lines), "title a10 a11 a12 a13 a20 a21 a22 a23 b10 b11 b12 b13 b20 b21 b22 b23");
    }

    #[test]
    fn terms_above_their_indented_definitions_are_no_column() {
        let mut lines = Vec::new();
        for row in 0..5 {
            let y = 100.0 + 40.0 * row as f32;
            lines.push(line(&format!("term{row}"), 50.0, 80.0, y));
            lines.push(line(&format!("x{row}"), 100.0, 400.0, y + 13.0));
            lines.push(line(&format!("y{row}"), 100.0, 400.0, y + 25.0));
        }
        assert_eq!(order(lines), "term0 x0 y0 term1 x1 y1 term2 x2 y2 term3 x3 y3 term4 x4 y4");
    }

    #[test]
    fn labels_beside_their_texts_are_read_row_by_row() {
        let mut lines = Vec::new();
        for row in 0..5 {
            let y = 100.0 + 40.0 * row as f32;
            lines.push(line(&format!("label{row}"), 50.0, 90.0, y));
            lines.push(line(&format!("x{row}"), 150.0, 400.0, y));
            lines.push(line(&format!("y{row}"), 150.0, 400.0, y + 12.0));
        }
        assert_eq!(order(lines), "label0 x0 y0 label1 x1 y1 label2 x2 y2 label3 x3 y3 label4 x4 y4");
    }
}
