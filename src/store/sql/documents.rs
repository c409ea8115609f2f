//! Documents and their pages.

use async_trait::async_trait;
use futures::TryStreamExt;
use futures::stream::BoxStream;
use sqlx::AnyConnection;

use super::contents::{delete_content, same_document};
use super::locks::{lock_account, lock_document, lock_draft, lock_job_filling};
use super::storage::page_bytes;
use super::{SqlStore, from_row, outlines, page_indices, storable, storage, structures, to_json};
use crate::accounts::Allowance;
use crate::crash::crash_point;
use crate::documents::structure::StoredStructure;
use crate::documents::{Documents, NewDocument, Source, Unread};
use crate::error::{Error, Result};
use crate::markdown::Outline;
use crate::model::UnixMs;
use crate::model::wire::{DocumentSummary, Page};

macro_rules! select_summaries {
    ($condition:literal) => {
        concat!(
            "SELECT d.id, d.title, d.mode, d.charged, d.created_at, d.draft,
                    (SELECT COUNT(*) FROM pages p WHERE p.document_id = d.id) AS pages,
                    (SELECT COUNT(p.failure) FROM pages p WHERE p.document_id = d.id) AS failed_pages
             FROM documents d WHERE ",
            $condition
        )
    };
}

/// Ids sort by time of creation.
pub(super) const LIST: &str =
    select_summaries!("d.account_id = $1 AND d.draft = 0 AND ($2 = '' OR d.id < $2) ORDER BY d.id DESC LIMIT $3");

#[async_trait]
impl Documents for SqlStore {
    async fn same_document(&self, document: &NewDocument) -> Result<Option<String>> {
        let mut connection = self.pool.acquire().await?;
        Ok(same_document(&mut connection, document).await?.map(|same| same.id))
    }

    async fn insert_document(
        &self,
        document: &NewDocument,
        mut pages: BoxStream<'_, Result<Page>>,
        allowance: &Allowance,
        now: UnixMs,
    ) -> Result<String> {
        let mut tx = self.write().await?;
        lock_account(&mut tx, &document.account_id).await?;
        if let Some(same) = same_document(&mut tx, document).await? {
            return Ok(same.id);
        }
        let usage = storage::usage(&mut tx, &document.account_id).await?;
        allowance.admits_document(&usage)?;
        insert(&mut tx, document, now).await?;
        let mut bytes = storage::of_document(&mut tx, &document.account_id, &document.id).await?;
        while let Some(page) = pages.try_next().await? {
            bytes += insert_page(&mut tx, &document.id, &page).await?;
            // Checked at each page, so that a refused document does not fill the disk first.
            allowance.admits_bytes(&usage, bytes.unsigned_abs())?;
        }
        storage::add(&mut tx, &document.account_id, bytes).await?;
        tx.commit().await?;
        Ok(document.id.clone())
    }

    async fn begin_draft(&self, document: &NewDocument, now: UnixMs) -> Result<bool> {
        let mut tx = self.write().await?;
        if !lock_job_filling(&mut tx, &document.account_id, &document.id).await? {
            return Ok(false);
        }
        let inserted = sqlx::query(
            "INSERT INTO documents (id, account_id, upload_hash, content_hash, title, mode, charged, created_at, draft, outline)
             VALUES ($1, $2, $3, $4, $5, $6, 0, $7, 1, $8) ON CONFLICT (id) DO NOTHING",
        )
        .bind(&document.id)
        .bind(&document.account_id)
        .bind(&document.upload_hash)
        .bind(&document.content_hash)
        .bind(&document.title)
        .bind(document.mode.into_str())
        .bind(now.0)
        .bind(to_json(&Outline::default())?)
        .execute(&mut *tx)
        .await?;
        if inserted.rows_affected() == 1 {
            let bytes = storage::of_document(&mut tx, &document.account_id, &document.id).await?;
            storage::add(&mut tx, &document.account_id, bytes).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    async fn extend_draft(&self, account_id: &str, id: &str, pages: &[Page]) -> Result<bool> {
        let mut tx = self.write().await?;
        if !lock_job_filling(&mut tx, account_id, id).await? {
            return Ok(false);
        }
        // The user may have deleted the draft.
        if !lock_draft(&mut tx, account_id, id).await? {
            return Ok(false);
        }
        // A draft from an older version has no outline.
        let mut outline = outlines::stored(&mut tx, account_id, id).await?;
        let mut bytes = 0;
        for page in pages {
            let page_bytes = insert_page(&mut tx, id, page).await?;
            if page_bytes > 0 {
                outline.iter_mut().for_each(|outline| outline.add(page));
            }
            bytes += page_bytes;
        }
        if let Some(outline) = outline {
            outlines::store(&mut tx, id, &outline).await?;
        }
        storage::add(&mut tx, account_id, bytes).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn insert_from_cache(
        &self,
        document: &NewDocument,
        recipe: &str,
        allowance: &Allowance,
        now: UnixMs,
    ) -> Result<String> {
        let mut tx = self.write().await?;
        lock_account(&mut tx, &document.account_id).await?;
        if let Some(same) = same_document(&mut tx, document).await?.filter(|same| same.failed_pages == 0) {
            return Ok(same.id);
        }
        let usage = storage::usage(&mut tx, &document.account_id).await?;
        allowance.admits_document(&usage)?;
        insert(&mut tx, document, now).await?;
        let mut copied = 0;
        for &(first, last) in document.pages.runs() {
            let run = sqlx::query(
                "INSERT INTO pages (document_id, page_index, markdown, note)
                 SELECT $1, page_index, markdown, note FROM page_results
                 WHERE account_id = $2 AND content_hash = $3 AND recipe = $4 AND page_index BETWEEN $5 AND $6",
            )
            .bind(&document.id)
            .bind(&document.account_id)
            .bind(&document.content_hash)
            .bind(recipe)
            .bind(i64::from(first))
            .bind(i64::from(last))
            .execute(&mut *tx)
            .await?;
            copied += run.rows_affected();
        }
        if copied != document.pages.len() as u64 {
            return Err(Error::internal("cached pages are missing"));
        }
        let bytes = storage::of_document(&mut tx, &document.account_id, &document.id).await?;
        allowance.admits_bytes(&usage, bytes.unsigned_abs())?;
        storage::add(&mut tx, &document.account_id, bytes).await?;
        tx.commit().await?;
        Ok(document.id.clone())
    }

    async fn documents(&self, account_id: &str, cursor: Option<&str>, limit: u32) -> Result<Vec<DocumentSummary>> {
        let documents = sqlx::query_as(LIST)
            .bind(account_id)
            .bind(cursor.unwrap_or_default())
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await?;
        Ok(documents)
    }

    async fn document(&self, account_id: &str, id: &str) -> Result<Option<DocumentSummary>> {
        summary(&mut *self.pool.acquire().await?, account_id, id).await
    }

    async fn unread(&self, account_id: &str, id: &str) -> Result<Option<Unread>> {
        let source = "SELECT upload_hash, title FROM documents WHERE account_id = $1 AND id = $2 AND draft = 0";
        let source = sqlx::query_as(source).bind(account_id).bind(id).fetch_optional(&self.pool).await?;
        let Some((upload_hash, title)) = source else { return Ok(None) };
        let failed = "SELECT page_index FROM pages WHERE document_id = $1 AND failure IS NOT NULL";
        let failed = sqlx::query_scalar(failed).bind(id).fetch_all(&self.pool).await?;
        Ok(Some(Unread { upload_hash, title, pages: page_indices(failed)? }))
    }

    async fn pages(&self, account_id: &str, id: &str, first: u32, limit: u32) -> Result<Vec<Page>> {
        let pages = sqlx::query_as(
            "SELECT p.page_index, p.markdown, p.failure, p.note
             FROM pages p JOIN documents d ON d.id = p.document_id
             WHERE d.account_id = $1 AND d.id = $2 AND p.page_index >= $3 ORDER BY p.page_index LIMIT $4",
        )
        .bind(account_id)
        .bind(id)
        .bind(i64::from(first))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        Ok(pages)
    }

    async fn page_indices(&self, account_id: &str, id: &str) -> Result<Vec<u32>> {
        let sql = "SELECT p.page_index FROM pages p JOIN documents d ON d.id = p.document_id
                   WHERE d.account_id = $1 AND d.id = $2 ORDER BY p.page_index";
        let indices = sqlx::query_scalar(sql).bind(account_id).bind(id).fetch_all(&self.pool).await?;
        page_indices(indices)
    }

    async fn text_bytes(&self, account_id: &str, id: &str) -> Result<u64> {
        let mut connection = self.pool.acquire().await?;
        Ok(storage::of_document(&mut connection, account_id, id).await?.unsigned_abs())
    }

    async fn source(&self, account_id: &str, id: &str) -> Result<Option<Source>> {
        let source =
            sqlx::query_as("SELECT upload_hash, content_hash FROM documents WHERE account_id = $1 AND id = $2");
        Ok(source.bind(account_id).bind(id).fetch_optional(&self.pool).await?)
    }

    async fn outline(&self, account_id: &str, id: &str) -> Result<Option<Outline>> {
        outlines::stored(&mut *self.pool.acquire().await?, account_id, id).await
    }

    async fn structure(&self, account_id: &str, id: &str) -> Result<Option<StoredStructure>> {
        structures::stored(&mut *self.pool.acquire().await?, account_id, id).await
    }

    async fn keep_structure(&self, account_id: &str, of: &DocumentSummary, found: &StoredStructure) -> Result<()> {
        structures::keep(self, account_id, of, found).await
    }

    async fn delete_document(&self, account_id: &str, id: &str, now: UnixMs) -> Result<bool> {
        let mut tx = self.write().await?;
        lock_account(&mut tx, account_id).await?;
        lock_document(&mut tx, account_id, id).await?;
        let bytes = storage::of_document(&mut tx, account_id, id).await?;
        let content_hash: Option<String> =
            sqlx::query_scalar("DELETE FROM documents WHERE account_id = $1 AND id = $2 RETURNING content_hash")
                .bind(account_id)
                .bind(id)
                .fetch_optional(&mut *tx)
                .await?;
        let Some(content_hash) = content_hash else { return Ok(false) };
        let sql = "SELECT (SELECT COUNT(*) FROM documents WHERE account_id = $1 AND content_hash = $2)
                        + (SELECT COUNT(*) FROM jobs WHERE account_id = $1 AND content_hash = $2 AND active = 1)";
        let others: i64 = sqlx::query_scalar(sql).bind(account_id).bind(&content_hash).fetch_one(&mut *tx).await?;
        if others == 0 {
            delete_content(&mut tx, account_id, &content_hash, now).await?;
        }
        storage::add(&mut tx, account_id, -bytes).await?;
        crash_point("purge", "recorded");
        tx.commit().await?;
        crash_point("purge", "committed");
        Ok(true)
    }
}

/// See [`Documents::document`].
pub(super) async fn summary(
    connection: &mut AnyConnection,
    account_id: &str,
    id: &str,
) -> Result<Option<DocumentSummary>> {
    let document = sqlx::query_as(select_summaries!("d.account_id = $1 AND d.id = $2"));
    Ok(document.bind(account_id).bind(id).fetch_optional(connection).await?)
}

async fn insert(connection: &mut AnyConnection, document: &NewDocument, now: UnixMs) -> Result<()> {
    sqlx::query(
        "INSERT INTO documents (id, account_id, upload_hash, content_hash, title, mode, charged, created_at, selection)
         VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8)",
    )
    .bind(&document.id)
    .bind(&document.account_id)
    .bind(&document.upload_hash)
    .bind(&document.content_hash)
    .bind(&document.title)
    .bind(document.mode.into_str())
    .bind(now.0)
    .bind(document.pages.to_string())
    .execute(connection)
    .await?;
    Ok(())
}

/// Stores a page unless the document has it. Returns the bytes that were stored.
async fn insert_page(connection: &mut AnyConnection, document_id: &str, page: &Page) -> Result<i64> {
    let stored = sqlx::query(concat!(
        "INSERT INTO pages (document_id, page_index, markdown, failure, note) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING RETURNING CAST(",
        page_bytes!(),
        " AS BIGINT) AS bytes"
    ))
    .bind(document_id)
    .bind(i64::from(page.index))
    .bind(storable(&page.markdown))
    .bind(page.failure.as_deref())
    .bind(page.note.as_deref())
    .fetch_all(connection)
    .await?;
    storage::sum(&stored)
}

from_row!(DocumentSummary {
    id, title, mode, pages, failed_pages, charged_tokens = charged, created_at, is_draft = draft
});
from_row!(Page { index = page_index, markdown, failure, note });
from_row!(Source { upload_hash, content_hash });
