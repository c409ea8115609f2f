//! The stored bytes of accounts. Each transaction that stores or deletes something updates the sum of its account.
//!
//! A transaction updates the sum last, to lock its row for a short time only. [`AUDIT`] computes the sum again from the rows.

use async_trait::async_trait;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::{SqlStore, from_row};
use crate::accounts::{AccountUsage, Storage};
use crate::error::Result;

/// The bytes of rows of `pages`.
macro_rules! page_bytes {
    () => {
        "128 + OCTET_LENGTH(markdown) + COALESCE(OCTET_LENGTH(failure), 0) + COALESCE(OCTET_LENGTH(note), 0)"
    };
}

/// The bytes of rows of `page_results`.
macro_rules! result_bytes {
    () => {
        "128 + OCTET_LENGTH(markdown) + COALESCE(OCTET_LENGTH(note), 0)"
    };
}

/// The bytes of rows of `page_figures`.
macro_rules! figures_bytes {
    () => {
        "128 + OCTET_LENGTH(figures) + picture_bytes"
    };
}

/// The bytes of rows of `documents`.
macro_rules! document_bytes {
    () => {
        "128 + OCTET_LENGTH(title) + COALESCE(OCTET_LENGTH(selection), 0)"
    };
}

/// The bytes of rows of `uploads` for one content, whose file is stored once.
macro_rules! upload_bytes {
    () => {
        "COALESCE(MAX(bytes), 0) + COALESCE(SUM(128 + OCTET_LENGTH(metadata) + OCTET_LENGTH(page_tokens)), 0)"
    };
}
pub(super) use {figures_bytes, page_bytes, result_bytes};

/// The accounts whose stored sum differs from the sum of their rows.
pub(super) const AUDIT: &str = concat!(
    "SELECT a.id FROM accounts a WHERE COALESCE((SELECT s.bytes FROM storage s WHERE s.account_id = a.id), 0)
        <> COALESCE((SELECT SUM(content.bytes) FROM (SELECT ",
    upload_bytes!(),
    " AS bytes FROM uploads WHERE account_id = a.id GROUP BY content_hash) AS content), 0)
         + COALESCE((SELECT SUM(",
    result_bytes!(),
    ") FROM page_results WHERE account_id = a.id), 0)
         + COALESCE((SELECT SUM(",
    figures_bytes!(),
    ") FROM page_figures WHERE account_id = a.id), 0)
         + COALESCE((SELECT SUM(",
    document_bytes!(),
    ") FROM documents WHERE account_id = a.id), 0)
         + COALESCE((SELECT SUM(",
    page_bytes!(),
    ") FROM pages JOIN documents d ON d.id = document_id WHERE d.account_id = a.id), 0)"
);

/// An active job has not succeeded. The redundant condition makes the planner use the index `jobs_open`.
pub(super) const USAGE: &str = "
    SELECT (SELECT COUNT(*) FROM documents WHERE account_id = $1 AND draft = 0) AS documents,
           COUNT(*) AS active_jobs, CAST(COALESCE(SUM(pages_submitted), 0) AS BIGINT) AS active_pages,
           (SELECT CAST(COALESCE(MAX(bytes), 0) AS BIGINT) FROM storage WHERE account_id = $1) AS stored_bytes
    FROM jobs WHERE account_id = $1 AND active = 1 AND status <> 'succeeded'";

#[async_trait]
impl Storage for SqlStore {
    async fn account_usage(&self, account_id: &str) -> Result<AccountUsage> {
        let mut connection = self.pool.acquire().await?;
        usage(&mut connection, account_id).await
    }
}

/// The usage of an account. It stays exact while the account is locked.
pub(super) async fn usage(connection: &mut AnyConnection, account_id: &str) -> Result<AccountUsage> {
    Ok(sqlx::query_as(USAGE).bind(account_id).fetch_one(connection).await?)
}

from_row!(AccountUsage { documents, active_jobs, active_pages, stored_bytes });

/// Adds bytes to the account's sum. Deleted bytes are negative.
pub(super) async fn add(connection: &mut AnyConnection, account_id: &str, bytes: i64) -> Result<()> {
    let sql = "INSERT INTO storage (account_id, bytes) VALUES ($1, $2)
               ON CONFLICT (account_id) DO UPDATE SET bytes = storage.bytes + excluded.bytes";
    sqlx::query(sql).bind(account_id).bind(bytes).execute(connection).await?;
    Ok(())
}

/// The sum of the column `bytes`.
pub(super) fn sum(rows: &[AnyRow]) -> Result<i64> {
    rows.iter().map(|row| Ok(row.try_get::<i64, _>("bytes")?)).sum()
}

/// The bytes of the uploads of a content. They stay exact while the account is locked.
pub(super) async fn of_uploads(connection: &mut AnyConnection, account_id: &str, content_hash: &str) -> Result<i64> {
    let bytes = sqlx::query_scalar(concat!(
        "SELECT CAST(",
        upload_bytes!(),
        " AS BIGINT) FROM uploads WHERE account_id = $1 AND content_hash = $2"
    ));
    Ok(bytes.bind(account_id).bind(content_hash).fetch_one(connection).await?)
}

/// The bytes of a document with its pages, 0 if there is none. They stay exact while its row is locked.
pub(super) async fn of_document(connection: &mut AnyConnection, account_id: &str, id: &str) -> Result<i64> {
    let bytes = sqlx::query_scalar(concat!(
        "SELECT CAST(COALESCE((SELECT ",
        document_bytes!(),
        " FROM documents WHERE account_id = $1 AND id = $2), 0) + COALESCE((SELECT SUM(",
        page_bytes!(),
        ") FROM pages JOIN documents d ON d.id = document_id WHERE d.account_id = $1 AND d.id = $2), 0) AS BIGINT)"
    ));
    Ok(bytes.bind(account_id).bind(id).fetch_one(connection).await?)
}
