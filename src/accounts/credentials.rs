//! The port of credentials: sessions and tokens. Only digests of secrets are stored.

use async_trait::async_trait;

use super::Credential;
use crate::error::Result;
use crate::model::wire::{SessionSummary, TokenSummary};
use crate::model::{EndedAccess, Scopes, UnixMs};

/// A stored session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub account_id: String,
    pub created_at: UnixMs,
    /// Whether it belongs to a member, not to a guest.
    pub signed_in: bool,
    /// When it ends at the latest, however often it is replaced. `None` for a guest's, and until the sign-in is complete.
    pub ends_at: Option<UnixMs>,
    /// When the person last gave the password or came from the sign-in provider.
    pub confirmed_at: Option<UnixMs>,
    pub last_used_at: Option<UnixMs>,
}

/// What is known of a session from its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionStart<'a> {
    pub at: UnixMs,
    /// When it ends at the latest.
    pub ends_at: UnixMs,
    /// The browser, for example: Firefox on Linux.
    pub client: &'a str,
}

/// The name of a token, and what it may do.
#[derive(Clone, Copy, Debug)]
pub struct TokenLabel<'a> {
    pub name: &'a str,
    pub scopes: &'a Scopes,
}

/// What a token may do, and when it was last used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenUse {
    pub scopes: Scopes,
    pub last_used_at: Option<UnixMs>,
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
    /// Adds a credential to an account. A token without a label has no name and may do everything. Returns `false` if the grant no longer holds or the account is gone.
    async fn add_credential(
        &self,
        account_id: &str,
        credential: Credential<'_>,
        label: Option<TokenLabel<'_>>,
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

    /// The scopes of the token with this digest, and its last use. `None` for a session and for an unknown digest.
    async fn token_use(&self, digest: &str) -> Result<Option<TokenUse>>;

    /// Records the use of a credential.
    async fn record_use(&self, digest: &str, now: UnixMs) -> Result<()>;

    /// Records how a session began. It expires at [`SessionStart::ends_at`] if that is earlier.
    async fn start_session(&self, digest: &str, start: &SessionStart<'_>) -> Result<()>;

    /// Gives the session `new` what is known of the session `old`, which it replaces.
    async fn inherit_session(&self, old: &str, new: &str) -> Result<()>;

    /// Records that the person has just given the password.
    async fn confirm_session(&self, digest: &str, now: UnixMs) -> Result<()>;

    /// The unexpired sessions of an account, last used first. `own` is the digest of the caller's session.
    async fn sessions(&self, account_id: &str, own: &str, now: UnixMs) -> Result<Vec<SessionSummary>>;

    /// Ends the session with this [`SessionSummary::id`]. Returns `false` if the account has none.
    async fn end_session(&self, account_id: &str, id: &str) -> Result<bool>;
}
