-- Files that are being copied from a guest's folders into those of a member, before the guest's rows move. A row whose content never
-- arrived names copies to delete.
CREATE TABLE file_copies (
    account_id   TEXT   NOT NULL,
    content_hash TEXT   NOT NULL,
    copied_at    BIGINT NOT NULL,
    PRIMARY KEY (account_id, content_hash)
);
CREATE INDEX file_copies_by_age ON file_copies (copied_at);

-- Sessions and tokens. NULL: an older program made it, or it does not apply.
-- When the person signed in. It is kept when the session is replaced, as are the next three.
ALTER TABLE credentials ADD COLUMN began_at BIGINT;
-- When the session ends at the latest, however often it is replaced.
ALTER TABLE credentials ADD COLUMN ends_at BIGINT;
-- When the person last gave the password or came from the sign-in provider.
ALTER TABLE credentials ADD COLUMN confirmed_at BIGINT;
-- The browser, for example: Firefox on Linux.
ALTER TABLE credentials ADD COLUMN client TEXT;
-- Written at most once an hour.
ALTER TABLE credentials ADD COLUMN last_used_at BIGINT;
-- What a token may do: names with spaces between them. NULL: everything.
ALTER TABLE credentials ADD COLUMN scopes TEXT;
