-- Guests who signed up, names of tokens, what an upload weighs, and answers that a repeated request gets again.

ALTER TABLE accounts ADD COLUMN email TEXT;
ALTER TABLE accounts ADD COLUMN password_hash TEXT;
CREATE UNIQUE INDEX accounts_by_email ON accounts (email);

ALTER TABLE credentials ADD COLUMN name TEXT;
CREATE INDEX credentials_by_account ON credentials (account_id);

ALTER TABLE uploads ADD COLUMN bytes BIGINT NOT NULL DEFAULT 0;

CREATE TABLE answers (
    account_id TEXT   NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    request_key TEXT  NOT NULL,
    -- Of the request's content: a key is good for one request.
    digest     TEXT   NOT NULL,
    -- NULL while the first request is being answered.
    answer     TEXT,
    begun_at   BIGINT NOT NULL,
    PRIMARY KEY (account_id, request_key)
);
CREATE INDEX answers_by_age ON answers (begun_at);
