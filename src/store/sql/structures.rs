//! The structures of documents, stored beside their pages.

use sqlx::AnyConnection;

use super::columns::Column;
use super::locks::lock_document;
use super::{SqlStore, to_json};
use crate::documents::structure::StoredStructure;
use crate::error::Result;
use crate::model::wire::DocumentSummary;

/// See [`crate::documents::Documents::structure`].
pub(super) async fn stored(
    connection: &mut AnyConnection,
    account_id: &str,
    id: &str,
) -> Result<Option<StoredStructure>> {
    let row = sqlx::query(
        "SELECT s.version, s.guides, s.structure FROM document_structures s JOIN documents d ON d.id = s.document_id
         WHERE d.account_id = $1 AND d.id = $2",
    );
    let Some(row) = row.bind(account_id).bind(id).fetch_optional(connection).await? else { return Ok(None) };
    Ok(Some(StoredStructure {
        version: u32::read(&row, "version")?,
        guides: Column::read(&row, "guides")?,
        // Another version may have stored other fields.
        structure: Option::read(&row, "structure")?.unwrap_or_default(),
    }))
}

/// See [`crate::documents::Documents::keep_structure`].
pub(super) async fn keep(
    store: &SqlStore,
    account_id: &str,
    of: &DocumentSummary,
    found: &StoredStructure,
) -> Result<()> {
    let mut tx = store.write().await?;
    // A job that replaces pages deletes the structure under the same lock.
    lock_document(&mut tx, account_id, &of.id).await?;
    if super::documents::summary(&mut tx, account_id, &of.id).await?.as_ref() != Some(of) || of.is_draft {
        return Ok(());
    }
    let sql = "INSERT INTO document_structures (document_id, version, guides, structure) VALUES ($1, $2, $3, $4)
               ON CONFLICT (document_id) DO UPDATE
               SET version = excluded.version, guides = excluded.guides, structure = excluded.structure";
    let query = sqlx::query(sql).bind(&of.id).bind(i64::from(found.version));
    query.bind(to_json(&found.guides)?).bind(to_json(&found.structure)?).execute(&mut *tx).await?;
    Ok(tx.commit().await?)
}

/// Deletes the structure of a document whose pages change. The document must be locked.
pub(super) async fn delete(connection: &mut AnyConnection, id: &str) -> Result<()> {
    sqlx::query("DELETE FROM document_structures WHERE document_id = $1").bind(id).execute(connection).await?;
    Ok(())
}
