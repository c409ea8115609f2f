//! Markdown: the text with a mark where each page begins. Figures side by side become a table, which every reader of Markdown shows so.

use std::fmt::Write;
use std::ops::Range;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::{Part, Parts};
use crate::error::Result;
use crate::library::figures::Picture;
use crate::library::markdown::{OPTIONS, page_mark};

/// Writes all parts. `address` says where a figure's picture is to be found.
pub async fn write(
    mut parts: Parts<'_>,
    out: &mut (impl AsyncWrite + Unpin),
    mut address: impl FnMut(&Picture<'_>) -> String,
) -> Result<()> {
    while let Some(part) = parts.next().await? {
        out.write_all(text_of(&part, &mut address).as_bytes()).await?;
    }
    Ok(())
}

fn text_of(part: &Part, address: &mut impl FnMut(&Picture<'_>) -> String) -> String {
    let mark = if part.is_start { page_mark(part.page) + "\n\n" } else { String::new() };
    let text = with_addresses(&part.markdown, address);
    let end = if text.is_empty() { "" } else { "\n\n" };
    mark + &text + end
}

/// A figure in Markdown, and where it stands there.
struct Image<'a> {
    place: Range<usize>,
    caption: &'a str,
    address: String,
}

/// The text with its figures under other addresses.
fn with_addresses(markdown: &str, address: &mut impl FnMut(&Picture<'_>) -> String) -> String {
    let mut changes: Vec<(Range<usize>, String)> = Vec::new();
    let mut images: Vec<Image<'_>> = Vec::new();
    let mut depth = 0;
    for (event, place) in Parser::new_ext(markdown, OPTIONS).into_offset_iter() {
        match event {
            Event::Start(Tag::Image { dest_url, .. }) => {
                if let Some(picture) = Picture::of(&dest_url)
                    && let Some(caption) = caption(&markdown[place.clone()], &dest_url)
                {
                    images.push(Image { place, caption, address: address(&picture) });
                }
                depth += 1;
            }
            Event::Start(_) => depth += 1,
            Event::End(end) => {
                depth -= 1;
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
    let mut text = markdown.to_owned();
    for (place, new) in changes.into_iter().rev() {
        text.replace_range(place, &new);
    }
    text
}

/// What stands between the brackets of an image.
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

/// Figures beside each other, their captions below.
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
        with_addresses(markdown, &mut |picture: &Picture<'_>| format!("f/{}-{}", picture.page, picture.figure))
    }

    #[test]
    fn figures_get_their_addresses_and_stay_side_by_side() {
        let one = "![A *cup* | x](/v1/images/ab/4_0.png?w=40&px=10x20)";
        let two = "![](/v1/images/ab/4_1.png?w=40&px=10x20&row=1)";
        assert_eq!(renamed(&format!("Text {one} more\n\n{two}\n")), "Text ![A *cup* | x](f/4-0) more\n\n![](f/4-1)\n");
        assert_eq!(
            renamed(&format!("a\n\n{one}\n{two}\n\nb")),
            "a\n\n| ![](f/4-0) | ![](f/4-1) |\n|:-:|:-:|\n| A *cup* \\| x |  |\n\nb"
        );
        assert_eq!(renamed(&format!("{one}\nand {two}")), "![A *cup* | x](f/4-0)\nand ![](f/4-1)");
        assert_eq!(renamed("![x](http://a.example/y.png)"), "![x](http://a.example/y.png)");
    }

    proptest::proptest! {
        #[test]
        fn all_else_stays_as_it_is(markdown in "[ab !\\[\\]()*`|\\n:-]{0,80}") {
            proptest::prop_assert_eq!(renamed(&markdown), markdown);
        }
    }
}
