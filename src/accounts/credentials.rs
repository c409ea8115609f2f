//! The port of credentials: sessions and tokens. Secrets are stored as digests only.

use async_trait::async_trait;

use super::Credential;
use crate::error::Result;
use crate::model::wire::TokenSummary;
use crate::model::{EndedAccess, UnixMs};

/// A session as it is on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub account_id: String,
    pub created_at: UnixMs,
    /// It belongs to a member, not to a guest.
    pub signed_in: bool,
}

/// When sessions and tokens end, and which of them is not worth telling.
#[derive(Clone, Copy, Debug)]
pub struct Ending<'a> {
    pub now: UnixMs,
    /// The digest of the caller's own session, which ends as well and is not counted.
    pub own: Option<&'a str>,
}

/// Why a credential may be added. It is checked in the transaction that adds it: a credential must not outlive what was ended meanwhile.
#[derive(Clone, Copy, Debug)]
pub enum Grant<'a> {
    /// The account has just become the caller's.
    Owner,
    /// The credential of this digest opens the account.
    Credential(&'a str),
    /// The account's password has this hash.
    Password(&'a str),
}

/// See the module.
#[async_trait]
pub trait Credentials: Send + Sync {
    /// Adds a credential to an account, if that is still granted. Tokens have a name. `false`: it is not, or the account is gone.
    async fn add_credential(
        &self,
        account_id: &str,
        credential: Credential<'_>,
        name: Option<&str>,
        grant: Grant<'_>,
        now: UnixMs,
    ) -> Result<bool>;

    /// The unexpired session of that digest.
    async fn session(&self, digest: &str, now: UnixMs) -> Result<Option<Session>>;

    /// Lets a credential end at `at`, if it would not end before. Returns whose it is, if it changed.
    async fn end_credential(&self, digest: &str, at: UnixMs) -> Result<Option<String>>;

    /// Ends all sessions and tokens of an account.
    async fn end_credentials(&self, account_id: &str, ending: Ending<'_>) -> Result<EndedAccess>;

    /// Ends all sessions of an account.
    async fn end_sessions(&self, account_id: &str) -> Result<()>;

    /// The account's unexpired tokens, newest first.
    async fn tokens(&self, account_id: &str, now: UnixMs) -> Result<Vec<TokenSummary>>;

    /// Ends the token that [`TokenSummary::id`] names. `false`: there is none.
    async fn revoke_token(&self, account_id: &str, id: &str) -> Result<bool>;
}
