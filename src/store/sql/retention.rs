//! Queries and deletions of expired data.

use async_trait::async_trait;

use super::contents::delete_content;
use super::locks::lock_account;
use super::{SqlStore, purges};
use crate::error::Result;
use crate::model::UnixMs;
use crate::retention::Expiry;
use crate::uploads::Upload;

#[async_trait]
impl Expiry for SqlStore {
    async fn idle_guests(&self, before: UnixMs, limit: u32) -> Result<Vec<String>> {
        // A browser's session is replaced on each day of use, so the newest one tells when the guest was last active.
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

    async fn adopt_purges(&self) -> Result<()> {
        let mut tx = self.write().await?;
        purges::adopt(&mut tx).await?;
        Ok(tx.commit().await?)
    }

    async fn pending_uploads(&self, before: UnixMs, limit: u32) -> Result<Vec<Upload>> {
        let sql = "SELECT hash, account_id, content_hash, metadata, page_tokens, bytes FROM uploads
                   WHERE pending = 1 AND created_at < $1 LIMIT $2";
        Ok(sqlx::query_as(sql).bind(before.0).bind(i64::from(limit)).fetch_all(&self.pool).await?)
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

    async fn forget_upload(&self, account_id: &str, content_hash: &str, before: UnixMs, now: UnixMs) -> Result<bool> {
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
            return Ok(false);
        }
        delete_content(&mut tx, account_id, content_hash, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn forget_expired(&self, before: UnixMs, now: UnixMs) -> Result<()> {
        sqlx::query("DELETE FROM credentials WHERE expires_at <= $1").bind(now.0).execute(&self.pool).await?;
        sqlx::query("DELETE FROM setup_links WHERE expires_at <= $1").bind(now.0).execute(&self.pool).await?;
        sqlx::query("DELETE FROM answers WHERE begun_at < $1").bind(before.0).execute(&self.pool).await?;
        sqlx::query("DELETE FROM gone_contents WHERE gone_at < $1").bind(before.0).execute(&self.pool).await?;
        Ok(())
    }
}
