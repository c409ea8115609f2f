//! Placeholders of figures in Gemini's answer: `![caption](figure:2)` is the second figure of the page.

use std::ops::Range;

use pulldown_cmark::{Event, Parser};

use super::fence;
use crate::markdown::OPTIONS;

/// The part of a placeholder between its caption and its number, which counts from 1.
const MARK: &str = "](figure:";

/// The longest number of a figure, with spaces around it.
const NUMBER_BYTES_MAX: usize = 20;

/// The placeholder of a figure, as the prompt shows it to Gemini.
pub(crate) fn placeholder(number: usize) -> String {
    format!("![{MARK}{number})")
}

/// A placeholder in a text.
pub(crate) struct Placeholder {
    pub place: Range<usize>,
    /// One line, escaped for the brackets of an image.
    pub caption: String,
    /// `None` if the text in its place is not a number.
    pub number: Option<usize>,
}

impl Placeholder {
    /// The placeholders of a text. Fenced code has none, because it cannot show an image.
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
            // The search for `)` is limited. Otherwise each mark without one would be followed to the end of the text.
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
                    caption: normalized(&text[start + 2..mark]),
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

/// Whether a text can be a caption. It cannot if it has several paragraphs and closes the bracket that opens it: that bracket then belongs
/// to other text.
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

/// A caption on one line. Marks that could pair with marks outside the caption are escaped. Complete emphasis, mathematics and links stay.
fn normalized(caption: &str) -> String {
    const PAIRED: [u8; 6] = [b'[', b']', b'`', b'$', b'|', b'\\'];
    // The letter prevents that a caption such as `1. Cats` is parsed as a list.
    let line = format!("x{}", caption.split_whitespace().collect::<Vec<_>>().join(" "));
    let mut escapes = Vec::new();
    let mut text_end = 0;
    for (event, place) in Parser::new_ext(&line, OPTIONS).into_offset_iter() {
        let Event::Text(text) = event else { continue };
        // A gap between two text events is the backslash of an escape.
        let is_escaped = place.start > text_end && line.as_bytes()[place.start - 1] == b'\\';
        text_end = place.end;
        // The text of an entity differs from its source.
        if *text == line[place.clone()] {
            let unescaped = place.skip(usize::from(is_escaped));
            escapes.extend(unescaped.filter(|&position| PAIRED.contains(&line.as_bytes()[position])));
        }
    }
    let (mut escaped, mut done) = (String::with_capacity(line.len() + escapes.len()), 1);
    for position in escapes {
        escaped.push_str(&line[done..position]);
        escaped.push('\\');
        done = position;
    }
    escaped + &line[done..]
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
    fn placeholders_are_found_outside_code_only() {
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
    fn caption_is_one_line() {
        for caption in ["Cats\nand dogs [1, 2)", "Cats\n\nand  dogs [1, 2)", "\n\nCats and dogs\n \n[1, 2)\n"] {
            let expected = (r"Cats and dogs \[1, 2)".to_owned(), Some(1));
            assert_eq!(found(&format!("A.\n\n![{caption}](figure:1)\n\nB.")), [expected]);
        }
    }

    #[test]
    fn unpaired_marks_of_caption_are_escaped() {
        for (caption, expected) in [
            ("*Cats* & `[` of $[0, 1)$, 5 < 6", "*Cats* & `[` of $[0, 1)$, 5 < 6"),
            ("by [Smith](http://a.example/[b)", "by [Smith](http://a.example/[b)"),
            (r"\[0, 1) \\[ &#91;", r"\[0, 1) \\\[ &#91;"),
            ("costs $5, `a, a | b ]", r"costs \$5, \`a, a \| b \]"),
            ("1. [Cats", r"1. \[Cats"),
            (r"ends \", r"ends \\"),
        ] {
            assert_eq!(normalized(caption), expected);
        }
    }

    proptest! {
        #[test]
        fn normalized_caption_is_stable(caption in r"[ab12\[\]()`$|\\*_&#; .-]{0,24}") {
            let once = normalized(&caption);
            prop_assert_eq!(normalized(&once), once);
        }
    }
}
