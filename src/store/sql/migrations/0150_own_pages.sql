-- What the file itself says of a page: its text as Markdown, and as JSON what makes it easy or hard to read. NULL: a server of an earlier
-- version recorded the page. The text is counted in `picture_bytes`.
ALTER TABLE page_figures ADD COLUMN own_text TEXT;
ALTER TABLE page_figures ADD COLUMN own_traits TEXT;
