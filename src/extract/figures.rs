//! Puts figures into a page's Markdown in place of the placeholders in Gemini's answer.
//!
//! Gemini writes `![caption](figure:2)`. It becomes `![caption](address)` on a line of its own, where the address is a [`FigureAddress`].
//! Consecutive figures of one row become one paragraph.

use std::mem;

use pulldown_cmark::{Event, Parser, Tag};

use super::fence;
use super::placeholder::Placeholder;
use crate::markdown::{FigureAddress, FigureId, OPTIONS};
use coldbrew_pdf::figures::Figure;

/// The figures of one page, with the parts of their addresses.
#[derive(Clone, Copy, Debug)]
pub struct PageFigures<'a> {
    pub content_hash: &'a str,
    /// Counts from 0.
    pub page: u32,
    pub figures: &'a [Figure],
}

impl PageFigures<'_> {
    /// Replaces each placeholder with its figure. Removes repeated placeholders and those without a figure, closes open code, and appends
    /// figures that the text does not show.
    pub fn substitute(&self, markdown: &str) -> String {
        let mut builder = Builder::of(*self);
        let mut done = 0;
        for placeholder in Placeholder::all_in(markdown) {
            builder.write(&markdown[done..placeholder.place.start]);
            builder.place(&placeholder);
            done = placeholder.place.end;
        }
        builder.write(&markdown[done..]);
        builder.finish()
    }

    fn join(&self, blocks: &[Block]) -> String {
        let mut markdown = String::new();
        let mut row_before = None;
        for (position, block) in blocks.iter().enumerate() {
            let row = block.figure().and_then(|index| self.figures[index].row);
            let is_beside = row.is_some() && row == row_before;
            markdown.push_str(match block {
                _ if position == 0 => "",
                Block::CodeEnd(_) => "\n",
                _ if is_beside => "\n",
                _ => "\n\n",
            });
            match block {
                Block::Text(text) | Block::CodeEnd(text) => markdown.push_str(text),
                Block::Figure { index, caption } => markdown.push_str(&self.image(*index, caption)),
            }
            row_before = row;
        }
        markdown
    }

    fn image(&self, index: usize, caption: &str) -> String {
        format!("![{caption}]({})", self.address(index))
    }

    fn address(&self, index: usize) -> FigureAddress {
        let Figure { bounds, row, width_px, height_px } = self.figures[index];
        let id = FigureId::new(self.content_hash, self.page, index);
        let width_percent = (bounds.width() * 100.0).round().clamp(1.0, 100.0) as u32;
        FigureAddress { id, width_percent, width_px, height_px, row }
    }

    /// The figures that the rendered text does not show.
    fn missing(&self, markdown: &str) -> Vec<usize> {
        let mut missing: Vec<usize> = (0..self.figures.len()).collect();
        for event in Parser::new_ext(markdown, OPTIONS) {
            if let Event::Start(Tag::Image { dest_url, .. }) = event {
                let shown = FigureAddress::of(&dest_url);
                missing.retain(|&index| shown.as_ref() != Some(&self.address(index)));
            }
        }
        missing
    }
}

enum Block {
    Text(String),
    /// The line that closes the code before it.
    CodeEnd(String),
    Figure {
        index: usize,
        caption: String,
    },
}

impl Block {
    /// A text, unless it is empty.
    fn text(text: &str) -> Option<Self> {
        let text = text.trim_matches(['\n', ' ']);
        (!text.is_empty()).then(|| Self::Text(text.to_owned()))
    }

    const fn figure(&self) -> Option<usize> {
        if let Self::Figure { index, .. } = self { Some(*index) } else { None }
    }
}

/// Builds the text of a page with its figures.
struct Builder<'a> {
    figures: PageFigures<'a>,
    placed: Vec<bool>,
    blocks: Vec<Block>,
    /// The current block, from its last figure on.
    text: String,
    /// Whether the current block has a placeholder.
    is_cut: bool,
}

impl<'a> Builder<'a> {
    fn of(figures: PageFigures<'a>) -> Self {
        let placed = vec![false; figures.figures.len()];
        Self { figures, placed, blocks: Vec::new(), text: String::new(), is_cut: false }
    }

    fn write(&mut self, markdown: &str) {
        for (position, text) in markdown.split("\n\n").enumerate() {
            if position > 0 {
                self.end_block();
            }
            self.text.push_str(text);
        }
    }

    fn end_block(&mut self) {
        let text = mem::take(&mut self.text);
        // An empty block is kept, since it may separate two blocks. A block of placeholders only is dropped.
        if mem::take(&mut self.is_cut) {
            self.blocks.extend(Block::text(&text));
        } else {
            self.blocks.push(Block::Text(text));
        }
    }

    /// Ends the current block with a figure, which is a block of its own. In a table, the figure stays in its cell.
    fn place(&mut self, placeholder: &Placeholder) {
        self.is_cut = true;
        let Some(index) = self.claim(placeholder.number) else { return };
        if self.text.trim_start().starts_with('|') {
            self.text.push_str(&self.figures.image(index, &placeholder.caption));
        } else {
            self.blocks.extend(Block::text(&mem::take(&mut self.text)));
            self.blocks.push(Block::Figure { index, caption: placeholder.caption.clone() });
        }
    }

    /// The figure for a placeholder: that of its number, or the first one not placed yet if it has no number. Each figure is placed once.
    fn claim(&mut self, number: Option<usize>) -> Option<usize> {
        let own = number.and_then(|number| number.checked_sub(1)).filter(|&index| index < self.placed.len());
        let index = match own {
            Some(index) => (!self.placed[index]).then_some(index)?,
            None if number.is_some() => return None,
            None => self.placed.iter().position(|placed| !placed)?,
        };
        self.placed[index] = true;
        Some(index)
    }

    fn finish(mut self) -> String {
        self.end_block();
        let markdown = self.figures.join(&self.blocks);
        self.blocks.extend(fence::missing_end(&markdown).map(|end| Block::CodeEnd(end.to_owned())));
        let missing = self.figures.missing(&markdown);
        self.blocks.extend(missing.into_iter().map(|index| Block::Figure { index, caption: String::new() }));
        self.figures.join(&self.blocks)
    }
}

#[cfg(test)]
mod tests;
