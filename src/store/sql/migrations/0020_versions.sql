-- Rises with each change of a job, so that what others are told of it can be put in order.
ALTER TABLE jobs ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
CREATE INDEX jobs_by_content ON jobs (content_hash, id);
