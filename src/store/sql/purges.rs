//! Files to be deleted that no record refers to any more.
//!
//! A purge must not delete the file of a content that is uploaded again meanwhile, and no transaction stays open while a file is deleted.
//! So a purge is claimed, carried out, and then removed. These rules make it safe:
//!
//! 1. Before a process stores a file of a content, it records that under the lock of the account: an upload ([`admit_files`] in `insert_upload`),
//!    or a copy ([`postpone`] in `begin_copies`). A worker stores figures for an active job only, which has such an upload.
//! 2. A claim is recorded under the same lock, and only if no upload, document or active job has the content. Otherwise the purge is
//!    removed.
//! 3. While a purge is claimed, neither an upload nor a copy of its content is admitted. One that is not claimed is removed or postponed
//!    by it, so it cannot be claimed afterwards.
//! 4. The claimant begins no deletion later than a fraction of its claim, so all of them are over when the claim ends. A claim that ended
//!    without a result, as after a crash, admits uploads again, and the next claim repeats the deletion.
//!
//! A deleted account is never created again, so the purge of all its files needs no such rules.

use async_trait::async_trait;
use sqlx::AnyConnection;

use super::locks::lock_account;
use super::{SqlStore, from_row};
use crate::error::{Error, Result};
use crate::model::UnixMs;
use crate::retention::{Purge, Purges};

/// How long files that were copied for a merge are kept when the merge did not happen.
const COPY_MS: i64 = 24 * 3_600_000;

#[async_trait]
impl Purges for SqlStore {
    async fn claim_purge(&self, now: UnixMs, until: UnixMs) -> Result<Option<Purge>> {
        loop {
            let due = "SELECT account_id, content_hash FROM purges WHERE due_at <= $1 ORDER BY due_at LIMIT 1";
            let due: Option<(String, String)> = sqlx::query_as(due).bind(now.0).fetch_optional(&self.pool).await?;
            let Some((account_id, content_hash)) = due else { return Ok(None) };
            let mut tx = self.write().await?;
            lock_account(&mut tx, &account_id).await?;
            let claimed = if !content_hash.is_empty() && is_used(&mut tx, &account_id, &content_hash).await? {
                remove(&mut tx, &account_id, &content_hash).await?;
                None
            } else {
                let claim = "UPDATE purges SET claimed = 1, due_at = $1, tries = tries + 1
                             WHERE account_id = $2 AND content_hash = $3 AND due_at <= $4
                             RETURNING account_id, content_hash, recorded_at, due_at";
                let claim = sqlx::query_as(claim).bind(until.0).bind(account_id).bind(content_hash).bind(now.0);
                claim.fetch_all(&mut *tx).await?.into_iter().next()
            };
            tx.commit().await?;
            // Otherwise the content is used again, or another server was faster.
            if claimed.is_some() {
                return Ok(claimed);
            }
        }
    }

    async fn purged(&self, purge: &Purge, again_at: Option<UnixMs>) -> Result<()> {
        // Another server may hold the next claim, or the content may have been deleted once more: then the row has other instants.
        let sql = match again_at {
            Some(_) => {
                "UPDATE purges SET claimed = 0, tries = 0, due_at = $5
                 WHERE account_id = $1 AND content_hash = $2 AND recorded_at = $3 AND due_at = $4"
            }
            None => {
                "DELETE FROM purges
                 WHERE account_id = $1 AND content_hash = $2 AND recorded_at = $3 AND due_at = $4"
            }
        };
        let query = sqlx::query(sql).bind(&purge.account_id).bind(&purge.content_hash);
        let query = query.bind(purge.recorded_at.0).bind(purge.due_at.0);
        match again_at {
            Some(again_at) => query.bind(again_at.0).execute(&self.pool).await?,
            None => query.execute(&self.pool).await?,
        };
        Ok(())
    }
}

/// Whether an upload, a document or an active job has this content.
async fn is_used(connection: &mut AnyConnection, account_id: &str, content_hash: &str) -> Result<bool> {
    let uses: i64 = sqlx::query_scalar(
        "SELECT (SELECT COUNT(*) FROM uploads WHERE account_id = $1 AND content_hash = $2)
              + (SELECT COUNT(*) FROM documents WHERE account_id = $1 AND content_hash = $2)
              + (SELECT COUNT(*) FROM jobs WHERE account_id = $1 AND content_hash = $2 AND active = 1)",
    )
    .bind(account_id)
    .bind(content_hash)
    .fetch_one(connection)
    .await?;
    Ok(uses > 0)
}

/// Records that the files of a content are to be deleted, if nothing uses it. The account must be locked.
pub(super) async fn record_unused(
    connection: &mut AnyConnection,
    account_id: &str,
    content_hash: &str,
    now: UnixMs,
) -> Result<()> {
    if is_used(connection, account_id, content_hash).await? {
        return Ok(());
    }
    record(connection, account_id, content_hash, now).await
}

/// Records that all files of an account that is being deleted are to be deleted.
pub(super) async fn record_account(connection: &mut AnyConnection, account_id: &str, now: UnixMs) -> Result<()> {
    sqlx::query("DELETE FROM purges WHERE account_id = $1").bind(account_id).execute(&mut *connection).await?;
    record(connection, account_id, "", now).await
}

/// Records that these files are to be deleted, due at once. A claim goes on, and is repeated when it ends.
pub(super) async fn record(
    connection: &mut AnyConnection,
    account_id: &str,
    content_hash: &str,
    now: UnixMs,
) -> Result<()> {
    record_due(connection, account_id, content_hash, now, now).await
}

/// The same, due at `due_at`. If there is a record, it gets another instant of recording, so that its claimant does not remove it.
async fn record_due(
    connection: &mut AnyConnection,
    account_id: &str,
    content_hash: &str,
    now: UnixMs,
    due_at: UnixMs,
) -> Result<()> {
    let sql = "INSERT INTO purges (account_id, content_hash, recorded_at, due_at, claimed, tries)
               VALUES ($1, $2, $3, $4, 0, 0)
               ON CONFLICT (account_id, content_hash) DO UPDATE SET
                   recorded_at = CASE WHEN purges.recorded_at < excluded.recorded_at THEN excluded.recorded_at
                                      ELSE purges.recorded_at + 1 END,
                   due_at = CASE WHEN purges.claimed = 1 THEN purges.due_at ELSE excluded.due_at END";
    let query = sqlx::query(sql).bind(account_id).bind(content_hash).bind(now.0).bind(due_at.0);
    query.execute(connection).await?;
    Ok(())
}

/// Records the purges that servers of the version before have recorded in tables of their own.
pub(super) async fn adopt(connection: &mut AnyConnection) -> Result<()> {
    let deleted = "DELETE FROM gone_accounts RETURNING account_id, '' AS content_hash, gone_at AS at";
    let copied = "DELETE FROM file_copies RETURNING account_id, content_hash, copied_at AS at";
    for (sql, wait_ms) in [(deleted, 0), (copied, COPY_MS)] {
        let rows: Vec<(String, String, i64)> = sqlx::query_as(sql).fetch_all(&mut *connection).await?;
        for (account_id, content_hash, at) in rows {
            record_due(connection, &account_id, &content_hash, UnixMs(at), UnixMs(at).plus(wait_ms)).await?;
        }
    }
    Ok(())
}

/// Admits new files of a content: removes its purge. `false`: a server is deleting the content's files. The account must be locked.
pub(super) async fn admit_files(
    connection: &mut AnyConnection,
    account_id: &str,
    content_hash: &str,
    now: UnixMs,
) -> Result<bool> {
    let claims =
        "SELECT COUNT(*) FROM purges WHERE account_id = $1 AND content_hash = $2 AND claimed = 1 AND due_at > $3";
    let claims: i64 =
        sqlx::query_scalar(claims).bind(account_id).bind(content_hash).bind(now.0).fetch_one(&mut *connection).await?;
    if claims > 0 {
        return Ok(false);
    }
    remove(connection, account_id, content_hash).await?;
    Ok(true)
}

/// Records that files of a content are being copied. They are purged after a day if they are not used by then. The account must be locked.
///
/// # Errors
/// `unavailable` if a server is deleting the content's files.
pub(super) async fn postpone(
    connection: &mut AnyConnection,
    account_id: &str,
    content_hash: &str,
    now: UnixMs,
) -> Result<()> {
    if !admit_files(connection, account_id, content_hash, now).await? {
        return Err(Error::unavailable("files of an earlier copy are being deleted"));
    }
    record_due(connection, account_id, content_hash, now, now.plus(COPY_MS)).await
}

/// Ends the postponed purge of copies that are used now. The account must be locked.
///
/// # Errors
/// `unavailable` if the copies may have been deleted.
pub(super) async fn keep_copy(connection: &mut AnyConnection, account_id: &str, content_hash: &str) -> Result<()> {
    let sql = "DELETE FROM purges WHERE account_id = $1 AND content_hash = $2 AND claimed = 0";
    let kept = sqlx::query(sql).bind(account_id).bind(content_hash).execute(connection).await?;
    if kept.rows_affected() == 0 {
        return Err(Error::unavailable("the copied files were deleted"));
    }
    Ok(())
}

async fn remove(connection: &mut AnyConnection, account_id: &str, content_hash: &str) -> Result<()> {
    let sql = "DELETE FROM purges WHERE account_id = $1 AND content_hash = $2";
    sqlx::query(sql).bind(account_id).bind(content_hash).execute(connection).await?;
    Ok(())
}

from_row!(Purge { account_id, content_hash, recorded_at, due_at });
