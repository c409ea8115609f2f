-- no-transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS spending_in_queue ON spending (recorded_at) WHERE enqueued_tokens > 0;
