-- Where the figures of a page are, as JSON, in reading order. Pages without figures have no row. The pictures are files.
CREATE TABLE page_figures (
    account_id   TEXT   NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    content_hash TEXT   NOT NULL,
    page_index   BIGINT NOT NULL,
    figures      TEXT   NOT NULL,
    PRIMARY KEY (account_id, content_hash, page_index)
);
