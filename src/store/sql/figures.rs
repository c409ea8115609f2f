//! Where the figures of pages are.

use async_trait::async_trait;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::{SqlStore, count, json, to_json};
use crate::error::Result;
use crate::pdf::figures::Figure;
use crate::store::{FigurePlaces, Figures};

#[async_trait]
impl Figures for SqlStore {
    async fn record_figures(
        &self,
        account_id: &str,
        content_hash: &str,
        page: u32,
        figures: Option<&[Figure]>,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO page_figures (account_id, content_hash, page_index, figures, missed) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (account_id, content_hash, page_index) DO UPDATE SET figures = excluded.figures, missed = excluded.missed",
        )
        .bind(account_id)
        .bind(content_hash)
        .bind(i64::from(page))
        .bind(to_json(&figures.unwrap_or_default())?)
        .bind(i64::from(figures.is_none()))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn figures(&self, account_id: &str, content_hash: &str) -> Result<FigurePlaces> {
        let rows = sqlx::query(
            "SELECT page_index, figures, missed FROM page_figures WHERE account_id = $1 AND content_hash = $2",
        )
        .bind(account_id)
        .bind(content_hash)
        .fetch_all(&self.pool)
        .await?;
        places(&rows)
    }
}

/// Forgets the figures of a content, and says which there were.
pub(super) async fn forget(
    connection: &mut AnyConnection,
    account_id: &str,
    content_hash: &str,
) -> Result<FigurePlaces> {
    let rows = sqlx::query(
        "DELETE FROM page_figures WHERE account_id = $1 AND content_hash = $2 RETURNING page_index, figures, missed",
    )
    .bind(account_id)
    .bind(content_hash)
    .fetch_all(connection)
    .await?;
    places(&rows)
}

fn places(rows: &[AnyRow]) -> Result<FigurePlaces> {
    let place = |row: &AnyRow| {
        let missed = row.try_get::<i64, _>("missed")? != 0;
        Ok((count(row, "page_index")?, (!missed).then(|| json(row, "figures")).transpose()?))
    };
    rows.iter().map(place).collect()
}
