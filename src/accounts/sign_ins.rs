//! The port of password attempts: failures of each subject, and networks from which an account's owner has signed in.

use async_trait::async_trait;

use crate::error::Result;
use crate::model::UnixMs;

/// The counted attempts of one subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempts {
    pub failures: u32,
    pub last_at: UnixMs,
}

/// Stores counts of password attempts. Subjects are digests, so no e-mail address is stored for a failed attempt.
///
/// # Errors
/// Every method fails with `unavailable` if the store cannot be reached, and with `internal` if the store fails otherwise.
#[async_trait]
pub trait SignIns: Send + Sync {
    /// The count of a subject.
    async fn attempts(&self, subject: &str) -> Result<Option<Attempts>>;

    /// Replaces the count of a subject if it still equals `before`. Returns `false` if it does not. Above [`SUBJECTS_MAX`] subjects, those
    /// with the fewest failures are deleted.
    async fn count_attempt(&self, subject: &str, before: Option<Attempts>, after: Attempts) -> Result<bool>;

    /// Decreases the count of a subject by one.
    async fn take_back_attempt(&self, subject: &str) -> Result<()>;

    /// Deletes the count of a subject.
    async fn forget_attempts(&self, subject: &str) -> Result<()>;

    /// Whether the account's owner has signed in from this network.
    async fn is_known_network(&self, account_id: &str, network: &str) -> Result<bool>;

    /// Records that the account's owner has signed in from this network. The latest [`KNOWN_NETWORKS_MAX`] are kept.
    async fn add_known_network(&self, account_id: &str, network: &str, now: UnixMs) -> Result<()>;

    /// Deletes the counts of subjects without a failure since `before`.
    async fn purge_attempts(&self, before: UnixMs) -> Result<()>;
}

/// The most subjects that are stored.
pub const SUBJECTS_MAX: u32 = 20_000;
/// The most known networks that are stored for an account.
pub const KNOWN_NETWORKS_MAX: u32 = 20;
