-- Files that no record refers to any more, until they are deleted. The transaction that deletes the records adds the row.
CREATE TABLE purges (
    account_id   TEXT   NOT NULL,
    -- Empty: all files of an account that was deleted.
    content_hash TEXT   NOT NULL,
    recorded_at  BIGINT NOT NULL,
    -- When it may be claimed. While it is claimed: when the claim ends.
    due_at       BIGINT NOT NULL,
    -- 1: a server is deleting these files.
    claimed      BIGINT NOT NULL,
    -- Claims that did not succeed, in a row.
    tries        BIGINT NOT NULL,
    PRIMARY KEY (account_id, content_hash)
);
CREATE INDEX purges_by_due ON purges (due_at);

-- 1: the file is being stored, and no caller knows of the upload. Servers of the version before record only uploads that are 0.
ALTER TABLE uploads ADD COLUMN pending BIGINT NOT NULL DEFAULT 0;
