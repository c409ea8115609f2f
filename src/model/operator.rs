//! The data of the operator's page.

use serde::{Deserialize, Serialize};

use super::{BlockedReason, JobStatus, Mode, Role, UnixMs};

/// A member, as operators see one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub id: String,
    /// `None` for a guest, who is found only by the id.
    pub email: Option<String>,
    pub role: Option<Role>,
    pub disabled_at: Option<UnixMs>,
    /// Accurate to an hour.
    pub last_seen_at: Option<UnixMs>,
    pub created_at: UnixMs,
    /// In token equivalents. `None`: the server's default.
    pub quota_tokens: Option<u64>,
    pub used_tokens: u64,
    /// In micro-dollars.
    pub spent_today: u64,
    pub spent_total: u64,
}

/// One page of people, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct People {
    pub people: Vec<Person>,
    /// The start of the next page, if there is one.
    pub next: Option<String>,
    /// The quota of members without one of their own.
    pub default_quota: u64,
}

/// An invitation. Its code is not stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationView {
    /// Identifies it in the operators' actions.
    pub id: String,
    pub note: String,
    pub role: Option<Role>,
    pub quota_tokens: Option<u64>,
    pub created_at: UnixMs,
    pub expires_at: UnixMs,
    pub used_at: Option<UnixMs>,
    /// The e-mail address of the account that was created with it, while that account exists.
    pub used_by: Option<String>,
}

/// An operator's request for an invitation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationRequest {
    pub note: String,
    pub role: Option<Role>,
    pub quota_tokens: Option<u64>,
    pub days: u32,
}

/// What Google bills, in micro-dollars, and the ceilings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpendingView {
    pub today: u64,
    pub guests_today: u64,
    /// The most that open requests can still cost.
    pub committed: u64,
    pub month: u64,
    /// `None`: there is no ceiling.
    pub daily_max: Option<u64>,
    pub guests_daily_max: Option<u64>,
}

/// Active jobs of one state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobCount {
    pub status: JobStatus,
    pub mode: Mode,
    pub blocked_by: Option<BlockedReason>,
    pub jobs: u64,
    /// When the oldest of them was submitted.
    pub oldest_at: UnixMs,
}

/// The current work and cost of the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    pub spending: SpendingView,
    pub jobs: Vec<JobCount>,
    pub members: u64,
    pub guests: u64,
    pub disabled: u64,
    /// A sentence about the model in use, if it is routed, retired or unknown.
    #[serde(default)]
    pub model_notice: Option<String>,
}

/// One action of an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    pub id: String,
    pub at: UnixMs,
    /// The operator's e-mail address, or the id of a deleted account. `None`: the command line.
    pub operator: Option<String>,
    /// A stable name, for example `disable`.
    pub action: String,
    /// The e-mail address of the changed account, or the id of a deleted account.
    pub account: Option<String>,
    pub detail: String,
}

/// One page of the audit log, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPage {
    pub entries: Vec<AuditEntry>,
    pub next: Option<String>,
}
