//! Idempotency keys and their responses. Each account has a bounded number of them.

use async_trait::async_trait;
use sqlx::AnyConnection;

use super::SqlStore;
use crate::api::{IdempotencyClaim, IdempotencyKeys};
use crate::error::Result;
use crate::model::UnixMs;

/// A request with an `Idempotency-Key`.
pub(super) struct Claim<'a> {
    pub account_id: &'a str,
    pub key: &'a str,
    /// SHA-256 of the request.
    pub digest: &'a str,
    pub now: UnixMs,
    /// A claim from before this instant without a response may be taken over.
    pub stale: UnixMs,
    pub keys_max: u32,
}

/// Claims the key of a request, or returns its state.
pub(super) async fn claim(connection: &mut AnyConnection, claim: Claim<'_>) -> Result<IdempotencyClaim> {
    let claimed = sqlx::query(
        "INSERT INTO answers (account_id, request_key, digest, begun_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (account_id, request_key) DO UPDATE SET begun_at = $4
         WHERE answers.answer IS NULL AND answers.begun_at < $5 AND answers.digest = $3",
    )
    .bind(claim.account_id)
    .bind(claim.key)
    .bind(claim.digest)
    .bind(claim.now.0)
    .bind(claim.stale.0)
    .execute(&mut *connection)
    .await?;
    if claimed.rows_affected() == 1 {
        delete_oldest(connection, &claim).await?;
        return Ok(IdempotencyClaim::First);
    }
    let (digest, answer): (String, Option<String>) =
        sqlx::query_as("SELECT digest, answer FROM answers WHERE account_id = $1 AND request_key = $2")
            .bind(claim.account_id)
            .bind(claim.key)
            .fetch_one(connection)
            .await?;
    Ok(match answer {
        _ if digest != claim.digest => IdempotencyClaim::Differs,
        Some(answer) => IdempotencyClaim::Answered(answer),
        None => IdempotencyClaim::Running,
    })
}

/// Deletes the oldest keys above the limit. Keys of running requests are kept.
async fn delete_oldest(connection: &mut AnyConnection, claim: &Claim<'_>) -> Result<()> {
    sqlx::query(
        "DELETE FROM answers WHERE account_id = $1 AND (answer IS NOT NULL OR begun_at < $2) AND request_key NOT IN
           (SELECT request_key FROM answers WHERE account_id = $1 ORDER BY begun_at DESC, request_key LIMIT $3)",
    )
    .bind(claim.account_id)
    .bind(claim.stale.0)
    .bind(i64::from(claim.keys_max))
    .execute(connection)
    .await?;
    Ok(())
}

#[async_trait]
impl IdempotencyKeys for SqlStore {
    async fn begin(
        &self,
        account_id: &str,
        key: &str,
        digest: &str,
        now: UnixMs,
        stale: UnixMs,
        keys_max: u32,
    ) -> Result<IdempotencyClaim> {
        let mut tx = self.write().await?;
        let request = Claim { account_id, key, digest, now, stale, keys_max };
        let claimed = claim(&mut tx, request).await?;
        tx.commit().await?;
        Ok(claimed)
    }

    async fn finish(&self, account_id: &str, key: &str, answer: &str) -> Result<()> {
        let sql = "UPDATE answers SET answer = $1 WHERE account_id = $2 AND request_key = $3";
        sqlx::query(sql).bind(answer).bind(account_id).bind(key).execute(&self.pool).await?;
        Ok(())
    }

    async fn abandon(&self, account_id: &str, key: &str) -> Result<()> {
        let sql = "DELETE FROM answers WHERE account_id = $1 AND request_key = $2 AND answer IS NULL";
        sqlx::query(sql).bind(account_id).bind(key).execute(&self.pool).await?;
        Ok(())
    }
}
