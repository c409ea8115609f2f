//! What is kept of people who signed up, and of everybody's sessions and tokens.

use async_trait::async_trait;

use super::Credential;
use crate::error::Result;
use crate::model::wire::TokenSummary;
use crate::model::{EndedAccess, UnixMs};
use crate::uploads::FigurePlaces;

/// A session as it is on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub account_id: String,
    pub created_at: UnixMs,
    /// It belongs to somebody who signed in, not to a guest.
    pub signed_in: bool,
}

/// Somebody whom an OpenID Connect provider vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalIdentity {
    pub issuer: String,
    /// Names the person at that issuer for good.
    pub subject: String,
    /// The e-mail address or, where the provider tells none that it stands by, what the person can be called instead.
    pub label: String,
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

/// What a request with an `Idempotency-Key` finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is the first: answer it, then [`Members::finish`] or [`Members::abandon`].
    First,
    /// It was answered with this.
    Answered(String),
    /// The first is being answered at this moment.
    Running,
    /// The key was used for another request.
    Differs,
}

/// People with a password, and everybody's credentials. Secrets are stored as digests only, passwords as argon2id hashes.
#[async_trait]
pub trait Members: Send + Sync {
    /// Makes a guest a member, and ends all sessions and tokens of the account. `None`: the address is taken, or the account is no guest's.
    async fn sign_up(
        &self,
        account_id: &str,
        email: &str,
        password_hash: &str,
        ending: Ending<'_>,
    ) -> Result<Option<EndedAccess>>;

    /// Gives a member another password, or a first one, and ends all sessions and tokens of the account. `None`: the account is no member's.
    async fn set_password(
        &self,
        account_id: &str,
        password_hash: &str,
        ending: Ending<'_>,
    ) -> Result<Option<EndedAccess>>;

    /// The account and the password hash of an address that has one.
    async fn login(&self, email: &str) -> Result<Option<(String, String)>>;

    /// The account of a person whom an issuer vouches for.
    async fn account_of_identity(&self, issuer: &str, subject: &str) -> Result<Option<String>>;

    /// Ties an identity to an account for good. A guest becomes a member who is called `label`, and all sessions and tokens of the account
    /// end. `None`: the identity is tied already, or a guest cannot be called that because another member is.
    async fn add_identity(
        &self,
        account_id: &str,
        identity: &ExternalIdentity,
        ending: Ending<'_>,
    ) -> Result<Option<EndedAccess>>;

    /// Whether an identity is tied to the account.
    async fn has_identity(&self, account_id: &str) -> Result<bool>;

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

    /// The account that an operator means by its id or its address.
    async fn find_account(&self, name: &str) -> Result<Option<String>>;

    /// Gives an account a quota of its own, in token equivalents; `None` takes it back.
    async fn set_quota(&self, account_id: &str, tokens: Option<u64>) -> Result<()>;

    /// Claims a request key. A claim from before `stale` whose answer never came is taken over. Of more than `keys_max` keys of the
    /// account, the oldest that are answered or stale are forgotten.
    async fn begin(
        &self,
        account_id: &str,
        key: &str,
        digest: &str,
        now: UnixMs,
        stale: UnixMs,
        keys_max: u32,
    ) -> Result<Begun>;

    /// Records the answer of a claimed key.
    async fn finish(&self, account_id: &str, key: &str, answer: &str) -> Result<()>;

    /// Gives a claimed key back: the request was refused, and may be sent again.
    async fn abandon(&self, account_id: &str, key: &str) -> Result<()>;

    /// Guests who have made nothing and opened no page since `before`, at most `limit`. Guests with active jobs are not idle.
    async fn idle_guests(&self, before: UnixMs, limit: u32) -> Result<Vec<String>>;

    /// Accounts that were deleted before `before`, and that were not forgotten since, at most `limit`.
    async fn gone_accounts(&self, before: UnixMs, limit: u32) -> Result<Vec<String>>;

    /// Forgets that there was such an account: nothing is left of it.
    async fn forget_gone_account(&self, account_id: &str) -> Result<()>;

    /// Contents that nothing has referred to since `before`, as account and content hash, at most `limit`.
    async fn stale_uploads(&self, before: UnixMs, limit: u32) -> Result<Vec<(String, String)>>;

    /// Deletes the uploads, page results and figures of a content, if nothing has referred to it since `before`. Returns its figures,
    /// whose pictures can be deleted now; `None`: something refers to it.
    async fn forget_upload(&self, account_id: &str, content_hash: &str, before: UnixMs)
    -> Result<Option<FigurePlaces>>;

    /// Forgets credentials that have expired, answers begun before `before`, and what was gone by then.
    async fn forget_expired(&self, before: UnixMs, now: UnixMs) -> Result<()>;
}
