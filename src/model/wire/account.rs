//! The JSON about an account: usage, receipts, sessions, sign-ins and tokens.

use serde::{Deserialize, Serialize};

use super::super::{Mode, Scopes, UnixMs};

/// An account's quota and its use, in token equivalents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Usage {
    pub quota_tokens: u64,
    pub used_tokens: u64,
    pub reserved_tokens: u64,
    pub available_tokens: u64,
}

/// The charges of one document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Receipt {
    pub title: String,
    pub mode: Mode,
    pub pages: u32,
    pub input_tokens: u64,
    /// Output and thought tokens.
    pub output_tokens: u64,
    pub charged_tokens: u64,
    /// The requested model.
    pub model: String,
    /// The models that answered instead, by their own names.
    pub answered_by: Vec<String>,
    pub created_at: UnixMs,
}

/// `GET /v1/users/me/usage`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct UsageReport {
    #[serde(flatten)]
    pub usage: Usage,
    pub receipts: Vec<Receipt>,
}

/// The caller's account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Me {
    pub user_id: String,
    /// The member's address; a guest has none.
    pub email: Option<String>,
}

/// What a guest has made, as the sign-in form names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestSummary {
    pub documents: usize,
    /// The titles of the newest.
    pub titles: Vec<String>,
}

/// An API token without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct TokenSummary {
    pub id: String,
    pub name: String,
    pub created_at: UnixMs,
    pub expires_at: UnixMs,
    /// What it may do.
    pub scopes: Scopes,
    /// Recorded at most once an hour.
    pub last_used_at: Option<UnixMs>,
}

/// A browser that is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSummary {
    pub id: String,
    /// The browser, for example: Firefox on Linux.
    pub client: String,
    pub began_at: UnixMs,
    pub last_used_at: UnixMs,
    /// Whether it is the session of the request.
    pub is_this: bool,
}

/// An account of the person at a sign-in provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentitySummary {
    pub id: String,
    /// The host of the provider.
    pub provider: String,
    pub connected_at: UnixMs,
}

/// How a person can get into the account, for the account page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessReport {
    pub has_password: bool,
    /// Whether the person has given the password or signed in within the last 10 minutes.
    pub is_confirmed: bool,
    pub sessions: Vec<SessionSummary>,
    pub identities: Vec<IdentitySummary>,
}

/// A new API token. Its secret is shown only this once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct NewToken {
    pub name: String,
    pub token: String,
}
