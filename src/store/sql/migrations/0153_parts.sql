-- The pages of the current batch of a job, as JSON. A large document becomes several batches.
ALTER TABLE jobs ADD COLUMN part TEXT;

-- The input tokens that a batch adds to Google's queue; 0 for a page. Google counts those of a cancelled batch for some time.
ALTER TABLE spending_commitments ADD COLUMN enqueued_tokens BIGINT NOT NULL DEFAULT 0;
ALTER TABLE spending ADD COLUMN enqueued_tokens BIGINT NOT NULL DEFAULT 0;
