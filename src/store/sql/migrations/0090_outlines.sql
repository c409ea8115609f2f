-- The outline of the document's pages as JSON. NULL: its pages were stored before outlines were, and none was asked for since.
ALTER TABLE documents ADD COLUMN outline TEXT;
