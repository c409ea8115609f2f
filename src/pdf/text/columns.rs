//! Columns: where a page may be cut from top to bottom.

use super::order::Chunk;

/// The left and right edge of a strip without text.
type Gutter = (f32, f32);

/// A gutter is at least this wide, in points.
const GUTTER_MIN: f32 = 6.0;
/// A column has at least this many lines.
const COLUMN_LINES_MIN: usize = 3;

/// The widest vertical strip that no chunk crosses and that has a column of text on either side.
pub fn gutter(chunks: &[Chunk]) -> Option<Gutter> {
    gaps(chunks)
        .into_iter()
        .filter(|gap| gap.1 - gap.0 >= GUTTER_MIN)
        .filter(|gap| {
            let (left, right): (Vec<&Chunk>, Vec<&Chunk>) = chunks.iter().partition(|chunk| chunk.right <= gap.0);
            is_column(&left) && is_column(&right) && stand_side_by_side(&left, &right) && !are_rows(&left, &right)
        })
        .max_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)))
}

/// Puts strips that were cut across the same columns together again, so that each column is read to its end.
pub fn rejoin(strips: Vec<Vec<Chunk>>) -> Vec<Vec<Chunk>> {
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

/// Whether a strip goes on with columns parted by `shared`: by its own gutter, or because it is all in one of them.
fn fits(shared: Gutter, own: Option<Gutter>, strip: &[Chunk]) -> bool {
    match own {
        Some(own) => own.1.min(shared.1) - own.0.max(shared.0) >= GUTTER_MIN,
        None => strip.iter().all(|chunk| chunk.right <= shared.0 || chunk.left >= shared.1),
    }
}

/// All vertical strips between chunks that none crosses.
fn gaps(chunks: &[Chunk]) -> Vec<Gutter> {
    let mut extents: Vec<(f32, f32)> = chunks.iter().map(|chunk| (chunk.left, chunk.right)).collect();
    extents.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut gaps = Vec::new();
    let mut covered = extents.first().map_or(0.0, |(_, right)| *right);
    for (left, right) in extents {
        if left > covered {
            gaps.push((covered, left));
        }
        covered = covered.max(right);
    }
    gaps
}

fn is_column(chunks: &[&Chunk]) -> bool {
    chunks.iter().map(|chunk| chunk.lines.len()).sum::<usize>() >= COLUMN_LINES_MIN
}

/// Whether the two sides share at least two fifths of the lower one's height.
fn stand_side_by_side(left: &[&Chunk], right: &[&Chunk]) -> bool {
    let (a, b) = (height(left), height(right));
    let shared = a.1.min(b.1) - a.0.max(b.0);
    shared >= 0.4 * (a.1 - a.0).min(b.1 - b.0)
}

fn height(chunks: &[&Chunk]) -> (f32, f32) {
    let top = chunks.iter().map(|chunk| chunk.top).fold(f32::INFINITY, f32::min);
    let bottom = chunks.iter().map(|chunk| chunk.bottom).fold(f32::NEG_INFINITY, f32::max);
    (top, bottom)
}

/// Whether the two sides are the cells of rows: labels with their explanations, line numbers with their lines.
///
/// Most of one side's chunks then start on a base line on which one of the other side starts, and one side is narrow or both
/// are. Two columns of prose written row by row also start on shared base lines, but both sides are wide.
fn are_rows(left: &[&Chunk], right: &[&Chunk]) -> bool {
    if left.len().min(right.len()) < COLUMN_LINES_MIN || (is_wide(left) && is_wide(right)) {
        return false;
    }
    let (few, many) = if left.len() <= right.len() { (left, right) } else { (right, left) };
    let aligned = few.iter().filter(|chunk| many.iter().any(|other| start_together(chunk, other))).count();
    aligned * 5 >= few.len() * 3
}

/// Whether its lines have room for sentences: twelve times the size of the type on average.
fn is_wide(chunks: &[&Chunk]) -> bool {
    chunks.iter().flat_map(|chunk| &chunk.lines).map(|line| line.width() - 12.0 * line.size).sum::<f32>() >= 0.0
}

fn start_together(a: &Chunk, b: &Chunk) -> bool {
    match (a.lines.first(), b.lines.first()) {
        (Some(a), Some(b)) => (a.baseline - b.baseline).abs() < 0.3 * a.size.max(b.size),
        _ => false,
    }
}
