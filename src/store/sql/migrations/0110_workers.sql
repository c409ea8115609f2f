-- The workers that share the polls of batches. Instants are those of the database's clock. Servers of the version before ignore the table,
-- and poll by claims: a batch is then polled twice.
CREATE TABLE workers (
    name           TEXT   PRIMARY KEY,
    -- Until then the worker is live.
    alive_until    BIGINT NOT NULL,
    -- Until then no batch of its part needs another worker.
    attended_until BIGINT NOT NULL
);
