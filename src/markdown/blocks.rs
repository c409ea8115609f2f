//! The blocks of a page: what stands at the outermost level of its Markdown.

use std::ops::Range;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use super::{FigureAddress, OPTIONS, PAGE_BYTES_MAX};

/// A block of the outermost level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its bytes in the page, with the line break after it.
    pub range: Range<usize>,
    pub kind: Kind,
    /// The visible text of a paragraph or a heading.
    pub text: String,
    /// How many headings stand inside it, as in a quotation.
    pub inner_headings: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Paragraph,
    /// With its level, 1 to 6.
    Heading(u8),
    Table,
    Footnote,
    /// A paragraph of figures alone.
    Figure,
    Other,
}

impl Kind {
    /// Whether the block stands beside the running text.
    pub const fn is_aside(self) -> bool {
        matches!(self, Self::Figure | Self::Footnote)
    }
}

/// The blocks of a page in order. Empty for a page larger than [`PAGE_BYTES_MAX`].
pub fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    if markdown.len() > PAGE_BYTES_MAX {
        return blocks;
    }
    let (mut depth, mut text_seen) = (0, false);
    // The depth of the figure whose caption is being read. A caption is not running text.
    let mut figure = None;
    for (event, range) in Parser::new_ext(markdown, OPTIONS).into_offset_iter() {
        match event {
            Event::Start(tag) => {
                if depth == 0 {
                    blocks.push(Block { range, kind: kind_of(&tag), text: String::new(), inner_headings: 0 });
                    text_seen = false;
                } else if let Tag::Heading { .. } = &tag {
                    blocks.iter_mut().last().into_iter().for_each(|block| block.inner_headings += 1);
                } else if let Tag::Image { dest_url, .. } = &tag
                    && figure.is_none()
                    && FigureAddress::of(dest_url).is_some()
                {
                    figure = Some(depth);
                }
                depth += 1;
                continue;
            }
            Event::End(end) => {
                depth -= 1;
                figure = figure.filter(|at| *at < depth);
                if end == TagEnd::Paragraph
                    && depth == 0
                    && !text_seen
                    && let Some(block) = blocks.last_mut()
                {
                    block.kind = Kind::Figure;
                }
                continue;
            }
            _ => {}
        }
        if depth == 0 {
            blocks.push(Block { range, kind: Kind::Other, text: String::new(), inner_headings: 0 });
            continue;
        }
        let breaks = matches!(event, Event::SoftBreak | Event::HardBreak);
        text_seen |= figure.is_none() && event != Event::SoftBreak;
        let Some(block) = blocks.last_mut().filter(|block| matches!(block.kind, Kind::Paragraph | Kind::Heading(_)))
        else {
            continue;
        };
        match event {
            _ if figure.is_some() => {}
            _ if breaks => block.text.push('\n'),
            Event::Text(text) | Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                block.text.push_str(&text);
            }
            _ => {}
        }
    }
    blocks
}

fn kind_of(tag: &Tag<'_>) -> Kind {
    match tag {
        Tag::Paragraph => Kind::Paragraph,
        Tag::Heading { level, .. } => Kind::Heading(*level as u8),
        Tag::Table(_) => Kind::Table,
        Tag::FootnoteDefinition(_) => Kind::Footnote,
        _ => Kind::Other,
    }
}
