//! Uploads, and which of their pages were read before.

use async_trait::async_trait;
use sqlx::AnyConnection;

use super::locks::lock_account;
use super::{SqlStore, from_row, page_indices, purges, storage, to_db, to_json};
use crate::accounts::Allowance;
use crate::error::{Error, Result};
use crate::model::{PageSet, UnixMs};
use crate::uploads::{Upload, Uploads};

#[async_trait]
impl Uploads for SqlStore {
    async fn insert_upload(&self, upload: &Upload, allowance: &Allowance, now: UnixMs) -> Result<bool> {
        let mut tx = self.write().await?;
        if !lock_account(&mut tx, &upload.account_id).await? {
            return Err(Error::internal("the account does not exist"));
        }
        if !purges::admit_files(&mut tx, &upload.account_id, &upload.content_hash, now).await? {
            return Ok(false);
        }
        let before = storage::of_uploads(&mut tx, &upload.account_id, &upload.content_hash).await?;
        sqlx::query(
            "INSERT INTO uploads (hash, account_id, content_hash, metadata, page_tokens, created_at, bytes, pending)
             VALUES ($1, $2, $3, $4, $5, $6, $7, 1)",
        )
        .bind(&upload.hash)
        .bind(&upload.account_id)
        .bind(&upload.content_hash)
        .bind(to_json(&upload.metadata)?)
        .bind(to_json(&upload.page_tokens)?)
        .bind(now.0)
        .bind(to_db(upload.kept_bytes))
        .execute(&mut *tx)
        .await?;
        let added = storage::of_uploads(&mut tx, &upload.account_id, &upload.content_hash).await? - before;
        let usage = storage::usage(&mut tx, &upload.account_id).await?;
        allowance.admits_bytes(&usage, added.unsigned_abs())?;
        storage::add(&mut tx, &upload.account_id, added).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn finish_upload(&self, upload: &Upload, now: UnixMs) -> Result<bool> {
        let mut tx = self.write().await?;
        lock_account(&mut tx, &upload.account_id).await?;
        let sql = "UPDATE uploads SET pending = 0 WHERE account_id = $1 AND hash = $2";
        let finished = sqlx::query(sql).bind(&upload.account_id).bind(&upload.hash).execute(&mut *tx).await?;
        let is_finished = finished.rows_affected() > 0;
        if !is_finished {
            purges::record_unused(&mut tx, &upload.account_id, &upload.content_hash, now).await?;
        }
        tx.commit().await?;
        Ok(is_finished)
    }

    async fn remove_upload(&self, upload: &Upload, now: UnixMs) -> Result<()> {
        let mut tx = self.write().await?;
        lock_account(&mut tx, &upload.account_id).await?;
        let before = storage::of_uploads(&mut tx, &upload.account_id, &upload.content_hash).await?;
        let sql = "DELETE FROM uploads WHERE account_id = $1 AND hash = $2 AND pending = 1";
        let removed = sqlx::query(sql).bind(&upload.account_id).bind(&upload.hash).execute(&mut *tx).await?;
        if removed.rows_affected() > 0 {
            let after = storage::of_uploads(&mut tx, &upload.account_id, &upload.content_hash).await?;
            storage::add(&mut tx, &upload.account_id, after - before).await?;
            purges::record_unused(&mut tx, &upload.account_id, &upload.content_hash, now).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn upload(&self, account_id: &str, hash: &str) -> Result<Option<Upload>> {
        let sql = "SELECT hash, account_id, content_hash, metadata, page_tokens, bytes FROM uploads
                   WHERE account_id = $1 AND hash = $2";
        Ok(sqlx::query_as(sql).bind(account_id).bind(hash).fetch_optional(&self.pool).await?)
    }

    async fn has_content(&self, account_id: &str, content_hash: &str) -> Result<bool> {
        has_content(&mut *self.pool.acquire().await?, account_id, content_hash).await
    }

    async fn cached_pages(&self, account_id: &str, content_hash: &str, recipe: &str) -> Result<PageSet> {
        let pages = sqlx::query_scalar(
            "SELECT page_index FROM page_results WHERE account_id = $1 AND content_hash = $2 AND recipe = $3",
        )
        .bind(account_id)
        .bind(content_hash)
        .bind(recipe)
        .fetch_all(&self.pool)
        .await?;
        page_indices(pages)
    }
}

/// See [`Uploads::has_content`].
pub(super) async fn has_content(connection: &mut AnyConnection, account_id: &str, content_hash: &str) -> Result<bool> {
    let sql = "SELECT COUNT(*) FROM uploads WHERE account_id = $1 AND content_hash = $2";
    let uploads: i64 = sqlx::query_scalar(sql).bind(account_id).bind(content_hash).fetch_one(connection).await?;
    Ok(uploads > 0)
}

from_row!(Upload { hash, account_id, content_hash, metadata, kept_bytes = bytes, page_tokens });
