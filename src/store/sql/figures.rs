//! The places of figures on pages.

use std::collections::BTreeMap;

use async_trait::async_trait;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, QueryBuilder};

use super::builder::build;
use super::columns::Column;
use super::locks::lock_stored_bytes;
use super::storage::figures_bytes;
use super::uploads::has_content;
use super::{SqlStore, purges, storage, to_db, to_json};
use crate::error::Result;
use crate::model::UnixMs;
use crate::uploads::{FigurePlaces, Figures, FoundFigures};

#[async_trait]
impl Figures for SqlStore {
    async fn record_figures(
        &self,
        account_id: &str,
        content_hash: &str,
        found: &BTreeMap<u32, FoundFigures>,
    ) -> Result<()> {
        if found.is_empty() {
            return Ok(());
        }
        let mut tx = self.write().await?;
        // A worker that has lost its claim may record the same pages concurrently.
        lock_stored_bytes(&mut tx, account_id).await?;
        if !has_content(&mut tx, account_id, content_hash).await? {
            // The content was deleted, and the pictures have been stored after that.
            purges::record(&mut tx, account_id, content_hash, UnixMs(0)).await?;
            return Ok(tx.commit().await?);
        }
        let replaced = delete_pages(&mut tx, account_id, content_hash, found.keys()).await?;
        let stored = insert_pages(&mut tx, account_id, content_hash, found).await?;
        storage::add(&mut tx, account_id, stored - replaced).await?;
        Ok(tx.commit().await?)
    }

    async fn figures(&self, account_id: &str, content_hash: &str) -> Result<FigurePlaces> {
        let sql = "SELECT page_index, figures, missed FROM page_figures WHERE account_id = $1 AND content_hash = $2";
        let rows = sqlx::query(sql).bind(account_id).bind(content_hash).fetch_all(&self.pool).await?;
        places(&rows)
    }
}

/// Returns the bytes of the deleted rows.
async fn delete_pages(
    connection: &mut AnyConnection,
    account_id: &str,
    content_hash: &str,
    pages: impl Iterator<Item = &u32>,
) -> Result<i64> {
    let mut deleted = 0;
    for page in pages {
        let rows = sqlx::query(concat!(
            "DELETE FROM page_figures WHERE account_id = $1 AND content_hash = $2 AND page_index = $3
             RETURNING CAST(",
            figures_bytes!(),
            " AS BIGINT) AS bytes"
        ));
        let rows = rows.bind(account_id).bind(content_hash).bind(i64::from(*page)).fetch_all(&mut *connection).await?;
        deleted += storage::sum(&rows)?;
    }
    Ok(deleted)
}

/// Returns the bytes of the new rows and pictures.
async fn insert_pages(
    connection: &mut AnyConnection,
    account_id: &str,
    content_hash: &str,
    found: &BTreeMap<u32, FoundFigures>,
) -> Result<i64> {
    let places = found.values().map(|found| to_json(&found.figures.as_deref().unwrap_or_default()));
    let places: Vec<String> = places.collect::<Result<_>>()?;
    let mut query = QueryBuilder::new(
        "INSERT INTO page_figures (account_id, content_hash, page_index, figures, missed, picture_bytes) ",
    );
    query.push_values(found.iter().zip(places), |mut row, ((page, found), places)| {
        row.push_bind(account_id).push_bind(content_hash).push_bind(i64::from(*page)).push_bind(places);
        row.push_bind(i64::from(found.figures.is_none())).push_bind(to_db(found.picture_bytes));
    });
    query.push(concat!(" RETURNING CAST(", figures_bytes!(), " AS BIGINT) AS bytes"));
    storage::sum(&build(query)?.fetch_all(connection).await?)
}

/// Deletes the figures of a content. Returns their bytes.
pub(super) async fn delete(connection: &mut AnyConnection, account_id: &str, content_hash: &str) -> Result<i64> {
    let rows = sqlx::query(concat!(
        "DELETE FROM page_figures WHERE account_id = $1 AND content_hash = $2
         RETURNING CAST(",
        figures_bytes!(),
        " AS BIGINT) AS bytes"
    ));
    let rows = rows.bind(account_id).bind(content_hash).fetch_all(connection).await?;
    storage::sum(&rows)
}

fn places(rows: &[AnyRow]) -> Result<FigurePlaces> {
    let place = |row: &AnyRow| {
        let missed = bool::read(row, "missed")?;
        Ok((u32::read(row, "page_index")?, (!missed).then(|| Column::read(row, "figures")).transpose()?))
    };
    rows.iter().map(place).collect()
}
