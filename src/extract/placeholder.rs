//! What stands for a figure in Gemini's answer: `![caption](figure:2)`, the second figure of the page.

use std::ops::Range;

use pulldown_cmark::{Event, Parser};

use super::fence;
use crate::markdown::OPTIONS;

/// What Gemini writes for the figure of that number, counted from 1, before its number.
const MARK: &str = "](figure:";

/// The longest number of a figure, with what stands around it.
const NUMBER_BYTES_MAX: usize = 20;

/// How Gemini is to write a figure.
pub(crate) fn placeholder(number: usize) -> String {
    format!("![{MARK}{number})")
}

/// A placeholder, and where it is.
pub(crate) struct Placeholder {
    pub place: Range<usize>,
    /// On one line, and such that it can stand between the brackets of an image.
    pub caption: String,
    /// `None` if what stands there is no number.
    pub number: Option<usize>,
}

impl Placeholder {
    /// The placeholders of a text. In fenced code there are none: an image would not be seen there.
    pub(crate) fn all_in(markdown: &str) -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        for mut prose in fence::prose(markdown) {
            while let Some(placeholder) = Self::first_in(markdown, prose.clone()) {
                prose.start = placeholder.place.end;
                found.push(placeholder);
            }
        }
        found
    }

    fn first_in(markdown: &str, part: Range<usize>) -> Option<Self> {
        let text = &markdown[part.clone()];
        let mut from = 0;
        loop {
            let mark = from + text[from..].find(MARK)?;
            let behind = mark + MARK.len();
            // A number is short: without one, each mark would be followed to the end of the text.
            let near = &text[behind..text.floor_char_boundary(behind + NUMBER_BYTES_MAX + 1)];
            let Some(end) = near.find(')').map(|end| behind + end) else {
                from = behind;
                continue;
            };
            let number = text[behind..end].trim();
            let start = text[from..mark].rfind("![").map(|start| from + start);
            if let Some(start) = start.filter(|start| may_be_caption(&text[start + 2..mark]) && may_be_number(number)) {
                return Some(Self {
                    place: part.start + start..part.start + end + 1,
                    caption: trimmed(&text[start + 2..mark]),
                    number: number.parse().ok(),
                });
            }
            from = behind;
        }
    }
}

fn may_be_number(text: &str) -> bool {
    text.len() <= NUMBER_BYTES_MAX && !text.contains('\n')
}

/// Of several paragraphs, none closes the bracket that the first one opens: that one would have nothing to do with the mark.
fn may_be_caption(text: &str) -> bool {
    let mut depth = 0;
    let is_closed = text.chars().any(|char| {
        depth += match char {
            '[' => 1,
            ']' => -1,
            _ => 0,
        };
        depth < 0
    });
    !(is_closed && text.contains("\n\n"))
}

/// A caption on one line. What would begin or end something in Markdown beyond the caption is escaped; what the caption holds
/// whole, such as emphasis, mathematics and links, stays.
fn trimmed(caption: &str) -> String {
    const REACHES_OUT: [u8; 6] = [b'[', b']', b'`', b'$', b'|', b'\\'];
    // The letter keeps a caption such as `1. Cats` from being a list.
    let line = format!("x{}", caption.split_whitespace().collect::<Vec<_>>().join(" "));
    let mut escapes = Vec::new();
    let mut text_end = 0;
    for (event, place) in Parser::new_ext(&line, OPTIONS).into_offset_iter() {
        let Event::Text(text) = event else { continue };
        // What is between two texts and no event is the backslash of an escape.
        let is_escaped = place.start > text_end && line.as_bytes()[place.start - 1] == b'\\';
        text_end = place.end;
        // An entity is another text than it says.
        if *text == line[place.clone()] {
            let unescaped = place.skip(usize::from(is_escaped));
            escapes.extend(unescaped.filter(|&position| REACHES_OUT.contains(&line.as_bytes()[position])));
        }
    }
    let (mut tidy, mut done) = (String::with_capacity(line.len() + escapes.len()), 1);
    for position in escapes {
        tidy.push_str(&line[done..position]);
        tidy.push('\\');
        done = position;
    }
    tidy + &line[done..]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Captions and numbers.
    fn found(markdown: &str) -> Vec<(String, Option<usize>)> {
        Placeholder::all_in(markdown).into_iter().map(|found| (found.caption, found.number)).collect()
    }

    #[test]
    fn placeholders_are_found_in_prose_and_nowhere_else() {
        let (one, two) = (("a".to_owned(), Some(1)), ("b".to_owned(), Some(2)));
        for (markdown, expected) in [
            ("![a](figure:1) and\n![b]( figure:1)![b](figure: 2 )", vec![one.clone(), two.clone()]),
            ("```\n![x](figure:2)\n```\n![a](figure:1)\n\n~~~~\n~~~\n![x](figure:2)", vec![one.clone()]),
            ("- ```\n  ![x](figure:2)\n\n![a](figure:1)", vec![one.clone()]),
            ("> ```\n> ![x](figure:2)\n> ```\n> ![a](figure:1)", vec![one.clone()]),
            ("![x\n```\n](figure:2)", vec![]),
            ("5![0] is 1.\n\nSee [x](figure:2).\n\n![a](figure:1)", vec![one.clone()]),
            ("![x](figure:1\n\n2)", vec![]),
            ("![a](figure:last)", vec![(one.0.clone(), None)]),
        ] {
            assert_eq!(found(markdown), expected, "{markdown}");
        }
    }

    #[test]
    fn a_caption_is_one_line() {
        for caption in ["Cats\nand dogs [1, 2)", "Cats\n\nand  dogs [1, 2)", "\n\nCats and dogs\n \n[1, 2)\n"] {
            let expected = (r"Cats and dogs \[1, 2)".to_owned(), Some(1));
            assert_eq!(found(&format!("A.\n\n![{caption}](figure:1)\n\nB.")), [expected]);
        }
    }

    #[test]
    fn of_a_caption_only_what_reaches_out_is_escaped() {
        for (caption, expected) in [
            ("*Cats* & `[` of $[0, 1)$, 5 < 6", "*Cats* & `[` of $[0, 1)$, 5 < 6"),
            ("by [Smith](http://a.example/[b)", "by [Smith](http://a.example/[b)"),
            (r"\[0, 1) \\[ &#91;", r"\[0, 1) \\\[ &#91;"),
            ("costs $5, `a, a | b ]", r"costs \$5, \`a, a \| b \]"),
            ("1. [Cats", r"1. \[Cats"),
            (r"ends \", r"ends \\"),
        ] {
            assert_eq!(trimmed(caption), expected);
        }
    }

    proptest! {
        #[test]
        fn trimmed_caption_trimmed_again_is_unchanged(caption in r"[ab12\[\]()`$|\\*_&#; .-]{0,24}") {
            let once = trimmed(&caption);
            prop_assert_eq!(trimmed(&once), once);
        }
    }
}
