//! Members, everybody's sessions and tokens, and what is forgotten with time.

use async_trait::async_trait;
use sqlx::any::AnyQueryResult;

use super::answers::{self, Claim};
use super::contents::forget_content;
use super::credentials::{end_all, is_granted};
use super::locks::lock_account;
use super::{SqlStore, from_row, storable, to_db};
use crate::accounts::{Begun, Credential, Ending, ExternalIdentity, Grant, Members, Session};
use crate::error::Result;
use crate::model::wire::TokenSummary;
use crate::model::{EndedAccess, UnixMs};
use crate::uploads::FigurePlaces;

#[async_trait]
impl Members for SqlStore {
    async fn sign_up(
        &self,
        account_id: &str,
        email: &str,
        password_hash: &str,
        ending: Ending<'_>,
    ) -> Result<Option<EndedAccess>> {
        let mut tx = self.write().await?;
        let sql = "UPDATE accounts SET email = $1, password_hash = $2
                   WHERE id = $3 AND email IS NULL AND NOT EXISTS (SELECT 1 FROM accounts WHERE email = $1)";
        let done = sqlx::query(sql).bind(email).bind(password_hash).bind(account_id).execute(&mut *tx).await;
        if !changed_one(done)? {
            return Ok(None);
        }
        let ended = end_all(&mut tx, account_id, ending).await?;
        tx.commit().await?;
        Ok(Some(ended))
    }

    async fn set_password(
        &self,
        account_id: &str,
        password_hash: &str,
        ending: Ending<'_>,
    ) -> Result<Option<EndedAccess>> {
        let mut tx = self.write().await?;
        let sql = "UPDATE accounts SET password_hash = $1 WHERE id = $2 AND email IS NOT NULL";
        let set = sqlx::query(sql).bind(password_hash).bind(account_id).execute(&mut *tx).await;
        if !changed_one(set)? {
            return Ok(None);
        }
        let ended = end_all(&mut tx, account_id, ending).await?;
        tx.commit().await?;
        Ok(Some(ended))
    }

    async fn login(&self, email: &str) -> Result<Option<(String, String)>> {
        let login = "SELECT id, password_hash FROM accounts WHERE email = $1 AND password_hash IS NOT NULL";
        Ok(sqlx::query_as(login).bind(email).fetch_optional(&self.pool).await?)
    }

    async fn account_of_identity(&self, issuer: &str, subject: &str) -> Result<Option<String>> {
        let id = sqlx::query_scalar("SELECT account_id FROM identities WHERE issuer = $1 AND subject = $2");
        Ok(id.bind(issuer).bind(subject).fetch_optional(&self.pool).await?)
    }

    async fn add_identity(
        &self,
        account_id: &str,
        identity: &ExternalIdentity,
        ending: Ending<'_>,
    ) -> Result<Option<EndedAccess>> {
        let mut tx = self.write().await?;
        let tied = sqlx::query(
            "INSERT INTO identities (issuer, subject, account_id, created_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (issuer, subject) DO NOTHING",
        )
        .bind(storable(&identity.issuer))
        .bind(storable(&identity.subject))
        .bind(account_id)
        .bind(ending.now.0)
        .execute(&mut *tx)
        .await;
        if !changed_one(tied)? {
            return Ok(None);
        }
        let sql = "SELECT COUNT(*) FROM accounts WHERE id = $1 AND email IS NOT NULL";
        let is_member: i64 = sqlx::query_scalar(sql).bind(account_id).fetch_one(&mut *tx).await?;
        // A member's name stays.
        let ended = if is_member > 0 {
            EndedAccess::default()
        } else {
            let sql = "UPDATE accounts SET email = $1 WHERE id = $2 AND email IS NULL
                         AND NOT EXISTS (SELECT 1 FROM accounts WHERE email = $1)";
            let named = sqlx::query(sql).bind(storable(&identity.label)).bind(account_id).execute(&mut *tx).await;
            if !changed_one(named)? {
                return Ok(None);
            }
            end_all(&mut tx, account_id, ending).await?
        };
        tx.commit().await?;
        Ok(Some(ended))
    }

    async fn has_identity(&self, account_id: &str) -> Result<bool> {
        let tied = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM identities WHERE account_id = $1");
        Ok(tied.bind(account_id).fetch_one(&self.pool).await? > 0)
    }

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
        .bind(credential.kind.name())
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

    async fn find_account(&self, name: &str) -> Result<Option<String>> {
        let id = sqlx::query_scalar("SELECT id FROM accounts WHERE id = $1 OR email = $1").bind(name);
        Ok(id.fetch_optional(&self.pool).await?)
    }

    async fn set_quota(&self, account_id: &str, tokens: Option<u64>) -> Result<()> {
        let sql = "UPDATE accounts SET quota_tokens = $1 WHERE id = $2";
        sqlx::query(sql).bind(tokens.map(to_db)).bind(account_id).execute(&self.pool).await?;
        Ok(())
    }

    async fn begin(
        &self,
        account_id: &str,
        key: &str,
        digest: &str,
        now: UnixMs,
        stale: UnixMs,
        keys_max: u32,
    ) -> Result<Begun> {
        let mut tx = self.write().await?;
        let request = Claim { account_id, key, digest, now, stale, keys_max };
        let begun = answers::claim(&mut tx, request).await?;
        tx.commit().await?;
        Ok(begun)
    }

    async fn finish(&self, account_id: &str, key: &str, answer: &str) -> Result<()> {
        let sql = "UPDATE answers SET answer = $1 WHERE account_id = $2 AND request_key = $3";
        sqlx::query(sql).bind(answer).bind(account_id).bind(key).execute(&self.pool).await?;
        Ok(())
    }

    async fn abandon(&self, account_id: &str, key: &str) -> Result<()> {
        let sql = "DELETE FROM answers WHERE account_id = $1 AND request_key = $2 AND answer IS NULL";
        sqlx::query(sql).bind(account_id).bind(key).execute(&self.pool).await?;
        Ok(())
    }

    async fn idle_guests(&self, before: UnixMs, limit: u32) -> Result<Vec<String>> {
        // A browser's session is made anew each day that it is used, so the newest says when somebody was here.
        let ids = sqlx::query_scalar(
            "SELECT a.id FROM accounts a WHERE a.email IS NULL AND a.created_at < $1
               AND NOT EXISTS (SELECT 1 FROM credentials c WHERE c.account_id = a.id AND c.created_at >= $1)
               AND NOT EXISTS (SELECT 1 FROM uploads u WHERE u.account_id = a.id AND u.created_at >= $1)
               AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.account_id = a.id AND (j.active = 1 OR j.updated_at >= $1))
               AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.account_id = a.id AND d.created_at >= $1)
             LIMIT $2",
        );
        Ok(ids.bind(before.0).bind(i64::from(limit)).fetch_all(&self.pool).await?)
    }

    async fn gone_accounts(&self, before: UnixMs, limit: u32) -> Result<Vec<String>> {
        let ids =
            sqlx::query_scalar("SELECT account_id FROM gone_accounts WHERE gone_at < $1 ORDER BY gone_at LIMIT $2");
        Ok(ids.bind(before.0).bind(i64::from(limit)).fetch_all(&self.pool).await?)
    }

    async fn forget_gone_account(&self, account_id: &str) -> Result<()> {
        sqlx::query("DELETE FROM gone_accounts WHERE account_id = $1").bind(account_id).execute(&self.pool).await?;
        Ok(())
    }

    async fn stale_uploads(&self, before: UnixMs, limit: u32) -> Result<Vec<(String, String)>> {
        let sql = "SELECT u.account_id, u.content_hash FROM uploads u
                   WHERE NOT EXISTS (SELECT 1 FROM documents d
                                     WHERE d.account_id = u.account_id AND d.content_hash = u.content_hash)
                     AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.account_id = u.account_id
                                     AND j.content_hash = u.content_hash AND (j.active = 1 OR j.updated_at >= $1))
                   GROUP BY u.account_id, u.content_hash HAVING MAX(u.created_at) < $1 LIMIT $2";
        Ok(sqlx::query_as(sql).bind(before.0).bind(i64::from(limit)).fetch_all(&self.pool).await?)
    }

    async fn forget_upload(
        &self,
        account_id: &str,
        content_hash: &str,
        before: UnixMs,
    ) -> Result<Option<FigurePlaces>> {
        let mut tx = self.write().await?;
        lock_account(&mut tx, account_id).await?;
        let references: i64 = sqlx::query_scalar(
            "SELECT (SELECT COUNT(*) FROM documents WHERE account_id = $1 AND content_hash = $2)
                  + (SELECT COUNT(*) FROM jobs
                     WHERE account_id = $1 AND content_hash = $2 AND (active = 1 OR updated_at >= $3))
                  + (SELECT COUNT(*) FROM uploads WHERE account_id = $1 AND content_hash = $2 AND created_at >= $3)",
        )
        .bind(account_id)
        .bind(content_hash)
        .bind(before.0)
        .fetch_one(&mut *tx)
        .await?;
        if references > 0 {
            return Ok(None);
        }
        let figures = forget_content(&mut tx, account_id, content_hash).await?;
        tx.commit().await?;
        Ok(Some(figures))
    }

    async fn forget_expired(&self, before: UnixMs, now: UnixMs) -> Result<()> {
        sqlx::query("DELETE FROM credentials WHERE expires_at <= $1").bind(now.0).execute(&self.pool).await?;
        sqlx::query("DELETE FROM answers WHERE begun_at < $1").bind(before.0).execute(&self.pool).await?;
        sqlx::query("DELETE FROM gone_contents WHERE gone_at < $1").bind(before.0).execute(&self.pool).await?;
        Ok(())
    }
}

from_row!(Session { account_id, created_at, signed_in });
from_row!(TokenSummary { id, name, created_at, expires_at });

/// Whether a statement changed its row. A name that another row has is no fault.
fn changed_one(done: sqlx::Result<AnyQueryResult>) -> Result<bool> {
    match done {
        Ok(done) => Ok(done.rows_affected() == 1),
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(false),
        Err(error) => Err(error.into()),
    }
}
