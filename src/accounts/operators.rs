//! The use cases of operators: they see people and spending, invite, disable and delete.
//!
//! An [`Operator`] exists only for an account with the role, or for the command line. Each change is stored in one transaction with its
//! row in the audit log ([`OperatorRecords::apply`]). That transaction checks again that the operator has the role.

mod store;

use std::sync::Arc;

use super::spending::Budget;
use super::{Account, digest};
use crate::changes::Changes;
use crate::clock::{Clock, IdGenerator};
use crate::error::{Error, Result};
use crate::model::operator::{AuditPage, InvitationRequest, InvitationView, Overview, People};
use crate::model::{ApiError, ErrorCode, Role};
use coldbrew_gemini::models::Models;

pub use store::{AuditRow, OperatorRecords, Request};

/// People on one page, and rows of the audit log on one page.
const PAGE_ROWS: u32 = 25;
const AUDIT_ROWS: u32 = 50;
/// How long a link that sets a password is valid, in milliseconds.
const LINK_MS: i64 = DAY_MS;
const DAY_MS: i64 = 24 * 3_600_000;
/// How long an invitation can be valid, in days.
const INVITATION_DAYS_MAX: u32 = 90;
const NOTE_CHARS_MAX: usize = 100;

/// The right to manage the server. Only an account with the role, or the command line, gets one.
#[derive(Clone, Debug)]
pub struct Operator {
    /// `None`: the command line.
    account_id: Option<String>,
}

impl Operator {
    /// The operator at the command line of the server, who needs no role.
    pub const fn command_line() -> Self {
        Self { account_id: None }
    }
}

/// The use cases of operators. Cheap to clone.
#[derive(Clone)]
pub struct Operators {
    pub records: Arc<dyn OperatorRecords>,
    pub budget: Budget,
    pub models: Models,
    /// The name of the model in use.
    pub model: String,
    /// Notifies open streams of an account that its access has ended.
    pub changes: Changes,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdGenerator>,
}

impl Operators {
    /// Checks that the account has the role.
    ///
    /// # Errors
    /// `not_found` for an account without the role, so that the answer does not reveal the page. Otherwise the errors of
    /// [`OperatorRecords`].
    pub async fn authorize(&self, account: &Account) -> Result<Operator> {
        if !self.records.is_operator(&account.id).await? {
            return Err(ApiError::not_found("page").into());
        }
        Ok(Operator { account_id: Some(account.id.clone()) })
    }

    /// Whether the server has an operator whose account is not disabled.
    ///
    /// # Errors
    /// The errors of [`OperatorRecords`].
    pub async fn has_operator(&self) -> Result<bool> {
        self.records.has_operator().await
    }

    /// Members whose address contains `search`, or the account with this id. `before` is [`People::next`] of the previous page.
    ///
    /// # Errors
    /// The errors of [`OperatorRecords`].
    pub async fn people(&self, _: &Operator, search: &str, before: Option<&str>) -> Result<People> {
        let (search, day) = (search.trim().to_lowercase(), self.clock.now().day());
        let mut people = self.records.people(&search, before, day, PAGE_ROWS + 1).await?;
        let next = cut(&mut people, PAGE_ROWS).then(|| people.last().map(|person| person.id.clone())).flatten();
        Ok(People { people, next, default_quota: self.budget.quota_tokens })
    }

    /// Spending, active jobs, numbers of accounts, and what is wrong with the model.
    ///
    /// # Errors
    /// The errors of [`OperatorRecords`].
    pub async fn overview(&self, _: &Operator) -> Result<Overview> {
        let (today, date) = (self.clock.now().day(), self.clock.today());
        let month_begins = today - i64::from(date.day()) + 1;
        let mut overview = self.records.overview(today, month_begins).await?;
        overview.spending.daily_max = self.budget.daily_max;
        overview.spending.guests_daily_max = self.budget.guests_daily_max;
        overview.model_notice = self.models.notice(&self.model, date);
        Ok(overview)
    }

    /// Invitations, newest first.
    ///
    /// # Errors
    /// The errors of [`OperatorRecords`].
    pub async fn invitations(&self, _: &Operator) -> Result<Vec<InvitationView>> {
        self.records.invitations().await
    }

    /// The audit log. `before` is [`AuditPage::next`] of the previous page.
    ///
    /// # Errors
    /// The errors of [`OperatorRecords`].
    pub async fn audit_log(&self, _: &Operator, before: Option<&str>) -> Result<AuditPage> {
        let mut entries = self.records.audit_log(before, AUDIT_ROWS + 1).await?;
        let next = cut(&mut entries, AUDIT_ROWS).then(|| entries.last().map(|entry| entry.id.clone())).flatten();
        Ok(AuditPage { entries, next })
    }

    /// Disables an account. Its sessions and tokens are refused until it is enabled. Its active jobs finish.
    ///
    /// # Errors
    /// `invalid_request` for the operator's own account; `not_found` for an unknown account or without the role; otherwise the errors of
    /// [`OperatorRecords`].
    pub async fn disable(&self, operator: &Operator, account_id: &str) -> Result<()> {
        refuse_own(operator, account_id)?;
        self.apply(operator, Request::Disable, account_id, String::new()).await?;
        self.changes.tell_credentials_ended(account_id);
        Ok(())
    }

    /// Enables an account again. Sessions and tokens that have not expired are valid again.
    ///
    /// # Errors
    /// As for [`Self::disable`].
    pub async fn enable(&self, operator: &Operator, account_id: &str) -> Result<()> {
        self.apply(operator, Request::Enable, account_id, String::new()).await
    }

    /// Checks that the operator may delete this account, before a step that cannot be undone.
    ///
    /// # Errors
    /// As for [`Self::disable`].
    pub async fn admit_deletion(&self, operator: &Operator, account_id: &str) -> Result<()> {
        refuse_own(operator, account_id)?;
        let found = self.records.people(account_id, None, 0, 1).await?;
        if !found.iter().any(|person| person.id == account_id) {
            return Err(ApiError::not_found("account").into());
        }
        Ok(())
    }

    /// Deletes the records of an account. The caller must delete its files.
    ///
    /// # Errors
    /// As for [`Self::disable`].
    pub async fn delete(&self, operator: &Operator, account_id: &str) -> Result<()> {
        refuse_own(operator, account_id)?;
        self.apply(operator, Request::Delete, account_id, String::new()).await?;
        self.changes.tell_credentials_ended(account_id);
        Ok(())
    }

    /// Sets the quota of an account in token equivalents. `None` restores the default.
    ///
    /// # Errors
    /// As for [`Self::disable`].
    pub async fn set_quota(&self, operator: &Operator, account_id: &str, tokens: Option<u64>) -> Result<()> {
        let detail = tokens.map_or_else(|| "the default".to_owned(), |tokens| format!("{tokens} tokens"));
        self.apply(operator, Request::SetQuota(tokens), account_id, detail).await
    }

    /// Gives the role to an account, or removes it.
    ///
    /// # Errors
    /// As for [`Self::disable`].
    pub async fn set_role(&self, operator: &Operator, account_id: &str, role: Option<Role>) -> Result<()> {
        refuse_own(operator, account_id)?;
        let detail = role.map_or("none", |role| role.into_str()).to_owned();
        self.apply(operator, Request::SetRole(role), account_id, detail).await
    }

    /// Creates an account with this address and the role. It has no password until a link sets one. Returns its id.
    ///
    /// # Errors
    /// `invalid_sign_up` for a bad address; `email_taken`; otherwise the errors of [`OperatorRecords`].
    pub async fn create_operator(&self, operator: &Operator, email: &str) -> Result<String> {
        let (id, email) = (self.ids.id(), super::membership::address(email)?);
        self.apply(operator, Request::Create { email: &email, role: Role::Operator }, &id, String::new()).await?;
        Ok(id)
    }

    /// Creates a link with which a person sets a password, once and within a day. It ends earlier links of the account. Returns its code.
    ///
    /// # Errors
    /// `invalid_request` for a guest; otherwise as for [`Self::disable`].
    pub async fn make_link(&self, operator: &Operator, account_id: &str) -> Result<String> {
        let code = self.ids.secret();
        let link = Request::MakeLink { digest: &digest(&code), expires_at: self.clock.now().plus(LINK_MS) };
        self.apply(operator, link, account_id, String::new()).await?;
        Ok(code)
    }

    /// Creates an invitation. Returns its code, of which only a digest is stored.
    ///
    /// # Errors
    /// `invalid_request` for a lifetime of 0 or more than 90 days; `not_found` without the role; otherwise the errors of
    /// [`OperatorRecords`].
    pub async fn invite(&self, operator: &Operator, asked: InvitationRequest) -> Result<String> {
        if !(1..=INVITATION_DAYS_MAX).contains(&asked.days) {
            let words = format!("An invitation is valid for 1 to {INVITATION_DAYS_MAX} days.");
            return Err(Error::refused(ErrorCode::InvalidRequest, words));
        }
        let note: String = asked.note.trim().chars().filter(|c| !c.is_control()).take(NOTE_CHARS_MAX).collect();
        let (code, expires_at) = (self.ids.secret(), self.clock.now().plus(DAY_MS * i64::from(asked.days)));
        let detail = match asked.role {
            Some(role) => format!("{note} ({})", role.into_str()),
            None => note.clone(),
        };
        let request = InvitationRequest { note, ..asked };
        let invite = Request::Invite { digest: &digest(&code), asked: &request, expires_at };
        self.apply_to_none(operator, invite, detail).await?;
        Ok(code)
    }

    /// Ends an unused invitation.
    ///
    /// # Errors
    /// `not_found` for an unknown or used invitation, or without the role. Otherwise the errors of [`OperatorRecords`].
    pub async fn revoke_invitation(&self, operator: &Operator, id: &str) -> Result<()> {
        self.apply_to_none(operator, Request::RevokeInvitation { id }, String::new()).await
    }

    /// Records an action of the command line that another use case performs.
    ///
    /// # Errors
    /// As for [`Self::disable`].
    pub async fn note(&self, operator: &Operator, action: &'static str, account_id: &str) -> Result<()> {
        self.apply(operator, Request::Note(action), account_id, String::new()).await
    }

    async fn apply(&self, operator: &Operator, request: Request<'_>, account_id: &str, detail: String) -> Result<()> {
        self.store(operator, request, Some(account_id), detail).await
    }

    async fn apply_to_none(&self, operator: &Operator, request: Request<'_>, detail: String) -> Result<()> {
        self.store(operator, request, None, detail).await
    }

    async fn store(
        &self,
        operator: &Operator,
        request: Request<'_>,
        account_id: Option<&str>,
        detail: String,
    ) -> Result<()> {
        let (id, at, action) = (self.ids.id(), self.clock.now(), request.name());
        let row = AuditRow { id: &id, at, operator_id: operator.account_id.as_deref(), account_id, detail: &detail };
        self.records.apply(&request, &row).await?;
        tracing::info!(
            operator = operator.account_id.as_deref().unwrap_or("command line"),
            account_id,
            action,
            "operator acted"
        );
        Ok(())
    }
}

/// Refuses a change to the operator's own account, because the operator could not undo it.
fn refuse_own(operator: &Operator, account_id: &str) -> Result<()> {
    if operator.account_id.as_deref() != Some(account_id) {
        return Ok(());
    }
    let words = "This is your own account. Another operator can change it, or `coldbrew user` on the server.";
    Err(Error::refused(ErrorCode::InvalidRequest, words))
}

/// Shortens a list to `rows`. Returns whether it was longer.
fn cut<T>(list: &mut Vec<T>, rows: u32) -> bool {
    let has_more = list.len() > rows as usize;
    list.truncate(rows as usize);
    has_more
}
