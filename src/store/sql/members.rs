//! Members, their passwords and their identities.

use async_trait::async_trait;
use sqlx::AnyConnection;
use sqlx::any::AnyQueryResult;

use super::credentials::end_all;
use super::locks::lock_account;
use super::{SqlStore, storable};
use crate::accounts::{Ending, ExternalIdentity, INVITATION_ENDED, Members};
use crate::error::{Error, Result};
use crate::model::{EndedAccess, ErrorCode, UnixMs};

#[async_trait]
impl Members for SqlStore {
    async fn sign_up(
        &self,
        account_id: &str,
        email: &str,
        password_hash: &str,
        invitation: Option<&str>,
        ending: Ending<'_>,
    ) -> Result<Option<EndedAccess>> {
        let mut tx = self.write().await?;
        let sql = "UPDATE accounts SET email = $1, password_hash = $2
                   WHERE id = $3 AND email IS NULL AND NOT EXISTS (SELECT 1 FROM accounts WHERE email = $1)";
        let done = sqlx::query(sql).bind(email).bind(password_hash).bind(account_id).execute(&mut *tx).await;
        if !changed_one(done)? {
            return Ok(None);
        }
        use_invitation(&mut tx, invitation, account_id, ending.now).await?;
        let ended = end_all(&mut tx, account_id, ending).await?;
        tx.commit().await?;
        Ok(Some(ended))
    }

    async fn account_of_link(&self, digest: &str, now: UnixMs) -> Result<Option<(String, String)>> {
        let sql = "SELECT a.id, a.email FROM setup_links l JOIN accounts a ON a.id = l.account_id
                   WHERE l.digest = $1 AND l.expires_at > $2 AND a.email IS NOT NULL";
        Ok(sqlx::query_as(sql).bind(digest).bind(now.0).fetch_optional(&self.pool).await?)
    }

    async fn set_password_by_link(
        &self,
        digest: &str,
        account_id: &str,
        password_hash: &str,
        ending: Ending<'_>,
    ) -> Result<Option<EndedAccess>> {
        let mut tx = self.write().await?;
        let sql = "DELETE FROM setup_links WHERE digest = $1 AND account_id = $2 AND expires_at > $3";
        let used = sqlx::query(sql).bind(digest).bind(account_id).bind(ending.now.0).execute(&mut *tx).await;
        if !changed_one(used)? {
            return Ok(None);
        }
        let sql = "UPDATE accounts SET password_hash = $1 WHERE id = $2 AND email IS NOT NULL";
        sqlx::query(sql).bind(password_hash).bind(account_id).execute(&mut *tx).await?;
        let ended = end_all(&mut tx, account_id, ending).await?;
        tx.commit().await?;
        Ok(Some(ended))
    }

    async fn is_invitation(&self, digest: &str, now: UnixMs) -> Result<bool> {
        let sql = "SELECT COUNT(*) FROM invitations WHERE digest = $1 AND used_at IS NULL AND expires_at > $2";
        let count: i64 = sqlx::query_scalar(sql).bind(digest).bind(now.0).fetch_one(&self.pool).await?;
        Ok(count > 0)
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
        invitation: Option<&str>,
        ending: Ending<'_>,
    ) -> Result<Option<EndedAccess>> {
        let mut tx = self.write().await?;
        let inserted = sqlx::query(
            "INSERT INTO identities (issuer, subject, account_id, created_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (issuer, subject) DO NOTHING",
        )
        .bind(storable(&identity.issuer))
        .bind(storable(&identity.subject))
        .bind(account_id)
        .bind(ending.now.0)
        .execute(&mut *tx)
        .await;
        if !changed_one(inserted)? {
            return Ok(None);
        }
        let sql = "SELECT COUNT(*) FROM accounts WHERE id = $1 AND email IS NOT NULL";
        let is_member: i64 = sqlx::query_scalar(sql).bind(account_id).fetch_one(&mut *tx).await?;
        // A member keeps its name.
        let ended = if is_member > 0 {
            EndedAccess::default()
        } else {
            let sql = "UPDATE accounts SET email = $1 WHERE id = $2 AND email IS NULL
                         AND NOT EXISTS (SELECT 1 FROM accounts WHERE email = $1)";
            let named = sqlx::query(sql).bind(storable(&identity.label)).bind(account_id).execute(&mut *tx).await;
            if !changed_one(named)? {
                return Ok(None);
            }
            use_invitation(&mut tx, invitation, account_id, ending.now).await?;
            end_all(&mut tx, account_id, ending).await?
        };
        tx.commit().await?;
        Ok(Some(ended))
    }

    async fn has_identity(&self, account_id: &str) -> Result<bool> {
        let count = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM identities WHERE account_id = $1");
        Ok(count.bind(account_id).fetch_one(&self.pool).await? > 0)
    }

    async fn identities(&self, account_id: &str) -> Result<Vec<((String, String), UnixMs)>> {
        let sql = "SELECT issuer, subject, created_at FROM identities WHERE account_id = $1 ORDER BY created_at, issuer, subject";
        let rows: Vec<(String, String, i64)> = sqlx::query_as(sql).bind(account_id).fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|(issuer, subject, at)| ((issuer, subject), UnixMs(at))).collect())
    }

    async fn remove_identity(&self, account_id: &str, issuer: &str, subject: &str) -> Result<bool> {
        let mut tx = self.write().await?;
        lock_account(&mut tx, account_id).await?;
        let sql = "DELETE FROM identities WHERE account_id = $1 AND issuer = $2 AND subject = $3";
        sqlx::query(sql).bind(account_id).bind(issuer).bind(subject).execute(&mut *tx).await?;
        let sql = "SELECT (SELECT COUNT(*) FROM identities WHERE account_id = $1)
                        + (SELECT COUNT(*) FROM accounts WHERE id = $1 AND password_hash IS NOT NULL)";
        let ways: i64 = sqlx::query_scalar(sql).bind(account_id).fetch_one(&mut *tx).await?;
        // Dropping the transaction rolls it back.
        if ways > 0 {
            tx.commit().await?;
        }
        Ok(ways > 0)
    }
}

/// Uses an invitation, and gives the account its role and its quota. Of two sign-ups at once with one invitation, the second waits for the
/// row and finds it used.
async fn use_invitation(
    connection: &mut AnyConnection,
    digest: Option<&str>,
    account_id: &str,
    now: UnixMs,
) -> Result<()> {
    let Some(digest) = digest else { return Ok(()) };
    let sql = "UPDATE invitations SET used_at = $1, used_by = $2
               WHERE digest = $3 AND used_at IS NULL AND expires_at > $1";
    let used = sqlx::query(sql).bind(now.0).bind(account_id).bind(digest).execute(&mut *connection).await;
    if !changed_one(used)? {
        return Err(Error::refused(ErrorCode::InvalidLink, INVITATION_ENDED));
    }
    let sql = "UPDATE accounts SET role = (SELECT role FROM invitations WHERE digest = $1),
                   quota_tokens = COALESCE((SELECT quota_tokens FROM invitations WHERE digest = $1), quota_tokens)
               WHERE id = $2";
    sqlx::query(sql).bind(digest).bind(account_id).execute(connection).await?;
    Ok(())
}

/// Whether a statement changed its row. A unique violation counts as `false`.
pub(super) fn changed_one(done: sqlx::Result<AnyQueryResult>) -> Result<bool> {
    match done {
        Ok(done) => Ok(done.rows_affected() == 1),
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(false),
        Err(error) => Err(error.into()),
    }
}
