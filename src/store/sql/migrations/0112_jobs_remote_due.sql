-- no-transaction
-- Jobs with another task at Google, which are claimed when they are due.
CREATE INDEX CONCURRENTLY IF NOT EXISTS jobs_remote_due ON jobs (due_at) WHERE active = 1 AND lane = 'watch' AND stage NOT LIKE '{"at":"watch"%';
