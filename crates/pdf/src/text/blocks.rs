//! Classifies paragraphs as blocks by size, weight, bullets and font.

use super::lines::{Line, columns};
use super::paragraphs;
use super::script;
use super::tables::Table;

/// A block of Markdown. Its text is plain and not escaped yet.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Block {
    /// Level 1 is the largest.
    Heading {
        level: usize,
        text: String,
    },
    Paragraph(String),
    /// An item of a list with bullets, without its bullet.
    Item(String),
    /// Lines in a monospaced font, with their spaces.
    Code(String),
    Table(Table),
}

/// The least sizes of headings of level 1, 2 and 3, relative to the body text.
const HEADING_RATIOS: [f32; 3] = [1.7, 1.35, 1.12];
/// The level of a bold heading in the size of the body text.
const BOLD_LEVEL: usize = 4;
/// A longer heading is a paragraph in large type.
const HEADING_CHARS_MAX: usize = 200;
const HEADING_LINES_MAX: usize = 4;
/// A longer bold line is a bold sentence.
const BOLD_HEADING_CHARS_MAX: usize = 90;
/// The leading of code, in sizes: above the first value there is a blank line between two lines, above the second they are two blocks.
const CODE_LEADING_SIZES: (f32, f32) = (1.9, 4.5);

/// Converts lines in reading order to blocks.
pub(super) fn from_lines(lines: Vec<Line>) -> Vec<Block> {
    let body = body_size(&lines);
    let mut blocks = Vec::new();
    let mut prose = Vec::new();
    let mut rest = lines.into_iter().peekable();
    while let Some(mut line) = rest.next() {
        if let Some(table) = line.table.take() {
            blocks.extend(paragraphs::group(std::mem::take(&mut prose)).into_iter().map(|lines| block(&lines, body)));
            blocks.push(Block::Table(table));
            continue;
        }
        let mut run = vec![line];
        while let Some(next) = rest.next_if(|next| run.last().is_some_and(|last| is_same_code(last, next))) {
            run.push(next);
        }
        if is_code(&run) {
            blocks.extend(paragraphs::group(std::mem::take(&mut prose)).into_iter().map(|lines| block(&lines, body)));
            blocks.push(Block::Code(code(&run)));
        } else {
            prose.append(&mut run);
        }
    }
    blocks.extend(paragraphs::group(prose).into_iter().map(|lines| block(&lines, body)));
    blocks
}

/// The most common size of characters on the page.
fn body_size(lines: &[Line]) -> f32 {
    let mut sizes: Vec<(f32, usize)> = lines.iter().map(|line| (line.size, line.text.len())).collect();
    sizes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut best = (0.0, 0);
    for group in sizes.chunk_by(|a, b| a.0 == b.0) {
        let chars = group.iter().map(|(_, chars)| chars).sum();
        if chars > best.1 {
            best = (group[0].0, chars);
        }
    }
    best.0
}

fn block(lines: &[Line], body: f32) -> Block {
    let text = join(lines);
    if let Some(level) = heading_level(lines, &text, body) {
        return Block::Heading { level, text };
    }
    match paragraphs::strip_bullet(&text) {
        Some(item) => Block::Item(item.to_owned()),
        None => Block::Paragraph(text),
    }
}

fn heading_level(lines: &[Line], text: &str, body: f32) -> Option<usize> {
    let ratio = lines.first().map_or(0.0, |line| line.size) / body.max(1.0);
    let chars = text.chars().count();
    let has_words = text.chars().filter(|char| char.is_alphabetic()).count() >= 2;
    if !has_words || chars > HEADING_CHARS_MAX || lines.len() > HEADING_LINES_MAX {
        return None;
    }
    let by_size = HEADING_RATIOS.iter().position(|least| ratio >= *least).map(|position| position + 1);
    let bold = lines.len() == 1 && lines.iter().all(|line| line.bold && !line.gapped) && ratio > 0.95;
    let by_weight = bold && chars <= BOLD_HEADING_CHARS_MAX && !text.ends_with(['.', ',', ';', ':']);
    by_size.or(by_weight.then_some(BOLD_LEVEL))
}

/// Joins the lines of a paragraph. Hyphenated words are joined, and lines of Chinese or Japanese get no space between them.
pub(super) fn join(lines: &[Line]) -> String {
    let mut text = String::new();
    let mut hyphenated = false;
    for line in lines {
        let (before, after) = (text.chars().next_back(), line.text.chars().next());
        if hyphenated {
            // The hyphen belongs to the word if a name or number follows: Rolls-Royce, COVID-19.
            if !after.is_some_and(char::is_lowercase) {
                text.push('-');
            }
        } else if !needs_no_space(before, after) {
            text.push(' ');
        }
        text.push_str(&line.text);
        hyphenated = line.hyphenated;
    }
    if hyphenated {
        text.push('-');
    }
    text
}

fn needs_no_space(before: Option<char>, after: Option<char>) -> bool {
    match (before, after) {
        (Some(before), Some(after)) => {
            script::joins_without_space(before) && script::joins_without_space(after)
                || matches!(before, '-' | '‐' | '/') && after.is_lowercase()
        }
        _ => true,
    }
}

/// Whether the next line belongs to the same listing: it has the same pitch and is close.
fn is_same_code(line: &Line, next: &Line) -> bool {
    let (Some(mono), Some(next_mono)) = (&line.mono, &next.mono) else { return false };
    let advance = next.baseline - line.baseline;
    (mono.pitch - next_mono.pitch).abs() <= mono.pitch * 0.02
        && (0.3 * line.size..CODE_LEADING_SIZES.1 * line.size).contains(&advance)
}

fn is_code(run: &[Line]) -> bool {
    run.iter().any(|line| line.mono.as_ref().is_some_and(|mono| mono.certain))
}

/// The lines with their indents and blank lines.
fn code(run: &[Line]) -> String {
    let left = run.iter().map(|line| line.left).fold(f32::INFINITY, f32::min);
    let mut code = String::new();
    let mut previous: Option<&Line> = None;
    for line in run {
        let Some(mono) = &line.mono else { continue };
        if let Some(previous) = previous {
            let blank = line.baseline - previous.baseline > CODE_LEADING_SIZES.0 * line.size;
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
    use super::super::testing::paragraph;
    use super::*;

    #[test]
    fn lines_are_joined_according_to_their_script() {
        let cases: [(&[&str], &str); 5] = [
            (&["one", "two"], "one two"),
            (&["漢字の", "文章"], "漢字の文章"),
            (&["漢字", "kanji"], "漢字 kanji"),
            (&["한국어", "문장"], "한국어 문장"),
            (&["well-", "known"], "well-known"),
        ];
        for (lines, expected) in cases {
            assert_eq!(join(&paragraph(lines)), expected);
        }
    }

    #[test]
    fn hyphenated_word_is_joined() {
        for (first, second, expected) in
            [("stu", "dents", "students"), ("Rolls", "Royce", "Rolls-Royce"), ("COVID", "19", "COVID-19")]
        {
            let mut lines = paragraph(&[first, second]);
            lines[0].hyphenated = true;
            assert_eq!(join(&lines), expected);
        }
        let mut last = paragraph(&["cut by the end of the pa"]);
        last[0].hyphenated = true;
        assert_eq!(join(&last), "cut by the end of the pa-");
    }

    #[test]
    fn larger_text_becomes_heading() {
        for (size, level) in [(20.0, Some(1)), (14.3, Some(2)), (12.0, Some(3)), (10.5, None)] {
            let mut lines = paragraph(&["2.1 Problem Statement", "and then the text of ordinary size follows it here"]);
            lines[0].size = size;
            let expected = level.map(|level| Block::Heading { level, text: "2.1 Problem Statement".to_owned() });
            assert_eq!(
                from_lines(lines).first().filter(|block| matches!(block, Block::Heading { .. })),
                expected.as_ref()
            );
        }
    }
}
