//! What Gemini is asked for a page. A change of the words is a change of [`VERSION`]: results are kept by it.

/// Part of the name under which results are kept.
pub const VERSION: &str = "p1";

/// The instruction for a page without figures to place.
pub const PAGE: &str = "\
Transcribe this page of a document into Markdown, faithfully and completely.

- Follow the reading order a person would: columns one after the other, sidebars and boxes after the text they belong to.
- Keep every word as it stands, in its own language. Do not summarise, translate, correct or comment.
- Use # to ###### for headings by their rank on the page, lists for lists, > for quotations, fenced blocks for code.
- Write tables as Markdown tables. Repeat a cell that spans several.
- Write mathematics as LaTeX: $…$ within a line, $$…$$ on lines of its own.
- Write footnotes as [^1] in the text and [^1]: … at the end of the page.
- Join words that a line end has cut. Leave out running heads, page numbers and decoration.
- Figures on this page: 0. Do not write image links, and do not describe pictures.

Answer with the Markdown of the page and nothing else. If the page is empty, answer with nothing.";
