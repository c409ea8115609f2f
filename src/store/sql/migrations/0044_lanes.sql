-- Who takes up a job, and how often its batch was looked at.
ALTER TABLE jobs ADD COLUMN lane TEXT NOT NULL DEFAULT 'work';
UPDATE jobs SET lane = 'watch'
WHERE stage LIKE '{"at":"seek"%' OR stage LIKE '{"at":"watch"%' OR stage LIKE '{"at":"withdraw"%';
ALTER TABLE jobs ADD COLUMN polls BIGINT NOT NULL DEFAULT 0;

DROP INDEX jobs_due;
CREATE INDEX jobs_due ON jobs (lane, due_at) WHERE active = 1;
