//! The port of jobs as people see them: documents that are not finished yet.

use async_trait::async_trait;

use crate::error::Result;
use crate::model::wire::JobView;

/// Jobs as people see them. Workers record jobs through `crate::jobs::Jobs`.
///
/// # Errors
/// Every method fails with `unavailable` if the database cannot be reached.
#[async_trait]
pub trait JobViews: Send + Sync {
    /// The account's newest job for this content.
    async fn latest(&self, account_id: &str, content_hash: &str) -> Result<Option<JobView>>;

    /// The account's job with this id.
    async fn job(&self, account_id: &str, id: &str) -> Result<Option<JobView>>;

    /// The newest job that filled this document of the account's, or will fill it.
    async fn filling(&self, account_id: &str, document_id: &str) -> Result<Option<JobView>>;

    /// The jobs that the account's lists show: active ones, and failed ones that were not retried.
    async fn open_jobs(&self, account_id: &str) -> Result<Vec<JobView>>;

    /// Deletes the account's jobs for this content that ended without a document and charged nothing.
    async fn dismiss(&self, account_id: &str, content_hash: &str) -> Result<()>;
}
