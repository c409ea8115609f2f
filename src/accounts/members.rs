//! The port of members: guests who signed up with a password, or whom a provider vouches for.

use async_trait::async_trait;

use super::Ending;
use crate::error::Result;
use crate::model::EndedAccess;

/// A person whom an OpenID Connect provider vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalIdentity {
    pub issuer: String,
    /// Names the person at that issuer for good.
    pub subject: String,
    /// The e-mail address or, where the provider tells none that it stands by, what the person can be called instead.
    pub label: String,
}

/// See the module. Passwords are stored as argon2id hashes.
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
}
