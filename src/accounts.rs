//! Accounts: who sent a request, and what that account may use. Every record of the product belongs to one account.
//!
//! A guest gets an account with the first request that needs one. A sign-up keeps that account: [`Membership`]. An [`Account`] value is
//! always identified already; use cases look up everything by its id. A secret is shown once and stored as a digest.
//!
//! [`Identity`] makes and recognizes accounts. [`spending`] is the arithmetic of spending ceilings. [`HourlyBudgets`] limits use per hour.
//! The ports are [`Accounts`], [`Credentials`], [`Members`], [`SignIns`] and [`Storage`]. No code here reads a request: cookies and headers
//! belong to `crate::api`.

mod access;
mod allowance;
mod attempts;
mod credentials;
mod hourly;
mod members;
mod membership;
mod network;
mod operators;
mod password;
mod provider;
mod quota;
mod sign_ins;
pub mod spending;
mod store;
mod token;
mod usage;

use std::collections::HashSet;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::clock::{Clock, IdGenerator};
use crate::error::Result;
use crate::metrics::guest_made;
use crate::model::hex;

pub use access::AccessPolicy;
pub use allowance::{Allowance, Allowances};
pub use attempts::{AttemptLimits, PasswordAttempts};
pub use credentials::{Credentials, Ending, Grant, Session, SessionStart, TokenLabel, TokenUse};
pub use hourly::HourlyBudgets;
pub use members::{ExternalIdentity, Members};
pub use membership::{INVITATION_ENDED, Membership, NewSession, SessionLifetimes, TokenWish, days_before};
pub use network::Network;
pub use operators::{AuditRow, Operator, OperatorRecords, Operators, Request};
pub use password::Passwords;
pub use provider::{Pending, Provider, ProviderSettings};
pub use quota::Quota;
pub use sign_ins::{Attempts, KNOWN_NETWORKS_MAX, SUBJECTS_MAX, SignIns};
pub use store::{Account, Accounts, Credential, CredentialKind};
pub use token::{is_token, is_well_formed};
pub use usage::{AccountUsage, ROW_BYTES, Storage};

/// How long a guest's session and any token are valid, in milliseconds: one year.
pub const CREDENTIAL_MS: i64 = 365 * 24 * 3_600_000;

/// Who sent a request: an identified account, and the network of the connection.
#[derive(Clone, Debug)]
pub struct Caller {
    pub account: Account,
    /// `None` for loopback and for a connection without an address.
    pub network: Option<Network>,
}

/// Makes and recognizes accounts.
#[derive(Clone)]
pub struct Identity {
    pub store: Arc<dyn Accounts>,
    /// The quota of guests that have none of their own, in token equivalents.
    pub guest_quota: u64,
    pub access: AccessPolicy,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdGenerator>,
}

/// A new guest account, and the secret of its only credential.
#[derive(Clone, Debug)]
pub struct NewGuest {
    pub account: Account,
    pub secret: String,
}

impl Identity {
    /// Makes a guest account with one credential, for a caller who wants to stay a guest.
    ///
    /// # Errors
    /// `guests_not_allowed`, and the errors of [`Accounts`].
    pub async fn create_guest(&self, kind: CredentialKind) -> Result<NewGuest> {
        self.access.admit_guest()?;
        self.create_account(kind).await
    }

    /// Makes the account of a person who is about to become a member. It is a guest until then.
    ///
    /// # Errors
    /// The errors of [`Accounts`].
    pub async fn create_account(&self, kind: CredentialKind) -> Result<NewGuest> {
        let account = Account { id: self.ids.id(), email: None, quota_tokens: Some(self.guest_quota) };
        let secret = new_secret(&*self.ids, kind);
        let now = self.clock.now();
        let credential = Credential { digest: &digest(&secret), kind, expires_at: now.plus(CREDENTIAL_MS) };
        self.store.create_guest(&account.id, credential, now).await?;
        guest_made();
        Ok(NewGuest { account, secret })
    }

    /// The account of the unexpired credential with this digest. A guest without a quota gets the configured one.
    ///
    /// # Errors
    /// `account_disabled`, and the errors of [`Accounts`].
    pub async fn account_of_credential(&self, digest: &str) -> Result<Option<Account>> {
        let account = self.store.account_of(digest, self.clock.now()).await?;
        Ok(account.map(|account| match account.email {
            None => Account { quota_tokens: account.quota_tokens.or(Some(self.guest_quota)), ..account },
            Some(_) => account,
        }))
    }

    /// Which of these digests belong to no unexpired credential.
    ///
    /// # Errors
    /// The errors of [`Accounts`].
    pub async fn ended(&self, mut digests: HashSet<String>) -> Result<HashSet<String>> {
        let asked: Vec<String> = digests.iter().cloned().collect();
        for digest in self.store.unexpired(&asked, self.clock.now()).await? {
            digests.remove(&digest);
        }
        Ok(digests)
    }
}

/// A new secret. That of a token can be recognised.
fn new_secret(ids: &dyn IdGenerator, kind: CredentialKind) -> String {
    match kind {
        CredentialKind::Session => ids.secret(),
        CredentialKind::Token => token::token_of(&ids.secret()),
    }
}

/// The stored form of a secret: SHA-256 in hexadecimal. A secret has 256 random bits, so it needs no salt and no slow hash.
pub fn digest(secret: &str) -> String {
    hex(&Sha256::digest(secret))
}

/// Compares two secrets. Only their digests are compared, so the time taken does not reveal where the secrets differ.
pub fn same_secret(one: &str, other: &str) -> bool {
    digest(one) == digest(other)
}
