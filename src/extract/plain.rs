//! Text files as documents: Markdown is kept, plain text is escaped, and both are split into pages.

use std::borrow::Cow;
use std::fmt::Write;
use std::mem;

use crate::markdown::{PAGE_BYTES_MAX, cuts, pieces};

/// A page ends with the paragraph that makes it longer than this.
const PAGE_CHARS: usize = 6_000;
/// A paragraph larger than [`PAGE_BYTES_MAX`] is cut into parts of this size.
const PART_BYTES_MAX: usize = 8 * 1024;

/// The pages of a text as Markdown, each of at most [`PAGE_BYTES_MAX`]. There is at least one.
pub(crate) fn pages(text: &str, is_markdown: bool) -> Vec<String> {
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n");
    let mut pages = vec![];
    let (mut page, mut page_chars) = (String::new(), 0);
    for part in blocks(&text, is_markdown).into_iter().flat_map(|block| parts(block, is_markdown)) {
        if page_chars > PAGE_CHARS || page.len() + SEPARATOR.len() + part.len() > PAGE_BYTES_MAX {
            pages.push(mem::take(&mut page));
            page_chars = 0;
        }
        if !page.is_empty() {
            page.push_str(SEPARATOR);
        }
        page_chars += SEPARATOR.len() + part.chars().count();
        page.push_str(&part);
    }
    pages.push(page);
    pages
}

/// Between paragraphs.
const SEPARATOR: &str = "\n\n";

/// A paragraph as Markdown, in several parts if it is larger than [`PAGE_BYTES_MAX`].
fn parts(block: String, is_markdown: bool) -> Vec<String> {
    let whole = if is_markdown { block.clone() } else { to_markdown(&block) };
    match whole.len() {
        0..=PAGE_BYTES_MAX => vec![whole],
        _ if is_markdown => pieces(&block, PART_BYTES_MAX).into_iter().map(Cow::into_owned).collect(),
        _ => cuts(&block, PART_BYTES_MAX).map(to_markdown).collect(),
    }
}

/// The paragraphs of a text. In Markdown, fenced code is part of one paragraph.
fn blocks(text: &str, is_markdown: bool) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    let mut is_fenced = false;
    let mut in_block = false;
    for line in text.lines() {
        let is_fence = is_markdown && ["```", "~~~"].iter().any(|fence| line.trim_start().starts_with(fence));
        if line.trim().is_empty() && !is_fenced {
            in_block = false;
            continue;
        }
        match blocks.last_mut().filter(|_| in_block) {
            Some(block) => {
                block.push('\n');
                block.push_str(line);
            }
            None => blocks.push(line.to_owned()),
        }
        is_fenced ^= is_fence;
        in_block = true;
    }
    blocks
}

/// A paragraph of plain text as Markdown. One that is aligned with spaces becomes code, which keeps its layout.
fn to_markdown(paragraph: &str) -> String {
    let is_aligned = paragraph.lines().any(|line| {
        line.starts_with('\t') || line.starts_with("    ") || line.trim().contains("   ") || line.trim().contains('\t')
    });
    if is_aligned {
        let longest = paragraph.split(|char| char != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        return format!("{fence}\n{paragraph}\n{fence}");
    }
    paragraph.lines().map(escaped).collect::<Vec<_>>().join("\n")
}

/// A line of plain text, escaped so that it has no Markdown.
fn escaped(line: &str) -> String {
    let line = line.trim();
    let mut escaped = String::with_capacity(line.len());
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    for (index, char) in line.char_indices() {
        let starts_something = match index {
            0 => matches!(char, '#' | '+' | '-' | '=' | ':' | '>'),
            // `1.` and `1)` begin a list.
            _ => index == digits && matches!(char, '.' | ')'),
        };
        if starts_something
            || matches!(char, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '$' | '~' | '&' | '!')
        {
            escaped.push('\\');
        }
        let _ = escaped.write_char(char);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser};

    use super::*;

    #[test]
    fn markdown_file_is_unchanged() {
        let text = "# A\r\n\r\n- b\r\n- c\r\n\r\n```\nx\n\n\ny\n```\n";
        assert_eq!(pages(text, true), ["# A\n\n- b\n- c\n\n```\nx\n\n\ny\n```"]);
    }

    #[test]
    fn aligned_text_becomes_code() {
        assert_eq!(
            pages("name     age\nAda      36\n\nText.", false),
            ["```\nname     age\nAda      36\n```\n\nText."]
        );
    }

    #[test]
    fn long_text_is_split_into_pages() {
        let paragraph = "word ".repeat(400);
        let text = [paragraph.trim(); 10].join("\n\n");
        let pages = pages(&text, false);
        assert!(pages.len() > 2 && pages.iter().all(|page| page.len() < PAGE_CHARS + 3_000));
        assert_eq!(pages.join("\n\n"), text);
    }

    #[test]
    fn paragraph_larger_than_a_page_becomes_several_pages() {
        let words = "*a* ".repeat(1 << 20);
        for is_markdown in [false, true] {
            let pages = pages(&words, is_markdown);
            assert!(pages.len() > 400 && pages.iter().all(|page| page.len() <= 4 * PART_BYTES_MAX));
            assert_eq!(pages.concat().matches('a').count(), 1 << 20);
        }
        for unbroken in ["x", "*", "`", "ü", "\t"] {
            for is_markdown in [false, true] {
                let pages = pages(&unbroken.repeat(300_000), is_markdown);
                assert!(pages.iter().all(|page| page.len() <= PAGE_BYTES_MAX), "{unbroken}");
            }
        }
    }

    #[test]
    fn code_larger_than_a_page_is_code_on_each_page() {
        let code = format!("```c\n{}```\n\n# A\n", "int a;\n".repeat(20_000));
        let pages = pages(&code, true);
        let Some((last, code)) = pages.split_last() else { panic!() };
        assert!(code.len() > 10 && last.ends_with("```\n\n# A"));
        assert!(code.iter().all(|page| page.starts_with("```c\n") && page.ends_with("\n```")));
    }

    #[test]
    fn two_large_paragraphs_get_a_page_each() {
        let text = format!("{}\n\n{}", "ü ".repeat(2_900), "word ".repeat(13_000));
        assert_eq!(pages(&text, true).len(), 2);
    }

    proptest! {
        #[test]
        fn plain_text_renders_as_written(line in "[a-zA-Z0-9<>&*_#`$~|\\[\\](){}!:=+;.,^\"' \\\\-]{1,60}") {
            let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assume!(!line.is_empty());
            let options = Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_MATH;
            let mut shown = String::new();
            for event in Parser::new_ext(&pages(&line, false)[0], options) {
                if let Event::Text(text) = event {
                    shown.push_str(&text);
                }
            }
            prop_assert_eq!(shown, line);
        }

        #[test]
        fn any_text_is_split_without_panic(text in any::<String>(), is_markdown in any::<bool>()) {
            prop_assert!(!pages(&text, is_markdown).is_empty());
        }
    }
}
