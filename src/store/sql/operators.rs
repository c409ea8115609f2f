//! What operators see, and their changes together with the audit log.

use async_trait::async_trait;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, FromRow};

use super::accounts::delete_in;
use super::columns::Column;
use super::locks::lock_account;
use super::members::changed_one;
use super::{SqlStore, from_row, storable, to_db};
use crate::accounts::{AuditRow, OperatorRecords, Request};
use crate::error::{Error, Result};
use crate::model::operator::{AuditEntry, InvitationRequest, InvitationView, JobCount, Overview, Person, SpendingView};
use crate::model::{ApiError, ErrorCode, UnixMs};

/// Sorts after every id in both databases. Ids are hexadecimal digits.
const LAST: &str = "zzzz";
const INVITATIONS_MAX: i64 = 100;

const IS_OPERATOR: &str = "SELECT COUNT(*) FROM accounts WHERE id = $1 AND role = 'operator' AND disabled_at IS NULL";

/// The sums are small look-ups, one for each of the few rows of a page.
pub(super) const PEOPLE: &str =
    "SELECT a.id, a.email, a.role, a.disabled_at, a.last_seen_at, a.created_at, a.quota_tokens,
        (SELECT CAST(COALESCE(SUM(l.charge), 0) AS BIGINT) FROM ledger l WHERE l.account_id = a.id) AS used_tokens,
        (SELECT CAST(COALESCE(SUM(s.micro_dollars), 0) AS BIGINT) FROM spending s
         WHERE s.account_id = a.id AND s.day = $1) AS spent_today,
        (SELECT CAST(COALESCE(SUM(s.micro_dollars), 0) AS BIGINT) FROM spending s
         WHERE s.account_id = a.id) AS spent_total
    FROM accounts a
    WHERE ((a.email IS NOT NULL AND LOWER(a.email) LIKE $2 ESCAPE '\\') OR a.id = $3) AND a.id < $4
    ORDER BY a.id DESC LIMIT $5";

#[async_trait]
impl OperatorRecords for SqlStore {
    async fn has_operator(&self) -> Result<bool> {
        let sql = "SELECT COUNT(*) FROM accounts WHERE role = 'operator' AND disabled_at IS NULL";
        let count: i64 = sqlx::query_scalar(sql).fetch_one(&self.pool).await?;
        Ok(count > 0)
    }

    async fn is_operator(&self, account_id: &str) -> Result<bool> {
        let count: i64 = sqlx::query_scalar(IS_OPERATOR).bind(account_id).fetch_one(&self.pool).await?;
        Ok(count > 0)
    }

    async fn people(&self, search: &str, before: Option<&str>, day: i64, limit: u32) -> Result<Vec<Person>> {
        let escaped = search.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        let people = sqlx::query_as(PEOPLE)
            .bind(day)
            .bind(storable(&format!("%{escaped}%")))
            .bind(storable(search))
            .bind(storable(before.unwrap_or(LAST)))
            .bind(i64::from(limit));
        Ok(people.fetch_all(&self.pool).await?)
    }

    async fn overview(&self, today: i64, month_begins: i64) -> Result<Overview> {
        let spending = sqlx::query_as(
            "SELECT (SELECT CAST(COALESCE(SUM(micro_dollars), 0) AS BIGINT) FROM spending WHERE day = $1) AS today,
                    (SELECT CAST(COALESCE(SUM(micro_dollars), 0) AS BIGINT) FROM spending
                     WHERE day = $1 AND is_guest = 1) AS guests_today,
                    (SELECT CAST(COALESCE(SUM(micro_dollars), 0) AS BIGINT) FROM spending_commitments) AS committed,
                    (SELECT CAST(COALESCE(SUM(micro_dollars), 0) AS BIGINT) FROM spending
                     WHERE day BETWEEN $2 AND $1) AS month",
        );
        let spending: SpendingView = spending.bind(today).bind(month_begins).fetch_one(&self.pool).await?;
        let jobs = sqlx::query_as(
            "SELECT status, mode, hindered_by, COUNT(*) AS jobs, MIN(submitted_at) AS oldest_at FROM jobs WHERE active = 1
             GROUP BY status, mode, hindered_by ORDER BY 5",
        );
        let jobs = jobs.fetch_all(&self.pool).await?;
        let sql = "SELECT COUNT(email), COUNT(*) - COUNT(email), COUNT(disabled_at) FROM accounts";
        let (members, guests, disabled): (i64, i64, i64) = sqlx::query_as(sql).fetch_one(&self.pool).await?;
        let count = |number: i64| u64::try_from(number).map_err(Error::internal);
        let (members, guests, disabled) = (count(members)?, count(guests)?, count(disabled)?);
        Ok(Overview { spending, jobs, members, guests, disabled, model_notice: None })
    }

    async fn invitations(&self) -> Result<Vec<InvitationView>> {
        let invitations = sqlx::query_as(
            "SELECT SUBSTR(i.digest, 1, 16) AS id, i.note, i.role, i.quota_tokens, i.created_at, i.expires_at, i.used_at,
                    a.email AS used_by
             FROM invitations i LEFT JOIN accounts a ON a.id = i.used_by
             ORDER BY i.created_at DESC, i.digest LIMIT $1",
        );
        Ok(invitations.bind(INVITATIONS_MAX).fetch_all(&self.pool).await?)
    }

    async fn audit_log(&self, before: Option<&str>, limit: u32) -> Result<Vec<AuditEntry>> {
        let entries = sqlx::query_as(
            "SELECT l.id, l.at, COALESCE(o.email, l.operator_id) AS operator, l.action,
                    COALESCE(a.email, l.account_id) AS account, l.detail
             FROM audit_log l LEFT JOIN accounts o ON o.id = l.operator_id LEFT JOIN accounts a ON a.id = l.account_id
             WHERE l.id < $1 ORDER BY l.id DESC LIMIT $2",
        );
        Ok(entries.bind(storable(before.unwrap_or(LAST))).bind(i64::from(limit)).fetch_all(&self.pool).await?)
    }

    async fn apply(&self, request: &Request<'_>, row: &AuditRow<'_>) -> Result<()> {
        let mut tx = self.write().await?;
        if let Some(operator_id) = row.operator_id {
            // A change that removes the role waits for this action, or this action finds that the role is gone.
            lock_account(&mut tx, operator_id).await?;
            let count: i64 = sqlx::query_scalar(IS_OPERATOR).bind(operator_id).fetch_one(&mut *tx).await?;
            if count == 0 {
                return Err(ApiError::not_found("page").into());
            }
        }
        match row.account_id {
            Some(account_id) => change_account(&mut tx, request, account_id, row.at).await?,
            None => change_invitation(&mut tx, request, row).await?,
        }
        sqlx::query(
            "INSERT INTO audit_log (id, at, operator_id, action, account_id, detail) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(row.id)
        .bind(row.at.0)
        .bind(row.operator_id)
        .bind(request.name())
        .bind(row.account_id)
        .bind(storable(row.detail))
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }
}

async fn change_account(
    connection: &mut AnyConnection,
    request: &Request<'_>,
    account_id: &str,
    now: UnixMs,
) -> Result<()> {
    if let Request::Create { email, role } = request {
        let sql = "INSERT INTO accounts (id, email, role, created_at) SELECT $1, $2, $3, CAST($4 AS BIGINT)
                   WHERE NOT EXISTS (SELECT 1 FROM accounts WHERE email = $2)";
        let created = sqlx::query(sql).bind(account_id).bind(*email).bind(role.into_str()).bind(now.0);
        if !changed_one(created.execute(connection).await)? {
            return Err(Error::refused(
                ErrorCode::EmailTaken,
                "An account with this e-mail address already exists. Make it an operator instead.",
            ));
        }
        return Ok(());
    }
    if !lock_account(connection, account_id).await? {
        return Err(ApiError::not_found("account").into());
    }
    let change = match request {
        Request::Disable => sqlx::query("UPDATE accounts SET disabled_at = COALESCE(disabled_at, $2) WHERE id = $1")
            .bind(account_id)
            .bind(now.0),
        Request::Enable => sqlx::query("UPDATE accounts SET disabled_at = NULL WHERE id = $1").bind(account_id),
        Request::SetQuota(tokens) => {
            sqlx::query("UPDATE accounts SET quota_tokens = $2 WHERE id = $1").bind(account_id).bind(tokens.map(to_db))
        }
        Request::SetRole(role) => {
            // A guest has no way to sign in.
            let sql = "UPDATE accounts SET role = $2 WHERE id = $1 AND (email IS NOT NULL OR $2 IS NULL)";
            sqlx::query(sql).bind(account_id).bind(role.map(|role| role.into_str()))
        }
        Request::Delete => return delete_in(connection, account_id, now).await,
        Request::MakeLink { digest, expires_at } => {
            let sql = "DELETE FROM setup_links WHERE account_id = $1";
            sqlx::query(sql).bind(account_id).execute(&mut *connection).await?;
            let sql = "INSERT INTO setup_links (digest, account_id, expires_at)
                       SELECT $2, id, CAST($3 AS BIGINT) FROM accounts WHERE id = $1 AND email IS NOT NULL";
            sqlx::query(sql).bind(account_id).bind(*digest).bind(expires_at.0)
        }
        Request::Note(_) | Request::Create { .. } | Request::Invite { .. } | Request::RevokeInvitation { .. } => {
            return Ok(());
        }
    };
    if !changed_one(change.execute(connection).await)? {
        return Err(Error::refused(
            ErrorCode::InvalidRequest,
            "This is a guest, who has no e-mail address and no password.",
        ));
    }
    Ok(())
}

async fn change_invitation(connection: &mut AnyConnection, request: &Request<'_>, row: &AuditRow<'_>) -> Result<()> {
    match request {
        Request::Invite { digest, asked, expires_at } => {
            let InvitationRequest { note, role, quota_tokens, days: _ } = asked;
            sqlx::query(
                "INSERT INTO invitations (digest, role, quota_tokens, note, created_by, created_at, expires_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(*digest)
            .bind(role.map(|role| role.into_str()))
            .bind(quota_tokens.map(to_db))
            .bind(storable(note))
            .bind(row.operator_id)
            .bind(row.at.0)
            .bind(expires_at.0)
            .execute(connection)
            .await?;
        }
        Request::RevokeInvitation { id } => {
            let sql = "DELETE FROM invitations WHERE SUBSTR(digest, 1, 16) = $1 AND used_at IS NULL";
            let revoked = sqlx::query(sql).bind(storable(id)).execute(connection).await;
            if !changed_one(revoked)? {
                return Err(ApiError::not_found("invitation").into());
            }
        }
        _ => return Err(Error::internal("this change needs an account")),
    }
    Ok(())
}

from_row!(Person {
    id,
    email,
    role,
    disabled_at,
    last_seen_at,
    created_at,
    quota_tokens,
    used_tokens,
    spent_today,
    spent_total
});
from_row!(InvitationView { id, note, role, quota_tokens, created_at, expires_at, used_at, used_by });
from_row!(AuditEntry { id, at, operator, action, account, detail });
from_row!(JobCount { status, mode, blocked_by = hindered_by, jobs, oldest_at });

impl FromRow<'_, AnyRow> for SpendingView {
    fn from_row(row: &AnyRow) -> sqlx::Result<Self> {
        Ok(Self {
            today: Column::read(row, "today")?,
            guests_today: Column::read(row, "guests_today")?,
            committed: Column::read(row, "committed")?,
            month: Column::read(row, "month")?,
            daily_max: None,
            guests_daily_max: None,
        })
    }
}
