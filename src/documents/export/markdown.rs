//! Markdown: the text with a mark where each page begins. Figures side by side become a table, which other Markdown renderers show alike.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::ops::Range;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::{Part, Source};
use crate::error::Result;
use crate::markdown::flow::replaced;
use crate::markdown::{self, FigureAddress, FigureId, OPTIONS, host_note, page_mark};

/// Writes all parts, and returns their figures. `address` gives the address of a figure's picture.
///
/// # Errors
/// If pages cannot be loaded, the caller's turn at rendering does not come in time, or `out` cannot be written.
pub(crate) async fn write<A>(
    source: &Source,
    out: &mut (impl AsyncWrite + Unpin),
    address: A,
) -> Result<BTreeSet<FigureId>>
where
    A: Fn(&FigureId) -> String + Clone + Send + 'static,
{
    let mut figures = BTreeSet::new();
    let mut parts = source.parts();
    while let Some(part) = parts.next().await? {
        let address = address.clone();
        let (text, named) = source.work(move || text_and_figures(&part, &address)).await?;
        figures.extend(named);
        out.write_all(text.as_bytes()).await?;
    }
    Ok(figures)
}

fn text_and_figures(part: &Part, address: &impl Fn(&FigureId) -> String) -> (String, Vec<FigureId>) {
    let mut figures = Vec::new();
    let mut named = |figure: &FigureId| {
        figures.push(figure.clone());
        address(figure)
    };
    let mark = if part.is_start { page_mark(part.page) + "\n\n" } else { String::new() };
    let source = markdown::Source::of(&part.markdown);
    let text: String = source.pieces().map(|piece| with_addresses(piece, &mut named)).collect();
    let end = if text.is_empty() { "" } else { "\n\n" };
    (mark + &text + end, figures)
}

/// A figure in Markdown, with its range there.
struct Image<'a> {
    place: Range<usize>,
    caption: &'a str,
    address: String,
}

/// An image from another site whose end is not parsed yet.
struct Foreign {
    place: Range<usize>,
    address: String,
    /// The range between its brackets.
    caption: Option<Range<usize>>,
    in_link: bool,
}

impl Foreign {
    /// The text that replaces it: a link, or plain text inside a link, since links do not nest.
    fn link(&self, markdown: &str) -> String {
        let Self { caption, address, in_link, .. } = self;
        let caption = caption.clone().map_or("Picture", |caption| &markdown[caption]);
        let text = format!("{caption} {}", host_note(address));
        if *in_link { text } else { format!("[{text}]({})", destination(address)) }
    }
}

/// An address escaped for the parentheses of a link.
fn destination(address: &str) -> String {
    let escaped = address.replace('\\', "%5C").replace('<', "%3C").replace('>', "%3E").replace('\n', "%0A");
    format!("<{escaped}>")
}

/// The text with figures at the addresses given by `address`, and with links in place of images from other sites.
fn with_addresses(markdown: &str, address: &mut impl FnMut(&FigureId) -> String) -> String {
    let mut changes: Vec<(Range<usize>, String)> = Vec::new();
    let mut images: Vec<Image<'_>> = Vec::new();
    let mut foreign: Option<(usize, Foreign)> = None;
    let (mut depth, mut links) = (0_usize, 0_usize);
    for (event, place) in Parser::new_ext(markdown, OPTIONS).into_offset_iter() {
        if let Some((_, foreign)) = foreign.as_mut().filter(|(at, _)| depth > *at)
            && place != foreign.place
        {
            let start = foreign.caption.as_ref().map_or(place.start, |caption| caption.start);
            foreign.caption = Some(start..place.end);
        }
        match event {
            Event::Start(tag) => {
                match tag {
                    Tag::Image { dest_url, .. } if foreign.is_none() => match FigureAddress::of(&dest_url) {
                        Some(figure) => {
                            if let Some(caption) = caption(&markdown[place.clone()], &dest_url) {
                                images.push(Image { place, caption, address: address(&figure.id) });
                            }
                        }
                        None => {
                            let (address, in_link) = (dest_url.into_string(), links > 0);
                            foreign = Some((depth, Foreign { place, address, caption: None, in_link }));
                        }
                    },
                    Tag::Link { .. } => links += 1,
                    _ => {}
                }
                depth += 1;
            }
            Event::End(end) => {
                depth -= 1;
                links -= usize::from(end == TagEnd::Link);
                if let Some((_, foreign)) = foreign.take_if(|(at, _)| *at == depth) {
                    changes.push((foreign.place.clone(), foreign.link(markdown)));
                }
                if depth > 0 {
                    continue;
                }
                if end == TagEnd::Paragraph
                    && images.len() > 1
                    && is_nothing_else(&markdown[place.clone()], &place, &images)
                {
                    let text = markdown[place.clone()].trim_end();
                    changes.push((place.start..place.start + text.len(), table(&images)));
                    images.clear();
                }
                changes.extend(images.drain(..).map(|image| (image.place, inline(image.caption, &image.address))));
            }
            _ => {}
        }
    }
    changes.sort_by_key(|(place, _)| place.start);
    replaced(markdown, changes)
}

/// The text between the brackets of an image.
fn caption<'a>(image: &'a str, address: &str) -> Option<&'a str> {
    image.strip_prefix("![")?.strip_suffix(')')?.strip_suffix(address)?.strip_suffix("](")
}

fn inline(caption: &str, address: &str) -> String {
    format!("![{caption}]({address})")
}

fn is_nothing_else(paragraph: &str, place: &Range<usize>, images: &[Image<'_>]) -> bool {
    let images_len: usize = images.iter().map(|image| image.place.len()).sum();
    let between = images
        .windows(2)
        .all(|pair| paragraph[pair[0].place.end - place.start..pair[1].place.start - place.start].trim().is_empty());
    between
        && images[0].place.start == place.start
        && paragraph.split_whitespace().map(str::len).sum::<usize>() <= images_len
        && paragraph.trim_end().len() == images[images.len() - 1].place.end - place.start
}

/// A table with the figures in one row and their captions below.
fn table(images: &[Image<'_>]) -> String {
    let (mut pictures, mut rule, mut captions) = ("|".to_owned(), "|".to_owned(), "|".to_owned());
    for image in images {
        let _ = write!(pictures, " {} |", inline("", &image.address));
        rule.push_str(":-:|");
        let _ = write!(captions, " {} |", image.caption.replace('|', "\\|"));
    }
    format!("{pictures}\n{rule}\n{captions}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renamed(markdown: &str) -> String {
        with_addresses(markdown, &mut |id: &FigureId| format!("f/{}-{}", id.page, id.figure))
    }

    #[test]
    fn figures_get_new_addresses_and_stay_side_by_side() {
        let one = "![A *cup* | x](/v1/images/ab/4_0.png?w=40&px=10x20)";
        let two = "![](/v1/images/ab/4_1.png?w=40&px=10x20&row=1)";
        assert_eq!(renamed(&format!("Text {one} more\n\n{two}\n")), "Text ![A *cup* | x](f/4-0) more\n\n![](f/4-1)\n");
        assert_eq!(
            renamed(&format!("a\n\n{one}\n{two}\n\nb")),
            "a\n\n| ![](f/4-0) | ![](f/4-1) |\n|:-:|:-:|\n| A *cup* \\| x |  |\n\nb"
        );
        assert_eq!(renamed(&format!("{one}\nand {two}")), "![A *cup* | x](f/4-0)\nand ![](f/4-1)");
    }

    #[test]
    fn foreign_image_becomes_link_with_its_host() {
        let note = "(picture at an address without a host)";
        for (markdown, expected) in [
            (
                "![x *y*](http://a.example/y.png \"Title\").",
                "[x *y* (picture at a.example)](<http://a.example/y.png>).",
            ),
            ("a ![](/v1/events) b", &format!("a [Picture {note}](</v1/events>) b")),
            (
                "![a][b]\n\n[b]: <//a.example/x y>",
                "[a (picture at a.example)](<//a.example/x y>)\n\n[b]: <//a.example/x y>",
            ),
            ("[![a](//b.example)](//c.example)", "[a (picture at b.example)](//c.example)"),
            ("![a ![b](c) d](//e.example)", "[a ![b](c) d (picture at e.example)](<//e.example>)"),
            ("`![x](http://a.example/y.png)`", "`![x](http://a.example/y.png)`"),
            ("![x](/v1/images/ab/4_0.png)", &format!("[x {note}](</v1/images/ab/4_0.png>)")),
        ] {
            assert_eq!(renamed(markdown), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn markdown_without_images_is_unchanged(markdown in "[ab !\\[\\]()*`|\\n:-]{0,80}") {
            let is_picture = |event| matches!(event, Event::Start(Tag::Image { .. }));
            proptest::prop_assume!(!Parser::new_ext(&markdown, OPTIONS).any(is_picture));
            proptest::prop_assert_eq!(renamed(&markdown), markdown);
        }

        #[test]
        fn markdown_with_foreign_images_keeps_no_image(markdown in "[ab !\\[\\]()<>\\\\*`|\\n:-]{0,80}") {
            let text = renamed(&markdown);
            let pictures = Parser::new_ext(&text, OPTIONS).filter(|event| matches!(event, Event::Start(Tag::Image { .. })));
            proptest::prop_assert_eq!(pictures.count(), 0, "{}", text);
        }
    }
}
