-- Failed attempts to sign in, by subject: a digest of an e-mail address, with or without a network.
CREATE TABLE failed_sign_ins (
    subject  TEXT   PRIMARY KEY,
    failures BIGINT NOT NULL,
    last_at  BIGINT NOT NULL
);
CREATE INDEX failed_sign_ins_by_age ON failed_sign_ins (last_at);

-- Networks that an account's owner has signed in from.
CREATE TABLE known_networks (
    account_id TEXT   NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    network    TEXT   NOT NULL,
    seen_at    BIGINT NOT NULL,
    PRIMARY KEY (account_id, network)
);

-- The oldest answers of an account make room for new ones.
CREATE INDEX answers_by_account ON answers (account_id, begun_at);
