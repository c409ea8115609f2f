-- The time of this database in milliseconds since 1970. Leases and due times of jobs are computed from it, so that the clocks of servers
-- need not agree. The expression is that
-- of each database, see `migrations.rs`.
CREATE VIEW clock AS SELECT :now_ms AS now_ms;
