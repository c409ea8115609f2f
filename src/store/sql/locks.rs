//! Row locks: what a transaction holds from here until it ends, so that others which need the same wait for it.
//!
//! A transaction takes them in this order, or two could wait for each other: account, spending, job, document, stored bytes.

use sqlx::{AnyConnection, AssertSqlSafe};

use crate::error::Result;

/// Locks an account. Whatever adds to what it holds, reserves of its quota, forgets its contents, or grants or ends its credentials does so
/// first: what a transaction has checked under this lock still holds when it commits. `false`: there is no such account.
///
/// A job stores its results without this lock.
pub(super) async fn lock_account(connection: &mut AnyConnection, account_id: &str) -> Result<bool> {
    lock_rows(connection, "SELECT id FROM accounts WHERE id = $1", &[account_id]).await
}

/// Locks the spending of all accounts. Two admissions, on whichever servers, never see the same room under a ceiling.
pub(super) async fn lock_spending(connection: &mut AnyConnection) -> Result<()> {
    lock_rows(connection, "SELECT id FROM spending_lock", &[]).await?;
    Ok(())
}

/// Locks the active job that is to fill a document. It cannot end meanwhile, so no draft outlives its job. `false`: it has ended, or it
/// never was the account's.
pub(super) async fn lock_job_filling(connection: &mut AnyConnection, account_id: &str, id: &str) -> Result<bool> {
    let select = "SELECT id FROM jobs WHERE account_id = $1 AND document_id = $2 AND active = 1";
    lock_rows(connection, select, &[account_id, id]).await
}

/// Locks a document. Its pages stay as they are until the transaction changes them, so the bytes that it adds or gives back are right.
pub(super) async fn lock_document(connection: &mut AnyConnection, account_id: &str, id: &str) -> Result<()> {
    lock_rows(connection, "SELECT id FROM documents WHERE account_id = $1 AND id = $2", &[account_id, id]).await?;
    Ok(())
}

/// Locks a draft, as [`lock_document`] does. `false`: there is no such draft any more.
pub(super) async fn lock_draft(connection: &mut AnyConnection, account_id: &str, id: &str) -> Result<bool> {
    let select = "SELECT id FROM documents WHERE account_id = $1 AND id = $2 AND draft = 1";
    lock_rows(connection, select, &[account_id, id]).await
}

/// Locks the sum of what an account stores. Two workers of one job never replace rows that the other one has not counted yet.
pub(super) async fn lock_stored_bytes(connection: &mut AnyConnection, account_id: &str) -> Result<()> {
    let sql = "INSERT INTO storage (account_id, bytes) VALUES ($1, 0) ON CONFLICT (account_id) DO NOTHING";
    sqlx::query(sql).bind(account_id).execute(&mut *connection).await?;
    lock_rows(connection, "SELECT account_id FROM storage WHERE account_id = $1", &[account_id]).await?;
    Ok(())
}

/// Locks the rows that a `SELECT` finds. `false`: there are none.
///
/// PostgreSQL: rows that refer to them by a foreign key can still be added, so results are stored while their account is locked.
/// SQLite has one writer at a time, and [`super::SqlStore::write`] has made this transaction that one.
async fn lock_rows(connection: &mut AnyConnection, select: &'static str, keys: &[&str]) -> Result<bool> {
    let lock = if connection.backend_name() == "PostgreSQL" { "FOR NO KEY UPDATE" } else { "" };
    let query = sqlx::query(AssertSqlSafe(format!("{select} {lock}")));
    let rows = keys.iter().fold(query, |query, key| query.bind(*key)).fetch_all(connection).await?;
    Ok(!rows.is_empty())
}
