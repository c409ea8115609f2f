//! The Markdown of a page, limited in size and depth before it is parsed.
//!
//! Parsing time is proportional to size times depth. So both are limited in the text. No word is lost: marks that nest too deeply become
//! text, and a large page is parsed in pieces.

use std::borrow::Cow;

use pulldown_cmark::{Event, Parser};

use super::OPTIONS;
use super::depth::{Shallow, shallow};
use super::pictures::Pictures;
use super::raw_html::{Marks, RawHtml};

/// The largest piece of Markdown that is parsed at once, in bytes. A larger page is parsed and rendered in pieces.
pub const PAGE_BYTES_MAX: usize = 64 * 1024;
/// A longer line opens no fence, because each piece repeats the line of its fence.
const FENCE_LINE_BYTES_MAX: usize = 100;

/// The pieces of a page. Almost every page has one.
pub struct Source<'a>(Vec<Cow<'a, str>>);

impl<'a> Source<'a> {
    /// Splits a page into pieces and limits their depth.
    pub fn of(markdown: &'a str) -> Self {
        Self(pieces(markdown, PAGE_BYTES_MAX).into_iter().map(shallow).collect())
    }

    /// The pieces in order.
    pub fn pieces(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// The events of the page. The only raw HTML is that of `RawHtml`.
    pub fn events(&self) -> impl Iterator<Item = Event<'_>> {
        self.pieces().flat_map(events)
    }
}

/// The events of a piece. The only raw HTML is that of `RawHtml`.
pub(crate) fn events(piece: &str) -> impl Iterator<Item = Event<'_>> {
    RawHtml::new(parsed(piece), Marks::Text)
}

/// The events of a piece, limited in depth, with links in place of images from other sites.
pub(crate) fn parsed(piece: &str) -> impl Iterator<Item = Event<'_>> {
    Pictures::new(Shallow::new(Parser::new_ext(piece, OPTIONS)))
}

/// Splits a text into parts of at most `bytes_max` bytes. A part ends at a paragraph, a line or a word if one ends in its second half.
pub fn cuts(text: &str, bytes_max: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (part, behind) = rest.split_at(cut(rest, bytes_max));
        rest = behind;
        (!part.is_empty()).then_some(part)
    })
}

fn cut(text: &str, bytes_max: usize) -> usize {
    if text.len() <= bytes_max {
        return text.len();
    }
    let part = &text[..text.floor_char_boundary(bytes_max)];
    let late = |end: &usize| *end > part.len() / 2;
    let paragraph = part.rfind("\n\n").map(|end| end + 2).filter(late);
    let line = || part.rfind('\n').map(|end| end + 1).filter(late);
    let word = || part.rfind(' ').map(|end| end + 1).filter(late);
    paragraph.or_else(line).or_else(word).unwrap_or(part.len())
}

/// The Markdown in pieces of about `bytes_max` bytes. A code fence that is cut is closed in its piece and opened again in the next.
pub fn pieces(markdown: &str, bytes_max: usize) -> Vec<Cow<'_, str>> {
    if markdown.len() <= bytes_max {
        return vec![markdown.into()];
    }
    let mut open: Option<&str> = None;
    let room = bytes_max.saturating_sub(2 * FENCE_LINE_BYTES_MAX).max(1);
    let piece = |part| {
        let opening = open.map(|line| format!("{line}\n")).unwrap_or_default();
        open = fence_after(open, part);
        let closing = open.map(|line| format!("\n{}", marks(line))).unwrap_or_default();
        if opening.is_empty() && closing.is_empty() { part.into() } else { (opening + part + &closing).into() }
    };
    cuts(markdown, room).map(piece).collect()
}

/// The opening line of the fence that is open after `part`. `open`: that of the fence open before it.
pub fn fence_after<'a>(open: Option<&'a str>, part: &'a str) -> Option<&'a str> {
    part.lines().map(str::trim).fold(open, |open, line| match open {
        None => opens_fence(line).then_some(line),
        Some(first) => (!closes_fence(first, line)).then_some(first),
    })
}

fn opens_fence(line: &str) -> bool {
    let marks = marks(line);
    marks.len() >= 3
        && line.len() <= FENCE_LINE_BYTES_MAX
        && !(marks.starts_with('`') && line[marks.len()..].contains('`'))
}

fn closes_fence(first: &str, line: &str) -> bool {
    line.starts_with(marks(first)) && marks(line) == line
}

/// The backticks or tildes that a line begins with.
fn marks(line: &str) -> &str {
    let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'));
    mark.map_or("", |mark| &line[..line.len() - line.trim_start_matches(mark).len()])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn small_page_is_one_piece() {
        assert_eq!(Source::of("# A\n\ntext").pieces().collect::<Vec<_>>(), ["# A\n\ntext"]);
    }

    #[test]
    fn code_fence_cut_by_a_piece_continues_in_the_next() {
        let code = format!("Text.\n\n```rust\n{}```\n\nMore.", "let a = 1;\n".repeat(100));
        let pieces = pieces(&code, 500);
        assert!(pieces.len() > 2);
        for piece in &pieces[1..pieces.len() - 1] {
            assert!(piece.starts_with("```rust\nlet") && piece.ends_with("\n```"), "{piece}");
        }
        assert!(pieces.iter().all(|piece| piece.len() <= 500 && fence_after(None, piece).is_none()));
    }

    proptest! {
        #[test]
        fn cuts_of_any_text_join_to_the_text(text in "\\PC{0,300}", bytes_max in 4usize..64) {
            let parts: Vec<&str> = cuts(&text, bytes_max).collect();
            prop_assert!(parts.iter().all(|part| part.len() <= bytes_max));
            prop_assert_eq!(parts.concat(), text);
        }

        #[test]
        fn pieces_of_any_text_keep_its_letters_in_order(text in "[ab `~\\n]{0,600}") {
            let pieces = pieces(&text, 300).concat();
            let mut shown = pieces.chars();
            prop_assert!(text.chars().filter(char::is_ascii_alphabetic).all(|letter| shown.any(|other| other == letter)));
        }
    }
}
