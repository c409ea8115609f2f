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
use super::{SqlStore, purges, storable, storage, to_db, to_json};
use crate::error::Result;
use crate::extract::OwnPage;
use crate::model::UnixMs;
use crate::uploads::{FigurePlaces, Figures, FoundFigures};

/// Pages in one statement.
const PAGES_AT_ONCE: usize = 256;

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

    async fn own_pages(&self, account_id: &str, content_hash: &str, pages: &[u32]) -> Result<BTreeMap<u32, OwnPage>> {
        let mut found = BTreeMap::new();
        for chunk in pages.chunks(PAGES_AT_ONCE) {
            let mut query = QueryBuilder::new(
                "SELECT page_index, own_text, own_traits FROM page_figures WHERE own_text IS NOT NULL AND account_id = ",
            );
            query
                .push_bind(account_id)
                .push(" AND content_hash = ")
                .push_bind(content_hash)
                .push(" AND page_index IN (");
            let mut indices = query.separated(", ");
            chunk.iter().for_each(|page| {
                indices.push_bind(i64::from(*page));
            });
            query.push(")");
            for row in build(query)?.fetch_all(&self.pool).await? {
                let own = OwnPage { text: String::read(&row, "own_text")?, traits: Column::read(&row, "own_traits")? };
                found.insert(u32::read(&row, "page_index")?, own);
            }
        }
        Ok(found)
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
    let traits = found.values().map(|found| found.own.as_ref().map(|own| to_json(&own.traits)).transpose());
    let traits: Vec<Option<String>> = traits.collect::<Result<_>>()?;
    let mut query = QueryBuilder::new(
        "INSERT INTO page_figures
             (account_id, content_hash, page_index, figures, missed, picture_bytes, own_text, own_traits) ",
    );
    query.push_values(found.iter().zip(places).zip(traits), |mut row, (((page, found), places), traits)| {
        let text = found.own.as_ref().map(|own| storable(&own.text));
        // The text is counted with the pictures, as servers of the version before count a row.
        let bytes = found.picture_bytes + text.as_ref().map_or(0, |text| text.len() as u64);
        row.push_bind(account_id).push_bind(content_hash).push_bind(i64::from(*page)).push_bind(places);
        row.push_bind(i64::from(found.figures.is_none())).push_bind(to_db(bytes)).push_bind(text).push_bind(traits);
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
