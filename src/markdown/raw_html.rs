//! The little HTML that models write into Markdown, because Markdown has no form for it: line breaks, raised and lowered text, and tables
//! with merged cells. Everything else stays text.
//!
//! Tags become events, so that search, outline and rendering treat them as Markdown. The cells of a table are Markdown themselves. No
//! attribute of the document is passed on, except how many columns and rows a cell spans.

use std::collections::VecDeque;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use super::depth::Shallow;
use super::pictures::Pictures;
use super::{OPTIONS, SCROLLS, marked_page, page_anchor};

/// Columns or rows that one cell spans.
const SPAN_MAX: u16 = 100;
/// Raised and lowered texts inside each other.
const RAISED_MAX: usize = 4;
/// A longer tag is text.
const TAG_BYTES_MAX: usize = 200;

/// What the marks of pages become.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marks {
    /// Anchors: all pages are in one file.
    Anchors,
    /// Text, as all other comments.
    Text,
}

/// Turns raw HTML into events.
pub(crate) struct RawHtml<'a, I> {
    events: I,
    marks: Marks,
    ahead: VecDeque<Event<'a>>,
    /// The open raised and lowered texts.
    raised: Vec<TagEnd>,
    table: HtmlTable,
    /// The HTML of the current block.
    block: Option<String>,
}

impl<'a, I: Iterator<Item = Event<'a>>> RawHtml<'a, I> {
    pub(crate) fn new(events: I, marks: Marks) -> Self {
        Self { events, marks, ahead: VecDeque::new(), raised: Vec::new(), table: HtmlTable::default(), block: None }
    }

    /// The anchor of a page, if the HTML is its mark.
    fn anchor(&self, html: &str) -> Option<Event<'a>> {
        let number = marked_page(html).filter(|_| self.marks == Marks::Anchors)?;
        Some(Event::Html(page_anchor(number).into()))
    }

    fn inline(&mut self, html: &str) -> Option<Event<'a>> {
        if let Some(anchor) = self.anchor(html) {
            return Some(anchor);
        }
        let tag = HtmlTag::parse(html)?;
        match (tag.name.as_str(), tag.is_end) {
            ("br", false) => Some(Event::HardBreak),
            ("sup" | "sub", false) if self.raised.len() < RAISED_MAX => {
                let raised = if tag.name == "sup" { Tag::Superscript } else { Tag::Subscript };
                self.raised.push(raised.to_end());
                Some(Event::Start(raised))
            }
            ("sup" | "sub", true) => {
                let end = if tag.name == "sup" { TagEnd::Superscript } else { TagEnd::Subscript };
                self.raised.pop_if(|open| *open == end).map(Event::End)
            }
            _ => None,
        }
    }

    /// The events of a block of HTML. Without a table it is text.
    fn block_events(&mut self, html: String) {
        if self.table.begins_in(&html) {
            self.ahead.extend(self.table.events(&html));
        } else {
            self.ahead.push_back(self.anchor(&html).unwrap_or_else(|| Event::Text(html.into())));
        }
    }
}

impl<'a, I: Iterator<Item = Event<'a>>> Iterator for RawHtml<'a, I> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        loop {
            if let Some(event) = self.ahead.pop_front() {
                return Some(event);
            }
            match self.events.next()? {
                Event::InlineHtml(html) => return Some(self.inline(&html).unwrap_or(Event::Text(html))),
                Event::Start(Tag::HtmlBlock) => self.block = Some(String::new()),
                Event::Html(html) => match &mut self.block {
                    Some(block) => block.push_str(&html),
                    None => return Some(Event::Text(html)),
                },
                Event::End(TagEnd::HtmlBlock) => {
                    let block = self.block.take().unwrap_or_default();
                    self.block_events(block);
                }
                // A raised text ends with its paragraph or cell at the latest.
                Event::End(end) if !self.raised.is_empty() && !is_inline(end) => {
                    self.ahead.extend(self.raised.drain(..).rev().map(Event::End));
                    self.ahead.push_back(Event::End(end));
                }
                event => match &mut self.block {
                    Some(block) => {
                        if let Event::Text(text) = event {
                            block.push_str(&text);
                        }
                    }
                    None => return Some(event),
                },
            }
        }
    }
}

const fn is_inline(end: TagEnd) -> bool {
    matches!(
        end,
        TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Strikethrough
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::Link
            | TagEnd::Image
    )
}

/// A table that was begun. Blank lines can divide it into several blocks.
#[derive(Default)]
struct HtmlTable {
    is_open: bool,
    /// The text of the open cell.
    cell: Option<String>,
}

impl HtmlTable {
    fn begins_in(&self, html: &str) -> bool {
        self.is_open || html.trim_start().get(..6).is_some_and(|start| start.eq_ignore_ascii_case("<table"))
    }

    fn events<'a>(&mut self, html: &str) -> Vec<Event<'a>> {
        let (mut events, mut rest) = (Vec::new(), html);
        while !rest.is_empty() {
            let (tag, bytes) = match rest.starts_with('<').then(|| HtmlTag::at_start(rest)).flatten() {
                Some((tag, bytes)) => (Some(tag), bytes),
                None => (None, rest.match_indices('<').map(|(at, _)| at).find(|at| *at > 0).unwrap_or(rest.len())),
            };
            let (part, behind) = rest.split_at(bytes);
            rest = behind;
            match tag {
                Some(tag) if self.is_part(&tag) => self.tag(&tag, &mut events),
                _ => self.text(part, &mut events),
            }
        }
        events
    }

    fn is_part(&self, tag: &HtmlTag) -> bool {
        match tag.name.as_str() {
            "table" => tag.is_end == self.is_open,
            "thead" | "tbody" | "tfoot" | "tr" | "th" | "td" | "caption" => self.is_open,
            _ => false,
        }
    }

    fn tag<'a>(&mut self, tag: &HtmlTag, events: &mut Vec<Event<'a>>) {
        self.end_cell(events);
        let name = &tag.name;
        let html = match (name.as_str(), tag.is_end) {
            ("table", false) => format!("<div {SCROLLS} aria-label=\"Table\"><table>"),
            ("table", true) => "</table></div>".to_owned(),
            (_, false) => format!("<{name}{}{}>", span("colspan", tag.columns), span("rowspan", tag.rows)),
            (_, true) => format!("</{name}>"),
        };
        self.is_open = name != "table" || !tag.is_end;
        self.cell = (!tag.is_end && matches!(name.as_str(), "th" | "td" | "caption")).then(String::new);
        events.push(Event::Html(html.into()));
    }

    fn text<'a>(&mut self, text: &str, events: &mut Vec<Event<'a>>) {
        match &mut self.cell {
            Some(cell) => cell.push_str(text),
            None if text.trim().is_empty() => {}
            None => events.push(Event::Text(text.to_owned().into())),
        }
    }

    /// Writes the open cell, whose text is Markdown.
    fn end_cell<'a>(&mut self, events: &mut Vec<Event<'a>>) {
        let Some(cell) = self.cell.take() else { return };
        let inner = RawHtml::new(Pictures::new(Shallow::new(Parser::new_ext(cell.trim(), OPTIONS))), Marks::Text);
        let inner: Vec<Event<'_>> = inner.collect();
        let is_paragraph =
            |event: &Event<'_>| matches!(event, Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph));
        // One paragraph needs no element of its own.
        let is_plain = inner.iter().filter(|event| is_paragraph(event)).count() == 2;
        let kept = inner.into_iter().filter(|event| !(is_plain && is_paragraph(event)));
        events.extend(kept.map(|event| event.into_static()));
    }
}

fn span(name: &str, count: Option<u16>) -> String {
    count.map_or_else(String::new, |count| format!(" {name}=\"{count}\""))
}

/// A tag, with the only two attributes that count.
struct HtmlTag {
    /// In lower case.
    name: String,
    is_end: bool,
    columns: Option<u16>,
    rows: Option<u16>,
}

impl HtmlTag {
    /// The tag that is the whole text.
    fn parse(html: &str) -> Option<Self> {
        Self::at_start(html).filter(|(_, bytes)| *bytes == html.len()).map(|(tag, _)| tag)
    }

    /// The tag at the start of a text, and its length in bytes.
    fn at_start(text: &str) -> Option<(Self, usize)> {
        let end = text.bytes().take(TAG_BYTES_MAX).position(|byte| byte == b'>')?;
        let inner = text[..end].strip_prefix('<')?;
        let (inner, is_end) = inner.strip_prefix('/').map_or((inner, false), |inner| (inner, true));
        let name: String = inner.chars().take_while(char::is_ascii_alphanumeric).collect();
        let attributes = &inner[name.len()..];
        let is_tag = !name.is_empty() && attributes.chars().next().is_none_or(|c| c.is_whitespace() || c == '/');
        let tag = Self {
            columns: number_of("colspan", attributes),
            rows: number_of("rowspan", attributes),
            name: name.to_ascii_lowercase(),
            is_end,
        };
        is_tag.then_some((tag, end + 1))
    }
}

/// The number that an attribute has: `name="2"`, `name='2'` or `name=2`.
fn number_of(name: &str, attributes: &str) -> Option<u16> {
    let lower = attributes.to_ascii_lowercase();
    let value = lower.split_once(name)?.1.trim_start().strip_prefix('=')?.trim_start().trim_start_matches(['"', '\'']);
    let digits: String = value.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().filter(|count| (2..=SPAN_MAX).contains(count))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::markdown::matches::{Query, hits};
    use crate::markdown::{Source, safe_html};

    #[test]
    fn line_breaks_and_raised_text_become_elements() {
        for (markdown, html) in [
            ("a<br>b<BR/>c", "<p>a<br>\nb<br>\nc</p>\n"),
            ("x<sup>2</sup> and H<sub>2</sub>O", "<p>x<sup>2</sup> and H<sub>2</sub>O</p>\n"),
            ("open <sup>one\n\nnext", "<p>open <sup>one</sup></p>\n<p>next</p>\n"),
            ("close</sup> and <sup a=b>", "<p>close&lt;/sup&gt; and <sup></sup></p>\n"),
            ("<b>bold</b> <script>x</script>", "<p>&lt;b&gt;bold&lt;/b&gt; &lt;script&gt;x&lt;/script&gt;</p>\n"),
        ] {
            assert_eq!(safe_html(markdown, 0), html, "{markdown}");
        }
        assert!(safe_html("| a<br>b | c |\n|---|---|", 0).contains("<th>a<br>\nb</th>"));
    }

    #[test]
    fn table_with_merged_cells_becomes_a_table() {
        let markdown = "<TABLE border=1 onclick='x()'>\n<tr><th colspan=\"2\" style=\"color:red\">Both &amp; **more**</th></tr>\n\
                        <tr><td rowspan='3'>one<br>two</td><td>$x$ <script>no</script></td></tr>\n</table>";
        let html = safe_html(markdown, 0);
        for part in [
            "aria-label=\"Table\"><table>",
            "<th colspan=\"2\">Both &amp; <strong>more</strong></th>",
            "<td rowspan=\"3\">one<br>",
            "<math",
            "&lt;script&gt;no&lt;/script&gt;",
            "</table></div>",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
        for part in ["onclick", "style", "border", "<script"] {
            assert!(!html.contains(part), "{part} in {html}");
        }
        let (count, _) = hits(Source::of(markdown).events(), &Query::parse("both & more").unwrap(), 9);
        assert_eq!(count, 1, "search finds what is read");
    }

    #[test]
    fn table_cut_by_blank_lines_stays_one_table() {
        let html = safe_html("<table>\n<tr><td>a</td>\n\n<td>b</td></tr>\n</table>\n\nafter", 0);
        assert_eq!(html.matches("<table>").count(), 1, "{html}");
        assert!(
            html.contains("<td>a</td>") && html.contains("<td>b</td>") && html.ends_with("<p>after</p>\n"),
            "{html}"
        );
    }

    #[test]
    fn image_in_a_cell_loads_nothing_from_another_site() {
        let html = safe_html("<table><tr><td>![x](https://evil.example/a.png)</td></tr></table>", 0);
        assert!(!html.contains("<img") && html.contains("picture at evil.example"), "{html}");
    }

    /// The letters of rendered HTML.
    fn letters(html: &str) -> String {
        let text: String = html.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect();
        text.chars().filter(|c| "xyz".contains(*c)).collect()
    }

    proptest! {
        #[test]
        fn any_html_keeps_its_words_and_makes_no_other_element(
            parts in proptest::collection::vec(proptest::sample::select(vec![
                "<table>", "</table>", "<tr>", "</tr>", "<td>", "</td>", "<td colspan=3>", "<th>", "<br>", "<sup>", "</sup>", "<sub>",
                "<img src=q>", "<div>", "</p>", "\n", "\n\n", "x", "y ", "z", "&lt;", "<", ">", "é", "<caption>", "- ", "> ",
            ]), 0..40),
        ) {
            let markdown = parts.concat();
            let html = safe_html(&markdown, 0);
            prop_assert_eq!(letters(&html), letters(&markdown.replace(['<', '>'], " ")), "{}", html);
            for tag in ["<img", "<div>", "<script"] {
                prop_assert!(!html.contains(tag), "{}", html);
            }
        }
    }
}
