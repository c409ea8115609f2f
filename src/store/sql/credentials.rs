//! Adding and ending sessions and tokens. Both lock the account, so they run one after the other.

use async_trait::async_trait;
use sqlx::AnyConnection;

use super::accounts::refuse_disabled;
use super::locks::lock_account;
use super::{SqlStore, from_row};
use crate::accounts::{Credential, Credentials, Ending, Grant, Session};
use crate::error::Result;
use crate::model::wire::TokenSummary;
use crate::model::{EndedAccess, UnixMs};

from_row!(Session { account_id, created_at, signed_in });
from_row!(TokenSummary { id, name, created_at, expires_at });

/// Whether the grant of a new credential holds. The account is locked, so that it still holds when the transaction commits.
pub(super) async fn is_granted(
    connection: &mut AnyConnection,
    account_id: &str,
    grant: Grant<'_>,
    now: UnixMs,
) -> Result<bool> {
    refuse_disabled(connection, account_id).await?;
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

/// Ends all sessions and tokens of an account. Counts those that were still valid.
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

#[async_trait]
impl Credentials for SqlStore {
    async fn add_credential(
        &self,
        account_id: &str,
        credential: Credential<'_>,
        name: Option<&str>,
        grant: Grant<'_>,
        now: UnixMs,
    ) -> Result<bool> {
        let mut tx = self.write().await?;
        if !lock_account(&mut tx, account_id).await? || !is_granted(&mut tx, account_id, grant, now).await? {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO credentials (digest, account_id, kind, name, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(credential.digest)
        .bind(account_id)
        .bind(credential.kind.into_str())
        .bind(name)
        .bind(now.0)
        .bind(credential.expires_at.0)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn session(&self, digest: &str, now: UnixMs) -> Result<Option<Session>> {
        let sql = "SELECT c.account_id, c.created_at, CAST(COUNT(a.email) AS BIGINT) AS signed_in
             FROM credentials c JOIN accounts a ON a.id = c.account_id
             WHERE c.digest = $1 AND c.kind = 'session' AND c.expires_at > $2 GROUP BY c.account_id, c.created_at";
        Ok(sqlx::query_as(sql).bind(digest).bind(now.0).fetch_optional(&self.pool).await?)
    }

    async fn end_credential(&self, digest: &str, at: UnixMs) -> Result<Option<String>> {
        let account_id = sqlx::query_scalar(
            "UPDATE credentials SET expires_at = $1 WHERE digest = $2 AND expires_at > $1 RETURNING account_id",
        );
        Ok(account_id.bind(at.0).bind(digest).fetch_optional(&self.pool).await?)
    }

    async fn end_credentials(&self, account_id: &str, ending: Ending<'_>) -> Result<EndedAccess> {
        let mut tx = self.write().await?;
        lock_account(&mut tx, account_id).await?;
        let ended = end_all(&mut tx, account_id, ending).await?;
        tx.commit().await?;
        Ok(ended)
    }

    async fn end_sessions(&self, account_id: &str) -> Result<()> {
        let mut tx = self.write().await?;
        lock_account(&mut tx, account_id).await?;
        let sql = "DELETE FROM credentials WHERE account_id = $1 AND kind = 'session'";
        sqlx::query(sql).bind(account_id).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    async fn tokens(&self, account_id: &str, now: UnixMs) -> Result<Vec<TokenSummary>> {
        let sql =
            "SELECT SUBSTR(digest, 1, 16) AS id, COALESCE(name, '') AS name, created_at, expires_at FROM credentials
             WHERE account_id = $1 AND kind = 'token' AND expires_at > $2 ORDER BY created_at DESC, digest LIMIT 200";
        Ok(sqlx::query_as(sql).bind(account_id).bind(now.0).fetch_all(&self.pool).await?)
    }

    async fn revoke_token(&self, account_id: &str, id: &str) -> Result<bool> {
        let sql = "DELETE FROM credentials WHERE account_id = $1 AND kind = 'token' AND SUBSTR(digest, 1, 16) = $2";
        let done = sqlx::query(sql).bind(account_id).bind(id).execute(&self.pool).await?;
        Ok(done.rows_affected() > 0)
    }
}
