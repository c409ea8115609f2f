//! Adding and ending sessions and tokens. Both lock the account, so they run one after the other.

use async_trait::async_trait;
use sqlx::AnyConnection;

use super::accounts::refuse_disabled;
use super::locks::lock_account;
use super::{SqlStore, from_row, storable};
use crate::accounts::{Credential, Credentials, Ending, Grant, Session, SessionStart, TokenLabel, TokenUse};
use crate::error::Result;
use crate::model::wire::{SessionSummary, TokenSummary};
use crate::model::{EndedAccess, UnixMs};

from_row!(Session { account_id, created_at, signed_in, ends_at, confirmed_at, last_used_at });
from_row!(SessionSummary { id, client, began_at, last_used_at, is_this });
from_row!(TokenSummary { id, name, created_at, expires_at, scopes, last_used_at });
from_row!(TokenUse { scopes, last_used_at });

/// A replaced session is valid for requests that are in flight. It is not listed.
const OVERLAP_MS: i64 = 60_000;

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
        label: Option<TokenLabel<'_>>,
        grant: Grant<'_>,
        now: UnixMs,
    ) -> Result<bool> {
        let mut tx = self.write().await?;
        if !lock_account(&mut tx, account_id).await? || !is_granted(&mut tx, account_id, grant, now).await? {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO credentials (digest, account_id, kind, name, created_at, expires_at, scopes)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(credential.digest)
        .bind(account_id)
        .bind(credential.kind.into_str())
        .bind(label.map(|label| label.name))
        .bind(now.0)
        .bind(credential.expires_at.0)
        .bind(label.map(|label| label.scopes.to_text()))
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn session(&self, digest: &str, now: UnixMs) -> Result<Option<Session>> {
        let sql = "SELECT c.account_id, c.created_at, c.ends_at, c.confirmed_at, c.last_used_at,
                    CAST(CASE WHEN a.email IS NULL THEN 0 ELSE 1 END AS BIGINT) AS signed_in
             FROM credentials c JOIN accounts a ON a.id = c.account_id
             WHERE c.digest = $1 AND c.kind = 'session' AND c.expires_at > $2";
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
            "SELECT SUBSTR(digest, 1, 16) AS id, COALESCE(name, '') AS name, created_at, expires_at, scopes, last_used_at
             FROM credentials
             WHERE account_id = $1 AND kind = 'token' AND expires_at > $2 ORDER BY created_at DESC, digest LIMIT 200";
        Ok(sqlx::query_as(sql).bind(account_id).bind(now.0).fetch_all(&self.pool).await?)
    }

    async fn revoke_token(&self, account_id: &str, id: &str) -> Result<bool> {
        let sql = "DELETE FROM credentials WHERE account_id = $1 AND kind = 'token' AND SUBSTR(digest, 1, 16) = $2";
        let done = sqlx::query(sql).bind(account_id).bind(id).execute(&self.pool).await?;
        Ok(done.rows_affected() > 0)
    }

    async fn token_use(&self, digest: &str) -> Result<Option<TokenUse>> {
        let sql = "SELECT scopes, last_used_at FROM credentials WHERE digest = $1 AND kind = 'token'";
        Ok(sqlx::query_as(sql).bind(digest).fetch_optional(&self.pool).await?)
    }

    async fn record_use(&self, digest: &str, now: UnixMs) -> Result<()> {
        let sql = "UPDATE credentials SET last_used_at = $1 WHERE digest = $2";
        sqlx::query(sql).bind(now.0).bind(digest).execute(&self.pool).await?;
        Ok(())
    }

    async fn start_session(&self, digest: &str, start: &SessionStart<'_>) -> Result<()> {
        let sql =
            "UPDATE credentials SET began_at = $1, confirmed_at = $1, last_used_at = $1, ends_at = $2, client = $3,
                       expires_at = CASE WHEN expires_at > $2 THEN $2 ELSE expires_at END
                   WHERE digest = $4";
        sqlx::query(sql)
            .bind(start.at.0)
            .bind(start.ends_at.0)
            .bind(storable(start.client))
            .bind(digest)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    async fn inherit_session(&self, old: &str, new: &str) -> Result<()> {
        let sql = "UPDATE credentials SET (began_at, ends_at, confirmed_at, client, last_used_at) =
                       (SELECT began_at, ends_at, confirmed_at, client, last_used_at FROM credentials WHERE digest = $1)
                   WHERE digest = $2";
        sqlx::query(sql).bind(old).bind(new).execute(&self.pool).await?;
        Ok(())
    }

    async fn confirm_session(&self, digest: &str, now: UnixMs) -> Result<()> {
        let sql = "UPDATE credentials SET confirmed_at = $1 WHERE digest = $2";
        sqlx::query(sql).bind(now.0).bind(digest).execute(&self.pool).await?;
        Ok(())
    }

    async fn sessions(&self, account_id: &str, own: &str, now: UnixMs) -> Result<Vec<SessionSummary>> {
        let sql = "SELECT SUBSTR(digest, 1, 16) AS id, COALESCE(client, '') AS client,
                       COALESCE(began_at, created_at) AS began_at, COALESCE(last_used_at, created_at) AS last_used_at,
                       CAST(CASE WHEN digest = $2 THEN 1 ELSE 0 END AS BIGINT) AS is_this
                   FROM credentials WHERE account_id = $1 AND kind = 'session' AND expires_at > $3
                   ORDER BY 5 DESC, 4 DESC, digest LIMIT 200";
        let not_replaced = now.plus(OVERLAP_MS).0;
        Ok(sqlx::query_as(sql).bind(account_id).bind(own).bind(not_replaced).fetch_all(&self.pool).await?)
    }

    async fn end_session(&self, account_id: &str, id: &str) -> Result<bool> {
        let sql = "DELETE FROM credentials WHERE account_id = $1 AND kind = 'session' AND SUBSTR(digest, 1, 16) = $2";
        let done = sqlx::query(sql).bind(account_id).bind(id).execute(&self.pool).await?;
        Ok(done.rows_affected() > 0)
    }
}
