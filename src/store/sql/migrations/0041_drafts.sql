-- 1: the plain text of a document that a job is still to fill. It lives as long as that job is active.
ALTER TABLE documents ADD COLUMN draft BIGINT NOT NULL DEFAULT 0;
CREATE INDEX jobs_by_document ON jobs (document_id);
