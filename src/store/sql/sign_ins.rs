//! Counts of password attempts, and known networks.

use async_trait::async_trait;

use super::{SqlStore, from_row};
use crate::accounts::{Attempts, SignIns};
use crate::accounts::{KNOWN_NETWORKS_MAX, SUBJECTS_MAX};
use crate::error::Result;
use crate::model::UnixMs;

/// Subjects that are deleted at once, so that not every new subject causes a deletion.
const DELETED_AT_ONCE: u32 = SUBJECTS_MAX / 20;

#[async_trait]
impl SignIns for SqlStore {
    async fn attempts(&self, subject: &str) -> Result<Option<Attempts>> {
        let attempts = sqlx::query_as("SELECT failures, last_at FROM failed_sign_ins WHERE subject = $1");
        Ok(attempts.bind(subject).fetch_optional(&self.pool).await?)
    }

    async fn count_attempt(&self, subject: &str, before: Option<Attempts>, after: Attempts) -> Result<bool> {
        let counted = match before {
            None => {
                self.make_room().await?;
                sqlx::query(
                    "INSERT INTO failed_sign_ins (failures, last_at, subject) VALUES ($1, $2, $3)
                     ON CONFLICT (subject) DO NOTHING",
                )
            }
            Some(_) => sqlx::query(
                "UPDATE failed_sign_ins SET failures = $1, last_at = $2
                 WHERE subject = $3 AND failures = $4 AND last_at = $5",
            ),
        };
        let mut counted = counted.bind(i64::from(after.failures)).bind(after.last_at.0).bind(subject);
        if let Some(before) = before {
            counted = counted.bind(i64::from(before.failures)).bind(before.last_at.0);
        }
        Ok(counted.execute(&self.pool).await?.rows_affected() == 1)
    }

    async fn take_back_attempt(&self, subject: &str) -> Result<()> {
        let sql = "UPDATE failed_sign_ins SET failures = failures - 1 WHERE subject = $1 AND failures > 0";
        sqlx::query(sql).bind(subject).execute(&self.pool).await?;
        Ok(())
    }

    async fn forget_attempts(&self, subject: &str) -> Result<()> {
        sqlx::query("DELETE FROM failed_sign_ins WHERE subject = $1").bind(subject).execute(&self.pool).await?;
        Ok(())
    }

    async fn is_known_network(&self, account_id: &str, network: &str) -> Result<bool> {
        let sql = "SELECT COUNT(*) FROM known_networks WHERE account_id = $1 AND network = $2";
        let known: i64 = sqlx::query_scalar(sql).bind(account_id).bind(network).fetch_one(&self.pool).await?;
        Ok(known > 0)
    }

    async fn add_known_network(&self, account_id: &str, network: &str, now: UnixMs) -> Result<()> {
        let mut tx = self.write().await?;
        let sql = "INSERT INTO known_networks (account_id, network, seen_at) VALUES ($1, $2, $3)
                   ON CONFLICT (account_id, network) DO UPDATE SET seen_at = $3";
        sqlx::query(sql).bind(account_id).bind(network).bind(now.0).execute(&mut *tx).await?;
        let sql = "DELETE FROM known_networks WHERE account_id = $1 AND network NOT IN
               (SELECT network FROM known_networks WHERE account_id = $1 ORDER BY seen_at DESC, network LIMIT $2)";
        sqlx::query(sql).bind(account_id).bind(i64::from(KNOWN_NETWORKS_MAX)).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    async fn purge_attempts(&self, before: UnixMs) -> Result<()> {
        sqlx::query("DELETE FROM failed_sign_ins WHERE last_at < $1").bind(before.0).execute(&self.pool).await?;
        Ok(())
    }
}

from_row!(Attempts { failures, last_at });

impl SqlStore {
    async fn make_room(&self) -> Result<()> {
        let subjects: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM failed_sign_ins").fetch_one(&self.pool).await?;
        if subjects >= i64::from(SUBJECTS_MAX) {
            let sql = "DELETE FROM failed_sign_ins WHERE subject IN
                         (SELECT subject FROM failed_sign_ins ORDER BY failures, last_at LIMIT $1)";
            sqlx::query(sql).bind(i64::from(DELETED_AT_ONCE)).execute(&self.pool).await?;
        }
        Ok(())
    }
}
