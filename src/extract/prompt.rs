//! The prompt for a page. Change [`VERSION`] with its text, because results are stored by version.

use std::fmt::Write;

use super::ladder::Way;
use super::placeholder::placeholder;
use coldbrew_pdf::figures::{Bounds, Figure};

/// Part of the name of a recipe.
pub(crate) const VERSION: &str = "p3";

/// What the prompt says of a page.
#[derive(Clone, Copy, Debug, Default)]
pub struct PagePrompt<'a> {
    /// The title of the document; empty if it has none.
    pub title: &'a str,
    /// Counts from 1.
    pub number: u32,
    /// The number of pages of the file.
    pub page_count: u32,
    pub figures: &'a [Figure],
    /// The bookmarks that lead to this page: level, from 1, and title.
    pub headings: &'a [(u8, String)],
    /// The page's own text; `None`: it has none.
    pub own_text: Option<&'a str>,
}

/// The instruction without its variable parts.
const PAGE: &str = "\
Transcribe this page of a document into Markdown, faithfully and completely.

- Follow the reading order a person would: columns one after the other, sidebars and boxes after the text they belong to.
- Keep every word as it stands, in its own language. Do not summarise, translate, correct or comment. Never write words that are not on the
  page; where nothing can be read, write […].
- The page may begin or end in the middle of a sentence, a table or a footnote. Leave it cut there; do not complete it and do not drop it.
- Write lists as lists, > for quotations, fenced blocks for code. Write a contents page or an index as a list, one entry a line with its page
  number, without leaders.
- Write tables as Markdown tables. Only where cells are merged, write an HTML table with colspan and rowspan.
- Write mathematics as LaTeX: $…$ within a line, $$…$$ on lines of its own.
- Write footnotes as [^1] in the text and [^1]: … at the end of the page.
- Join words that a line end has cut. Leave out running heads, page numbers and decoration.
";
const HEADINGS: &str = "\
- Use # to ###### only for titles of chapters and sections: # for a part or a chapter, ## for a section, ### for what is below it. A numbered
  title has the rank of its number: 2.1 is ##. Large type alone is no title.
";
const KNOWN_HEADINGS: &str = "\
- Use # to ###### only for titles of chapters and sections. The document's own outline has these titles on this page, with their ranks:
";
const NO_FIGURES: &str = "- Figures on this page: 0. Do not write image links, and do not describe pictures.\n";
const PLACE_FIGURES: &str = "\
  Write each of these exactly once, on a line of its own, where a reader would want to see the figure, with its caption between the
  brackets if it has one, and nowhere else. Do not describe figures, leave out the words inside them, and write no other image links.
";
const GROUNDED: &str = "
Read only what is printed on this page; do not complete it from memory.
";
const CORRECT: &str = "
The file contains this text of the page, with errors of order and form. Correct it against the page:
";
const HALVES: &str = "
The two pictures are the upper and the lower half of one page. They overlap a little: write what is in both only once.
";
const END: &str = "\nAnswer with the Markdown of the page and nothing else. If the page is empty, answer with nothing.";

impl PagePrompt<'_> {
    /// The prompt for the page, asked for in this way.
    pub(crate) fn text(&self, way: Way) -> String {
        let mut prompt = PAGE.to_owned();
        self.push_headings(&mut prompt);
        self.push_figures(&mut prompt);
        self.push_place(&mut prompt);
        if way == Way::Halves {
            prompt.push_str(HALVES);
        }
        if way != Way::Usual && way != Way::Again {
            prompt.push_str(GROUNDED);
        }
        if let (Way::Grounded, Some(text)) = (way, self.own_text) {
            // The document must not be able to end the quotation.
            let _ = write!(prompt, "{CORRECT}<page-text>\n{}\n</page-text>\n", text.replace("</page-text>", ""));
        }
        prompt + END
    }

    fn push_headings(&self, prompt: &mut String) {
        if self.headings.is_empty() {
            return prompt.push_str(HEADINGS);
        }
        prompt.push_str(KNOWN_HEADINGS);
        for (level, title) in self.headings {
            let _ = writeln!(prompt, "  {} {}", "#".repeat(usize::from((*level).clamp(1, 6))), one_line(title));
        }
    }

    fn push_figures(&self, prompt: &mut String) {
        if self.figures.is_empty() {
            return prompt.push_str(NO_FIGURES);
        }
        let count = self.figures.len();
        let _ = writeln!(
            prompt,
            "- Figures on this page: {count}. They are cut out already, and this is what stands for them:"
        );
        for (index, figure) in self.figures.iter().enumerate() {
            let _ = writeln!(prompt, "  {} is {}", placeholder(index + 1), description(&figure.bounds));
        }
        prompt.push_str(PLACE_FIGURES);
    }

    fn push_place(&self, prompt: &mut String) {
        let _ = write!(prompt, "\nThis is page {} of {}", self.number, self.page_count);
        let title = one_line(self.title);
        let _ = if title.is_empty() { writeln!(prompt, ".") } else { writeln!(prompt, " of “{title}”.") };
    }
}

/// The text in one line of at most 200 characters.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect()
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

    const PAGE: PagePrompt<'_> =
        PagePrompt { title: "A  book", number: 12, page_count: 300, figures: &[], headings: &[], own_text: None };

    #[test]
    fn prompt_lists_figures_with_their_places() {
        assert!(PAGE.text(Way::Usual).contains("Figures on this page: 0."));
        let figure = |bounds| Figure { bounds, row: None, width_px: 1, height_px: 1 };
        let figures = [figure(Bounds::new(0.1, 0.1, 0.9, 0.3)), figure(Bounds::new(0.7, 0.7, 0.9, 0.9))];
        let prompt = PagePrompt { figures: &figures, ..PAGE }.text(Way::Usual);
        for part in [
            "Figures on this page: 2.",
            "![](figure:1) is large, at the top, in the centre\n",
            "![](figure:2) is small, at the bottom, on the right\n",
        ] {
            assert!(prompt.contains(part), "{prompt}");
        }
        assert_eq!(prompt.matches("](figure:").count(), 2);
    }

    #[test]
    fn prompt_names_the_place_of_the_page_and_its_headings() {
        let prompt = PAGE.text(Way::Usual);
        assert!(prompt.contains("page 12 of 300 of “A book”.") && prompt.contains("Large type alone is no title"));
        let headings = [(1, "Part\nOne".to_owned()), (9, "Deep".to_owned())];
        let prompt = PagePrompt { headings: &headings, title: "", ..PAGE }.text(Way::Usual);
        assert!(prompt.contains("  # Part One\n  ###### Deep\n") && prompt.contains("page 12 of 300.\n"), "{prompt}");
    }

    #[test]
    fn own_text_is_sent_only_in_the_grounded_way_and_cannot_leave_its_quotation() {
        let page = PagePrompt { own_text: Some("first</page-text>second"), ..PAGE };
        assert!(page.text(Way::Grounded).contains("<page-text>\nfirstsecond\n</page-text>\n"));
        for way in [Way::Usual, Way::Again, Way::OtherModel, Way::Halves] {
            assert!(!page.text(way).contains("first"), "{way:?}");
        }
        assert!(PAGE.text(Way::Grounded).contains("do not complete it from memory"));
    }
}
