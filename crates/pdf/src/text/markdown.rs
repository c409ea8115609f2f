//! Renders blocks as Markdown.
//!
//! Text is escaped only where CommonMark with tables, footnotes, strikethrough and math would interpret it, so that the Markdown stays
//! readable.

use std::fmt::Write;

use super::blocks::Block;
use super::tables;

/// Renders blocks with one blank line between them.
pub(super) fn render(blocks: &[Block]) -> String {
    let mut markdown = String::new();
    let mut number_before = None;
    for block in blocks {
        if !markdown.is_empty() {
            markdown.push_str("\n\n");
        }
        number_before = render_block(&mut markdown, block, number_before);
    }
    markdown
}

/// Renders one block. Returns its number if it is an item of a numbered list.
fn render_block(markdown: &mut String, block: &Block, number_before: Option<u32>) -> Option<u32> {
    match block {
        Block::Heading { level, text } => {
            markdown.extend(std::iter::repeat_n('#', *level));
            markdown.push(' ');
            escape(markdown, text);
        }
        Block::Paragraph(text) => {
            // Markdown numbers items from the first one on, so an item must have the next number.
            let item = numbered(text).filter(|(number, _)| number_before.is_none_or(|before| *number == before + 1));
            if let Some((number, marker)) = item {
                let (marker, rest) = text.split_at(marker);
                markdown.push_str(marker);
                render_line(markdown, rest);
                return Some(number);
            }
            render_line(markdown, text);
        }
        Block::Item(text) => {
            markdown.push_str("- ");
            render_line(markdown, text);
        }
        Block::Code(code) => {
            let fence = "`".repeat(longest_run(code, '`').max(2) + 1);
            let _ = write!(markdown, "{fence}\n{code}\n{fence}");
        }
        Block::Table(table) => tables::render(markdown, table),
    }
    None
}

fn render_line(markdown: &mut String, text: &str) {
    let text = shorten_leaders(text);
    let rest = escape_start(markdown, &text);
    escape(markdown, rest);
}

/// The number of a list item at the start of a text, and the length of its marker with the space.
fn numbered(text: &str) -> Option<(u32, usize)> {
    const DIGITS_MAX: usize = 3;
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let marker = text.get(digits..digits + 2).filter(|marker| matches!(*marker, ". " | ") "))?;
    let is_plain = (1..=DIGITS_MAX).contains(&digits) && !text.starts_with('0');
    let number = text[..digits].parse().ok().filter(|_| is_plain)?;
    Some((number, digits + marker.len()))
}

/// Escapes a mark at the start of a line that begins a heading, quotation, list, rule or definition. Returns the rest of the line.
fn escape_start<'a>(markdown: &mut String, text: &'a str) -> &'a str {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    let Some(sign) = rest.chars().next() else { return text };
    let behind = rest.trim_start_matches(sign);
    let alone = behind.is_empty() || behind.starts_with(' ');
    let is_marker = match sign {
        '.' | ')' => digits > 0 && alone,
        '>' => digits == 0,
        '#' | '+' | '-' | ':' => digits == 0 && alone,
        _ => false,
    };
    if !is_marker {
        return text;
    }
    markdown.push_str(number);
    markdown.extend(['\\', sign]);
    &rest[1..]
}

/// Escapes inline marks.
pub(super) fn escape(markdown: &mut String, text: &str) {
    let mut before = None;
    let mut chars = text.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        let after = chars.peek().map(|(_, after)| *after);
        match char {
            '<' => markdown.push_str("&lt;"),
            '&' if opens_entity(&text[at + 1..]) => markdown.push_str("&amp;"),
            '\\' | '`' | '*' | '$' | '~' => markdown.extend(['\\', char]),
            '_' if !(is_word(before) && is_word(after)) => markdown.push_str("\\_"),
            '[' if after == Some('^') => markdown.push_str("\\["),
            ']' if matches!(after, Some('(' | '[' | ':')) => markdown.push_str("\\]"),
            '#' if after.is_none() && before == Some(' ') => markdown.push_str("\\#"),
            _ => markdown.push(char),
        }
        before = Some(char);
    }
}

fn is_word(char: Option<char>) -> bool {
    char.is_some_and(char::is_alphanumeric)
}

/// Whether the text after an ampersand makes it a character reference.
fn opens_entity(rest: &str) -> bool {
    let name = rest.trim_start_matches('#');
    let end = name.find(|char: char| !char.is_ascii_alphanumeric());
    end.is_some_and(|end| end > 0 && name[end..].starts_with(';'))
}

fn longest_run(text: &str, wanted: char) -> usize {
    text.split(|char| char != wanted).map(str::len).max().unwrap_or(0)
}

/// Shortens leaders of dots: `Preface . . . . . . 7` becomes `Preface … 7`.
fn shorten_leaders(text: &str) -> String {
    const DOTS_MIN: usize = 5;
    let mut short = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('.') {
        let run = rest[start..].find(|char| char != '.' && char != ' ').map_or(rest.len(), |length| start + length);
        let dots = rest[start..run].bytes().filter(|byte| *byte == b'.').count();
        if dots >= DOTS_MIN {
            short.push_str(rest[..start].trim_end());
            short.push_str(" … ");
        } else {
            short.push_str(&rest[..run]);
        }
        rest = &rest[run..];
    }
    short.push_str(rest);
    short.truncate(short.trim_end().len());
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paragraph(text: &str) -> String {
        render(&[Block::Paragraph(text.to_owned())])
    }

    #[test]
    fn text_is_escaped_only_where_markdown_interprets_it() {
        let cases = [
            ("a < b & c > d", "a &lt; b & c > d"),
            ("<script>alert(1)</script>", "&lt;script>alert(1)&lt;/script>"),
            ("snake_case and _this_", r"snake_case and \_this\_"),
            ("2 * 3 * 4", r"2 \* 3 \* 4"),
            ("# not a heading", r"\# not a heading"),
            ("> not a quote", r"\> not a quote"),
            ("- not an item", r"\- not an item"),
            ("1. # a list", r"1. \# a list"),
            ("2021) said", r"2021\) said"),
            ("007. agent", r"007\. agent"),
            ("1.5 is a number", "1.5 is a number"),
            ("see [1] and [2]", "see [1] and [2]"),
            ("[a](b) [^1] [1]: x", r"[a\](b) \[^1] [1\]: x"),
            ("costs $5 and $6", r"costs \$5 and \$6"),
            ("AT&T &copy; &#60;", "AT&T &amp;copy; &amp;#60;"),
            ("--- rule", r"\--- rule"),
            ("---", r"\---"),
            ("-1 = +1 #1 = :)", "-1 = +1 #1 = :)"),
            ("3.", r"3\."),
            ("``` fence", r"\`\`\` fence"),
            ("~~gone~~", r"\~\~gone\~\~"),
            ("back\\slash", r"back\\slash"),
            ("Preface . . . . . . . . 7", "Preface … 7"),
            ("and so on ...", "and so on ..."),
        ];
        for (text, expected) in cases {
            assert_eq!(paragraph(text), expected);
        }
    }

    #[test]
    fn list_item_with_another_number_is_escaped() {
        let items = ["1. one", "2. two", "7. seven", "8. eight"].map(|text| Block::Paragraph(text.to_owned()));
        assert_eq!(render(&items), "1. one\n\n2. two\n\n7\\. seven\n\n8. eight");
    }

    #[test]
    fn code_with_a_fence_gets_a_longer_fence() {
        let code = Block::Code("a < b\n```\n  c".to_owned());
        assert_eq!(render(&[code]), "````\na < b\n```\n  c\n````");
    }
}
