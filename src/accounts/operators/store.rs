//! The port of operators: what they see, and their changes with the audit log.

use async_trait::async_trait;

use crate::error::Result;
use crate::model::operator::{AuditEntry, InvitationRequest, InvitationView, Overview, Person};
use crate::model::{Role, UnixMs};

/// A change that an operator asks for.
#[derive(Clone, Copy, Debug)]
pub enum Request<'a> {
    Disable,
    Enable,
    Delete,
    SetQuota(Option<u64>),
    SetRole(Option<Role>),
    /// Makes the account that the audit row names.
    Create {
        email: &'a str,
        role: Role,
    },
    /// Adds a link that sets a password, and ends earlier ones of the account.
    MakeLink {
        digest: &'a str,
        expires_at: UnixMs,
    },
    Invite {
        digest: &'a str,
        asked: &'a InvitationRequest,
        expires_at: UnixMs,
    },
    /// `id` is [`InvitationView::id`].
    RevokeInvitation {
        id: &'a str,
    },
    /// Changes nothing. Another use case carries the action out.
    Note(&'static str),
}

impl Request<'_> {
    /// The name in the audit log.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Enable => "enable",
            Self::Delete => "delete",
            Self::SetQuota(_) => "set_quota",
            Self::SetRole(_) => "set_role",
            Self::Create { .. } => "create",
            Self::MakeLink { .. } => "make_link",
            Self::Invite { .. } => "invite",
            Self::RevokeInvitation { .. } => "revoke_invitation",
            Self::Note(action) => action,
        }
    }
}

/// The row of the audit log that is stored with a change.
#[derive(Clone, Copy, Debug)]
pub struct AuditRow<'a> {
    pub id: &'a str,
    pub at: UnixMs,
    /// `None`: the command line.
    pub operator_id: Option<&'a str>,
    /// Whom it is done to.
    pub account_id: Option<&'a str>,
    pub detail: &'a str,
}

/// Stores operators, invitations and the audit log.
///
/// # Errors
/// Every method fails with `unavailable` if the store cannot be reached, and with `internal` if the store fails otherwise.
#[async_trait]
pub trait OperatorRecords: Send + Sync {
    /// Whether any account has the role and is not disabled.
    async fn has_operator(&self) -> Result<bool>;

    /// Whether this account has the role and is not disabled.
    async fn is_operator(&self, account_id: &str) -> Result<bool>;

    /// Members whose address contains `search`, or the account with this id, newest first and older than `before`. `day` is today.
    async fn people(&self, search: &str, before: Option<&str>, day: i64, limit: u32) -> Result<Vec<Person>>;

    /// Spending of `today` and since the day `month_begins`, active jobs, and numbers of accounts. The ceilings are left out.
    async fn overview(&self, today: i64, month_begins: i64) -> Result<Overview>;

    /// The newest 100 invitations.
    async fn invitations(&self) -> Result<Vec<InvitationView>>;

    /// Rows of the audit log, newest first and older than `before`.
    async fn audit_log(&self, before: Option<&str>, limit: u32) -> Result<Vec<AuditEntry>>;

    /// Carries out a change and adds its row, in one transaction. Fails with `not_found` if the operator has lost the role, or if there is no
    /// such account or invitation; with `email_taken` if another account has the address; with `invalid_request` for a link for a guest.
    async fn apply(&self, request: &Request<'_>, row: &AuditRow<'_>) -> Result<()>;
}
