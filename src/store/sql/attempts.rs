//! Attempts: the answers for pages that are not final. An answer that can be used is kept as JSON.

use std::collections::BTreeMap;

use async_trait::async_trait;
use sqlx::QueryBuilder;

use super::builder::build;
use super::columns::Column;
use super::jobs::guard;
use super::{SqlStore, to_db, to_json};
use crate::error::{Error, Result};
use crate::extract::{Attempt, Verdict, Way};
use crate::jobs::{Job, PageAttempt, PageAttempts};
use crate::model::UnixMs;

/// Attempts in one statement.
const ROWS_AT_ONCE: usize = 64;

#[async_trait]
impl PageAttempts for SqlStore {
    async fn record_attempts(&self, job: &Job, attempts: &[PageAttempt], now: UnixMs) -> Result<bool> {
        let mut tx = self.write().await?;
        if !guard(&mut tx, job, now).await? {
            return Ok(false);
        }
        for chunk in attempts.chunks(ROWS_AT_ONCE) {
            let outcomes = chunk.iter().map(|made| made.outcome.as_ref().map(to_json).transpose());
            let outcomes: Vec<Option<String>> = outcomes.collect::<Result<_>>()?;
            let mut query = QueryBuilder::new(
                "INSERT INTO page_attempts (job_id, page_index, way, verdict, recipe, attempted_at, outcome) ",
            );
            query.push_values(chunk.iter().zip(outcomes), |mut row, (made, outcome)| {
                let Attempt { way, verdict } = made.attempt;
                row.push_bind(&job.id).push_bind(to_db(made.page.into())).push_bind(way.into_str());
                row.push_bind(verdict.into_str()).push_bind(&made.recipe).push_bind(now.0);
                row.push_bind(outcome);
            });
            query.push(" ON CONFLICT DO NOTHING");
            build(query)?.execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    async fn page_attempts(&self, job: &Job) -> Result<BTreeMap<u32, Vec<PageAttempt>>> {
        let rows = sqlx::query(
            "SELECT page_index, way, verdict, recipe, outcome FROM page_attempts WHERE job_id = $1 ORDER BY attempted_at",
        );
        let mut found = BTreeMap::<u32, Vec<PageAttempt>>::new();
        for row in rows.bind(&job.id).fetch_all(&self.pool).await? {
            let unreadable = |error: strum::ParseError| Error::internal(error.to_string());
            let way: Way = String::read(&row, "way")?.parse().map_err(unreadable)?;
            let verdict: Verdict = String::read(&row, "verdict")?.parse().map_err(unreadable)?;
            let outcome: Option<String> = Column::read(&row, "outcome")?;
            let outcome = outcome.map(|json| serde_json::from_str(&json)).transpose().map_err(Error::internal)?;
            let (page, recipe) = (u32::read(&row, "page_index")?, String::read(&row, "recipe")?);
            found.entry(page).or_default().push(PageAttempt {
                page,
                attempt: Attempt { way, verdict },
                recipe,
                outcome,
            });
        }
        Ok(found)
    }
}
