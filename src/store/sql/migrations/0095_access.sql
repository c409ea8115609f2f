-- Who may come in. Servers of the version before ignore all of this: they let a disabled account in until they are replaced.
ALTER TABLE accounts ADD COLUMN role TEXT;
ALTER TABLE accounts ADD COLUMN disabled_at BIGINT;
-- Written at most once an hour.
ALTER TABLE accounts ADD COLUMN last_seen_at BIGINT;
CREATE INDEX accounts_by_role ON accounts (role) WHERE role IS NOT NULL;

-- Links that let one person sign up. Only digests of their codes are stored.
CREATE TABLE invitations (
    digest       TEXT   PRIMARY KEY,
    role         TEXT,
    quota_tokens BIGINT,
    note         TEXT   NOT NULL,
    -- The operator's account. NULL: the command line.
    created_by   TEXT,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    used_at      BIGINT,
    used_by      TEXT
);
CREATE INDEX invitations_by_age ON invitations (created_at);

-- Links that set the password of an account once.
CREATE TABLE setup_links (
    digest     TEXT   PRIMARY KEY,
    account_id TEXT   NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL
);
CREATE INDEX setup_links_by_account ON setup_links (account_id);

-- Append-only: what operators did. It outlives the accounts that it names.
CREATE TABLE audit_log (
    id          TEXT   PRIMARY KEY,
    at          BIGINT NOT NULL,
    -- NULL: the command line.
    operator_id TEXT,
    action      TEXT   NOT NULL,
    account_id  TEXT,
    detail      TEXT   NOT NULL
);
