//! Where the figures of pages are.

use async_trait::async_trait;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use super::{SqlStore, count, json, to_json, values};
use crate::error::Result;
use crate::store::{FigurePlaces, Figures};

#[async_trait]
impl Figures for SqlStore {
    async fn record_figures(&self, account_id: &str, content_hash: &str, places: &FigurePlaces) -> Result<()> {
        if places.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "INSERT INTO page_figures (account_id, content_hash, page_index, figures, missed) VALUES {}
             ON CONFLICT (account_id, content_hash, page_index) DO UPDATE SET figures = excluded.figures, missed = excluded.missed",
            values(2, 3, places.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(account_id).bind(content_hash);
        for (page, figures) in places {
            let found = to_json(&figures.as_deref().unwrap_or_default())?;
            query = query.bind(i64::from(*page)).bind(found).bind(i64::from(figures.is_none()));
        }
        query.execute(&self.pool).await?;
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
