-- Accounts that were deleted of late: a worker that had not heard of it may have put files into their folders since.
CREATE TABLE gone_accounts (
    account_id TEXT   PRIMARY KEY,
    gone_at    BIGINT NOT NULL
);
