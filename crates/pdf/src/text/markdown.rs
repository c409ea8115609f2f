//! Renders blocks as Markdown.
//!
//! Text is escaped only where CommonMark with tables, footnotes, strikethrough and math would interpret it, so that the Markdown stays
//! readable.

use super::blocks::Block;
use super::inline::{Inline, longest_run};
use super::lists::Mark;
use super::rich::Rich;
use super::tables;
use super::vocabulary::Vocabulary;

/// Renders blocks. A blank line is between them, except between items of one list. `links`: the addresses of the page.
pub(super) fn render(blocks: &[Block], links: &[String], words: &Vocabulary) -> String {
    let mut page = Page { markdown: String::new(), inline: Inline { links }, words, open: Vec::new() };
    let mut before = None;
    for block in blocks {
        if let Some(before) = before {
            page.markdown.push_str(if page.is_tight(before, block) { "\n" } else { "\n\n" });
        }
        page.block(block);
        before = Some(block);
    }
    page.markdown
}

/// An item that later blocks can be in.
struct Open {
    /// The width of its mark.
    width: usize,
    number: Option<u32>,
}

struct Page<'a> {
    markdown: String,
    inline: Inline<'a>,
    words: &'a Vocabulary,
    open: Vec<Open>,
}

impl Page<'_> {
    /// Whether a block is the next item of the list in which the block before it is.
    fn is_tight(&self, before: &Block, block: &Block) -> bool {
        match (before, block) {
            (
                Block::Item { mark: Mark::Number(_), depth: above, .. },
                Block::Item { mark: Mark::Number(number), depth, .. },
            ) => above == depth && self.open.len() > *depth && self.is_next(*number, *depth),
            (Block::Item { mark, .. }, Block::Item { mark: next, .. }) => {
                ![mark, next].iter().any(|mark| matches!(mark, Mark::Number(_)))
            }
            _ => false,
        }
    }

    /// Whether Markdown would count an item with this number. It counts from the first item of a list on.
    fn is_next(&self, number: u32, depth: usize) -> bool {
        self.open.get(depth).and_then(|open| open.number).is_none_or(|before| before.checked_add(1) == Some(number))
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Heading { level, text } => {
                self.open.clear();
                self.markdown.extend(std::iter::repeat_n('#', usize::from(*level)));
                self.markdown.push(' ');
                self.inline.render(&mut self.markdown, text);
            }
            Block::Paragraph { text, depth } => {
                self.indent(*depth);
                self.line(text);
            }
            Block::Item { mark, text, depth } => self.item(*mark, text, *depth),
            Block::Code { code, depth } => {
                let indent = " ".repeat(self.indent(*depth));
                let fence = "`".repeat(longest_run(code, '`').max(2) + 1);
                self.markdown.push_str(&fence);
                for line in code.split('\n') {
                    self.markdown.extend(["\n", if line.is_empty() { "" } else { &indent }, line]);
                }
                self.markdown.extend(["\n", &indent, &fence]);
            }
            Block::Table(table) => {
                self.open.clear();
                tables::render(&mut self.markdown, table, &self.inline, self.words);
            }
            Block::Note { label, text } => {
                self.open.clear();
                self.markdown.extend(["[^", label, "]: "]);
                self.line(text);
            }
        }
    }

    /// Indents a block by the marks of the items that it is in, and closes the others. Returns the width.
    fn indent(&mut self, depth: usize) -> usize {
        self.open.truncate(depth);
        let width = self.open.iter().map(|open| open.width).sum();
        self.markdown.extend(std::iter::repeat_n(' ', width));
        width
    }

    fn item(&mut self, mark: Mark, text: &Rich, depth: usize) {
        let is_next = matches!(mark, Mark::Number(number) if self.is_next(number, depth));
        self.indent(depth);
        let (mark, number) = match mark {
            Mark::Number(number) if is_next => (format!("{number}. "), Some(number)),
            Mark::Number(number) => {
                self.markdown.push_str(&format!("{number}\\. "));
                return self.line(text);
            }
            Mark::Bullet | Mark::Other => ("- ".to_owned(), None),
        };
        self.markdown.push_str(&mark);
        self.open.push(Open { width: mark.len(), number });
        self.line(text);
    }

    fn line(&mut self, text: &Rich) {
        let mut line = String::new();
        self.inline.render(&mut line, text);
        let rest = escape_start(&mut self.markdown, &line);
        self.markdown.push_str(rest);
    }
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

#[cfg(test)]
mod tests {
    use super::super::lists;
    use super::*;

    /// The blocks of these lines of text, as of a page.
    fn from_texts(texts: &[&str]) -> Vec<Block> {
        let block = |text: &&str| match lists::number(text) {
            Some((mark, length)) => Block::Item { mark, text: Rich::from(&text[length..]), depth: 0 },
            None => Block::Paragraph { text: Rich::from(*text), depth: 0 },
        };
        texts.iter().map(block).collect()
    }

    fn paragraph(text: &str) -> String {
        render(&from_texts(&[text]), &[], &Vocabulary::default())
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
            ("and so on ...", "and so on ..."),
        ];
        for (text, expected) in cases {
            assert_eq!(paragraph(text), expected);
        }
    }

    #[test]
    fn list_item_with_another_number_is_escaped() {
        let items = from_texts(&["1. one", "2. two", "7. seven", "8. eight"]);
        assert_eq!(render(&items, &[], &Vocabulary::default()), "1. one\n2. two\n\n7\\. seven\n\n8. eight");
    }

    #[test]
    fn blocks_in_items_are_indented_by_their_marks() {
        let item = |mark, text: &str, depth| Block::Item { mark, text: text.into(), depth };
        let blocks = [
            item(Mark::Number(1), "one", 0),
            item(Mark::Bullet, "deep", 1),
            item(Mark::Other, "(a) deeper", 2),
            Block::Code { code: "a\n\n b".to_owned(), depth: 1 },
            item(Mark::Number(2), "two", 0),
            Block::Paragraph { text: "more of it".into(), depth: 1 },
            Block::Paragraph { text: "after it".into(), depth: 0 },
        ];
        let expected = "1. one\n\n   - deep\n     - (a) deeper\n\n   ```\n   a\n\n    b\n   ```\n\n2. two\n\n   more of it\n\nafter it";
        assert_eq!(render(&blocks, &[], &Vocabulary::default()), expected);
    }

    #[test]
    fn note_follows_its_mark() {
        let blocks = [Block::Note { label: "1".to_owned(), text: "# A note".into() }];
        assert_eq!(render(&blocks, &[], &Vocabulary::default()), "[^1]: \\# A note");
    }

    #[test]
    fn code_with_a_fence_gets_a_longer_fence() {
        let code = Block::Code { code: "a < b\n```\n  c".to_owned(), depth: 0 };
        assert_eq!(render(&[code], &[], &Vocabulary::default()), "````\na < b\n```\n  c\n````");
    }
}
