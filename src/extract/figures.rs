//! Figures in a page's Markdown: what stands for them in Gemini's answer, and what stands there in the end.
//!
//! Gemini writes `![caption](figure:2)`. What is kept is `![caption](address)` on a line of its own, the address being that of
//! [`FigureAddress`]. Figures that follow each other and share a row are one paragraph.

use std::mem;

use pulldown_cmark::{Event, Parser, Tag};

use super::fence;
use super::placeholder::Placeholder;
use crate::markdown::{FigureAddress, FigureId, OPTIONS};
use coldbrew_pdf::figures::Figure;

/// The figures of one page, and how their pictures are found.
#[derive(Clone, Copy, Debug)]
pub struct PageFigures<'a> {
    pub content_hash: &'a str,
    pub page: u32,
    pub figures: &'a [Figure],
}

impl PageFigures<'_> {
    /// The text with each placeholder replaced by its figure. Placeholders of no figure, and second ones, vanish; code that was left
    /// open is closed; figures that cannot be seen in the text are appended.
    pub fn substitute(&self, markdown: &str) -> String {
        let mut draft = Draft::of(*self);
        let mut read = 0;
        for placeholder in Placeholder::all_in(markdown) {
            draft.write(&markdown[read..placeholder.place.start]);
            draft.place(&placeholder);
            read = placeholder.place.end;
        }
        draft.write(&markdown[read..]);
        draft.finish()
    }

    fn joined(&self, blocks: &[Block]) -> String {
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

    /// The figures that somebody who reads the text does not see: forgotten ones, and those in what is not shown.
    fn unseen(&self, markdown: &str) -> Vec<usize> {
        let mut unseen: Vec<usize> = (0..self.figures.len()).collect();
        for event in Parser::new_ext(markdown, OPTIONS) {
            if let Event::Start(Tag::Image { dest_url, .. }) = event {
                let seen = FigureAddress::of(&dest_url);
                unseen.retain(|&index| seen.as_ref() != Some(&self.address(index)));
            }
        }
        unseen
    }
}

enum Block {
    Text(String),
    /// Closes the code before it.
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

/// The text of a page while its figures are put into it.
struct Draft<'a> {
    figures: PageFigures<'a>,
    placed: Vec<bool>,
    blocks: Vec<Block>,
    /// The block under way, from its last figure on.
    text: String,
    /// Whether there was a placeholder in the block under way.
    is_cut: bool,
}

impl<'a> Draft<'a> {
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
        // An empty block of the answer may separate what must not run together; one that held placeholders only does not.
        if mem::take(&mut self.is_cut) {
            self.blocks.extend(Block::text(&text));
        } else {
            self.blocks.push(Block::Text(text));
        }
    }

    /// Cuts the block under way: a figure is a block of its own, except in a table, where it stays in its cell.
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

    /// The figure that a placeholder of that number stands for: its own or, if there is none of that number, the next that
    /// has no place.
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
        let markdown = self.figures.joined(&self.blocks);
        self.blocks.extend(fence::missing_end(&markdown).map(|end| Block::CodeEnd(end.to_owned())));
        let unseen = self.figures.unseen(&markdown);
        self.blocks.extend(unseen.into_iter().map(|index| Block::Figure { index, caption: String::new() }));
        self.figures.joined(&self.blocks)
    }
}

#[cfg(test)]
mod tests;
