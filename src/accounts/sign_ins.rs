//! What is kept of attempts to sign in with a password: failures by subject, and the networks that an account's owner has signed in from.

use async_trait::async_trait;

use crate::error::Result;
use crate::model::UnixMs;

/// Attempts that were counted for one subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempts {
    pub failures: u32,
    pub last_at: UnixMs,
}

/// Subjects are digests: no address is kept for failing.
#[async_trait]
pub trait SignIns: Send + Sync {
    /// What is counted for a subject.
    async fn attempts(&self, subject: &str) -> Result<Option<Attempts>>;

    /// Replaces what is counted for a subject, if that is still `before`. `false`: it is not. Of very many subjects, those with the fewest
    /// failures are forgotten.
    async fn count_attempt(&self, subject: &str, before: Option<Attempts>, after: Attempts) -> Result<bool>;

    /// Counts one failure less.
    async fn take_back_attempt(&self, subject: &str) -> Result<()>;

    /// Forgets what is counted for a subject.
    async fn forget_attempts(&self, subject: &str) -> Result<()>;

    /// Whether the account's owner has signed in from that network.
    async fn is_known_network(&self, account_id: &str, network: &str) -> Result<bool>;

    /// Records that the account's owner has signed in from that network. The latest few of an account are kept.
    async fn add_known_network(&self, account_id: &str, network: &str, now: UnixMs) -> Result<()>;

    /// Forgets subjects without a failure since `before`.
    async fn purge_attempts(&self, before: UnixMs) -> Result<()>;
}

/// Subjects that are kept at most.
pub const SUBJECTS_MAX: u32 = 20_000;
/// Networks that are kept of an account.
pub const KNOWN_NETWORKS_MAX: u32 = 20;
