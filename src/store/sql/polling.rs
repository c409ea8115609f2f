//! Jobs that wait for their batch, and the workers that share the polls. Every instant is one of the database's clock.

use async_trait::async_trait;
use sqlx::{FromRow, QueryBuilder};

use super::SqlStore;
use super::builder::build;
use super::columns::Column;
use super::jobs::job_columns;
use crate::error::Result;
use crate::jobs::{Job, PollingJobs, Roster};

/// The condition of the index `jobs_polling`: the job waits for its batch.
macro_rules! is_polling {
    () => {
        r#"active = 1 AND stage LIKE '{"at":"watch"%'"#
    };
}
pub(super) use is_polling;

pub(super) const WAITING: &str = concat!(
    "SELECT id, fence FROM jobs WHERE ",
    is_polling!(),
    " AND lease_until <= (SELECT now_ms FROM clock) ORDER BY id"
);

/// Until when the polls are attended to: by the live worker that is furthest behind, or by the last one that was live.
pub(super) const ATTENDED_UNTIL: &str =
    "COALESCE((SELECT MIN(attended_until) FROM workers WHERE alive_until > (SELECT now_ms FROM clock)),
                                                  (SELECT MAX(attended_until) FROM workers), 0)";

/// How long the rows of dead workers are kept. The one that polled last stays: it says until when batches were polled.
const KEPT_MS: i64 = 3_600_000;

#[async_trait]
impl PollingJobs for SqlStore {
    async fn waiting(&self) -> Result<Vec<(String, i64)>> {
        Ok(sqlx::query_as(WAITING).fetch_all(&self.pool).await?)
    }

    async fn load(&self, ids: &[String]) -> Result<Vec<Job>> {
        let mut query = QueryBuilder::new(concat!("SELECT ", job_columns!(), " FROM jobs WHERE ", is_polling!()));
        query.push(" AND id IN (");
        let mut list = query.separated(", ");
        for id in ids {
            list.push_bind(id.clone());
        }
        query.push(") ORDER BY id");
        let rows = build(query)?.fetch_all(&self.pool).await?;
        let readable = rows.iter().filter_map(|row| {
            Job::from_row(row).inspect_err(|error| tracing::error!(%error, "job is unreadable for this version")).ok()
        });
        Ok(readable.collect())
    }

    async fn claim_waiting(&self, worker: &str, job_id: &str, fence: i64, lease_ms: i64) -> Result<Option<Job>> {
        let sql = concat!(
            "UPDATE jobs SET lease_owner = $1, lease_until = (SELECT now_ms FROM clock) + $2, fence = fence + 1,
                 claims = claims + CASE WHEN lease_owner = $1 AND lease_until > 0 THEN 0 ELSE 1 END
             WHERE id = $3 AND fence = $4 AND lease_until <= (SELECT now_ms FROM clock) AND ",
            is_polling!(),
            " RETURNING ",
            job_columns!()
        );
        let claim = sqlx::query_as(sql).bind(worker).bind(lease_ms).bind(job_id).bind(fence);
        // As with any claim, all rows are fetched.
        Ok(claim.fetch_all(&self.pool).await?.pop())
    }

    async fn attend(&self, worker: &str, behind_ms: Option<i64>, lease_ms: i64) -> Result<()> {
        let sql = "INSERT INTO workers (name, alive_until, attended_until)
                   SELECT $1, (SELECT now_ms FROM clock) + $2, COALESCE(MAX(attended_until), 0) FROM workers WHERE 1 = 1
                   ON CONFLICT (name) DO UPDATE SET alive_until = excluded.alive_until,
                       attended_until = COALESCE(excluded.alive_until - CAST($3 AS BIGINT), excluded.attended_until)";
        let attend = sqlx::query(sql).bind(worker).bind(lease_ms).bind(behind_ms);
        attend.execute(&self.pool).await?;
        let sql = "DELETE FROM workers WHERE alive_until < (SELECT now_ms FROM clock) - $1
                       AND attended_until < (SELECT MAX(attended_until) FROM workers)";
        sqlx::query(sql).bind(KEPT_MS).execute(&self.pool).await?;
        Ok(())
    }

    async fn roster(&self, lease_ms: i64) -> Result<Roster> {
        let sql = "SELECT name, CASE WHEN alive_until > (SELECT now_ms FROM clock) AND alive_until <= (SELECT now_ms FROM clock) + 2 * $1 THEN 1 ELSE 0 END AS live,
                          (SELECT now_ms FROM clock) - attended_until AS unattended FROM workers ORDER BY name";
        let rows = sqlx::query(sql).bind(lease_ms).fetch_all(&self.pool).await?;
        let mut roster = Roster { workers: Vec::new(), unattended_ms: i64::MAX };
        for row in &rows {
            if bool::read(row, "live")? {
                roster.workers.push(String::read(row, "name")?);
            }
            roster.unattended_ms = roster.unattended_ms.min(i64::read(row, "unattended")?);
        }
        Ok(roster)
    }

    async fn leave(&self, worker: &str) -> Result<()> {
        let sql = "UPDATE workers SET alive_until = (SELECT now_ms FROM clock) WHERE name = $1";
        sqlx::query(sql).bind(worker).execute(&self.pool).await?;
        Ok(())
    }
}
