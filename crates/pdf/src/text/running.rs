//! Running heads, feet and page numbers: what neighbouring pages repeat at the same height near their edges.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::lines::Line;

/// So many base lines at either edge can be running lines.
const EDGE_LINES: usize = 4;
/// Base lines that differ less are at one height, in points.
const HEIGHT_TOLERANCE: f32 = 1.5;
/// The largest relative difference of the sizes of running lines.
const SIZE_TOLERANCE: f32 = 0.12;
/// A line that is larger than the body text by more than this is a title, also if pages repeat it.
const LARGER_MAX: f32 = 1.2;
/// Pages that are not further apart are neighbours: left and right pages differ.
const NEIGHBOURS: u32 = 3;
/// Text that fewer pages repeat is not running.
const REPEATED_MIN: usize = 2;
/// What is at a height on fewer than one in this many pages is not running.
const PAGES_SHARE: usize = 5;
/// Numbers that count with fewer than one in this many rows are not those of pages.
const COUNTED_SHARE: usize = 5;
/// The most heights that are kept.
const BANDS_MAX: usize = 32;
/// Letters at the start and at the end of a running line that are compared.
const KEY_CHARS: usize = 10;

/// A height at which pages have running lines.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Band {
    baseline: f32,
    size: f32,
}

/// All lines of a page on one base line near an edge.
#[derive(Clone, Debug)]
struct Row {
    page: u32,
    baseline: f32,
    size: f32,
    /// The letters at the start and at the end of the text. The middle can tell the section.
    keys: [String; 2],
    /// The numbers in the text less the number of the page.
    offsets: Vec<i64>,
}

/// Finds the heights of running lines on some pages in order. Only those with neighbours among them count.
pub(super) fn bands(pages: &[(u32, Vec<Line>)]) -> Vec<Band> {
    let are_near = |a: &(u32, Vec<Line>), b: &(u32, Vec<Line>)| b.0 - a.0 <= NEIGHBOURS;
    let together: Vec<_> = pages.chunk_by(are_near).filter(|pages| pages.len() > 1).flatten().collect();
    let mut rows: Vec<Row> = together.iter().flat_map(|(page, lines)| edge_rows(*page, lines)).collect();
    let body = body_size(pages.iter().flat_map(|(_, lines)| lines));
    rows.retain(|row| row.size <= LARGER_MAX * body);
    let rows_min = REPEATED_MIN.max(together.len() / PAGES_SHARE);
    rows.sort_by(|a, b| a.baseline.total_cmp(&b.baseline));
    let at_one_height = |a: &Row, b: &Row| b.baseline - a.baseline <= HEIGHT_TOLERANCE;
    rows.chunk_by(at_one_height).filter(|rows| rows.len() >= rows_min).filter_map(band).take(BANDS_MAX).collect()
}

/// The size of most characters.
fn body_size<'a>(lines: impl Iterator<Item = &'a Line>) -> f32 {
    let mut chars = BTreeMap::<u32, usize>::new();
    for line in lines {
        // Tenths of a point.
        *chars.entry((line.size * 10.0) as u32).or_default() += line.text.len();
    }
    chars.into_iter().max_by_key(|(_, count)| *count).map_or(f32::MAX, |(size, _)| (size + 1) as f32 / 10.0)
}

/// The band of these rows at one height, if at least half of them repeat each other.
fn band(rows: &[Row]) -> Option<Band> {
    let (mut keys, mut offsets) = (BTreeMap::<_, Vec<u32>>::new(), BTreeMap::new());
    for row in rows {
        row.keys.iter().enumerate().for_each(|key| keys.entry(key).or_default().push(row.page));
        row.offsets.iter().for_each(|offset| *offsets.entry(*offset).or_insert(0) += 1);
    }
    // A number that counts with the pages does so on many of them.
    let counted_min = REPEATED_MIN.max(rows.len() / COUNTED_SHARE);
    let is_repeated = |row: &&Row| {
        let mut texts = row.keys.iter().enumerate().filter(|(_, key)| !key.is_empty());
        let is_near = |page: &u32| *page != row.page && page.abs_diff(row.page) <= NEIGHBOURS;
        texts.any(|key| keys.get(&key).is_some_and(|pages| pages.iter().any(is_near)))
            || row.offsets.iter().any(|offset| offsets.get(offset).is_some_and(|count| *count >= counted_min))
    };
    let repeated: Vec<&Row> = rows.iter().filter(is_repeated).collect();
    let middle = repeated.get(repeated.len() / 2)?;
    let is_running = repeated.len() >= REPEATED_MIN && repeated.len() * 2 >= rows.len();
    is_running.then_some(Band { baseline: middle.baseline, size: middle.size })
}

/// The lines of a page without its running lines: the outermost ones at the heights of bands. `is_title` tells the titles that bookmarks
/// name on this page, which are kept. Lines that are most of a page are its text.
pub(super) fn without(lines: Vec<Line>, bands: &[Band], is_title: impl Fn(&Line) -> bool) -> Vec<Line> {
    if bands.is_empty() {
        return lines;
    }
    let rows = rows(&lines);
    let mut is_dropped = vec![false; lines.len()];
    for edge in [rows.iter().collect::<Vec<_>>(), rows.iter().rev().collect()] {
        for row in edge.into_iter().take(EDGE_LINES) {
            let (baseline, size) = height(&lines, row);
            let is_running = bands.iter().any(|band| band.holds(baseline, size));
            if !is_running || row.iter().any(|index| is_title(&lines[*index])) {
                break;
            }
            row.iter().for_each(|index| is_dropped[*index] = true);
        }
    }
    let chars = |dropped: bool| -> usize {
        let of_kind = lines.iter().zip(&is_dropped).filter(|(_, is_dropped)| **is_dropped == dropped);
        of_kind.map(|(line, _)| line.text.len()).sum()
    };
    if chars(true) > chars(false) {
        return lines;
    }
    lines.into_iter().zip(is_dropped).filter(|(_, is_dropped)| !is_dropped).map(|(line, _)| line).collect()
}

impl Band {
    fn holds(&self, baseline: f32, size: f32) -> bool {
        (self.baseline - baseline).abs() <= HEIGHT_TOLERANCE && (self.size - size).abs() <= SIZE_TOLERANCE * self.size
    }
}

/// The indices of the lines on each base line, from the top.
fn rows(lines: &[Line]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by(|a, b| lines[*a].baseline.total_cmp(&lines[*b].baseline));
    let is_one = |a: &usize, b: &usize| lines[*b].baseline - lines[*a].baseline <= HEIGHT_TOLERANCE;
    order.chunk_by(is_one).map(<[usize]>::to_vec).collect()
}

/// The base line and size of a row: those of its longest line.
fn height(lines: &[Line], row: &[usize]) -> (f32, f32) {
    let longest = row.iter().map(|index| &lines[*index]).max_by_key(|line| line.text.len());
    longest.map_or((0.0, 0.0), |line| (line.baseline, line.size))
}

fn edge_rows(page: u32, lines: &[Line]) -> Vec<Row> {
    let rows = rows(lines);
    let inner = EDGE_LINES..rows.len().saturating_sub(EDGE_LINES);
    let at_edge = rows.iter().enumerate().filter(|(index, _)| !inner.contains(index));
    at_edge.map(|(_, row)| edge_row(page, lines, row)).collect()
}

fn edge_row(page: u32, lines: &[Line], row: &[usize]) -> Row {
    let (baseline, size) = height(lines, row);
    let mut words: Vec<(f32, &str)> = row.iter().map(|index| (lines[*index].left, &*lines[*index].text)).collect();
    words.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut key, mut offsets) = (String::new(), Vec::new());
    for word in words.iter().flat_map(|(_, text)| text.split_whitespace()) {
        let word = word.trim_matches(|char: char| !char.is_alphanumeric());
        match number(word) {
            Some(number) => offsets.push(number - i64::from(page)),
            None => key.extend(word.chars().filter(|char| char.is_alphabetic())),
        }
    }
    let start: String = key.chars().take(KEY_CHARS).collect();
    let end: String = key.chars().rev().take(KEY_CHARS).collect();
    Row { page, baseline, size, keys: [start, end], offsets }
}

/// A number in Arabic or small Roman digits, at most four of the former. Pages in Roman digits have offsets of their own.
pub(super) fn number(word: &str) -> Option<i64> {
    if (1..=4).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_digit()) {
        return word.parse().ok();
    }
    roman(word)
}

/// The value of a Roman numeral in small letters.
pub(super) fn roman(word: &str) -> Option<i64> {
    const VALUES: [(&str, i64); 9] =
        [("c", 100), ("xc", 90), ("l", 50), ("xl", 40), ("x", 10), ("ix", 9), ("v", 5), ("iv", 4), ("i", 1)];
    let (mut rest, mut value) = (word, 0);
    for (digits, worth) in VALUES {
        let mut repeats = 0;
        while let Some(tail) = rest.strip_prefix(digits).filter(|_| repeats < 3) {
            (rest, value, repeats) = (tail, value + worth, repeats + 1);
        }
    }
    (rest.is_empty() && value > 0).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{line, paragraph};
    use super::*;

    /// A page with a head, a body of its own and a number at its foot.
    fn page(number: u32, head: &str) -> Vec<Line> {
        let body = (0..12).map(|row| {
            line(
                &format!(
                    "text {} of it",
                    "abcdefghijkl".chars().cycle().skip(number as usize * 5 + row).take(4).collect::<String>()
                ),
                50.0,
                400.0,
                100.0 + 12.0 * row as f32,
            )
        });
        let mut lines: Vec<Line> = body.collect();
        lines.insert(0, line(head, 50.0, 200.0, 40.0));
        lines.push(line(&(number + 7).to_string(), 220.0, 230.0, 780.0));
        lines
    }

    fn kept(pages: &[Vec<Line>], index: usize) -> Vec<String> {
        let numbered: Vec<_> = pages.iter().enumerate().map(|(index, lines)| (index as u32, lines.clone())).collect();
        let bands = bands(&numbered);
        without(pages[index].clone(), &bands, |_| false).into_iter().map(|line| line.text.to_string()).collect()
    }

    #[test]
    fn head_and_number_of_each_page_are_dropped() {
        let pages = [page(0, "A Title"), page(1, "Chapter 1"), page(2, "A Title"), page(3, "Chapter 1")];
        for (index, page) in pages.iter().enumerate() {
            let body: Vec<_> = page[1..13].iter().map(|line| line.text.to_string()).collect();
            assert_eq!(kept(&pages, index), body);
        }
    }

    #[test]
    fn page_with_little_more_than_a_repeated_line_keeps_it() {
        let pages: Vec<Vec<Line>> =
            (1..4).map(|number| vec![line(&format!("The text of page {number}."), 50.0, 200.0, 40.0)]).collect();
        assert_eq!(kept(&pages, 1), ["The text of page 2."]);
    }

    #[test]
    fn title_that_counts_with_the_pages_is_kept() {
        let mut pages: Vec<Vec<Line>> = (0..4).map(|number| page(number, &format!("Chapter {number}"))).collect();
        pages.iter_mut().for_each(|page| page[0].size *= 1.5);
        assert_eq!(kept(&pages, 2)[0], "Chapter 2");
    }

    #[test]
    fn larger_line_at_the_height_of_a_head_is_kept() {
        let mut pages = vec![page(0, "A Title"), page(1, "A Title"), page(2, "A Title")];
        pages[2][0] = Line { size: 18.0, ..line("Chapter", 50.0, 200.0, 40.0) };
        assert_eq!(kept(&pages, 2)[0], "Chapter");
    }

    #[test]
    fn text_that_pages_do_not_repeat_is_kept() {
        let pages: Vec<Vec<Line>> =
            ["one thing", "or another", "or a third"].map(|text| paragraph(&[text, "and more of it"])).into();
        let pages: Vec<Vec<Line>> = pages
            .into_iter()
            .enumerate()
            .map(|(index, mut lines)| {
                lines[1].text = format!("and {}", "abc".repeat(index + 1)).as_str().into();
                lines
            })
            .collect();
        assert_eq!(kept(&pages, 0), ["one thing", "and abc"]);
    }

    #[test]
    fn roman_numerals_count() {
        for (word, value) in [("i", 1), ("iv", 4), ("xii", 12), ("xlviii", 48), ("xcix", 99)] {
            assert_eq!(roman(word), Some(value));
        }
        for word in ["", "the", "iiii", "mix"] {
            assert_eq!(roman(word), None, "{word}");
        }
    }
}
