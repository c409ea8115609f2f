//! The port of account usage: what an account stores and runs, as its allowance counts it.

use async_trait::async_trait;

use crate::error::Result;

/// Bytes counted for each row besides its texts: about what a database needs to store and index it.
pub const ROW_BYTES: u64 = 128;

/// What an account stores and runs now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountUsage {
    /// Drafts are not counted.
    pub documents: u64,
    pub active_jobs: u64,
    /// Pages of active jobs.
    pub active_pages: u64,
    /// Files (each content once), texts of uploads, results, documents and drafts, and figures with their pictures. Each row counts
    /// [`ROW_BYTES`] more.
    pub stored_bytes: u64,
}

/// Reads the stored sums. The transactions that store and delete things update them.
#[async_trait]
pub trait Storage: Send + Sync {
    /// The usage of the account.
    ///
    /// # Errors
    /// `unavailable` if the store cannot be reached; `internal` if it fails otherwise.
    async fn account_usage(&self, account_id: &str) -> Result<AccountUsage>;
}
