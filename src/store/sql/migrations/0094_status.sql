-- The public state of a job by its stored name, so that no statement has to look into `stage`. `active` stays: the unique index and the
-- claims use it, and so do servers of the version before, which go on beside this one and do not write `status`.
ALTER TABLE jobs ADD COLUMN status TEXT NOT NULL DEFAULT 'preparing';
UPDATE jobs SET status = CASE
    WHEN stage LIKE '{"at":"watch"%' AND stage LIKE '%"running":true%' THEN 'running'
    WHEN stage LIKE '{"at":"watch"%' OR stage LIKE '{"at":"withdraw"%' THEN 'pending'
    WHEN stage LIKE '{"at":"collect"%' OR stage LIKE '{"at":"read"%' THEN 'running'
    WHEN stage LIKE '{"at":"succeeded"%' THEN 'succeeded'
    WHEN stage LIKE '{"at":"failed"%' THEN 'failed'
    WHEN stage LIKE '{"at":"expired"%' THEN 'expired'
    ELSE 'preparing'
END;

-- What the list of an account can show: its active jobs, and those that ended without a document.
CREATE INDEX jobs_open ON jobs (account_id, id) WHERE status <> 'succeeded';
