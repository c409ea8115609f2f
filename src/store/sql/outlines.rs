//! The outlines of drafts, which grow with their pages. Servers of an earlier version store those of other documents here, too.

use sqlx::AnyConnection;

use super::columns::Column;
use super::to_json;
use crate::error::Result;
use crate::markdown::Outline;

/// The stored outline of a document.
pub(super) async fn stored(connection: &mut AnyConnection, account_id: &str, id: &str) -> Result<Option<Outline>> {
    let row = sqlx::query("SELECT outline FROM documents WHERE account_id = $1 AND id = $2");
    let row = row.bind(account_id).bind(id).fetch_optional(connection).await?;
    Ok(row.map(|row| Column::read(&row, "outline")).transpose()?.flatten())
}

/// Stores the outline of a document. It replaces the existing one.
pub(super) async fn store(connection: &mut AnyConnection, id: &str, outline: &Outline) -> Result<()> {
    let sql = "UPDATE documents SET outline = $1 WHERE id = $2";
    sqlx::query(sql).bind(to_json(outline)?).bind(id).execute(connection).await?;
    Ok(())
}
