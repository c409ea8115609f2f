//! Failed attempts to sign in, and known networks.

use async_trait::async_trait;
use sqlx::Row;

use super::{SqlStore, count};
use crate::accounts::{Attempts, SignIns};
use crate::accounts::{KNOWN_NETWORKS_MAX, SUBJECTS_MAX};
use crate::error::Result;
use crate::model::UnixMs;

/// Subjects that make room at once, so that not each new one has to look for it.
const ROOM: u32 = SUBJECTS_MAX / 20;

#[async_trait]
impl SignIns for SqlStore {
    async fn attempts(&self, subject: &str) -> Result<Option<Attempts>> {
        let row = sqlx::query("SELECT failures, last_at FROM failed_sign_ins WHERE subject = $1")
            .bind(subject)
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| Ok(Attempts { failures: count(&row, "failures")?, last_at: UnixMs(row.try_get("last_at")?) }))
            .transpose()
    }

    async fn count_attempt(&self, subject: &str, before: Option<Attempts>, after: Attempts) -> Result<bool> {
        let (sql, before) = match before {
            None => {
                self.make_room().await?;
                let sql = "INSERT INTO failed_sign_ins (subject, failures, last_at) VALUES ($1, $2, $3)
                           ON CONFLICT (subject) DO NOTHING";
                (sql, None)
            }
            Some(before) => {
                let sql = "UPDATE failed_sign_ins SET failures = $2, last_at = $3
                           WHERE subject = $1 AND failures = $4 AND last_at = $5";
                (sql, Some(before))
            }
        };
        let mut query = sqlx::query(sql).bind(subject).bind(i64::from(after.failures)).bind(after.last_at.0);
        if let Some(before) = before {
            query = query.bind(i64::from(before.failures)).bind(before.last_at.0);
        }
        Ok(query.execute(&self.pool).await?.rows_affected() == 1)
    }

    async fn take_back_attempt(&self, subject: &str) -> Result<()> {
        sqlx::query("UPDATE failed_sign_ins SET failures = failures - 1 WHERE subject = $1 AND failures > 0")
            .bind(subject)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    async fn forget_attempts(&self, subject: &str) -> Result<()> {
        sqlx::query("DELETE FROM failed_sign_ins WHERE subject = $1").bind(subject).execute(&self.pool).await?;
        Ok(())
    }

    async fn is_known_network(&self, account_id: &str, network: &str) -> Result<bool> {
        let known: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM known_networks WHERE account_id = $1 AND network = $2")
                .bind(account_id)
                .bind(network)
                .fetch_one(&self.pool)
                .await?;
        Ok(known > 0)
    }

    async fn add_known_network(&self, account_id: &str, network: &str, now: UnixMs) -> Result<()> {
        let mut tx = self.write().await?;
        sqlx::query(
            "INSERT INTO known_networks (account_id, network, seen_at) VALUES ($1, $2, $3)
             ON CONFLICT (account_id, network) DO UPDATE SET seen_at = $3",
        )
        .bind(account_id)
        .bind(network)
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "DELETE FROM known_networks WHERE account_id = $1 AND network NOT IN
               (SELECT network FROM known_networks WHERE account_id = $1 ORDER BY seen_at DESC, network LIMIT $2)",
        )
        .bind(account_id)
        .bind(i64::from(KNOWN_NETWORKS_MAX))
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    async fn purge_attempts(&self, before: UnixMs) -> Result<()> {
        sqlx::query("DELETE FROM failed_sign_ins WHERE last_at < $1").bind(before.0).execute(&self.pool).await?;
        Ok(())
    }
}

impl SqlStore {
    async fn make_room(&self) -> Result<()> {
        let subjects: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM failed_sign_ins").fetch_one(&self.pool).await?;
        if subjects >= i64::from(SUBJECTS_MAX) {
            sqlx::query(
                "DELETE FROM failed_sign_ins WHERE subject IN
                   (SELECT subject FROM failed_sign_ins ORDER BY failures, last_at LIMIT $1)",
            )
            .bind(i64::from(ROOM))
            .execute(&self.pool)
            .await?;
        }
        Ok(())
    }
}
