-- Contents of accounts that were deleted of late: what is known of them outside this database is to be forgotten as well.
CREATE TABLE gone_contents (
    content_hash TEXT   PRIMARY KEY,
    gone_at      BIGINT NOT NULL
);
