//! The port of credentials: sessions and tokens. Only digests of secrets are stored.

use async_trait::async_trait;

use super::Credential;
use crate::error::Result;
use crate::model::wire::TokenSummary;
use crate::model::{EndedAccess, UnixMs};

/// A stored session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub account_id: String,
    pub created_at: UnixMs,
    /// Whether it belongs to a member, not to a guest.
    pub signed_in: bool,
}

/// When sessions and tokens end, and which of them is not counted.
#[derive(Clone, Copy, Debug)]
pub struct Ending<'a> {
    pub now: UnixMs,
    /// The digest of the caller's own session. It ends too, but is not counted.
    pub own: Option<&'a str>,
}

/// What permits a new credential. It is checked in the transaction that adds the credential, so that none is added after its basis has
/// ended.
#[derive(Clone, Copy, Debug)]
pub enum Grant<'a> {
    /// The caller has just proved to own the account.
    Owner,
    /// The credential with this digest is valid for the account.
    Credential(&'a str),
    /// The account's password has this hash.
    Password(&'a str),
}

/// Stores sessions and tokens.
///
/// # Errors
/// Every method fails with `unavailable` if the store cannot be reached, and with `internal` if the store fails otherwise.
#[async_trait]
pub trait Credentials: Send + Sync {
    /// Adds a credential to an account. Tokens have a name. Returns `false` if the grant no longer holds or the account is gone.
    async fn add_credential(
        &self,
        account_id: &str,
        credential: Credential<'_>,
        name: Option<&str>,
        grant: Grant<'_>,
        now: UnixMs,
    ) -> Result<bool>;

    /// The unexpired session with this digest.
    async fn session(&self, digest: &str, now: UnixMs) -> Result<Option<Session>>;

    /// Ends a credential at `at`, unless it ends earlier. Returns the id of its account if the end changed.
    async fn end_credential(&self, digest: &str, at: UnixMs) -> Result<Option<String>>;

    /// Ends all sessions and tokens of an account.
    async fn end_credentials(&self, account_id: &str, ending: Ending<'_>) -> Result<EndedAccess>;

    /// Ends all sessions of an account.
    async fn end_sessions(&self, account_id: &str) -> Result<()>;

    /// The account's unexpired tokens, newest first.
    async fn tokens(&self, account_id: &str, now: UnixMs) -> Result<Vec<TokenSummary>>;

    /// Ends the token with this [`TokenSummary::id`]. Returns `false` if there is none.
    async fn revoke_token(&self, account_id: &str, id: &str) -> Result<bool>;
}
