//! Figures in a page's Markdown: what stands for them in Gemini's answer, and what stands there in the end.
//!
//! Gemini writes `![caption](figure:2)`. What is kept is `![caption](/v1/images/{content_hash}/{page}_{figure}.png?w=45&px=812x604&row=1)`
//! on a line of its own: `w` is the figure's width in percent of the page, `px` the size of its picture, and figures of one `row`
//! stand side by side. Figures that follow each other and share a row are one paragraph.

use std::fmt::Write;

use crate::pdf::figures::Figure;

/// What Gemini writes for the figure of that number, counted from 1, before its number.
const MARK: &str = "](figure:";

/// How Gemini is to write a figure.
pub fn placeholder(number: usize) -> String {
    format!("![{MARK}{number})")
}

/// The figures of one page, and how their pictures are found.
#[derive(Clone, Copy, Debug)]
pub struct PageFigures<'a> {
    pub content_hash: &'a str,
    pub page: u32,
    pub figures: &'a [Figure],
}

impl PageFigures<'_> {
    /// The text with each placeholder replaced by its figure. Placeholders of no figure, and second ones, vanish; figures
    /// that no placeholder stands for are appended.
    pub fn substitute(&self, markdown: &str) -> String {
        let mut placed = vec![false; self.figures.len()];
        let mut blocks: Vec<Block> = Vec::new();
        for block in markdown.split("\n\n") {
            self.rewrite(block, &mut placed, &mut blocks);
        }
        let forgotten = placed.iter().enumerate().filter(|(_, placed)| !**placed).map(|(index, _)| index);
        blocks.extend(forgotten.map(|index| Block::Figure { index, caption: String::new() }));
        self.joined(&blocks)
    }

    /// Cuts a block at its placeholders: a figure is a block of its own, except in a table, where it stays in its cell.
    fn rewrite(&self, block: &str, placed: &mut [bool], blocks: &mut Vec<Block>) {
        let is_table = block.trim_start().starts_with('|');
        let mut text = String::new();
        let mut rest = block;
        while let Some(found) = Placeholder::first_in(rest) {
            text.push_str(found.before);
            rest = found.after;
            let Some(index) = self.claim(found.number, placed) else { continue };
            if is_table {
                text.push_str(&self.image(index, found.caption));
            } else {
                blocks.extend(Block::text(&text));
                text.clear();
                blocks.push(Block::Figure { index, caption: found.caption.to_owned() });
            }
        }
        text.push_str(rest);
        // An empty block of the answer may separate what must not run together; one that held placeholders only does not.
        if rest.len() == block.len() { blocks.push(Block::Text(text)) } else { blocks.extend(Block::text(&text)) }
    }

    /// The figure that a placeholder of that number stands for: its own or, if there is none of that number, the next that
    /// has no place.
    fn claim(&self, number: Option<usize>, placed: &mut [bool]) -> Option<usize> {
        let own = number.and_then(|number| number.checked_sub(1)).filter(|&index| index < placed.len());
        let index = match own {
            Some(index) => (!placed[index]).then_some(index)?,
            None if number.is_some() => return None,
            None => placed.iter().position(|placed| !placed)?,
        };
        placed[index] = true;
        Some(index)
    }

    fn joined(&self, blocks: &[Block]) -> String {
        let mut markdown = String::new();
        let mut row_before = None;
        for (position, block) in blocks.iter().enumerate() {
            let row = block.figure().and_then(|index| self.figures[index].row);
            let is_beside = row.is_some() && row == row_before;
            markdown.push_str(match position {
                0 => "",
                _ if is_beside => "\n",
                _ => "\n\n",
            });
            match block {
                Block::Text(text) => markdown.push_str(text),
                Block::Figure { index, caption } => markdown.push_str(&self.image(*index, caption)),
            }
            row_before = row;
        }
        markdown
    }

    fn image(&self, index: usize, caption: &str) -> String {
        let Figure { bounds, row, width_px, height_px } = &self.figures[index];
        let caption = caption.split_whitespace().collect::<Vec<_>>().join(" ");
        let width = (bounds.width() * 100.0).round().clamp(1.0, 100.0);
        let (hash, page) = (self.content_hash, self.page);
        let mut image =
            format!("![{caption}](/v1/images/{hash}/{page}_{index}.png?w={width}&px={width_px}x{height_px}");
        if let Some(row) = row {
            let _ = write!(image, "&row={row}");
        }
        image.push(')');
        image
    }
}

enum Block {
    Text(String),
    Figure { index: usize, caption: String },
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

/// A placeholder and what is around it.
struct Placeholder<'a> {
    before: &'a str,
    caption: &'a str,
    /// `None` if what stands there is no number.
    number: Option<usize>,
    after: &'a str,
}

impl<'a> Placeholder<'a> {
    fn first_in(text: &'a str) -> Option<Self> {
        let mut searched = 0;
        loop {
            let mark = searched + text[searched..].find(MARK)?;
            let behind = &text[mark + MARK.len()..];
            searched = mark + MARK.len();
            let (Some(start), Some(end)) = (text[..mark].rfind("!["), behind.find(')')) else { continue };
            let number = behind[..end].trim();
            if number.len() > 20 || number.contains('\n') {
                continue;
            }
            return Some(Self {
                before: &text[..start],
                caption: &text[start + 2..mark],
                number: number.parse().ok(),
                after: &behind[end + 1..],
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pdf::figures::Bounds;

    fn figure(row: Option<u8>) -> Figure {
        Figure { bounds: Bounds::new(0.1, 0.1, 0.55, 0.3), row, width_px: 300, height_px: 200 }
    }

    fn substituted(markdown: &str, figures: &[Figure]) -> String {
        PageFigures { content_hash: "abc", page: 4, figures }.substitute(markdown)
    }

    #[test]
    fn a_placeholder_becomes_its_figure_with_its_caption() {
        let text = substituted("Before.\n\n![Figure 1: A *cat*](figure:1)\n\nAfter.", &[figure(None)]);
        let image = "![Figure 1: A *cat*](/v1/images/abc/4_0.png?w=45&px=300x200)";
        assert_eq!(text, format!("Before.\n\n{image}\n\nAfter."));
    }

    #[test]
    fn surplus_placeholders_vanish_and_forgotten_figures_are_appended() {
        let text = substituted("![](figure:2)\n\nA.\n\n![](figure:2) ![](figure:7)", &[figure(None), figure(None)]);
        let [first, second] = [0, 1].map(|index| format!("![](/v1/images/abc/4_{index}.png?w=45&px=300x200)"));
        assert_eq!(text, format!("{second}\n\nA.\n\n{first}"));
        assert_eq!(substituted("A.\n\n![](figure:1)", &[]), "A.");
    }

    #[test]
    fn figures_of_a_row_stay_together() {
        let text = substituted("![a](figure:1)\n\n![b](figure:2)\n\nEnd.", &[figure(Some(1)), figure(Some(1))]);
        let [first, second] = [("a", 0), ("b", 1)]
            .map(|(name, index)| format!("![{name}](/v1/images/abc/4_{index}.png?w=45&px=300x200&row=1)"));
        assert_eq!(text, format!("{first}\n{second}\n\nEnd."));
    }

    #[test]
    fn a_figure_within_a_line_gets_one_of_its_own_and_in_a_table_keeps_its_cell() {
        let image = "![](/v1/images/abc/4_0.png?w=45&px=300x200)";
        assert_eq!(substituted("See ![](figure:1) here.", &[figure(None)]), format!("See\n\n{image}\n\nhere."));
        let table = "| a | b |\n|---|---|\n| ![](figure:1) | c |";
        assert_eq!(substituted(table, &[figure(None)]), table.replace("![](figure:1)", image));
    }

    proptest! {
        #[test]
        fn each_figure_is_there_once_whatever_the_answer(
            parts in proptest::collection::vec(
                prop_oneof![
                    (0_usize..6).prop_map(placeholder),
                    Just("\n\n".to_owned()),
                    Just("![x](figure:)".to_owned()),
                    Just("| a |".to_owned()),
                    "[a-z!\\[\\]():\n]{0,12}",
                ],
                0..12,
            ),
            count in 0_usize..4,
        ) {
            let figures = vec![figure(None); count];
            let text = substituted(&parts.concat(), &figures);
            for index in 0..count {
                let found = text.matches(&format!("/v1/images/abc/4_{index}.png")).count();
                prop_assert_eq!(found, 1, "{}", text);
            }
        }

        #[test]
        fn a_text_without_placeholders_stays_as_it_is(text in "[^(]{0,80}") {
            prop_assert_eq!(substituted(&text, &[]), text);
        }
    }
}
