//! The port of what people see of jobs: documents in the making.

use async_trait::async_trait;

use crate::error::Result;
use crate::model::wire::JobView;

/// See the module. What is recorded of jobs is in the port of jobs.
#[async_trait]
pub trait JobViews: Send + Sync {
    /// The newest job for this content.
    async fn latest(&self, account_id: &str, content_hash: &str) -> Result<Option<JobView>>;

    /// The account's job of that id.
    async fn job(&self, account_id: &str, id: &str) -> Result<Option<JobView>>;

    /// The newest job that fills this document of the account's, or is to.
    async fn filling(&self, account_id: &str, document_id: &str) -> Result<Option<JobView>>;

    /// The account's jobs that a list shows: active ones, and failed ones that were not tried again.
    async fn open_jobs(&self, account_id: &str) -> Result<Vec<JobView>>;

    /// Forgets the account's jobs for this content that ended without a document and charged nothing.
    async fn dismiss(&self, account_id: &str, content_hash: &str) -> Result<()>;
}
