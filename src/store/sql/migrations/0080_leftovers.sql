-- What Google may still have of a job whose account was deleted. Says nothing of whose it was.
CREATE TABLE leftovers (
    job_id      TEXT   PRIMARY KEY,
    -- Where the job was.
    stage       TEXT   NOT NULL,
    recorded_at BIGINT NOT NULL,
    due_at      BIGINT NOT NULL,
    -- How many looks in a row have found nothing that goes on.
    quiet_looks BIGINT NOT NULL
);
