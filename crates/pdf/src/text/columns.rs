//! Finds the vertical cuts between columns.

use super::lines::Line;
use super::order::Chunk;

/// The left and right edge of a vertical strip without text.
type Gutter = (f32, f32);

/// The least width of a gutter, in points.
const GUTTER_MIN: f32 = 6.0;
/// The least number of lines in a column.
const COLUMN_LINES_MIN: usize = 3;

/// The widest vertical strip that no chunk crosses, with a column of text on either side.
pub(super) fn gutter(chunks: &[Chunk]) -> Option<Gutter> {
    widest_gutter(&chunks.iter().collect::<Vec<_>>())
}

fn widest_gutter(chunks: &[&Chunk]) -> Option<Gutter> {
    gaps(chunks.iter().copied())
        .into_iter()
        .filter(|gap| {
            let (left, right): (Vec<&Chunk>, Vec<&Chunk>) = chunks.iter().partition(|chunk| chunk.right <= gap.0);
            is_column(&left)
                && is_column(&right)
                && are_side_by_side(&left, &right)
                && !are_rows(&left, &right)
                && !are_terms(&left, &right)
        })
        .max_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)))
}

/// Joins horizontal strips with the same columns, so that each column is read to its end.
pub(super) fn rejoin(strips: Vec<Vec<Chunk>>) -> Vec<Vec<Chunk>> {
    let mut joined = Vec::new();
    for run in runs(strips) {
        if is_prose_in_columns(&run) {
            joined.push(run.into_iter().flatten().collect());
        } else {
            joined.extend(rejoin_columns(run));
        }
    }
    joined
}

/// Joins strips that have the same gutter themselves, or whose text is within one of its columns.
fn rejoin_columns(strips: Vec<Vec<Chunk>>) -> Vec<Vec<Chunk>> {
    let mut joined: Vec<(Option<Gutter>, Vec<Chunk>)> = Vec::new();
    for strip in strips {
        let own = gutter(&strip);
        match joined.last_mut() {
            Some((Some(shared), chunks)) if fits(*shared, own, &strip) => {
                if let Some((left, right)) = own {
                    *shared = (shared.0.max(left), shared.1.min(right));
                }
                chunks.extend(strip);
            }
            _ => joined.push((own, strip)),
        }
    }
    joined.into_iter().map(|(_, strip)| strip).collect()
}

/// Whether a strip continues columns separated by `shared`: its own gutter overlaps, or all of it is in one column.
fn fits(shared: Gutter, own: Option<Gutter>, strip: &[Chunk]) -> bool {
    match own {
        Some(own) => own.1.min(shared.1) - own.0.max(shared.0) >= GUTTER_MIN,
        None => strip.iter().all(|chunk| chunk.right <= shared.0 || chunk.left >= shared.1),
    }
}

/// Whether the strips are rows of columns of prose. Then most lines on both sides of the gutter fill their column, unlike in a table.
fn is_prose_in_columns(strips: &[Vec<Chunk>]) -> bool {
    let chunks: Vec<&Chunk> = strips.iter().flatten().collect();
    widest_gutter(&chunks).is_some_and(|gutter| {
        let (left, right): (Vec<&Chunk>, Vec<&Chunk>) = chunks.iter().partition(|chunk| chunk.right <= gutter.0);
        [left, right].iter().all(|column| is_wide(column) && is_filled(column))
    })
}

fn is_filled(column: &[&Chunk]) -> bool {
    let left = column.iter().map(|chunk| chunk.left).fold(f32::INFINITY, f32::min);
    let right = column.iter().map(|chunk| chunk.right).fold(f32::NEG_INFINITY, f32::max);
    let lines = || column.iter().flat_map(|chunk| &chunk.lines);
    let full = lines().filter(|line| line.width() >= 0.8 * (right - left)).count();
    full * 3 >= lines().count() * 2
}

/// Groups consecutive strips that have a gap in common.
fn runs(strips: Vec<Vec<Chunk>>) -> Vec<Vec<Vec<Chunk>>> {
    let mut runs: Vec<Vec<Vec<Chunk>>> = Vec::new();
    let mut shared = Vec::new();
    for strip in strips {
        shared = without(shared, &strip);
        match runs.last_mut() {
            Some(run) if !shared.is_empty() => run.push(strip),
            _ => {
                shared = gaps(strip.iter());
                runs.push(vec![strip]);
            }
        }
    }
    runs
}

/// The gaps without the parts that the chunks cover.
fn without(gaps: Vec<Gutter>, chunks: &[Chunk]) -> Vec<Gutter> {
    chunks.iter().fold(gaps, |gaps, chunk| {
        let pieces = |gap: Gutter| [(gap.0, gap.1.min(chunk.left)), (gap.0.max(chunk.right), gap.1)];
        gaps.into_iter().flat_map(pieces).filter(is_wide_enough).collect()
    })
}

fn is_wide_enough(gap: &Gutter) -> bool {
    gap.1 - gap.0 >= GUTTER_MIN
}

/// All vertical strips of sufficient width that no chunk crosses.
fn gaps<'a>(chunks: impl Iterator<Item = &'a Chunk>) -> Vec<Gutter> {
    let mut extents: Vec<(f32, f32)> = chunks.map(|chunk| (chunk.left, chunk.right)).collect();
    extents.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut gaps = Vec::new();
    let mut covered = extents.first().map_or(0.0, |(_, right)| *right);
    for (left, right) in extents {
        gaps.extend(Some((covered, left)).filter(is_wide_enough));
        covered = covered.max(right);
    }
    gaps
}

fn is_column(chunks: &[&Chunk]) -> bool {
    chunks.iter().map(|chunk| chunk.lines.len()).sum::<usize>() >= COLUMN_LINES_MIN
}

/// Whether the two sides overlap by at least two fifths of the smaller height.
fn are_side_by_side(left: &[&Chunk], right: &[&Chunk]) -> bool {
    let (a, b) = (height(left), height(right));
    let shared = a.1.min(b.1) - a.0.max(b.0);
    shared >= 0.4 * (a.1 - a.0).min(b.1 - b.0)
}

fn height(chunks: &[&Chunk]) -> (f32, f32) {
    let top = chunks.iter().map(|chunk| chunk.top).fold(f32::INFINITY, f32::min);
    let bottom = chunks.iter().map(|chunk| chunk.bottom).fold(f32::NEG_INFINITY, f32::max);
    (top, bottom)
}

/// Whether the two sides are cells of rows: labels with their explanations, or line numbers with their lines.
///
/// Most chunks of one side then start on a base line of the other, and at least one side is narrow. Two columns of prose in row order also
/// share base lines, but both are wide.
fn are_rows(left: &[&Chunk], right: &[&Chunk]) -> bool {
    if left.len().min(right.len()) < COLUMN_LINES_MIN || (is_wide(left) && is_wide(right)) {
        return false;
    }
    let (few, many) = if left.len() <= right.len() { (left, right) } else { (right, left) };
    let aligned = few.iter().filter(|chunk| many.iter().any(|other| start_together(chunk, other))).count();
    aligned * 5 >= few.len() * 3
}

/// Whether most lines of the smaller side have none beside them: terms, and their definitions below and to the right of each.
fn are_terms(left: &[&Chunk], right: &[&Chunk]) -> bool {
    let lines = |side: &[&Chunk]| side.iter().map(|chunk| chunk.lines.len()).sum::<usize>();
    let (few, many) = if lines(left) <= lines(right) { (left, right) } else { (right, left) };
    let is_beside =
        |line: &Line, other: &Line| (line.baseline - other.baseline).abs() < 0.5 * line.size.max(other.size);
    let has_neighbour = |line: &&Line| many.iter().flat_map(|chunk| &chunk.lines).any(|other| is_beside(line, other));
    2 * few.iter().flat_map(|chunk| &chunk.lines).filter(has_neighbour).count() < lines(few)
}

/// Whether its lines are wide enough for sentences on average.
fn is_wide(chunks: &[&Chunk]) -> bool {
    chunks.iter().flat_map(|chunk| &chunk.lines).map(room).sum::<f32>() >= 0.0
}

/// Whether a line is wide enough for sentences.
pub(super) fn has_room(line: &Line) -> bool {
    room(line) >= 0.0
}

/// The width of a line beyond twelve times its size. A narrower line is too short for sentences.
fn room(line: &Line) -> f32 {
    line.width() - 12.0 * line.size
}

fn start_together(a: &Chunk, b: &Chunk) -> bool {
    match (a.lines.first(), b.lines.first()) {
        (Some(a), Some(b)) => (a.baseline - b.baseline).abs() < 0.3 * a.size.max(b.size),
        _ => false,
    }
}
