//! Finds the listings among lines in reading order: monospaced lines with their spaces.

use std::collections::VecDeque;

use super::blocks::Part;
use super::lines::{Line, columns};
use super::paragraphs;

/// The leading of code, in sizes: above the first value there is a blank line between two lines, above the second they are two blocks.
const LEADING_SIZES: (f32, f32) = (1.9, 4.5);
/// Lines of a paragraph are not further apart, in sizes.
const PROSE_LEADING_SIZES: f32 = 1.4;
/// The definition of a term is not further below it, and at least so far to the right, in sizes.
const TERM_LEADING_SIZES: f32 = 2.6;
const TERM_INDENT_SIZES: f32 = 1.0;
/// Between a term and its example, lines are further apart than in a listing, in sizes.
const TERM_GAP_SIZES: f32 = 1.4;
/// The one word above a listing that begins so far to the left of it is its title, in sizes.
const TITLE_INDENT_SIZES: f32 = 10.0;
/// The largest difference of two edges that are one, in points.
const EDGE: f32 = 1.0;

/// Divides lines into listings, tables and paragraphs.
pub(super) fn parts(lines: Vec<Line>) -> Vec<Part> {
    let (mut parts, mut prose) = (Vec::new(), Vec::new());
    let mut rest = VecDeque::from(lines);
    while let Some(line) = rest.pop_front() {
        if line.table.is_some() {
            parts.extend(paragraphs::group(std::mem::take(&mut prose)).into_iter().map(Part::Paragraph));
            parts.push(Part::Table(vec![line]));
            continue;
        }
        let mut run = vec![line];
        while let Some(next) = rest.pop_front_if(|next| is_same_listing(&run, next)) {
            run.push(next);
        }
        if is_code(&run) && !is_in_paragraph(prose.last(), &run, &rest) {
            parts.extend(paragraphs::group(std::mem::take(&mut prose)).into_iter().map(Part::Paragraph));
            parts.push(Part::Code(run));
        } else {
            prose.append(&mut run);
        }
    }
    parts.extend(paragraphs::group(prose).into_iter().map(Part::Paragraph));
    parts
}

/// Whether the next line belongs to the same listing: it has the same pitch and is close.
fn is_same_listing(run: &[Line], next: &Line) -> bool {
    let Some(line) = run.last() else { return false };
    let (Some(mono), Some(next_mono)) = (&line.mono, &next.mono) else { return false };
    let advance = next.baseline - line.baseline;
    (mono.pitch - next_mono.pitch).abs() <= mono.pitch * 0.02
        && (0.3 * line.size..LEADING_SIZES.1 * line.size).contains(&advance)
        && !(advance > TERM_GAP_SIZES * line.size && is_term_beside(run, next))
        && !(run.len() == 1 && is_title_above(line, next))
}

/// Whether the listing is a term and the next line its example, or the next line is a term to the left of the whole listing.
fn is_term_beside(run: &[Line], next: &Line) -> bool {
    let indent = TERM_INDENT_SIZES * next.size;
    let is_example = run.len() == 1 && run.iter().all(|line| next.left > line.left + indent);
    is_example || run.iter().all(|line| next.left < line.left - indent)
}

fn is_code(run: &[Line]) -> bool {
    run.iter().any(|line| line.mono.as_ref().is_some_and(|mono| mono.certain))
}

/// Whether one or two lines of code are the lines of a paragraph that happen to hold nothing else.
fn is_in_paragraph(before: Option<&Line>, run: &[Line], rest: &VecDeque<Line>) -> bool {
    let (Some(first), Some(last)) = (run.first(), run.last()) else { return false };
    let is_near = |upper: &Line, lower: &Line| {
        let advance = lower.baseline - upper.baseline;
        let is_close = (0.5 * lower.size..PROSE_LEADING_SIZES * lower.size).contains(&advance);
        is_close && (upper.left - lower.left).abs() < EDGE
    };
    let is_item = first.mark.is_some() && !first.style.mono;
    let is_after_text = before.is_some_and(|before| is_near(before, first) && before.right >= first.right);
    let is_before_text = rest.front().is_none_or(|after| is_near(last, after) || after.baseline < last.baseline);
    let is_line = run.len() <= 2 && is_after_text && (is_before_text || before.is_some_and(|before| before.hyphenated));
    is_item || is_line || is_term(run, rest) || is_title(run, rest)
}

/// Whether a line of code is the title of the listing below it, in the middle of its frame.
fn is_title(run: &[Line], rest: &VecDeque<Line>) -> bool {
    let ([line], Some(after)) = (run, rest.front()) else { return false };
    after.mono.is_some() && is_title_above(line, after)
}

fn is_title_above(line: &Line, after: &Line) -> bool {
    !line.text.contains(' ') && line.left - after.left > TITLE_INDENT_SIZES * line.size
}

/// Whether a line of code is a term, and its definition follows, which is indented. In a paragraph only the first line is.
fn is_term(run: &[Line], rest: &VecDeque<Line>) -> bool {
    let ([line], Some(after)) = (run, rest.front()) else { return false };
    let edge = line.left + TERM_INDENT_SIZES * line.size;
    let advance = after.baseline - line.baseline;
    let is_next = |next: &Line| next.baseline - after.baseline < PROSE_LEADING_SIZES * after.size;
    let is_paragraph =
        rest.get(1).is_some_and(|next| is_next(next) && next.left < edge && next.style.is_like(&after.style));
    (0.0..TERM_LEADING_SIZES * line.size).contains(&advance)
        && after.left > edge
        && after.mark.is_none()
        && !is_paragraph
}

/// The lines with their indents and blank lines. `left`: the left edge of the listing.
pub(super) fn code(run: &[Line], left: f32) -> String {
    let mut code = String::new();
    let mut previous: Option<&Line> = None;
    for line in run {
        let Some(mono) = &line.mono else { continue };
        if let Some(previous) = previous {
            let blank = line.baseline - previous.baseline > LEADING_SIZES.0 * line.size;
            code.push_str(if blank { "\n\n" } else { "\n" });
        }
        code.extend(std::iter::repeat_n(' ', columns(line.left - left, mono.pitch)));
        code.push_str(&mono.text);
        previous = Some(line);
    }
    code
}

#[cfg(test)]
mod tests {
    use super::super::lines::Mono;
    use super::super::testing::{line, paragraph};
    use super::*;

    fn code_line(text: &str, left: f32, baseline: f32) -> Line {
        let mono = Some(Mono { pitch: 5.0, text: text.to_owned(), certain: true });
        Line { mono, ..line(text, left, left + 5.0 * text.len() as f32, baseline) }
    }

    /// Which of the parts are code.
    fn are_code(lines: Vec<Line>) -> Vec<bool> {
        parts(lines).iter().map(|part| matches!(part, Part::Code(_))).collect()
    }

    #[test]
    fn term_in_the_type_of_code_is_no_listing() {
        let definition = |left: f32| line("what the option does", left, 300.0, 115.0);
        assert!(!are_code(vec![code_line("--option", 50.0, 100.0), definition(75.0)]).contains(&true));
        assert_eq!(are_code(vec![code_line("--option", 50.0, 100.0), definition(50.0)]), [true, false]);
    }

    #[test]
    fn first_line_of_a_paragraph_below_a_listing_makes_it_no_term() {
        let indented = line("An indented first line", 70.0, 300.0, 120.0);
        let second = line("and the second line of it", 50.0, 300.0, 132.0);
        assert!(are_code(vec![code_line("make all", 50.0, 100.0), indented, second])[0]);
    }

    #[test]
    fn line_of_a_paragraph_that_is_all_code_is_no_listing() {
        let mut lines =
            paragraph(&["a line of text that ends with the name", "some::name::of::code", "and goes on here"]);
        lines[1] = code_line("some::name::of::code", 50.0, 112.0);
        assert!(!are_code(lines).contains(&true));
    }

    #[test]
    fn title_in_the_middle_of_a_frame_is_no_line_of_its_listing() {
        let lines = |title: &str| vec![code_line(title, 200.0, 88.0), code_line("first();", 50.0, 100.0)];
        assert_eq!(are_code(lines("Example")), [false, true]);
        assert_eq!(are_code(lines("int x;")), [true]);
    }

    #[test]
    fn term_to_the_left_ends_a_listing() {
        let lines = vec![
            code_line("first();", 80.0, 100.0),
            code_line("second();", 80.0, 112.0),
            code_line("--option", 50.0, 130.0),
        ];
        assert_eq!(are_code(lines), [true, true]);
    }
}
