-- What each account stores, in bytes. The transactions that store and delete things raise and lower it; `doctor` counts again.
-- Not a column of `accounts`: a job that stores its results must not wait for the account's lock.
CREATE TABLE storage (
    account_id TEXT   PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    bytes      BIGINT NOT NULL
);

-- The pages that a document is made of, as a person writes them. NULL: an older program made it.
ALTER TABLE documents ADD COLUMN selection TEXT;
CREATE INDEX documents_by_content ON documents (account_id, content_hash);

-- Of the pictures of a page's figures, together.
ALTER TABLE page_figures ADD COLUMN picture_bytes BIGINT NOT NULL DEFAULT 0;

-- The same sums as in `storage.rs`.
INSERT INTO storage (account_id, bytes)
SELECT a.id, CAST(
    COALESCE((SELECT SUM(content.bytes) FROM
        (SELECT MAX(u.bytes) + SUM(128 + OCTET_LENGTH(u.metadata) + OCTET_LENGTH(u.page_tokens)) AS bytes
         FROM uploads u WHERE u.account_id = a.id GROUP BY u.content_hash) AS content), 0)
    + COALESCE((SELECT SUM(128 + OCTET_LENGTH(r.markdown) + COALESCE(OCTET_LENGTH(r.note), 0))
        FROM page_results r WHERE r.account_id = a.id), 0)
    + COALESCE((SELECT SUM(128 + OCTET_LENGTH(f.figures)) FROM page_figures f WHERE f.account_id = a.id), 0)
    + COALESCE((SELECT SUM(128 + OCTET_LENGTH(d.title)) FROM documents d WHERE d.account_id = a.id), 0)
    + COALESCE((SELECT SUM(128 + OCTET_LENGTH(p.markdown) + COALESCE(OCTET_LENGTH(p.failure), 0) + COALESCE(OCTET_LENGTH(p.note), 0))
        FROM pages p JOIN documents d ON d.id = p.document_id WHERE d.account_id = a.id), 0)
    AS BIGINT)
FROM accounts a;
