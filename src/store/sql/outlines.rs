//! The outlines of documents, stored with their pages.

use futures::TryStreamExt;
use sqlx::AnyConnection;

use super::columns::Column;
use super::to_json;
use crate::error::Result;
use crate::markdown::Outline;
use crate::model::wire::Page;

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

/// Computes the outline from the document's pages and stores it.
pub(super) async fn rebuild(connection: &mut AnyConnection, id: &str) -> Result<()> {
    let mut outline = Outline::default();
    let sql = "SELECT page_index, markdown, failure, note FROM pages
               WHERE document_id = $1 AND (markdown LIKE '#%' OR markdown LIKE $2) ORDER BY page_index";
    let mut pages = sqlx::query_as::<_, Page>(sql).bind(id).bind("%\n#%").fetch(&mut *connection);
    while let Some(page) = pages.try_next().await? {
        outline.add(&page);
    }
    drop(pages);
    store(connection, id, &outline).await
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use futures::{StreamExt, stream};

    use super::*;
    use crate::accounts::Allowance;
    use crate::accounts::{Accounts, Credential, CredentialKind};
    use crate::documents::{Documents, NewDocument};
    use crate::model::{Mode, PageSet, UnixMs};
    use crate::store::sql::SqlStore;

    #[tokio::test]
    async fn document_without_outline_stores_its_first_one_only() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = SqlStore::open(&SqlStore::embedded_url(&folder.path().join("a.db"))).await.unwrap();
        let credential = Credential { digest: "d", kind: CredentialKind::Token, expires_at: UnixMs(1) };
        store.create_guest("a", credential, UnixMs(0)).await.unwrap();
        let text = || "x".to_owned();
        let (id, account_id) = ("d".to_owned(), "a".to_owned());
        let (upload_hash, content_hash, title) = (text(), text(), text());
        let document =
            NewDocument { id, account_id, upload_hash, content_hash, title, mode: Mode::Text, pages: PageSet::all(1) };
        let allowance =
            Allowance { documents: u64::MAX, active_jobs: u64::MAX, stored_bytes: u64::MAX, uploads: usize::MAX };
        let page = Page { index: 0, markdown: "# A".into(), failure: None, note: None };
        let pages = stream::iter([Ok(page.clone())]).boxed();
        store.insert_document(&document, pages, &allowance, UnixMs(0)).await.unwrap();
        sqlx::query("UPDATE documents SET outline = NULL").execute(&store.pool).await.unwrap();
        assert_eq!(store.outline("a", "d").await.unwrap(), None);
        let outline = Outline::of([&page]);
        store.keep_outline("a", "d", &outline).await.unwrap();
        store.keep_outline("a", "d", &Outline::default()).await.unwrap();
        assert_eq!(store.outline("a", "d").await.unwrap(), Some(outline));
    }
}
