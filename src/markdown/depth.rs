//! Limits the nesting of Markdown to [`DEPTH_MAX`]. Deeper marks are text.
//!
//! Quotations and lists are limited in the text, because the parser visits all open ones at each line. Emphasis, links and nesting over
//! several lines are limited in the events, because the sanitizer and browsers visit all open elements.

use std::borrow::Cow;

use pulldown_cmark::{Event, TagEnd};

/// The most elements inside each other. Ordinary documents have far fewer.
pub(crate) const DEPTH_MAX: usize = 100;

/// The text with the marks of quotations and lists beyond `DEPTH_MAX` escaped in each line.
pub fn shallow(piece: Cow<'_, str>) -> Cow<'_, str> {
    let mut escaped = String::new();
    let mut done = 0;
    let mut line_start = 0;
    for line in piece.split_inclusive('\n') {
        if let Some(mark) = mark_too_deep(line) {
            let mark = line_start + mark;
            escaped.push_str(&piece[done..mark]);
            escaped.push('\\');
            done = mark;
        }
        line_start += line.len();
    }
    if done == 0 {
        return piece;
    }
    escaped.push_str(&piece[done..]);
    escaped.into()
}

/// The offset of the first mark in a line that nests too deeply.
fn mark_too_deep(line: &str) -> Option<usize> {
    let bytes = line.as_bytes();
    let is_blank = |at: usize| bytes.get(at).is_none_or(u8::is_ascii_whitespace);
    let (mut at, mut depth) = (0, 0);
    loop {
        at += bytes[at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let digits = bytes[at..].iter().take(10).take_while(|byte| byte.is_ascii_digit()).count();
        let mark = at + digits;
        let is_mark = match bytes.get(mark)? {
            b'>' => digits == 0,
            b'-' | b'+' | b'*' => digits == 0 && is_blank(mark + 1),
            b'.' | b')' => digits > 0 && is_blank(mark + 1),
            _ => false,
        };
        if !is_mark {
            return None;
        }
        depth += 1;
        if depth > DEPTH_MAX {
            return (!is_rule(&line[mark..])).then_some(mark);
        }
        at = mark + 1;
    }
}

/// Whether the rest of a line is a thematic break, however long.
fn is_rule(rest: &str) -> bool {
    let mut marks = rest.chars().filter(|c| !c.is_whitespace());
    marks.next().is_some_and(|first| matches!(first, '-' | '*') && marks.all(|mark| mark == first))
}

/// Removes the tags that nest too deeply.
pub(crate) struct Shallow<I> {
    events: I,
    depth: usize,
}

impl<I> Shallow<I> {
    pub(crate) const fn new(events: I) -> Self {
        Self { events, depth: 0 }
    }
}

impl<'a, I: Iterator<Item = Event<'a>>> Iterator for Shallow<I> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        loop {
            let event = self.events.next()?;
            match event {
                Event::Start(_) => {
                    self.depth += 1;
                    if self.depth <= DEPTH_MAX {
                        return Some(event);
                    }
                }
                Event::End(tag) => {
                    self.depth -= 1;
                    if self.depth < DEPTH_MAX {
                        return Some(event);
                    }
                    // Keeps the words of two blocks apart.
                    if ends_words(tag) {
                        return Some(Event::SoftBreak);
                    }
                }
                other => return Some(other),
            }
        }
    }
}

const fn ends_words(tag: TagEnd) -> bool {
    matches!(tag, TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::Item | TagEnd::CodeBlock | TagEnd::TableCell)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::markdown::source::parsed;

    fn depth(markdown: &str) -> usize {
        let markdown = shallow(markdown.into());
        let mut depth = 0;
        let depths = parsed(&markdown).map(|event| {
            match event {
                Event::Start(_) => depth += 1,
                Event::End(_) => depth -= 1,
                _ => {}
            }
            depth
        });
        depths.max().unwrap_or(0)
    }

    #[test]
    fn marks_within_the_depth_limit_are_unchanged() {
        for markdown in ["> ".repeat(100) + "a", "- ".repeat(50) + "1. a", "- ".repeat(400), "* ".repeat(300) + "\n"] {
            assert_eq!(shallow(markdown.as_str().into()), markdown);
        }
    }

    #[test]
    fn marks_beyond_the_depth_limit_become_text() {
        for (mark, escaped) in [("> ", "\\> "), (">", "\\>"), ("- ", "\\- "), ("+\t", "\\+\t"), ("12) ", "12\\) ")] {
            let (within, rest) = (mark.repeat(DEPTH_MAX), mark.repeat(5));
            let expected = format!("a\n{within}{escaped}{rest}b\n");
            assert_eq!(shallow(format!("a\n{within}{mark}{rest}b\n").into()), expected);
        }
    }

    #[test]
    fn nesting_of_every_kind_stops_at_the_depth_limit() {
        for (open, text, close) in [
            (">", "a", ""),
            ("- ", "a", ""),
            ("> - ", "a", ""),
            ("*a ", "b", " a*"),
            ("**a ", "b", " a**"),
            ("![", "a", "](b)"),
            ("~~a ", "b", "~~ a"),
        ] {
            let nested = format!("{}{text}{}", open.repeat(8_000), close.repeat(8_000));
            assert!((2..=DEPTH_MAX).contains(&depth(&nested)), "{open}: {}", depth(&nested));
        }
        let stairs: String = (0..250).map(|step| format!("{}- a\n", "  ".repeat(step))).collect();
        assert_eq!(depth(&stairs), DEPTH_MAX);
    }

    proptest! {
        #[test]
        fn any_text_keeps_its_letters(markdown in "[ab>*+1.) \\n-]{0,40}", repeats in 1usize..200) {
            let letters = |text: &str| text.chars().filter(char::is_ascii_alphabetic).count();
            let markdown = markdown.repeat(repeats);
            let shown: usize = parsed(&shallow(markdown.as_str().into()))
                .map(|event| if let Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) = event { letters(&text) } else { 0 })
                .sum();
            prop_assert_eq!(shown, letters(&markdown));
        }
    }
}
