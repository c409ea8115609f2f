-- The file's own text of a page that was not read.
ALTER TABLE page_failures ADD COLUMN own_text TEXT NOT NULL DEFAULT '';

-- The answers for a page that were not kept, or are kept only if no other way gives a better one: `outcome` is then their text as JSON.
CREATE TABLE page_attempts (
    job_id       TEXT   NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    page_index   BIGINT NOT NULL,
    way          TEXT   NOT NULL,
    verdict      TEXT   NOT NULL,
    recipe       TEXT   NOT NULL,
    attempted_at BIGINT NOT NULL,
    outcome      TEXT,
    PRIMARY KEY (job_id, page_index, way)
);
