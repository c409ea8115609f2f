//! Converts positioned characters to Markdown. The functions are pure and independent of PDFium.
//!
//! [`Glyph`]s in file order become [`lines`], without the [`running`] heads and feet of the document. Lines get a reading [`order`], and
//! become [`blocks`]: paragraphs, headings, list items and code. Blocks become [`markdown`]. File order is kept unless the geometry
//! contradicts it, because most programs write text in reading order.
//!
//! A page alone does not tell what a heading is. So a [`Survey`] of the document comes first.
//!
//! Right-to-left text is mirrored first, and [`vertical`] text turned, so that the layout has only rules for left-to-right text.

mod bidi;
mod blocks;
mod columns;
mod glyph;
mod headings;
mod inline;
mod join;
mod lines;
mod listings;
mod lists;
mod margin;
mod markdown;
mod notes;
mod order;
mod paragraphs;
mod rich;
mod running;
mod script;
mod spacing;
mod style;
mod survey;
mod tables;
#[cfg(test)]
mod testing;
mod vertical;
mod vocabulary;

use crate::document::Bookmark;

pub(crate) use glyph::{Face, Glyph, Link, Turn, is_visible};
pub(crate) use survey::{Survey, sample};
pub(crate) use tables::{Area, Rule};

/// The characters of a page in file order, its links and its rules.
#[derive(Clone, Debug, Default)]
pub(crate) struct PageGlyphs {
    pub glyphs: Vec<Glyph>,
    pub links: Vec<Link>,
    /// The addresses to which the links refer by number.
    pub addresses: Vec<String>,
    pub rules: Vec<Rule>,
    /// Where something is drawn that is neither a rule nor a box.
    pub drawings: Vec<Area>,
}

/// The Markdown of a page of a document. Text is escaped: it never becomes HTML, nor a heading, list or code that the layout does not show.
/// Tables with merged cells are HTML.
pub(crate) fn to_markdown(page: &PageGlyphs, index: u32, survey: &Survey) -> String {
    let lines = running::without(lines(page), &survey.bands, |line| survey.headings.is_title(index, line));
    let blocks = blocks::from_lines(order::reading_order(lines), index, survey);
    markdown::render(&blocks, &page.addresses, &survey.words)
}

/// Surveys a sample of the pages of a document, each with its number.
pub(crate) fn survey<'a>(pages: impl Iterator<Item = (u32, &'a PageGlyphs)>, bookmarks: &[Bookmark]) -> Survey {
    let mut has_links = false;
    let pages = pages.map(|(index, page)| {
        has_links |= !page.addresses.is_empty() || glyph::has_italic_reference(&page.glyphs, &page.links);
        (index, lines(page))
    });
    let pages = pages.collect();
    Survey::of(pages, bookmarks).with_links(has_links)
}

fn lines(page: &PageGlyphs) -> Vec<lines::Line> {
    let glyphs = vertical::turned(&page.glyphs);
    let turn = glyph::main_turn(&glyphs);
    let glyphs = margin::without_line_numbers(glyph::upright(&glyphs, &page.links, turn));
    let (glyphs, tables) = tables::take_out(glyphs, page, turn);
    let mut lines = lines::from_glyphs(&glyphs);
    tables.into_iter().for_each(|table| tables::insert(&mut lines, table));
    if script::is_right_to_left(lines.iter().map(|line| &*line.text)) {
        lines.iter_mut().for_each(lines::Line::mirror);
    }
    lines
}

/// The number of visible characters.
pub(crate) fn visible_chars(glyphs: &[Glyph]) -> u32 {
    let visible = glyphs.iter().filter(|glyph| is_visible(glyph.char)).count();
    u32::try_from(visible).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser};

    use super::testing::{glyphs, leftward_glyphs, mono_glyphs};
    use super::*;

    fn to_markdown(glyphs: &[Glyph]) -> String {
        testing::to_markdown(glyphs, &[])
    }

    /// A page of these lines, each at its own place.
    fn page(lines: &[(&str, f32, f32)]) -> Vec<Glyph> {
        let line_break = glyphs("\n", 0.0, 0.0);
        lines.iter().flat_map(|(text, left, down)| [glyphs(text, *left, *down), line_break.clone()].concat()).collect()
    }

    #[test]
    fn page_becomes_markdown() {
        let mut glyphs = page(&[
            ("A Heading", 50.0, 50.0),
            ("The first lines of a paragraph, one", 50.0, 80.0),
            ("of which is cut in the midst of a wo", 50.0, 92.0),
        ]);
        glyphs.iter_mut().take(9).for_each(|glyph| glyph.size = 20.0);
        glyphs.pop();
        glyphs.extend(page(&[("\u{2}rd.", 50.0, 104.0)]));
        assert_eq!(
            to_markdown(&glyphs),
            "# A Heading\n\nThe first lines of a paragraph, one of which is cut in the midst of a word."
        );
    }

    #[test]
    fn monospaced_text_becomes_code_with_its_spaces() {
        let lines = [("fn main() {\n", 50.0, 80.0), ("if x < 1 {\n", 70.0, 92.0), ("}", 50.0, 116.0)];
        let listing: Vec<Glyph> = lines.iter().flat_map(|(text, left, down)| mono_glyphs(text, *left, *down)).collect();
        assert_eq!(to_markdown(&listing), "```\nfn main() {\n    if x < 1 {\n\n}\n```");
    }

    #[test]
    fn stamp_along_the_margin_is_dropped() {
        let mut stamp = glyphs("arXiv:1234.5678", 20.0, 400.0);
        stamp.iter_mut().for_each(|glyph| glyph.turn = Turn::Quarter);
        stamp.extend(page(&[("", 0.0, 0.0), ("The text of the page.", 50.0, 80.0)]));
        assert_eq!(to_markdown(&stamp), "The text of the page.");
    }

    #[test]
    fn rotated_page_is_read() {
        let mut turned = page(&[("The first line of it", 50.0, 80.0), ("and the second line.", 50.0, 92.0)]);
        for glyph in turned.iter_mut() {
            let (x, y) = glyph.origin;
            let [left, bottom, right, top] = glyph.bounds;
            // A quarter turn counter-clockwise takes (x, y) to (-y, x).
            (glyph.origin, glyph.bounds, glyph.turn) = ((-y, x), [-top, left, -bottom, right], Turn::Quarter);
        }
        assert_eq!(to_markdown(&turned), "The first line of it and the second line.");
    }

    #[test]
    fn hebrew_columns_are_read_from_the_right() {
        let mut lines = Vec::new();
        for row in 0..4 {
            let down = 80.0 + 12.0 * row as f32;
            lines.push(("עמודה ראשונה של טקסט ארוך", 320.0, down));
        }
        for row in 0..4 {
            let down = 80.0 + 12.0 * row as f32;
            lines.push(("עמודה שנייה של טקסט ארוך", 50.0, down));
        }
        lines.rotate_left(4);
        let line_break = glyphs("\n", 0.0, 0.0);
        let leftward =
            |(text, left, down): &(&str, f32, f32)| [leftward_glyphs(text, *left, *down), line_break.clone()];
        let markdown = to_markdown(&lines.iter().flat_map(leftward).collect::<Vec<_>>().concat());
        assert!(markdown.find("ראשונה") < markdown.find("שנייה"), "{markdown}");
    }

    /// The extensions that a renderer can enable, without typographic ones.
    fn options() -> Options {
        Options::all() - Options::ENABLE_SUPERSCRIPT - Options::ENABLE_SUBSCRIPT - Options::ENABLE_SMART_PUNCTUATION
    }

    fn any_glyph() -> impl Strategy<Value = Glyph> {
        let char = prop_oneof![
            any::<char>(),
            Just('\n'),
            Just(' '),
            Just('\u{2}'),
            "[<>&*_#`$~|\\[\\]()!.a1\\\\-]".prop_map(first)
        ];
        let place = prop_oneof![-50.0_f32..700.0, any::<f32>()];
        let turn = prop_oneof![Just(Turn::Upright), Just(Turn::Quarter), Just(Turn::Half), Just(Turn::Oblique)];
        (char, place.clone(), place, prop_oneof![4.0_f32..30.0, any::<f32>()], turn, any::<[bool; 3]>()).prop_map(
            |(char, x, y, size, turn, [bold, italic, mono])| Glyph {
                char,
                origin: (x, y),
                bounds: [x, y, x + size / 2.0, y + size],
                size,
                turn,
                face: Face { bold, italic, mono, font: 0 },
            },
        )
    }

    fn first(text: String) -> char {
        text.chars().next().unwrap_or('x')
    }

    proptest! {
        #[test]
        fn any_page_becomes_markdown_without_html(glyphs in proptest::collection::vec(any_glyph(), 0..200)) {
            let markdown = to_markdown(&glyphs);
            for event in Parser::new_ext(&markdown, options()) {
                match event {
                    Event::Html(_) => prop_assert!(false, "{markdown}"),
                    Event::InlineHtml(tag) => prop_assert!(["<sup>", "</sup>", "<sub>", "</sub>"].contains(&&*tag), "{markdown}"),
                    _ => {}
                }
            }
        }

        #[test]
        fn line_of_prose_renders_as_written(text in "[a-zA-Z0-9<>&*_#`$~|\\[\\](){}!:=+;.,^ \\\\-]{1,60}") {
            let mut shown = String::new();
            for event in Parser::new_ext(&to_markdown(&page(&[(&text, 50.0, 80.0)])), options()) {
                if let Event::Text(text) = event {
                    shown.push_str(&text);
                }
            }
            let squeezed = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let is_shortened = text.contains("....") || text.contains(". . .");
            let is_item = squeezed.starts_with(['-', '*']) || squeezed.starts_with(|char: char| char.is_ascii_digit());
            prop_assert!(is_shortened || is_item || shown == squeezed, "{shown:?} {squeezed:?}");
        }
    }
}
