//! The ledger of Gemini's cost. Admissions lock one row, so that they run one after the other.

use async_trait::async_trait;
use sqlx::{AnyConnection, FromRow, QueryBuilder};

use super::accounts::{amount, usage_of};
use super::builder::build;
use super::columns::Column;
use super::locks::{lock_account, lock_job, lock_spending};
use super::{SqlStore, from_row};
use crate::accounts::Account;
use crate::accounts::spending::{Answers, Budget, DaySpending, PaidRequest, Reserved, Spent, Sums};
use crate::crash::crash_point;
use crate::error::Result;
use crate::jobs::Job;
use crate::jobs::{Admission, PaidAnswer, QUEUED_AFTER_END_MS, Spending, Unanswered};
use crate::model::UnixMs;

#[async_trait]
impl Spending for SqlStore {
    async fn admit(&self, job: &Job, request: &PaidRequest, budget: &Budget, now: UnixMs) -> Result<Admission> {
        let mut tx = self.write().await?;
        if !lock_account(&mut tx, &job.account_id).await? || !is_claim_current(&mut tx, job).await? {
            return Ok(Admission::Superseded);
        }
        lock_spending(&mut tx).await?;
        let account = account_of(&mut tx, job, budget).await?;
        let day = day_spending(&mut tx, now.day(), &request.id).await?;
        if !budget.admits(&day, account.email.is_none(), request) {
            return Ok(Admission::OverBudget);
        }
        if !budget.admits_to_queue(enqueued_tokens(&mut tx, &request.id, now).await?, request) {
            return Ok(Admission::QueueFull);
        }
        if request.page.is_some() && !reserve_page(&mut tx, job, request, &account).await? {
            return Ok(Admission::OverQuota);
        }
        crash_point("spending", "admitted");
        hold(&mut tx, job, request, &account, now).await?;
        tx.commit().await?;
        crash_point("spending", "committed");
        Ok(Admission::Admitted)
    }

    async fn settle(&self, job: &Job, id: &str, page: Option<u32>, spent: &Spent, now: UnixMs) -> Result<()> {
        let mut tx = self.write().await?;
        lock_job(&mut tx, &job.id).await?;
        if !is_claim_current(&mut tx, job).await? {
            return Ok(());
        }
        settle(&mut tx, job, &PaidAnswer { request_id: id.to_owned(), page, spent: *spent }, now).await?;
        tx.commit().await?;
        crash_point("spending", "settled");
        Ok(())
    }

    async fn close(&self, job: &Job, id: Option<&str>, unanswered: Unanswered, now: UnixMs) -> Result<()> {
        let mut tx = self.write().await?;
        lock_job(&mut tx, &job.id).await?;
        if !is_claim_current(&mut tx, job).await? {
            return Ok(());
        }
        if unanswered == Unanswered::Billed {
            assume(&mut tx, "job_id", &job.id, id, now).await?;
        }
        release(&mut tx, &job.id, id).await?;
        Ok(tx.commit().await?)
    }

    async fn wake_waiting(&self) -> Result<()> {
        let sql = "UPDATE jobs SET due_at = (SELECT now_ms FROM clock)
                   WHERE active = 1 AND hindered_by = 'spending' AND due_at > (SELECT now_ms FROM clock)";
        sqlx::query(sql).execute(&self.pool).await?;
        Ok(())
    }

    async fn spent_on(&self, day: i64) -> Result<DaySpending> {
        let mut connection = self.pool.acquire().await?;
        day_spending(&mut connection, day, "").await
    }

    async fn answers_on(&self, account_id: &str, day: i64) -> Result<Answers> {
        let answers = sqlx::query_as(
            "SELECT CAST(COALESCE(SUM(answers), 0) AS BIGINT) AS answers, CAST(COALESCE(SUM(useless), 0) AS BIGINT) AS useless
             FROM spending WHERE account_id = $1 AND day = $2",
        )
        .bind(account_id)
        .bind(day)
        .fetch_one(&self.pool)
        .await?;
        Ok(answers)
    }
}

from_row!(Answers { all = answers, useless });
from_row!(Sums { settled, committed });

/// Records all requests in flight of an account with their maximum cost, because Google still bills them when the account is deleted.
pub(super) async fn assume_all(connection: &mut AnyConnection, account_id: &str, now: UnixMs) -> Result<()> {
    assume(connection, "account_id", account_id, None, now).await?;
    sqlx::query("DELETE FROM spending_commitments WHERE account_id = $1").bind(account_id).execute(connection).await?;
    Ok(())
}

/// Records what an answer cost, and releases what was held for its request. The caller has locked the job and checked its claim.
pub(super) async fn settle(
    connection: &mut AnyConnection,
    job: &Job,
    PaidAnswer { request_id, page, spent }: &PaidAnswer,
    now: UnixMs,
) -> Result<()> {
    // A batch from before the ledger existed was not admitted. It counts on the day of its results.
    sqlx::query(
        "INSERT INTO spending (request_id, job_id, page_index, account_id, network, is_guest, day, answers, useless,
                               input_tokens, output_tokens, micro_dollars, assumed, recorded_at)
         SELECT $1, $2, $3, $4, $5, CASE WHEN a.email IS NULL THEN 1 ELSE 0 END, COALESCE(c.day, CAST($6 AS BIGINT)),
                $7, $8, $9, $10, $11, 0, $12
         FROM accounts a LEFT JOIN spending_commitments c ON c.request_id = $1 WHERE a.id = $4
         ON CONFLICT (request_id) DO NOTHING",
    )
    .bind(request_id)
    .bind(&job.id)
    .bind(page.map(i64::from))
    .bind(&job.account_id)
    .bind(job.network.as_deref())
    .bind(now.day())
    .bind(amount(spent.answers))
    .bind(amount(spent.useless))
    .bind(amount(spent.usage.input))
    .bind(amount(spent.usage.output.saturating_add(spent.usage.thoughts)))
    .bind(amount(spent.micro_dollars))
    .bind(now.0)
    .execute(&mut *connection)
    .await?;
    crash_point("spending", "recorded");
    release(connection, &job.id, Some(request_id)).await
}

async fn is_claim_current(connection: &mut AnyConnection, job: &Job) -> Result<bool> {
    let sql = "SELECT COUNT(*) FROM jobs WHERE id = $1 AND fence = $2 AND active = 1";
    let held: i64 = sqlx::query_scalar(sql).bind(&job.id).bind(job.fence).fetch_one(connection).await?;
    Ok(held == 1)
}

/// The job's account, with its own quota or the default.
async fn account_of(connection: &mut AnyConnection, job: &Job, budget: &Budget) -> Result<Account> {
    let account = sqlx::query_as("SELECT id, email, quota_tokens FROM accounts WHERE id = $1");
    let account: Account = account.bind(&job.account_id).fetch_one(connection).await?;
    let default = if account.email.is_none() { budget.guest_quota_tokens } else { budget.quota_tokens };
    Ok(Account { quota_tokens: account.quota_tokens.or(Some(default)), ..account })
}

/// What was spent on a day, and what is held for all requests except this one.
async fn day_spending(connection: &mut AnyConnection, day: i64, request_id: &str) -> Result<DaySpending> {
    let rows = sqlx::query(
        "SELECT is_guest, CAST(SUM(settled) AS BIGINT) AS settled, CAST(SUM(committed) AS BIGINT) AS committed FROM (
             SELECT is_guest, micro_dollars AS settled, 0 AS committed FROM spending WHERE day = $1
             UNION ALL
             SELECT is_guest, 0 AS settled, micro_dollars AS committed FROM spending_commitments
             WHERE day = $1 AND request_id <> $2
         ) AS amounts GROUP BY is_guest",
    )
    .bind(day)
    .bind(request_id)
    .fetch_all(connection)
    .await?;
    let mut spending = DaySpending::default();
    for row in &rows {
        let sums = if bool::read(row, "is_guest")? { &mut spending.guests } else { &mut spending.members };
        *sums = Sums::from_row(row)?;
    }
    Ok(spending)
}

/// The tokens of all batches in Google's queue except this one.
async fn enqueued_tokens(connection: &mut AnyConnection, request_id: &str, now: UnixMs) -> Result<u64> {
    let since = now.plus(-QUEUED_AFTER_END_MS);
    let tokens: i64 = sqlx::query_scalar(
        "SELECT CAST(COALESCE(SUM(enqueued_tokens), 0) AS BIGINT) FROM (
             SELECT enqueued_tokens FROM spending_commitments WHERE request_id <> $1
             UNION ALL
             SELECT enqueued_tokens FROM spending
             WHERE enqueued_tokens > 0 AND assumed = 1 AND recorded_at > $2 AND request_id <> $1
         ) AS batches",
    )
    .bind(request_id)
    .bind(since.0)
    .fetch_one(connection)
    .await?;
    Ok(tokens.unsigned_abs())
}

/// Extends the job's reservation to cover another page. Returns `false` if the quota has no room.
async fn reserve_page(
    connection: &mut AnyConnection,
    job: &Job,
    request: &PaidRequest,
    account: &Account,
) -> Result<bool> {
    let sql = "SELECT (SELECT CAST(COALESCE(SUM(tokens), 0) AS BIGINT) FROM reservations WHERE job_id = $1) AS tokens,
                      (SELECT CAST(COALESCE(SUM(charge), 0) AS BIGINT) FROM ledger WHERE job_id = $1) AS charged,
                      (SELECT CAST(COALESCE(SUM(tokens), 0) AS BIGINT) FROM spending_commitments
                       WHERE job_id = $1 AND request_id <> $2) AS under_way";
    let row = sqlx::query(sql).bind(&job.id).bind(&request.id).fetch_one(&mut *connection).await?;
    let tokens = u64::read(&row, "tokens")?;
    let usage = usage_of(connection, account, 0).await?;
    let of_others = usage.reserved_tokens.saturating_sub(tokens);
    let held = Reserved {
        tokens,
        charged: u64::read(&row, "charged")?,
        under_way: u64::read(&row, "under_way")?,
        free: usage.quota_tokens.saturating_sub(usage.used_tokens).saturating_sub(of_others),
    };
    let Some(with) = held.with_page(request.tokens_most) else { return Ok(false) };
    if with > tokens {
        let sql = "UPDATE reservations SET tokens = $1 WHERE job_id = $2";
        sqlx::query(sql).bind(amount(with)).bind(&job.id).execute(connection).await?;
    }
    Ok(true)
}

async fn hold(
    connection: &mut AnyConnection,
    job: &Job,
    request: &PaidRequest,
    account: &Account,
    now: UnixMs,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO spending_commitments
             (request_id, job_id, page_index, account_id, network, is_guest, day, micro_dollars, tokens, enqueued_tokens)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (request_id) DO UPDATE SET day = excluded.day, micro_dollars = excluded.micro_dollars, tokens = excluded.tokens",
    )
    .bind(&request.id)
    .bind(&job.id)
    .bind(request.page.map(i64::from))
    .bind(&job.account_id)
    .bind(job.network.as_deref())
    .bind(i64::from(account.email.is_none()))
    .bind(now.day())
    .bind(amount(request.most))
    .bind(amount(request.tokens_most))
    .bind(amount(request.enqueued_tokens))
    .execute(connection)
    .await?;
    Ok(())
}

/// Records what is held for this owner, or for one of its requests, as spent.
async fn assume(
    connection: &mut AnyConnection,
    owner: &'static str,
    owner_id: &str,
    request_id: Option<&str>,
    now: UnixMs,
) -> Result<()> {
    let mut query = QueryBuilder::new(
        "INSERT INTO spending (request_id, job_id, page_index, account_id, network, is_guest, day, answers, useless,
                               input_tokens, output_tokens, micro_dollars, enqueued_tokens, assumed, recorded_at)
         SELECT request_id, job_id, page_index, account_id, network, is_guest, day, 0, 0, 0, 0, micro_dollars, enqueued_tokens, 1, CAST(",
    );
    query
        .push_bind(now.0)
        .push(" AS BIGINT) FROM spending_commitments WHERE ")
        .push(owner)
        .push(" = ")
        .push_bind(owner_id);
    if let Some(request_id) = request_id {
        query.push(" AND request_id = ").push_bind(request_id);
    }
    query.push(" ON CONFLICT (request_id) DO NOTHING");
    build(query)?.execute(connection).await?;
    Ok(())
}

/// Releases what is held for one request or for all requests of a job. Then the job that has waited longest for the budget becomes due.
async fn release(connection: &mut AnyConnection, job_id: &str, request_id: Option<&str>) -> Result<()> {
    let sql = "DELETE FROM spending_commitments WHERE job_id = $1 AND request_id = COALESCE($2, request_id)";
    let freed = sqlx::query(sql).bind(job_id).bind(request_id).execute(&mut *connection).await?;
    if freed.rows_affected() == 0 {
        return Ok(());
    }
    let sql = "UPDATE jobs SET due_at = (SELECT now_ms FROM clock) WHERE id = (
                   SELECT id FROM jobs WHERE active = 1 AND hindered_by = 'spending' AND lease_until = 0
                     AND due_at > (SELECT now_ms FROM clock)
                   ORDER BY submitted_at LIMIT 1)";
    sqlx::query(sql).execute(connection).await?;
    Ok(())
}
