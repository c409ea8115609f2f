-- Whether the job reads pages of its document again, although they have results.
ALTER TABLE jobs ADD COLUMN rereads BIGINT NOT NULL DEFAULT 0;
