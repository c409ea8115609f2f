//! Classifies paragraphs as blocks: by bookmarks and styles, marks and fonts.

use super::headings::Headings;
use super::join::join;
use super::lines::Line;
use super::lists::{self, Mark, Nesting};
use super::rich::{Look, Rich, Shift};
use super::survey::Survey;
use super::tables::Table;
use super::vocabulary::Vocabulary;
use super::{listings, notes};

/// A block of Markdown. Its text is not escaped yet. A depth says how many list items the block is in.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Block {
    /// Level 1 is the largest.
    Heading {
        level: u8,
        text: Rich,
    },
    Paragraph {
        text: Rich,
        depth: usize,
    },
    /// An item of a list, without its bullet or number.
    Item {
        mark: Mark,
        text: Rich,
        depth: usize,
    },
    /// Lines in a monospaced font, with their spaces.
    Code {
        code: String,
        depth: usize,
    },
    Table(Table),
    /// A note whose mark is on the page.
    Note {
        label: String,
        text: Rich,
    },
}

/// Lines that belong together.
pub(super) enum Part {
    Code(Vec<Line>),
    Paragraph(Vec<Line>),
    /// The one line that carries a table.
    Table(Vec<Line>),
}

impl Part {
    pub(super) fn lines(&self) -> &[Line] {
        match self {
            Self::Code(lines) | Self::Paragraph(lines) | Self::Table(lines) => lines,
        }
    }
}

/// Converts lines in reading order to blocks.
pub(super) fn from_lines(mut lines: Vec<Line>, page: u32, survey: &Survey) -> Vec<Block> {
    lists::mark(&mut lines);
    let parts = listings::parts(lines);
    let classifier = Classifier { page, headings: &survey.headings, words: &survey.words };
    let mut nesting = Nesting::default();
    let mut blocks = Vec::with_capacity(parts.len());
    let mut before: Option<&Line> = None;
    for (at, part) in parts.iter().enumerate() {
        let Some(first) = part.lines().first() else { continue };
        // At the top of the next column, edges are elsewhere.
        if before.is_some_and(|before| first.baseline < before.baseline - before.size) {
            nesting.close();
        }
        before = part.lines().last();
        blocks.push(match part {
            Part::Code(lines) => {
                let left = lines.iter().map(|line| line.left).fold(f32::INFINITY, f32::min);
                Block::Code { code: listings::code(lines, left), depth: nesting.inside(left, first.size) }
            }
            Part::Table(_) => {
                nesting.close();
                let Some(table) = first.table.clone() else { continue };
                Block::Table(table)
            }
            Part::Paragraph(lines) => classifier.block(lines, &parts[at + 1..], &mut nesting),
        });
    }
    notes::link(blocks, &parts, survey.headings.body_size())
}

fn left(lines: &[Line]) -> f32 {
    lines.iter().map(|line| line.left).fold(f32::INFINITY, f32::min)
}

struct Classifier<'a> {
    page: u32,
    headings: &'a Headings,
    words: &'a Vocabulary,
}

impl Classifier<'_> {
    fn block(&self, lines: &[Line], next: &[Part], nesting: &mut Nesting) -> Block {
        let text = join(lines, self.words);
        if let Some(heading) = self.heading(lines, &text, next) {
            nesting.close();
            return heading;
        }
        let first = &lines[0];
        if first.has_leader() || lines.last().is_some_and(Line::has_leader) {
            let depth = nesting.item(first, None);
            let mark = lists::bullet(&text).unwrap_or(0);
            return Block::Item { mark: Mark::Bullet, text: without_leader(&text.after(mark)), depth };
        }
        let mark = first.mark.or_else(|| lists::number(&text));
        if let Some((mark, length)) = mark {
            let hanging = lines.get(1).map(|line| line.left).filter(|left| *left > first.left);
            let depth = nesting.item(first, hanging.or(first.second_left));
            let start = if mark == Mark::Other { 0 } else { length };
            return Block::Item { mark, text: text.after(start), depth };
        }
        Block::Paragraph { text, depth: nesting.inside(left(lines), first.size) }
    }

    fn heading(&self, lines: &[Line], text: &Rich, next: &[Part]) -> Option<Block> {
        if let Some((level, title)) = self.headings.bookmarked(self.page, lines) {
            // Titles in capitals are not shouted.
            let is_caps = lines.iter().all(|line| line.style.caps) && title.chars().any(char::is_lowercase);
            let text = if is_caps { Rich::from(title) } else { plain(text) };
            return Some(Block::Heading { level, text });
        }
        let level = self.headings.level(lines)?;
        let is_large = lines[0].size > 1.05 * self.headings.body_size();
        let is_item = matches!(lines[0].mark, Some((mark, _)) if mark == Mark::Bullet || !is_large);
        let is_placed = is_large || self.headings.is_at_margin(&lines[0]) && !self.is_term(lines, next);
        (is_placed && !is_item && !self.is_label(text, next)).then(|| Block::Heading { level, text: plain(text) })
    }

    /// Whether the text is a word or the number of the chapter whose title follows.
    fn is_label(&self, text: &str, next: &[Part]) -> bool {
        const WORDS_MAX: usize = 2;
        let is_title = |part: &Part| self.headings.bookmarked(self.page, part.lines()).is_some();
        text.split_whitespace().count() <= WORDS_MAX && next.iter().take(2).any(is_title)
    }

    /// Whether the lines are a term at the edge of the text, and its definition follows, which is indented.
    fn is_term(&self, lines: &[Line], next: &[Part]) -> bool {
        let (Some(last), Some(next)) = (lines.last(), next.first()) else { return false };
        let Some(first_next) = next.lines().first() else { return false };
        let is_close = (0.0..1.6 * last.size).contains(&(first_next.baseline - last.baseline));
        let is_indented = left(next.lines()) > lines[0].left + 0.8 * last.size;
        is_close && is_indented && !self.headings.is_left_of_text(&lines[0])
    }
}

/// The text of a heading, without the face that all of it has.
fn plain(text: &Rich) -> Rich {
    let all_italic = text.is_all(|look| look.italic);
    let all_mono = text.is_all(|look| look.mono);
    text.relook(|look| Look { bold: false, italic: look.italic && !all_italic, mono: look.mono && !all_mono, ..look })
}

/// The text without the dots that lead to a page number.
fn without_leader(text: &Rich) -> Rich {
    const DOTS_MIN: usize = 3;
    let mut short = Rich::default();
    let mut rest = text.clone();
    while let Some(start) = rest.find(['.', '…']) {
        let end =
            rest[start..].find(|char| !matches!(char, '.' | '…' | ' ')).map_or(rest.len(), |length| start + length);
        let dots =
            rest[start..end].chars().map(|char| if char == '…' { 3 } else { usize::from(char == '.') }).sum::<usize>();
        let kept = if dots >= DOTS_MIN { start } else { end };
        short.append(&rest.slice(0, kept));
        if dots >= DOTS_MIN {
            short.trim_end();
            short.push_str(" ", Look::default());
        }
        rest = rest.after(end);
    }
    short.append(&rest);
    short.trim_end();
    short
}

/// Whether a look is that of the mark of a note.
pub(super) fn is_raised(look: Look) -> bool {
    look.shift == Shift::Raised
}

#[cfg(test)]
mod tests {
    use super::super::style::Style;
    use super::super::testing::{line, paragraph};
    use super::*;
    use crate::document::Bookmark;

    fn blocks(lines: Vec<Line>, bookmarks: &[Bookmark]) -> Vec<Block> {
        let survey = Survey::of(vec![(0, lines.clone())], bookmarks);
        from_lines(lines, 0, &survey)
    }

    /// Lines of body text below these.
    fn page(mut lines: Vec<Line>) -> Vec<Line> {
        let body =
            ["as wide as the column of this page is", "so is the second line of its text,", "and the end of it."];
        lines.extend(paragraph(&body).into_iter().map(|line| Line { baseline: line.baseline + 100.0, ..line }));
        lines
    }

    fn bold(text: &str, size: f32, baseline: f32) -> Line {
        let style =
            Style { tenths: (10.0 * size) as i32, bold: true, caps: text == text.to_uppercase(), ..Style::default() };
        Line { size, bold: true, style, ..line(text, 50.0, 150.0, baseline) }
    }

    #[test]
    fn title_of_a_bookmark_is_a_heading_and_its_label_is_not() {
        let bookmark = Bookmark { title: "Getting started".to_owned(), level: 2, page: Some(0) };
        let lines = page(vec![bold("CHAPTER", 14.0, 60.0), bold("GETTING STARTED", 20.0, 100.0)]);
        let found = blocks(lines, &[bookmark]);
        assert!(matches!(&found[0], Block::Paragraph { text, .. } if &**text == "CHAPTER"), "{found:?}");
        assert_eq!(found[1], Block::Heading { level: 2, text: Rich::from("Getting started") });
    }

    #[test]
    fn bold_term_above_its_indented_definition_is_no_heading() {
        let definition = |left: f32| vec![bold("Term", 10.0, 80.0), line("its definition", left, 200.0, 92.0)];
        let is_heading = |left: f32| matches!(blocks(page(definition(left)), &[])[0], Block::Heading { .. });
        assert!(!is_heading(70.0));
        assert!(is_heading(50.0));
    }

    #[test]
    fn entry_of_a_table_of_contents_is_an_item_without_its_dots() {
        let found = blocks(vec![line("1.1 First . . . . . . 7", 50.0, 300.0, 80.0)], &[]);
        assert_eq!(found, [Block::Item { mark: Mark::Bullet, text: Rich::from("1.1 First 7"), depth: 0 }]);
    }
}
