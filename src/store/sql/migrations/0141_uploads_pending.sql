-- no-transaction
-- Uploads that were recorded but not stored to the end.
CREATE INDEX CONCURRENTLY IF NOT EXISTS uploads_pending ON uploads (created_at) WHERE pending = 1;
