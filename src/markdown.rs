//! Renders untrusted Markdown as safe HTML.
//!
//! The text comes from uploaded files by way of a language model. Of raw HTML, `raw_html` keeps line breaks, raised text and tables, and
//! the rest is shown as text. Math becomes MathML. A sanitizer then removes every element that this module does not make. All functions
//! are pure: none does I/O.
//!
//! `source` limits the size and depth of a text before it is parsed. `sanitizer` is the last step, `latex` renders math, [`flow`] joins
//! the pages of a document, [`blocks`] divides a page, and [`Outline`] lists the headings of a draft.

pub mod blocks;
mod depth;
mod figure_address;
mod figures;
pub mod flow;
mod latex;
pub mod matches;
mod outline;
mod pictures;
mod raw_html;
pub mod references;
mod sanitizer;
mod source;

use pulldown_cmark::{Alignment, CowStr, Event, HeadingLevel, Options, Tag, TagEnd, html};
use pulldown_latex::config::DisplayMode;

use figures::WithFigures;
use latex::mathml;
use matches::{Query, marked};
use raw_html::{Marks, RawHtml};
use references::{Anchors, linked};
use sanitizer::clean;
use source::{events, parsed};

pub use depth::shallow;
pub use figure_address::{FigureAddress, FigureId, NoFigure};
pub use outline::Outline;
pub use pictures::host_note;
pub use source::{PAGE_BYTES_MAX, Source, cuts, fence_after, pieces};

/// The Markdown extensions, used wherever Markdown is parsed.
pub const OPTIONS: Options = Options::ENABLE_TABLES
    .union(Options::ENABLE_FOOTNOTES)
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_MATH);

/// The most events of a piece that is rendered. Only a table of empty cells has more, because they have no text.
const EVENTS_MAX: usize = 3 * PAGE_BYTES_MAX;

/// Where a page is shown.
#[derive(Clone, Copy, Debug)]
pub enum Setting<'a> {
    /// In the reader. Ids of footnotes contain the page number, figures can be enlarged, and hits of the query are marked.
    Reader(Option<&'a Query>),
    /// In one file with all other pages. Page marks become anchors, and this prefix is put before the addresses of figures. Footnotes must
    /// have unique labels, see [`flow::with_own_footnotes`].
    File(&'a str),
}

/// A page for the reader, without marked hits.
pub fn safe_html(markdown: &str, page_index: u32) -> String {
    html_of(markdown, page_index, Setting::Reader(None), None)
}

/// Renders a page of Markdown as an HTML fragment. Headings have ids and are one rank lower, since `h1` is the document's title. Tables and
/// formulas scroll if they are wide. With `anchors`, references are links.
pub fn html_of(markdown: &str, page_index: u32, setting: Setting<'_>, anchors: Option<&dyn Anchors>) -> String {
    let in_file = matches!(setting, Setting::File(_));
    let mut adapter = Adapter { page: page_index + 1, in_file, anchors, headings: 0, hits: 0, table: Table::default() };
    Source::of(markdown).pieces().map(|piece| adapter.html_of(piece, setting)).collect()
}

/// A page's Markdown as preformatted text, without parsing.
pub fn preformatted(markdown: &str) -> String {
    let escaped = markdown.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<pre tabindex=\"0\">{escaped}</pre>\n")
}

/// The mark of a page in Markdown, an HTML comment.
pub fn page_mark(number: u32) -> String {
    format!("<!-- page {number} -->")
}

/// The number in a page's mark.
fn marked_page(html: &str) -> Option<u32> {
    html.trim().strip_prefix("<!-- page ")?.strip_suffix(" -->")?.parse().ok()
}

/// The id of a page's heading; `number` counts the headings of the page from 1.
pub fn heading_id(page_number: u32, number: u32) -> String {
    format!("page-{page_number}-{number}")
}

/// Adapts the parser's events before they are rendered.
struct Adapter<'s> {
    page: u32,
    in_file: bool,
    anchors: Option<&'s dyn Anchors>,
    headings: u32,
    /// Hits of the query in earlier pieces.
    hits: usize,
    table: Table,
}

impl Adapter<'_> {
    fn html_of(&mut self, piece: &str, setting: Setting<'_>) -> String {
        let mut read: Vec<Event<'_>> = match setting {
            Setting::File(_) => RawHtml::new(parsed(piece), Marks::Anchors).take(EVENTS_MAX + 1).collect(),
            Setting::Reader(_) => events(piece).take(EVENTS_MAX + 1).collect(),
        };
        if read.len() > EVENTS_MAX {
            return preformatted(piece);
        }
        if let Some(anchors) = self.anchors {
            read = linked(read, self.page - 1, anchors, &|anchor| self.address(anchor));
        }
        if let Setting::Reader(Some(query)) = setting {
            read = marked(read, query, self.page, &mut self.hits);
        }
        let figures = if let Setting::File(prefix) = setting { Some(prefix) } else { None };
        let adapted = read.into_iter().map(|event| self.adapt(event));
        let mut rendered = String::with_capacity(piece.len() * 3 / 2);
        html::push_html(&mut rendered, WithFigures::new(adapted, figures));
        clean(&rendered)
    }

    fn adapt<'a>(&mut self, event: Event<'a>) -> Event<'a> {
        match event {
            Event::InlineMath(latex) => Event::Html(mathml(&latex, DisplayMode::Inline).into()),
            Event::DisplayMath(latex) => {
                let math = mathml(&latex, DisplayMode::Block);
                Event::Html(format!("<div {SCROLLS} aria-label=\"Formula\">{math}</div>").into())
            }
            Event::Start(Tag::Heading { level, .. }) => {
                self.headings += 1;
                let id = Some(heading_id(self.page, self.headings).into());
                Event::Start(Tag::Heading { level: lowered(level), id, classes: Vec::new(), attrs: Vec::new() })
            }
            Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(lowered(level))),
            Event::FootnoteReference(name) if !self.in_file => Event::FootnoteReference(self.footnote(&name)),
            Event::Start(Tag::FootnoteDefinition(name)) if !self.in_file => {
                Event::Start(Tag::FootnoteDefinition(self.footnote(&name)))
            }
            Event::Start(tag) => self.table.start(&tag).map_or(Event::Start(tag), |html| Event::Html(html.into())),
            Event::End(tag) => self.table.end(tag).map_or(Event::End(tag), |html| Event::Html(html.into())),
            other => other,
        }
    }

    /// The address of a place in this document. In the reader the page may not be loaded, so the address names it.
    fn address(&self, anchor: &str) -> String {
        match anchor.split('-').nth(1) {
            Some(page) if !self.in_file => format!("?page={page}#{anchor}"),
            _ => format!("#{anchor}"),
        }
    }

    fn footnote(&self, name: &str) -> CowStr<'static> {
        format!("p{}-{name}", self.page).into()
    }
}

/// The anchor of a page that begins inside a section or a paragraph.
fn page_anchor(number: u32) -> String {
    format!("<a class=\"page-mark\" id=\"page-{number}\" href=\"#page-{number}\">{number}</a>")
}

fn lowered(level: HeadingLevel) -> HeadingLevel {
    HeadingLevel::try_from(level as usize + 1).unwrap_or(HeadingLevel::H6)
}

/// The attributes that make a wide element scrollable, also by keyboard.
const SCROLLS: &str = r#"class="scroll-x" tabindex="0" role="group""#;

/// Writes tables with classes for alignment. The renderer would write inline styles, which the content security policy forbids.
#[derive(Default)]
struct Table {
    alignments: Vec<Alignment>,
    column: usize,
    in_head: bool,
}

impl Table {
    fn start(&mut self, tag: &Tag<'_>) -> Option<String> {
        match tag {
            Tag::Table(alignments) => {
                self.alignments.clone_from(alignments);
                Some(format!("<div {SCROLLS} aria-label=\"Table\"><table>"))
            }
            Tag::TableHead => {
                (self.in_head, self.column) = (true, 0);
                Some("<thead><tr>".into())
            }
            Tag::TableRow => {
                self.column = 0;
                Some("<tr>".into())
            }
            Tag::TableCell => {
                let class = match self.alignments.get(self.column) {
                    Some(Alignment::Right) => " class=\"al-right\"",
                    Some(Alignment::Center) => " class=\"al-center\"",
                    _ => "",
                };
                self.column += 1;
                Some(format!("<{}{class}>", self.cell()))
            }
            _ => None,
        }
    }

    fn end(&mut self, tag: TagEnd) -> Option<String> {
        match tag {
            TagEnd::Table => Some("</tbody></table></div>".into()),
            TagEnd::TableHead => {
                self.in_head = false;
                Some("</tr></thead><tbody>".into())
            }
            TagEnd::TableRow => Some("</tr>".into()),
            TagEnd::TableCell => Some(format!("</{}>", self.cell())),
            _ => None,
        }
    }

    const fn cell(&self) -> &'static str {
        if self.in_head { "th" } else { "td" }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Query, Setting, html_of, safe_html};
    use proptest::prelude::*;

    #[test]
    fn elements_of_documents_become_html() {
        for (markdown, part) in [
            ("# Title", "<h2 id=\"page-7-1\">Title</h2>"),
            ("| a | b |\n|---|--:|\n| 1 | 2 |", "<td>1</td><td class=\"al-right\">2</td>"),
            ("Euler: $e^{i\\pi}$", "<msup>"),
            ("$$\\frac{1}{2}$$", "<mfrac>"),
            ("```rust\nfn main() {}\n```", "<code class=\"language-rust\">"),
            ("a[^1]\n\n[^1]: note", "id=\"p7-1\""),
            (
                "![*A* $x$](/v1/images/ab/6_0.png?w=43&px=10x20)",
                "<figure class=\"tens-4 ones-3\"><a class=\"zoom\" href=\"/v1/images/ab/6_0.png\" aria-label=\"Enlarge this figure\" rel=\"noopener noreferrer nofollow\">\
                 <img src=\"/v1/images/ab/6_0.png\" alt=\"Figure\" width=\"10\" height=\"20\" loading=\"lazy\"></a><figcaption><em>A</em> <math",
            ),
            (
                "![](/v1/images/ab/6_0.png?w=98&px=1x2&row=1)\n![](/v1/images/ab/6_1.png?w=3&px=1x2&row=1)",
                "<div class=\"figure-row\"><figure class=\"tens-9 ones-8\"><a class=\"zoom\" href=\"/v1/images/ab/6_0.png\"",
            ),
        ] {
            let html = safe_html(markdown, 6);
            assert!(html.contains(part), "{markdown} gave {html}");
        }
    }

    #[test]
    fn hostile_markdown_becomes_no_script() {
        for markdown in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "[x](javascript:alert(1))",
            "![x](javascript:alert(1))",
            "[x](data:text/html,<script>alert(1)</script>)",
            "$\\href{javascript:alert(1)}{x}$",
            "<a href='x' style='position:fixed'>x</a>",
        ] {
            let html = safe_html(markdown, 6);
            for bad in ["<script", "<img src=\"x\"", "javascript:alert(1)\"", "href=\"data:", " style=\""] {
                assert!(!html.contains(bad), "{markdown} gave {html}");
            }
        }
    }

    #[test]
    fn hits_are_marked_and_other_text_is_unchanged() {
        let query = Query::parse("two words").unwrap();
        let html = html_of("One *two\nwords* <b>, `two words`.", 2, Setting::Reader(Some(&query)), None);
        let expected = "<p>One <em><mark id=\"hit-3-1\">two</mark><mark>\n</mark><mark>words</mark></em> &lt;b&gt;, \
                        <mark id=\"hit-3-2\"><code>two words</code></mark>.</p>\n";
        assert_eq!(html, expected);
    }

    #[test]
    fn page_marks_in_a_file_become_anchors_and_other_html_is_text() {
        let html = html_of("<!-- page 3 -->\n\nexam<!-- page 4 -->ple <b>x</b>", 2, Setting::File(""), None);
        assert!(html.contains("id=\"page-3\"") && html.contains("exam<a class=\"page-mark\" id=\"page-4\""), "{html}");
        assert!(html.contains("&lt;b&gt;x"), "{html}");
        assert!(!safe_html("exam<!-- page 4 -->ple", 2).contains("<a"), "not in the reader");
    }

    #[test]
    fn headings_and_hits_of_a_page_in_pieces_have_unique_numbers() {
        let paragraph = "word ".repeat(2_000);
        let markdown = format!("# A needle\n\n{paragraph}\n\n").repeat(10);
        let query = Query::parse("needle").unwrap();
        let html = html_of(&markdown, 0, Setting::Reader(Some(&query)), None);
        for number in 1..=10 {
            assert_eq!(html.matches(&format!("id=\"page-1-{number}\"")).count(), 1);
            assert_eq!(html.matches(&format!("id=\"hit-1-{number}\"")).count(), 1);
        }
    }

    #[test]
    fn huge_table_of_empty_cells_is_shown_as_markdown() {
        let (cells, rules) = ("a|".repeat(500), "-|".repeat(500));
        let table = format!("|{cells}\n|{rules}\n{}", "|a\n".repeat(20_000));
        assert!(safe_html(&table, 0).len() < 2 * table.len());
    }

    #[test]
    fn invalid_math_is_shown_as_latex() {
        assert!(safe_html("$\\frac{$", 0).contains("frac"));
    }

    proptest! {
        #[test]
        fn any_text_renders_without_script_or_panic(text in "\\PC{0,200}") {
            prop_assert!(!safe_html(&text, 0).contains("<script"));
        }
    }
}
