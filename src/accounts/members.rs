//! The port of members: accounts with a password or with an identity at a sign-in provider.

use async_trait::async_trait;

use super::Ending;
use crate::error::Result;
use crate::model::{EndedAccess, UnixMs};

/// A person whom an OpenID Connect provider has identified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalIdentity {
    pub issuer: String,
    /// The permanent id of the person at that issuer.
    pub subject: String,
    /// `verified_email`, or else a name made from `subject` and the issuer's host.
    pub label: String,
    /// The e-mail address in lower case. `None` unless the issuer says that it has verified it.
    pub verified_email: Option<String>,
}

/// Stores members. Passwords are stored as argon2id hashes.
///
/// # Errors
/// Every method fails with `unavailable` if the store cannot be reached, and with `internal` if the store fails otherwise.
#[async_trait]
pub trait Members: Send + Sync {
    /// Makes a guest a member, and ends all sessions and tokens of the account. Returns `None` if the address is taken or the account is
    /// not a guest. `invitation` is the digest of an invitation, which is used with it: its role and its quota become the account's.
    /// Fails with `invalid_link` if it was used or has expired.
    async fn sign_up(
        &self,
        account_id: &str,
        email: &str,
        password_hash: &str,
        invitation: Option<&str>,
        ending: Ending<'_>,
    ) -> Result<Option<EndedAccess>>;

    /// The id and the e-mail address of the account of a link that sets a password, by the link's digest.
    async fn account_of_link(&self, digest: &str, now: UnixMs) -> Result<Option<(String, String)>>;

    /// Sets the password of a member by a link, which ends with it, as [`Self::set_password`]. Returns `None` if the link is not valid.
    async fn set_password_by_link(
        &self,
        digest: &str,
        account_id: &str,
        password_hash: &str,
        ending: Ending<'_>,
    ) -> Result<Option<EndedAccess>>;

    /// Whether an invitation with this digest can be used.
    async fn is_invitation(&self, digest: &str, now: UnixMs) -> Result<bool>;

    /// Sets the password of a member, and ends all sessions and tokens of the account. Returns `None` if the account is not a member.
    async fn set_password(
        &self,
        account_id: &str,
        password_hash: &str,
        ending: Ending<'_>,
    ) -> Result<Option<EndedAccess>>;

    /// The account id and the password hash of an e-mail address, if it has a password.
    async fn login(&self, email: &str) -> Result<Option<(String, String)>>;

    /// The id of the account with this identity.
    async fn account_of_identity(&self, issuer: &str, subject: &str) -> Result<Option<String>>;

    /// Adds an identity to an account. A guest becomes a member named `label`, and all sessions and tokens of the account end.
    /// Returns `None` if the identity belongs to an account already, or if another member has the guest's new name. A guest's `invitation`
    /// is used as by [`Self::sign_up`].
    async fn add_identity(
        &self,
        account_id: &str,
        identity: &ExternalIdentity,
        invitation: Option<&str>,
        ending: Ending<'_>,
    ) -> Result<Option<EndedAccess>>;

    /// Whether the account has an identity of any issuer.
    async fn has_identity(&self, account_id: &str) -> Result<bool>;

    /// The identities of an account as issuer and subject, with the instant at which each was connected, oldest first.
    async fn identities(&self, account_id: &str) -> Result<Vec<((String, String), UnixMs)>>;

    /// Removes an identity from an account. Returns `false` if the account has no other identity and no password.
    async fn remove_identity(&self, account_id: &str, issuer: &str, subject: &str) -> Result<bool>;
}
