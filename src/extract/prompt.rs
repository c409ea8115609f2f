//! The prompt for a page. Change [`VERSION`] with its text, because results are stored by version.

use std::fmt::Write;

use super::placeholder::placeholder;
use coldbrew_pdf::figures::{Bounds, Figure};

/// Part of the name of a recipe.
pub(crate) const VERSION: &str = "p2";

/// The instruction without the part on figures.
const PAGE: &str = "\
Transcribe this page of a document into Markdown, faithfully and completely.

- Follow the reading order a person would: columns one after the other, sidebars and boxes after the text they belong to.
- Keep every word as it stands, in its own language. Do not summarise, translate, correct or comment.
- Use # to ###### for headings by their rank on the page, lists for lists, > for quotations, fenced blocks for code.
- Write tables as Markdown tables. Repeat a cell that spans several.
- Write mathematics as LaTeX: $…$ within a line, $$…$$ on lines of its own.
- Write footnotes as [^1] in the text and [^1]: … at the end of the page.
- Join words that a line end has cut. Leave out running heads, page numbers and decoration.
";
const NO_FIGURES: &str = "- Figures on this page: 0. Do not write image links, and do not describe pictures.\n";
const PLACE_FIGURES: &str = "\
  Write each of these exactly once, on a line of its own, where a reader would want to see the figure, with its caption between the
  brackets if it has one, and nowhere else. Do not describe figures, leave out the words inside them, and write no other image links.
";
const END: &str = "\nAnswer with the Markdown of the page and nothing else. If the page is empty, answer with nothing.";

/// The prompt for a page with these figures.
pub(crate) fn for_page(figures: &[Figure]) -> String {
    let mut prompt = PAGE.to_owned();
    if figures.is_empty() {
        prompt.push_str(NO_FIGURES);
    } else {
        let _ = writeln!(
            prompt,
            "- Figures on this page: {}. They are cut out already, and this is what stands for them:",
            figures.len()
        );
        for (index, figure) in figures.iter().enumerate() {
            let _ = writeln!(prompt, "  {} is {}", placeholder(index + 1), description(&figure.bounds));
        }
        prompt.push_str(PLACE_FIGURES);
    }
    prompt + END
}

/// A phrase with the size and place of a figure.
fn description(bounds: &Bounds) -> String {
    let size = match bounds.width() {
        width if width > 0.7 => "large",
        width if width > 0.4 => "of medium size",
        _ => "small",
    };
    let third = |from: f32, to: f32, names: [&'static str; 3]| {
        let middle = (from + to) / 2.0;
        names[if middle < 1.0 / 3.0 {
            0
        } else if middle < 2.0 / 3.0 {
            1
        } else {
            2
        }]
    };
    let down = third(bounds.top, bounds.bottom, ["at the top", "in the middle", "at the bottom"]);
    let across = third(bounds.left, bounds.right, ["on the left", "in the centre", "on the right"]);
    format!("{size}, {down}, {across}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompt_lists_figures_with_their_places() {
        assert!(for_page(&[]).contains("Figures on this page: 0."));
        let figure = |bounds| Figure { bounds, row: None, width_px: 1, height_px: 1 };
        let figures = [figure(Bounds::new(0.1, 0.1, 0.9, 0.3)), figure(Bounds::new(0.7, 0.7, 0.9, 0.9))];
        let prompt = for_page(&figures);
        for part in [
            "Figures on this page: 2.",
            "![](figure:1) is large, at the top, in the centre\n",
            "![](figure:2) is small, at the bottom, on the right\n",
        ] {
            assert!(prompt.contains(part), "{prompt}");
        }
        assert_eq!(prompt.matches("](figure:").count(), 2);
    }
}
