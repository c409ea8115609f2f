//! The port of accounts and of the credentials that identify them.

use async_trait::async_trait;
use strum::IntoStaticStr;

use crate::error::Result;
use crate::model::UnixMs;
use crate::model::wire::{Receipt, Usage};

/// The owner of documents, files and jobs. Only [`Accounts::create_guest`] makes accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: String,
    /// `None` for a guest.
    pub email: Option<String>,
    /// In token equivalents. `None` means the configured default.
    pub quota_tokens: Option<u64>,
}

/// Stores accounts and their credentials. Only SHA-256 digests of secrets are stored.
///
/// # Errors
/// Every method fails with `unavailable` if the store cannot be reached, and with `internal` if the store fails otherwise.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Makes a guest account with one credential.
    async fn create_guest(&self, account_id: &str, credential: Credential<'_>, now: UnixMs) -> Result<()>;

    /// Deletes the account and everything it owns. Orphaned Google resources and the purge of its files are recorded. Ledger rows are kept, with an account id that identifies no person.
    async fn delete_account(&self, account_id: &str, now: UnixMs) -> Result<()>;

    /// The account of the unexpired credential with this digest. Records that it was seen, at most once an hour. Fails with
    /// `account_disabled` if an operator has disabled it.
    async fn account_of(&self, digest: &str, now: UnixMs) -> Result<Option<Account>>;

    /// The account with this id.
    async fn account(&self, account_id: &str) -> Result<Option<Account>>;

    /// Which of these digests belong to unexpired credentials of accounts that are not disabled.
    async fn unexpired(&self, digests: &[String], now: UnixMs) -> Result<Vec<String>>;

    /// Used, reserved and remaining tokens of the account's quota.
    async fn usage(&self, account: &Account, default_quota: u64) -> Result<Usage>;

    /// All receipts, newest first.
    async fn receipts(&self, account_id: &str) -> Result<Vec<Receipt>>;
}

/// What identifies a caller.
#[derive(Clone, Copy, Debug)]
pub struct Credential<'a> {
    /// SHA-256 of the secret, in hexadecimal.
    pub digest: &'a str,
    pub kind: CredentialKind,
    pub expires_at: UnixMs,
}

/// The kind of a credential. Its name is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum CredentialKind {
    /// A browser's cookie.
    Session,
    /// A script's bearer token.
    Token,
}
