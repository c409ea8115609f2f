-- 1: the figures of this page could not be looked for, which is no proof that there are none.
ALTER TABLE page_figures ADD COLUMN missed BIGINT NOT NULL DEFAULT 0;
