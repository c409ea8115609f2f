//! Markdown to HTML that is safe to show, whoever wrote it.
//!
//! The text comes from strangers' files by way of a language model. Raw HTML in it is shown as text, math becomes MathML,
//! and what comes out passes a sanitizer that knows only the elements made here.

use std::collections::HashSet;

use ammonia::Builder;
use pulldown_cmark::{Alignment, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};
use pulldown_latex::{Parser as LatexParser, RenderConfig, Storage, config::DisplayMode, push_mathml};

use super::figures::WithFigures;

/// Renders a page of Markdown as an HTML fragment that fits into the reader: headings are one rank lower than on the page,
/// since the document's title is the first; what may be wide can be scrolled; footnotes are told apart by page.
pub fn safe_html(markdown: &str, page_index: u32) -> String {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_MATH;
    let mut adapter = Adapter { page: page_index + 1, table: Table::default() };
    let events = Parser::new_ext(markdown, options).map(|event| adapter.adapt(event));
    let mut rendered = String::with_capacity(markdown.len() * 3 / 2);
    html::push_html(&mut rendered, WithFigures::new(events));
    sanitizer().clean(&rendered).to_string()
}

/// Changes what the renderer would write otherwise.
struct Adapter {
    page: u32,
    table: Table,
}

impl Adapter {
    fn adapt<'a>(&mut self, event: Event<'a>) -> Event<'a> {
        match event {
            Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
            Event::InlineMath(latex) => Event::Html(mathml(&latex, DisplayMode::Inline).into()),
            Event::DisplayMath(latex) => {
                let math = mathml(&latex, DisplayMode::Block);
                Event::Html(format!("<div {SCROLLS} aria-label=\"Formula\">{math}</div>").into())
            }
            Event::Start(Tag::Heading { level, id, classes, attrs }) => {
                Event::Start(Tag::Heading { level: lowered(level), id, classes, attrs })
            }
            Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(lowered(level))),
            Event::FootnoteReference(name) => Event::FootnoteReference(self.footnote(&name)),
            Event::Start(Tag::FootnoteDefinition(name)) => Event::Start(Tag::FootnoteDefinition(self.footnote(&name))),
            Event::Start(tag) => self.table.start(&tag).map_or(Event::Start(tag), |html| Event::Html(html.into())),
            Event::End(tag) => self.table.end(tag).map_or(Event::End(tag), |html| Event::Html(html.into())),
            other => other,
        }
    }

    fn footnote(&self, name: &str) -> CowStr<'static> {
        format!("p{}-{name}", self.page).into()
    }
}

fn lowered(level: HeadingLevel) -> HeadingLevel {
    HeadingLevel::try_from(level as usize + 1).unwrap_or(HeadingLevel::H6)
}

/// What makes a wide thing scroll, and reachable by keyboard.
const SCROLLS: &str = r#"class="scroll-x" tabindex="0" role="group""#;

/// Writes tables with classes for alignment, where the renderer would write styles, which the page's policy forbids.
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

/// LaTeX as MathML; what cannot be understood is shown as it was written.
fn mathml(latex: &str, display_mode: DisplayMode) -> String {
    let storage = Storage::new();
    let parsed: Result<Vec<_>, _> = LatexParser::new(latex, &storage).collect();
    let config = RenderConfig { display_mode, ..RenderConfig::default() };
    let mut rendered = String::new();
    match parsed
        .map(|events| push_mathml(&mut rendered, events.into_iter().map(Ok::<_, std::convert::Infallible>), config))
    {
        Ok(Ok(())) => rendered,
        _ => format!("<code>{}</code>", latex.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")),
    }
}

const MATHML: &[&str] = &[
    "math",
    "mrow",
    "mi",
    "mn",
    "mo",
    "ms",
    "mtext",
    "mspace",
    "mfrac",
    "msqrt",
    "mroot",
    "mstyle",
    "merror",
    "mpadded",
    "mphantom",
    "msub",
    "msup",
    "msubsup",
    "munder",
    "mover",
    "munderover",
    "mmultiscripts",
    "mprescripts",
    "mtable",
    "mtr",
    "mtd",
    "semantics",
    "annotation",
];

const MATHML_ATTRIBUTES: &[&str] = &[
    "display",
    "mathvariant",
    "stretchy",
    "fence",
    "separator",
    "form",
    "lspace",
    "rspace",
    "minsize",
    "maxsize",
    "symmetric",
    "largeop",
    "movablelimits",
    "accent",
    "accentunder",
    "linethickness",
    "columnalign",
    "rowspacing",
    "columnspacing",
    "displaystyle",
    "scriptlevel",
    "width",
    "height",
    "depth",
    "voffset",
    "encoding",
];

fn sanitizer() -> Builder<'static> {
    let mut builder = Builder::default();
    builder
        .add_tags(MATHML)
        .add_generic_attributes(MATHML_ATTRIBUTES)
        .add_tag_attributes("code", ["class"])
        .add_tag_attributes("sup", ["class", "id"])
        .add_tag_attributes("div", ["class", "id", "tabindex", "role", "aria-label"])
        .add_tag_attributes("td", ["class"])
        .add_tag_attributes("th", ["class"])
        .set_tag_attribute_value("pre", "tabindex", "0")
        .add_tag_attributes("a", ["class"])
        .add_tag_attributes("figure", ["class"])
        .add_tag_attributes("img", ["loading"])
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .link_rel(Some("noopener noreferrer nofollow"));
    builder
}

#[cfg(test)]
mod tests {
    use super::safe_html;
    use proptest::prelude::*;

    #[test]
    fn renders_what_documents_are_made_of() {
        for (markdown, part) in [
            ("# Title", "<h2>Title</h2>"),
            ("| a | b |\n|---|--:|\n| 1 | 2 |", "<td>1</td><td class=\"al-right\">2</td>"),
            ("Euler: $e^{i\\pi}$", "<msup>"),
            ("$$\\frac{1}{2}$$", "<mfrac>"),
            ("```rust\nfn main() {}\n```", "<code class=\"language-rust\">"),
            ("a[^1]\n\n[^1]: note", "id=\"p7-1\""),
            (
                "![*A* $x$](/v1/images/ab/6_0.png?w=43&px=10x20)",
                "<figure class=\"w-40\"><img src=\"/v1/images/ab/6_0.png\" alt=\"Figure\" width=\"10\" height=\"20\" loading=\"lazy\">\
                 <figcaption><em>A</em> <math",
            ),
            (
                "![](/v1/images/ab/6_0.png?w=98&px=1x2&row=1)\n![](/v1/images/ab/6_1.png?w=3&px=1x2&row=1)",
                "<div class=\"figure-row\"><figure><img src=\"/v1/images/ab/6_0.png\"",
            ),
        ] {
            let html = safe_html(markdown, 6);
            assert!(html.contains(part), "{markdown} gave {html}");
        }
    }

    #[test]
    fn nothing_in_it_runs() {
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
    fn bad_math_is_shown_as_written() {
        assert!(safe_html("$\\frac{$", 0).contains("frac"));
    }

    proptest! {
        #[test]
        fn no_text_makes_a_script_or_a_panic(text in "\\PC{0,200}") {
            prop_assert!(!safe_html(&text, 0).contains("<script"));
        }
    }
}
