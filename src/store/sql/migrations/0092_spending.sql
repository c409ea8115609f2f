-- The network that a job was submitted from, for example 203.0.113.0/24.
ALTER TABLE jobs ADD COLUMN network TEXT;
-- How long the job has waited for the budget. That time is not held against it.
ALTER TABLE jobs ADD COLUMN budget_wait_ms BIGINT NOT NULL DEFAULT 0;
CREATE INDEX jobs_waiting_for_budget ON jobs (submitted_at) WHERE active = 1 AND hindered_by = 'spending';

-- One row: updating it is what makes admissions of all servers wait for each other.
CREATE TABLE spending_lock (
    id         BIGINT PRIMARY KEY,
    admissions BIGINT NOT NULL
);
INSERT INTO spending_lock (id, admissions) VALUES (1, 0);

-- Requests under way that Google will bill. Days are UTC, counted from 1970-01-01.
CREATE TABLE spending_commitments (
    request_id    TEXT   PRIMARY KEY,
    job_id        TEXT   NOT NULL,
    -- NULL: a batch.
    page_index    BIGINT,
    account_id    TEXT   NOT NULL,
    network       TEXT,
    is_guest      BIGINT NOT NULL,
    day           BIGINT NOT NULL,
    -- The most that it can cost.
    micro_dollars BIGINT NOT NULL,
    -- The most that it can be charged beyond its job's reservation, in token equivalents.
    tokens        BIGINT NOT NULL
);
CREATE INDEX spending_commitments_by_job ON spending_commitments (job_id);
CREATE INDEX spending_commitments_by_day ON spending_commitments (day);

-- Append-only: what Google bills, whatever the answers were worth.
CREATE TABLE spending (
    request_id    TEXT   PRIMARY KEY,
    job_id        TEXT   NOT NULL,
    page_index    BIGINT,
    account_id    TEXT   NOT NULL,
    network       TEXT,
    is_guest      BIGINT NOT NULL,
    day           BIGINT NOT NULL,
    answers       BIGINT NOT NULL,
    useless       BIGINT NOT NULL,
    input_tokens  BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    micro_dollars BIGINT NOT NULL,
    -- 1: no answer came, and this is the most that it can have cost.
    assumed       BIGINT NOT NULL,
    recorded_at   BIGINT NOT NULL
);
CREATE INDEX spending_by_day ON spending (day, is_guest, micro_dollars);
CREATE INDEX spending_by_account ON spending (account_id, day);
