//! Renders text with looks as inline Markdown.
//!
//! A mark that CommonMark would not take for one is left out. So the text is always shown as it is on the page.

use super::rich::{Look, Rich, Shift};

/// A run of text that is rendered.
type Run<'a> = (&'a str, Look);

/// The text before and after what is rendered decides whether a mark can stand there.
#[derive(Clone, Copy)]
struct Around {
    before: Option<char>,
    after: Option<char>,
}

/// Renders runs inside each other: links, bold, italic, then raised text and code.
pub(super) struct Inline<'a> {
    /// The address of each link of the page.
    pub links: &'a [String],
}

impl Inline<'_> {
    /// Appends the text to a line.
    pub(super) fn render(&self, markdown: &mut String, text: &Rich) {
        let runs: Vec<Run<'_>> = text.runs().map(|(text, look)| (text, self.simple(text, look))).collect();
        self.links(markdown, &runs);
    }

    /// Without what has no mark: raised code, and links that lead nowhere. An address in the type of code is no code.
    fn simple(&self, text: &str, look: Look) -> Look {
        let link = look.link.filter(|link| self.links.get(usize::from(*link)).is_some());
        let mono = look.mono && !(link.is_some() && text.contains("://"));
        let shift = if mono { Shift::None } else { look.shift };
        Look { link, mono, shift, ..look }
    }

    fn links(&self, markdown: &mut String, runs: &[Run<'_>]) {
        groups(
            runs,
            |look| look.link,
            markdown,
            |markdown, link, group, around| {
                let Some(address) = link.and_then(|link| self.links.get(usize::from(link))) else {
                    return bold(markdown, group, around, false);
                };
                let mut label = String::new();
                bold(&mut label, group, Around { before: Some('['), after: Some(']') }, true);
                // Otherwise it would be a picture.
                if markdown.ends_with('!') {
                    markdown.insert(markdown.len() - 1, '\\');
                }
                markdown.push('[');
                markdown.push_str(&label);
                markdown.push_str("](");
                markdown.push_str(address);
                markdown.push(')');
            },
        );
    }
}

fn bold(markdown: &mut String, runs: &[Run<'_>], around: Around, in_link: bool) {
    within(
        runs,
        |look| look.bold,
        markdown,
        around,
        |markdown, is_bold, group, around| {
            // Marks side by side are ambiguous, so italics that touch the marks of bold text cover all of it or none.
            let is_all_italic = group.iter().all(|(_, look)| look.italic);
            if is_bold && is_all_italic {
                marked(markdown, "***", around, |inner, around| leaves(inner, group, around, in_link));
            } else if is_bold {
                marked(markdown, "**", around, |inner, around| italic(inner, group, around, in_link));
            } else {
                italic(markdown, group, around, in_link);
            }
        },
    );
}

fn italic(markdown: &mut String, runs: &[Run<'_>], around: Around, in_link: bool) {
    within(
        runs,
        |look| look.italic,
        markdown,
        around,
        |markdown, is_italic, group, around| {
            if is_italic {
                marked(markdown, "*", around, |inner, around| leaves(inner, group, around, in_link));
            } else {
                leaves(markdown, group, around, in_link);
            }
        },
    );
}

fn leaves(markdown: &mut String, runs: &[Run<'_>], around: Around, in_link: bool) {
    let key = |look: Look| (look.mono, look.shift);
    within(runs, key, markdown, around, |markdown, (is_code, shift), group, around| {
        let text: String = group.iter().map(|(text, _)| *text).collect();
        let escaped = |markdown: &mut String, around: Around| escape(markdown, &text, around, in_link);
        match shift {
            _ if is_code => code(markdown, &text, around, in_link),
            Shift::None => escaped(markdown, around),
            Shift::Raised => tagged(markdown, "sup", escaped),
            Shift::Lowered => tagged(markdown, "sub", escaped),
            Shift::Note => markdown.extend(["[^", &text, "]"]),
        }
    });
}

fn tagged(markdown: &mut String, tag: &str, inner: impl FnOnce(&mut String, Around)) {
    markdown.extend(["<", tag, ">"]);
    inner(markdown, Around { before: Some('>'), after: Some('<') });
    markdown.extend(["</", tag, ">"]);
}

/// Calls `render` for each group of runs with one key, at the start of a line.
fn groups<K: PartialEq + Copy>(
    runs: &[Run<'_>],
    key: impl Fn(Look) -> K,
    markdown: &mut String,
    render: impl FnMut(&mut String, K, &[Run<'_>], Around),
) {
    within(runs, key, markdown, Around { before: None, after: None }, render);
}

/// Calls `render` for each group of runs with one key. White space around a group is left outside.
fn within<K: PartialEq + Copy>(
    runs: &[Run<'_>],
    key: impl Fn(Look) -> K,
    markdown: &mut String,
    around: Around,
    mut render: impl FnMut(&mut String, K, &[Run<'_>], Around),
) {
    let before_all = markdown.len();
    let mut start = 0;
    while let Some((_, look)) = runs.get(start) {
        let wanted = key(*look);
        let end = start + runs[start..].iter().take_while(|(_, look)| key(*look) == wanted).count();
        let mut group = runs[start..end].to_vec();
        let lead = trim_start(&mut group);
        let tail = trim_end(&mut group);
        markdown.push_str(lead);
        if !group.is_empty() {
            let last = markdown[before_all..].chars().next_back();
            let next = runs.get(end).and_then(|(text, _)| text.chars().next());
            let after = tail.chars().next().or(next).or(around.after);
            render(markdown, wanted, &group, Around { before: last.or(around.before), after });
        }
        markdown.push_str(tail);
        start = end;
    }
}

/// Takes the white space off the start, which is one space at most.
fn trim_start<'a>(group: &mut Vec<Run<'a>>) -> &'a str {
    let blank = group.iter().take_while(|(text, _)| text.trim().is_empty()).count();
    if blank > 0 {
        group.drain(..blank);
        trim_start(group);
        return " ";
    }
    match group.first_mut() {
        Some((text, _)) if text.starts_with(' ') => {
            *text = text.trim_start();
            " "
        }
        _ => "",
    }
}

fn trim_end<'a>(group: &mut Vec<Run<'a>>) -> &'a str {
    let blank = group.iter().rev().take_while(|(text, _)| text.trim().is_empty()).count();
    if blank > 0 {
        group.truncate(group.len() - blank);
        trim_end(group);
        return " ";
    }
    match group.last_mut() {
        Some((text, _)) if text.ends_with(' ') => {
            *text = text.trim_end();
            " "
        }
        _ => "",
    }
}

/// Puts the marks around what `render` renders, if CommonMark takes them for marks there.
fn marked(markdown: &mut String, mark: &str, around: Around, render: impl Fn(&mut String, Around)) {
    let mut inner = String::new();
    render(&mut inner, Around { before: Some('*'), after: Some('*') });
    let (first, last) = (inner.chars().next(), inner.chars().next_back());
    let touches_mark = around.before == Some('*') || around.after == Some('*');
    if !touches_mark && flanks(around.before, first) && flanks(around.after, last) {
        markdown.extend([mark, &inner, mark]);
    } else {
        render(markdown, around);
    }
}

/// Whether a mark between these is one: it touches a word, or is not in the midst of one.
fn flanks(outside: Option<char>, inside: Option<char>) -> bool {
    let is_word = |char: Option<char>| char.is_some_and(|char| !char.is_whitespace() && char.is_alphanumeric());
    let is_open = |char: Option<char>| char.is_none_or(|char| char.is_whitespace() || char.is_ascii_punctuation());
    inside.is_some_and(|char| !char.is_whitespace()) && (is_word(inside) || is_open(outside))
}

/// A code span. Next to a backtick it would not be one.
fn code(markdown: &mut String, text: &str, around: Around, in_link: bool) {
    if around.before == Some('`') || around.after == Some('`') {
        return escape(markdown, text, around, in_link);
    }
    let fence = "`".repeat(longest_run(text, '`') + 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    markdown.extend([&fence, space, text, space, &fence]);
}

pub(super) fn longest_run(text: &str, wanted: char) -> usize {
    text.split(|char| char != wanted).map(str::len).max().unwrap_or(0)
}

/// Escapes inline marks. In the label of a link, brackets are marks, too.
fn escape(markdown: &mut String, text: &str, around: Around, in_link: bool) {
    let mut before = around.before;
    let mut chars = text.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        let after = chars.peek().map(|(_, after)| *after);
        let next = after.or(around.after);
        match char {
            '<' => markdown.push_str("&lt;"),
            '&' if opens_entity(&text[at + 1..], around.after.is_some()) => markdown.push_str("&amp;"),
            '\\' | '`' | '*' | '$' | '~' => markdown.extend(['\\', char]),
            '_' if !(is_word(before) && is_word(next)) => markdown.push_str("\\_"),
            '[' | ']' if in_link => markdown.extend(['\\', char]),
            '[' if next == Some('^') => markdown.push_str("\\["),
            ']' if matches!(next, Some('(' | '[' | ':')) => markdown.push_str("\\]"),
            '#' if next.is_none() && before == Some(' ') => markdown.push_str("\\#"),
            _ => markdown.push(char),
        }
        before = Some(char);
    }
}

fn is_word(char: Option<char>) -> bool {
    char.is_some_and(char::is_alphanumeric)
}

/// Whether the text after an ampersand makes it a character reference. `goes_on`: more text can follow.
fn opens_entity(rest: &str, goes_on: bool) -> bool {
    let name = rest.trim_start_matches('#');
    let end = name.find(|char: char| !char.is_ascii_alphanumeric());
    end.map_or(goes_on, |end| end > 0 && name[end..].starts_with(';'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser};

    use super::*;

    const PLAIN: Look = Look { bold: false, italic: false, mono: false, shift: Shift::None, link: None };
    const BOLD: Look = Look { bold: true, ..PLAIN };
    const ITALIC: Look = Look { italic: true, ..PLAIN };
    const CODE: Look = Look { mono: true, ..PLAIN };
    const LINK: Look = Look { link: Some(0), ..PLAIN };

    fn rich(runs: &[(&str, Look)]) -> Rich {
        let mut rich = Rich::default();
        runs.iter().for_each(|(text, look)| rich.push_str(text, *look));
        rich
    }

    fn rendered(text: &Rich) -> String {
        let mut markdown = String::new();
        Inline { links: &["https://example.org/".to_owned()] }.render(&mut markdown, text);
        markdown
    }

    #[test]
    fn looks_become_marks() {
        let cases: [(&[(&str, Look)], &str); 9] = [
            (&[("a ", PLAIN), ("bold ", BOLD), ("word", PLAIN)], "a **bold** word"),
            (&[("an ", PLAIN), ("italic", ITALIC), (", too", PLAIN)], "an *italic*, too"),
            (&[("both", Look { italic: true, ..BOLD })], "***both***"),
            (&[("run ", PLAIN), ("ls -l *", CODE), (" now", PLAIN)], "run `ls -l *` now"),
            (&[("a ", PLAIN), ("`", CODE)], "a `` ` ``"),
            (&[("see ", PLAIN), ("the [site]", LINK)], r"see [the \[site\]](https://example.org/)"),
            (&[("wow!", PLAIN), ("here", LINK)], r"wow\![here](https://example.org/)"),
            (&[("x", PLAIN), ("2", Look { shift: Shift::Raised, ..PLAIN })], "x<sup>2</sup>"),
            (&[("word", PLAIN), ("1", Look { shift: Shift::Note, ..PLAIN })], "word[^1]"),
        ];
        for (runs, expected) in cases {
            assert_eq!(rendered(&rich(runs)), expected);
        }
    }

    #[test]
    fn mark_that_would_not_be_one_is_left_out() {
        assert_eq!(rendered(&rich(&[("a", PLAIN), ("(b)", BOLD), ("c", PLAIN)])), "a(b)c");
        assert_eq!(rendered(&rich(&[("a", BOLD), ("b", ITALIC)])), "**a**b");
        assert_eq!(rendered(&rich(&[("`", PLAIN), ("b", CODE)])), r"\`b");
        assert_eq!(rendered(&rich(&[("a", Look { link: Some(7), ..PLAIN })])), "a");
    }

    fn any_look() -> impl Strategy<Value = Look> {
        let shift = prop_oneof![3 => Just(Shift::None), 1 => Just(Shift::Raised), 1 => Just(Shift::Lowered)];
        let link = prop_oneof![3 => Just(None), 1 => Just(Some(0)), 1 => Just(Some(9))];
        (any::<bool>(), any::<bool>(), any::<bool>(), shift, link).prop_map(|(bold, italic, mono, shift, link)| Look {
            bold,
            italic,
            mono,
            shift,
            link,
        })
    }

    proptest! {
        #[test]
        fn text_of_any_look_renders_as_written(
            runs in proptest::collection::vec(("[ab<>&;*_#`$~|\\[\\](){}!:^. \\\\é-]{1,6}", any_look()), 1..8),
        ) {
            let text = rich(&runs.iter().map(|(text, look)| (text.as_str(), *look)).collect::<Vec<_>>());
            // A line starts with a letter, since marks there are escaped by the block.
            let mut line = Rich::from("x ");
            line.append(&text);
            let options = Options::all() - Options::ENABLE_SUPERSCRIPT - Options::ENABLE_SUBSCRIPT - Options::ENABLE_SMART_PUNCTUATION;
            let markdown = rendered(&line);
            let mut shown = String::new();
            for event in Parser::new_ext(&markdown, options) {
                match event {
                    Event::Text(text) | Event::Code(text) => shown.push_str(&text),
                    Event::InlineHtml(html) => {
                        prop_assert!(["<sup>", "</sup>", "<sub>", "</sub>"].contains(&&*html), "{markdown}");
                    }
                    Event::Html(html) => prop_assert!(false, "{html}"),
                    _ => {}
                }
            }
            let squeezed = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(squeezed(&shown), squeezed(&line), "{}", markdown);
        }
    }
}
