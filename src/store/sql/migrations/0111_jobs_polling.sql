-- no-transaction
-- Jobs that wait for their batch, as far as `stage` says so: servers of the version before write no other column for it.
CREATE INDEX CONCURRENTLY IF NOT EXISTS jobs_polling ON jobs (id) WHERE active = 1 AND stage LIKE '{"at":"watch"%';
