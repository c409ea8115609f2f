//! The port of accounts: who there is, and what proves that a request comes from one.

use async_trait::async_trait;
use strum::IntoStaticStr;

use crate::error::Result;
use crate::model::UnixMs;
use crate::model::wire::{Receipt, Usage};

/// Who owns things. Accounts are made by [`Accounts::create_guest`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: String,
    /// `None`: a guest.
    pub email: Option<String>,
    /// In token equivalents; `None` means the configured default.
    pub quota_tokens: Option<u64>,
}

/// Accounts and what proves that a request comes from one. Secrets are stored as SHA-256 digests only.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Makes a guest account that the holder of the credential may use until it expires.
    async fn create_guest(&self, account_id: &str, credential: Credential<'_>, now: UnixMs) -> Result<()>;

    /// Deletes an account and all records that name its owner's things, and records what its active jobs leave at Google, and that its
    /// files are to be looked for once more ([`crate::retention::Expiry::gone_accounts`]). The ledger keeps its sums under an id that leads nowhere.
    async fn delete_account(&self, account_id: &str, now: UnixMs) -> Result<()>;

    /// The account of an unexpired credential.
    async fn account_of(&self, digest: &str, now: UnixMs) -> Result<Option<Account>>;

    /// The account of that id.
    async fn account(&self, account_id: &str) -> Result<Option<Account>>;

    /// Those of these credentials, by their digests, that have not expired or been ended.
    async fn unexpired(&self, digests: &[String], now: UnixMs) -> Result<Vec<String>>;

    /// Used, reserved and left of the account's quota.
    async fn usage(&self, account: &Account, default_quota: u64) -> Result<Usage>;

    /// What was charged, newest first.
    async fn receipts(&self, account_id: &str) -> Result<Vec<Receipt>>;
}

/// What a caller shows to prove who they are.
#[derive(Clone, Copy, Debug)]
pub struct Credential<'a> {
    /// SHA-256 of the secret, hexadecimal.
    pub digest: &'a str,
    pub kind: CredentialKind,
    pub expires_at: UnixMs,
}

/// Where a credential lives. Its name is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum CredentialKind {
    /// A browser's cookie.
    Session,
    /// A script's bearer token.
    Token,
}
