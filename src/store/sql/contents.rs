//! Statements on documents and contents, for use in other modules' transactions.

use sqlx::AnyConnection;

use super::locks::{lock_document, lock_stored_bytes};
use super::storage::result_bytes;
use super::{figures, from_row, purges, storage};
use crate::documents::NewDocument;
use crate::error::Result;
use crate::jobs::Job;
use crate::model::UnixMs;

/// An equal document that exists already.
pub(super) struct SameDocument {
    pub(super) id: String,
    pub(super) failed_pages: u32,
}

from_row!(SameDocument { id, failed_pages });

/// See [`crate::documents::Documents::same_document`].
pub(super) async fn same_document(
    connection: &mut AnyConnection,
    document: &NewDocument,
) -> Result<Option<SameDocument>> {
    let same = sqlx::query_as(
        "SELECT d.id, (SELECT COUNT(p.failure) FROM pages p WHERE p.document_id = d.id) AS failed_pages FROM documents d
         WHERE d.account_id = $1 AND d.content_hash = $2 AND d.mode = $3 AND d.title = $4 AND d.selection = $5 AND d.draft = 0
         ORDER BY 2, d.id DESC LIMIT 1",
    )
    .bind(&document.account_id)
    .bind(&document.content_hash)
    .bind(document.mode.into_str())
    .bind(&document.title)
    .bind(document.pages.to_string())
    .fetch_optional(connection)
    .await?;
    Ok(same)
}

/// Whether the account has this document. Drafts do not count.
pub(super) async fn has_document(connection: &mut AnyConnection, account_id: &str, id: &str) -> Result<bool> {
    let sql = "SELECT COUNT(*) FROM documents WHERE account_id = $1 AND id = $2 AND draft = 0";
    let count: i64 = sqlx::query_scalar(sql).bind(account_id).bind(id).fetch_one(connection).await?;
    Ok(count > 0)
}

/// Deletes the draft of the document that a job was to fill, if there is one.
pub(super) async fn delete_draft(connection: &mut AnyConnection, job: &Job) -> Result<()> {
    lock_document(connection, &job.account_id, &job.document_id).await?;
    let bytes = storage::of_document(connection, &job.account_id, &job.document_id).await?;
    let sql = "DELETE FROM documents WHERE id = $1 AND draft = 1";
    let deleted = sqlx::query(sql).bind(&job.document_id).execute(&mut *connection).await?;
    if deleted.rows_affected() > 0 {
        storage::add(connection, &job.account_id, -bytes).await?;
    }
    Ok(())
}

/// Deletes the uploads, page results and figures of a content, and records the purge of its files. The account must be locked. The ledger is
/// kept.
pub(super) async fn delete_content(
    connection: &mut AnyConnection,
    account_id: &str,
    content_hash: &str,
    now: UnixMs,
) -> Result<()> {
    // A worker that has lost its claim may record figures until here.
    lock_stored_bytes(connection, account_id).await?;
    let results = sqlx::query(concat!(
        "DELETE FROM page_results WHERE account_id = $1 AND content_hash = $2 RETURNING CAST(",
        result_bytes!(),
        " AS BIGINT) AS bytes"
    ))
    .bind(account_id)
    .bind(content_hash)
    .fetch_all(&mut *connection)
    .await?;
    let of_uploads = storage::of_uploads(connection, account_id, content_hash).await?;
    let sql = "DELETE FROM uploads WHERE account_id = $1 AND content_hash = $2";
    sqlx::query(sql).bind(account_id).bind(content_hash).execute(&mut *connection).await?;
    let of_figures = figures::delete(connection, account_id, content_hash).await?;
    storage::add(connection, account_id, -(storage::sum(&results)? + of_uploads + of_figures)).await?;
    purges::record(connection, account_id, content_hash, now).await
}
