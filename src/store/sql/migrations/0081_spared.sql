-- What Google may still have of a job for nothing, now also beside the batch that the job goes on with. An older program would stop that
-- batch as well: the column that it asks for has another name, so it leaves all of this alone.
CREATE TABLE leftovers_of_jobs (
    job_id      TEXT   NOT NULL,
    -- `batches/…`, the batch that the job goes on with; empty if the job is gone.
    spared      TEXT   NOT NULL,
    -- Where the job was.
    last_stage  TEXT   NOT NULL,
    recorded_at BIGINT NOT NULL,
    due_at      BIGINT NOT NULL,
    -- How many looks in a row have found nothing that goes on.
    quiet_looks BIGINT NOT NULL,
    PRIMARY KEY (job_id, spared)
);
INSERT INTO leftovers_of_jobs SELECT job_id, '', stage, recorded_at, due_at, quiet_looks FROM leftovers;
DROP TABLE leftovers;
ALTER TABLE leftovers_of_jobs RENAME TO leftovers;
