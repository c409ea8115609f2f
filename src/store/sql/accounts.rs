//! Accounts, and sums of the ledger.

use async_trait::async_trait;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, FromRow, QueryBuilder, Row};

use super::builder::build;
use super::columns::Column;
use super::locks::lock_account;
use super::{SqlStore, from_row, orphans, purges, spending, to_db};
use crate::accounts::{Account, Accounts, Credential};
use crate::crash::crash_point;
use crate::error::{Error, Result};
use crate::extract::Recipe;
use crate::model::wire::{Receipt, Usage};
use crate::model::{ErrorCode, UnixMs};

/// The most digests in one statement.
const DIGESTS_MAX: usize = 500;
/// How exactly it is recorded when an account was last seen, in milliseconds: an hour.
const SEEN_MS: i64 = 3_600_000;

pub(super) const BY_CREDENTIAL: &str =
    "SELECT a.id, a.email, a.quota_tokens, a.disabled_at, a.last_seen_at FROM credentials c JOIN accounts a ON a.id = c.account_id
     WHERE c.digest = $1 AND c.expires_at > $2";

#[async_trait]
impl Accounts for SqlStore {
    async fn create_guest(&self, account_id: &str, credential: Credential<'_>, now: UnixMs) -> Result<()> {
        let mut tx = self.write().await?;
        let sql = "INSERT INTO accounts (id, created_at, last_seen_at) VALUES ($1, $2, $2)";
        sqlx::query(sql).bind(account_id).bind(now.0).execute(&mut *tx).await?;
        sqlx::query(
            "INSERT INTO credentials (digest, account_id, kind, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(credential.digest)
        .bind(account_id)
        .bind(credential.kind.into_str())
        .bind(now.0)
        .bind(credential.expires_at.0)
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    async fn delete_account(&self, account_id: &str, now: UnixMs) -> Result<()> {
        let mut tx = self.write().await?;
        delete_in(&mut tx, account_id, now).await?;
        tx.commit().await?;
        crash_point("orphan", "committed");
        Ok(())
    }

    async fn account_of(&self, digest: &str, now: UnixMs) -> Result<Option<Account>> {
        let row = sqlx::query(BY_CREDENTIAL).bind(digest).bind(now.0).fetch_optional(&self.pool).await?;
        let Some(row) = row else { return Ok(None) };
        if row.try_get::<Option<i64>, _>("disabled_at")?.is_some() {
            return Err(disabled());
        }
        let account = Account::from_row(&row)?;
        let seen_at: Option<i64> = row.try_get("last_seen_at")?;
        if seen_at.is_none_or(|seen_at| seen_at < now.0 - SEEN_MS) {
            self.record_seen(account.id.clone(), now);
        }
        Ok(Some(account))
    }

    async fn account(&self, account_id: &str) -> Result<Option<Account>> {
        let account = sqlx::query_as("SELECT id, email, quota_tokens FROM accounts WHERE id = $1");
        Ok(account.bind(account_id).fetch_optional(&self.pool).await?)
    }

    async fn unexpired(&self, digests: &[String], now: UnixMs) -> Result<Vec<String>> {
        let mut unexpired = Vec::new();
        for digests in digests.chunks(DIGESTS_MAX) {
            let mut query = QueryBuilder::new(
                "SELECT c.digest FROM credentials c JOIN accounts a ON a.id = c.account_id
                 WHERE a.disabled_at IS NULL AND c.expires_at > ",
            );
            let mut list = query.push_bind(now.0).push(" AND c.digest IN (").separated(", ");
            for digest in digests {
                list.push_bind(digest);
            }
            query.push(")");
            for row in build(query)?.fetch_all(&self.pool).await? {
                unexpired.push(row.try_get("digest")?);
            }
        }
        Ok(unexpired)
    }

    async fn usage(&self, account: &Account, default_quota: u64) -> Result<Usage> {
        let mut connection = self.pool.acquire().await?;
        usage_of(&mut connection, account, default_quota).await
    }

    async fn receipts(&self, account_id: &str) -> Result<Vec<Receipt>> {
        let sql = "SELECT j.title, j.mode, j.recipe, MAX(l.charged_at) AS charged_at, COUNT(*) AS pages,
                    (SELECT STRING_AGG(m.model, ',') FROM (SELECT DISTINCT model FROM ledger WHERE job_id = j.id) AS m)
                        AS models,
                    CAST(SUM(l.input_tokens) AS BIGINT) AS input_tokens,
                    CAST(SUM(l.output_tokens) AS BIGINT) AS output_tokens,
                    CAST(SUM(l.charge) AS BIGINT) AS charge
             FROM ledger l JOIN jobs j ON j.id = l.job_id
             WHERE l.account_id = $1 GROUP BY j.id, j.title, j.mode, j.recipe ORDER BY 4 DESC";
        Ok(sqlx::query_as(sql).bind(account_id).fetch_all(&self.pool).await?)
    }
}

/// Queries of the operator's command line.
impl SqlStore {
    /// The id of the account with this id or e-mail address.
    ///
    /// # Errors
    /// `unavailable` if the database does not answer; `internal` if it fails otherwise.
    pub async fn find_account(&self, name: &str) -> Result<Option<String>> {
        let id = sqlx::query_scalar("SELECT id FROM accounts WHERE id = $1 OR email = $1").bind(name);
        Ok(id.fetch_optional(&self.pool).await?)
    }

    /// Ends all invitations that were not used, and all links that set a password.
    ///
    /// # Errors
    /// `unavailable` if the database cannot be reached.
    pub async fn end_links(&self) -> Result<()> {
        sqlx::query("DELETE FROM invitations WHERE used_at IS NULL").execute(&self.pool).await?;
        sqlx::query("DELETE FROM setup_links").execute(&self.pool).await?;
        Ok(())
    }

    /// The ids of all accounts with a session or a token.
    ///
    /// # Errors
    /// `unavailable` if the database cannot be reached.
    pub async fn accounts_with_credentials(&self) -> Result<Vec<String>> {
        let ids = sqlx::query_scalar("SELECT DISTINCT account_id FROM credentials");
        Ok(ids.fetch_all(&self.pool).await?)
    }

    /// Records that an account was seen, without delaying its request.
    fn record_seen(&self, account_id: String, now: UnixMs) {
        let pool = self.pool.clone();
        tokio::spawn(async move {
            // A later request tries again, and another server may have been faster.
            let sql = "UPDATE accounts SET last_seen_at = $1
                       WHERE id = $2 AND (last_seen_at IS NULL OR last_seen_at < $1 - $3)";
            let recorded = sqlx::query(sql).bind(now.0).bind(account_id).bind(SEEN_MS).execute(&pool).await;
            if let Err(error) = recorded {
                tracing::warn!(%error, "recording that an account was seen failed");
            }
        });
    }
}

/// Fails if an operator has disabled the account.
pub(super) async fn refuse_disabled(connection: &mut AnyConnection, account_id: &str) -> Result<()> {
    let sql = "SELECT COUNT(*) FROM accounts WHERE id = $1 AND disabled_at IS NOT NULL";
    let count: i64 = sqlx::query_scalar(sql).bind(account_id).fetch_one(connection).await?;
    if count > 0 { Err(disabled()) } else { Ok(()) }
}

fn disabled() -> Error {
    Error::refused(ErrorCode::AccountDisabled, "This account is disabled. Ask the operator of this server.")
}

/// Deletes an account with everything that it owns, and queues what it leaves for cleanup.
pub(super) async fn delete_in(connection: &mut AnyConnection, account_id: &str, now: UnixMs) -> Result<()> {
    let is_there = lock_account(connection, account_id).await?;
    let sql = "INSERT INTO gone_contents (content_hash, gone_at)
               SELECT DISTINCT content_hash, CAST($2 AS BIGINT) FROM jobs WHERE account_id = $1
               ON CONFLICT (content_hash) DO NOTHING";
    sqlx::query(sql).bind(account_id).bind(now.0).execute(&mut *connection).await?;
    if is_there {
        purges::record_account(connection, account_id, now).await?;
    }
    orphans::delete_active_jobs(connection, account_id).await?;
    spending::assume_all(connection, account_id, now).await?;
    crash_point("orphan", "recorded");
    // The foreign keys delete everything of the account except the ledgers.
    sqlx::query("DELETE FROM accounts WHERE id = $1").bind(account_id).execute(&mut *connection).await?;
    Ok(())
}

/// Used and reserved tokens, for admission and for the account page.
pub(super) async fn usage_of(connection: &mut AnyConnection, account: &Account, default_quota: u64) -> Result<Usage> {
    let sql = "SELECT (SELECT CAST(COALESCE(SUM(charge), 0) AS BIGINT) FROM ledger WHERE account_id = $1) AS used,
                (SELECT CAST(COALESCE(SUM(tokens), 0) AS BIGINT) FROM reservations WHERE account_id = $1) AS reserved";
    let row = sqlx::query(sql).bind(&account.id).fetch_one(connection).await?;
    let quota_tokens = account.quota_tokens.unwrap_or(default_quota);
    let (used_tokens, reserved_tokens) = (u64::read(&row, "used")?, u64::read(&row, "reserved")?);
    let available_tokens = quota_tokens.saturating_sub(used_tokens).saturating_sub(reserved_tokens);
    Ok(Usage { quota_tokens, used_tokens, reserved_tokens, available_tokens })
}

from_row!(Account { id, email, quota_tokens });

impl FromRow<'_, AnyRow> for Receipt {
    fn from_row(row: &AnyRow) -> sqlx::Result<Self> {
        Ok(Self {
            title: Column::read(row, "title")?,
            mode: Column::read(row, "mode")?,
            pages: Column::read(row, "pages")?,
            input_tokens: Column::read(row, "input_tokens")?,
            output_tokens: Column::read(row, "output_tokens")?,
            charged_tokens: Column::read(row, "charge")?,
            model: Recipe::read(row, "recipe")?.model().to_owned(),
            answered_by: String::read(row, "models")?.split(',').map(str::to_owned).collect(),
            created_at: Column::read(row, "charged_at")?,
        })
    }
}

/// An amount for a BIGINT column that is summed.
pub(super) fn amount(tokens: u64) -> i64 {
    // A quarter of the range, so that no sum of real amounts overflows.
    to_db(tokens).min(i64::MAX / 4)
}
