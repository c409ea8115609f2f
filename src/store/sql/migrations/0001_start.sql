-- One text for SQLite and PostgreSQL: TEXT, BIGINT and nothing else. Instants are milliseconds since the epoch, UTC.

CREATE TABLE accounts (
    id           TEXT   PRIMARY KEY,
    quota_tokens BIGINT,
    -- Rises with each admission: updating it is what makes admissions of one account wait for each other.
    admissions   BIGINT NOT NULL DEFAULT 0,
    created_at   BIGINT NOT NULL
);

-- What proves who a request comes from. Secrets themselves are never stored.
CREATE TABLE credentials (
    digest     TEXT   PRIMARY KEY,
    account_id TEXT   NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    kind       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE uploads (
    hash         TEXT   PRIMARY KEY,
    account_id   TEXT   NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    content_hash TEXT   NOT NULL,
    metadata     TEXT   NOT NULL,
    page_tokens  TEXT   NOT NULL,
    created_at   BIGINT NOT NULL
);
CREATE INDEX uploads_by_content ON uploads (account_id, content_hash);

CREATE TABLE jobs (
    id           TEXT   PRIMARY KEY,
    account_id   TEXT   NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    upload_hash  TEXT   NOT NULL,
    content_hash TEXT   NOT NULL,
    mode         TEXT   NOT NULL,
    title        TEXT   NOT NULL,
    -- How its pages are put to Gemini.
    recipe       TEXT   NOT NULL,
    total_pages  BIGINT NOT NULL,
    pages        TEXT   NOT NULL,
    -- How many of them were not free.
    pages_submitted BIGINT NOT NULL,
    document_id  TEXT   NOT NULL,
    -- 1 while work is to come. The rest of a job's state is in `stage`.
    active       BIGINT NOT NULL,
    stage        TEXT   NOT NULL,
    requeued     BIGINT NOT NULL,
    submitted_at BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    due_at       BIGINT NOT NULL,
    claims       BIGINT NOT NULL,
    fence        BIGINT NOT NULL,
    lease_owner  TEXT,
    lease_until  BIGINT NOT NULL
);
CREATE UNIQUE INDEX one_active_job_per_content ON jobs (account_id, content_hash) WHERE active = 1;
CREATE INDEX jobs_due ON jobs (due_at) WHERE active = 1;
CREATE INDEX jobs_by_account ON jobs (account_id, submitted_at);

-- Pages of a job that could not be read, and why.
CREATE TABLE page_failures (
    job_id     TEXT   NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    page_index BIGINT NOT NULL,
    reason     TEXT   NOT NULL,
    PRIMARY KEY (job_id, page_index)
);

CREATE TABLE reservations (
    job_id     TEXT   PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    account_id TEXT   NOT NULL,
    tokens     BIGINT NOT NULL
);
CREATE INDEX reservations_by_account ON reservations (account_id);

-- Append-only. What was used is the sum of it; a page is charged once per job.
CREATE TABLE ledger (
    job_id        TEXT   NOT NULL,
    page_index    BIGINT NOT NULL,
    account_id    TEXT   NOT NULL,
    input_tokens  BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    charge        BIGINT NOT NULL,
    model         TEXT   NOT NULL,
    charged_at    BIGINT NOT NULL,
    PRIMARY KEY (job_id, page_index)
);
CREATE INDEX ledger_by_account ON ledger (account_id, charge);

-- Pages as AI modes read them. A page that is here is free.
CREATE TABLE page_results (
    account_id   TEXT   NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    content_hash TEXT   NOT NULL,
    recipe       TEXT   NOT NULL,
    page_index   BIGINT NOT NULL,
    markdown     TEXT   NOT NULL,
    note         TEXT,
    PRIMARY KEY (account_id, content_hash, recipe, page_index)
);

CREATE TABLE documents (
    id           TEXT   PRIMARY KEY,
    account_id   TEXT   NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    upload_hash  TEXT   NOT NULL,
    content_hash TEXT   NOT NULL,
    title        TEXT   NOT NULL,
    mode         TEXT   NOT NULL,
    charged      BIGINT NOT NULL,
    created_at   BIGINT NOT NULL
);
CREATE INDEX documents_by_account ON documents (account_id, id);

CREATE TABLE pages (
    document_id TEXT   NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page_index  BIGINT NOT NULL,
    markdown    TEXT   NOT NULL,
    failure     TEXT,
    note        TEXT,
    PRIMARY KEY (document_id, page_index)
);
