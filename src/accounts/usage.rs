//! What an account holds, as its allowance sees it.

use async_trait::async_trait;

use crate::error::Result;

/// What each row counts beside its texts, in bytes: about what a database needs to keep and to find one.
pub const ROW_BYTES: u64 = 128;

/// What an account holds at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountUsage {
    /// Without drafts.
    pub documents: u64,
    pub active_jobs: u64,
    /// Pages that active jobs read.
    pub active_pages: u64,
    /// Kept files (each content once), texts of uploads, results, documents and drafts, and figures with their pictures.
    /// Each row counts [`ROW_BYTES`] more.
    pub stored_bytes: u64,
}

/// What accounts hold. The transactions that store and delete things keep it up to date.
#[async_trait]
pub trait Storage: Send + Sync {
    /// What the account holds.
    async fn account_usage(&self, account_id: &str) -> Result<AccountUsage>;
}
