//! Markdown, LaTeX and HTML that are expensive to render.
