//! Answers that a repeated request gets again: those of an account make room for each other.

use sqlx::AnyConnection;

use crate::accounts::Begun;
use crate::error::Result;
use crate::model::UnixMs;

/// A request with an `Idempotency-Key`.
pub(super) struct Claim<'a> {
    pub account_id: &'a str,
    pub key: &'a str,
    /// Of the request's content.
    pub digest: &'a str,
    pub now: UnixMs,
    /// A claim from before this whose answer never came may be taken over.
    pub stale: UnixMs,
    pub keys_max: u32,
}

/// Claims the key of a request, or says what became of it.
pub(super) async fn claim(connection: &mut AnyConnection, claim: Claim<'_>) -> Result<Begun> {
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
        forget_oldest(connection, &claim).await?;
        return Ok(Begun::First);
    }
    let (digest, answer): (String, Option<String>) =
        sqlx::query_as("SELECT digest, answer FROM answers WHERE account_id = $1 AND request_key = $2")
            .bind(claim.account_id)
            .bind(claim.key)
            .fetch_one(connection)
            .await?;
    Ok(match answer {
        _ if digest != claim.digest => Begun::Differs,
        Some(answer) => Begun::Answered(answer),
        None => Begun::Running,
    })
}

/// Keeps the newest answers of an account. A request that is being answered keeps its claim.
async fn forget_oldest(connection: &mut AnyConnection, claim: &Claim<'_>) -> Result<()> {
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
