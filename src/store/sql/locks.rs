//! Row locks. A transaction holds them from here until it ends; others that need them wait.
//!
//! All transactions take locks in this order, so that no two wait for each other: account, spending, job, document, stored bytes.

use sqlx::{AnyConnection, AssertSqlSafe};

use crate::error::Result;

/// Locks an account. Returns `false` if there is no such account.
///
/// Every transaction takes it that adds to the account's usage, reserves quota, deletes its contents, or adds or ends credentials. So what
/// is checked under this lock still holds at the commit. Only a job stores its results without it.
pub(super) async fn lock_account(connection: &mut AnyConnection, account_id: &str) -> Result<bool> {
    lock_rows(connection, "SELECT id FROM accounts WHERE id = $1", &[account_id]).await
}

/// Locks the spending of all accounts. Concurrent admissions, on any servers, run one after the other.
pub(super) async fn lock_spending(connection: &mut AnyConnection) -> Result<()> {
    lock_rows(connection, "SELECT id FROM spending_lock", &[]).await?;
    Ok(())
}

/// Locks a job. Its account stays the same meanwhile.
pub(super) async fn lock_job(connection: &mut AnyConnection, id: &str) -> Result<()> {
    lock_rows(connection, "SELECT id FROM jobs WHERE id = $1", &[id]).await?;
    Ok(())
}

/// Locks the active job that will fill a document. It cannot end meanwhile, so no draft outlives its job. Returns `false` if the account
/// has no such active job.
pub(super) async fn lock_job_filling(connection: &mut AnyConnection, account_id: &str, id: &str) -> Result<bool> {
    let select = "SELECT id FROM jobs WHERE account_id = $1 AND document_id = $2 AND active = 1";
    lock_rows(connection, select, &[account_id, id]).await
}

/// Locks a document. No other transaction changes its pages meanwhile, so the computed bytes are exact.
pub(super) async fn lock_document(connection: &mut AnyConnection, account_id: &str, id: &str) -> Result<()> {
    lock_rows(connection, "SELECT id FROM documents WHERE account_id = $1 AND id = $2", &[account_id, id]).await?;
    Ok(())
}

/// Locks a draft. Returns `false` if there is no such draft.
pub(super) async fn lock_draft(connection: &mut AnyConnection, account_id: &str, id: &str) -> Result<bool> {
    let select = "SELECT id FROM documents WHERE account_id = $1 AND id = $2 AND draft = 1";
    lock_rows(connection, select, &[account_id, id]).await
}

/// Locks the stored bytes of an account. Concurrent workers of one job then replace only rows that are already counted.
pub(super) async fn lock_stored_bytes(connection: &mut AnyConnection, account_id: &str) -> Result<()> {
    let sql = "INSERT INTO storage (account_id, bytes) VALUES ($1, 0) ON CONFLICT (account_id) DO NOTHING";
    sqlx::query(sql).bind(account_id).execute(&mut *connection).await?;
    lock_rows(connection, "SELECT account_id FROM storage WHERE account_id = $1", &[account_id]).await?;
    Ok(())
}

/// Locks the rows that a `SELECT` finds. Returns `false` if there are none.
///
/// In PostgreSQL, other transactions can still add rows with a foreign key to the locked ones
/// (<https://postgresql.org/about/featurematrix/detail/242>, read 2026-11-30). So jobs store results while their account is locked. In
/// SQLite, [`super::SqlStore::write`] has made this transaction the only writer.
async fn lock_rows(connection: &mut AnyConnection, select: &'static str, keys: &[&str]) -> Result<bool> {
    let lock = if connection.backend_name() == "PostgreSQL" { "FOR NO KEY UPDATE" } else { "" };
    let query = sqlx::query(AssertSqlSafe(format!("{select} {lock}")));
    let rows = keys.iter().fold(query, |query, key| query.bind(*key)).fetch_all(connection).await?;
    Ok(!rows.is_empty())
}
