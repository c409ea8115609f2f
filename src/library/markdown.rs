//! Markdown to HTML that is safe to show, whoever wrote it.
//!
//! The text comes from strangers' files by way of a language model. Raw HTML in it is shown as text, math becomes MathML,
//! and what comes out passes a sanitizer that knows only the elements made here.

use std::collections::HashSet;

use ammonia::Builder;
use pulldown_cmark::{Event, Options, Parser, html};
use pulldown_latex::{Parser as LatexParser, RenderConfig, Storage, config::DisplayMode, push_mathml};

/// Renders one page of Markdown as an HTML fragment.
pub fn safe_html(markdown: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_MATH;
    let events = Parser::new_ext(markdown, options).map(|event| match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::InlineMath(latex) => Event::Html(mathml(&latex, DisplayMode::Inline).into()),
        Event::DisplayMath(latex) => Event::Html(mathml(&latex, DisplayMode::Block).into()),
        other => other,
    });
    let mut rendered = String::with_capacity(markdown.len() * 3 / 2);
    html::push_html(&mut rendered, events);
    sanitizer().clean(&rendered).to_string()
}

/// LaTeX as MathML; what cannot be understood is shown as it was written.
fn mathml(latex: &str, display_mode: DisplayMode) -> String {
    let storage = Storage::new();
    let parsed: Result<Vec<_>, _> = LatexParser::new(latex, &storage).collect();
    let config = RenderConfig { display_mode, ..RenderConfig::default() };
    let mut rendered = String::new();
    match parsed.map(|events| push_mathml(&mut rendered, events.into_iter().map(Ok::<_, std::convert::Infallible>), config)) {
        Ok(Ok(())) => rendered,
        _ => format!("<code>{}</code>", latex.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")),
    }
}

const MATHML: &[&str] = &[
    "math", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "mfrac", "msqrt", "mroot", "mstyle", "merror", "mpadded",
    "mphantom", "msub", "msup", "msubsup", "munder", "mover", "munderover", "mmultiscripts", "mprescripts", "mtable", "mtr",
    "mtd", "semantics", "annotation",
];

const MATHML_ATTRIBUTES: &[&str] = &[
    "display", "mathvariant", "stretchy", "fence", "separator", "form", "lspace", "rspace", "minsize", "maxsize", "symmetric",
    "largeop", "movablelimits", "accent", "accentunder", "linethickness", "columnalign", "rowspacing", "columnspacing",
    "displaystyle", "scriptlevel", "width", "height", "depth", "voffset", "encoding",
];

fn sanitizer() -> Builder<'static> {
    let mut builder = Builder::default();
    builder
        .add_tags(MATHML)
        .add_generic_attributes(MATHML_ATTRIBUTES)
        .add_tag_attributes("code", ["class"])
        .add_tag_attributes("sup", ["class", "id"])
        .add_tag_attributes("div", ["class", "id"])
        .add_tag_attributes("a", ["class"])
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
            ("# Title", "<h1>Title</h1>"),
            ("| a | b |\n|---|---|\n| 1 | 2 |", "<td>1</td>"),
            ("Euler: $e^{i\\pi}$", "<msup>"),
            ("$$\\frac{1}{2}$$", "<mfrac>"),
            ("```rust\nfn main() {}\n```", "<code class=\"language-rust\">"),
            ("a[^1]\n\n[^1]: note", "footnote"),
        ] {
            let html = safe_html(markdown);
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
            let html = safe_html(markdown);
            for bad in ["<script", "<img src=\"x\"", "javascript:alert(1)\"", "href=\"data:", "style="] {
                assert!(!html.contains(bad), "{markdown} gave {html}");
            }
        }
    }

    #[test]
    fn bad_math_is_shown_as_written() {
        assert!(safe_html("$\\frac{$").contains("frac"));
    }

    proptest! {
        #[test]
        fn no_text_makes_a_script_or_a_panic(text in "\\PC{0,200}") {
            prop_assert!(!safe_html(&text).contains("<script"));
        }
    }
}
