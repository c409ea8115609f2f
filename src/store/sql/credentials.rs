//! How sessions and tokens of an account are granted and ended. Both are done with the account locked, one after the other.

use sqlx::AnyConnection;

use crate::accounts::{Ending, Grant};
use crate::error::Result;
use crate::model::{EndedAccess, UnixMs};

/// Whether a credential may still be added. The account is locked, so nothing ends before the transaction does.
pub(super) async fn is_granted(
    connection: &mut AnyConnection,
    account_id: &str,
    grant: Grant<'_>,
    now: UnixMs,
) -> Result<bool> {
    let query = match grant {
        Grant::Owner => return Ok(true),
        Grant::Credential(digest) => sqlx::query_scalar(
            "SELECT COUNT(*) FROM credentials WHERE account_id = $1 AND digest = $2 AND expires_at > $3",
        )
        .bind(account_id)
        .bind(digest)
        .bind(now.0),
        Grant::Password(hash) => {
            sqlx::query_scalar("SELECT COUNT(*) FROM accounts WHERE id = $1 AND password_hash = $2")
                .bind(account_id)
                .bind(hash)
        }
    };
    let granted: i64 = query.fetch_one(connection).await?;
    Ok(granted > 0)
}

/// Ends all sessions and tokens of an account, and counts those that would still have opened it.
pub(super) async fn end_all(
    connection: &mut AnyConnection,
    account_id: &str,
    ending: Ending<'_>,
) -> Result<EndedAccess> {
    let sql = "DELETE FROM credentials WHERE account_id = $1 RETURNING digest, kind, expires_at";
    let credentials: Vec<(String, String, i64)> = sqlx::query_as(sql).bind(account_id).fetch_all(connection).await?;
    let mut ended = EndedAccess::default();
    for (digest, kind, expires_at) in &credentials {
        if ending.own == Some(digest) || *expires_at <= ending.now.0 {
            continue;
        }
        match kind.as_str() {
            "token" => ended.tokens += 1,
            _ => ended.sessions += 1,
        }
    }
    Ok(ended)
}
