//! A mirror of jobs in Redis, for other servers, for other programs and for quick answers.
//!
//! The database decides everything, money included. The mirror is written after each commit by [`RedisMirror`]. It is never replaced by
//! older data, and it is rebuilt from the database when it was lost. So no job and no money depends on it, and no code here decides
//! anything.

mod limits;
mod link;
mod redis;
mod redis_mirror;
mod subscription;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::model::Mode;
use crate::model::wire::JobView;

pub use limits::RedisCounts;
pub use redis::{Origin, Redis};
pub use redis_mirror::RedisMirror;

/// A mirrored job: the JSON that other programs read under the key of its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackedJob {
    #[serde(flatten)]
    pub view: JobView,
    pub user_id: String,
    /// Increases with each change of the job.
    pub version: i64,
    /// The batch at Google, `batches/…`, from its creation until its results are stored.
    pub job_name: Option<String>,
    /// The size of the file in bytes.
    pub file_size: u64,
    pub content_type: String,
    /// The pages of the file, those that were requested, and those of them that were not free.
    pub total_pages: u32,
    pub pages_requested: u32,
    pub pages_submitted: u32,
    /// The addresses of figures' images, by page.
    pub figure_urls_by_page: BTreeMap<u32, Vec<String>>,
    /// How often the batch was polled, at least: it changes only with the rest.
    pub poll_count: u32,
    /// In token equivalents. 0 after the job has ended.
    pub reserved_tokens: u64,
}

impl TrackedJob {
    fn is_active_batch(&self) -> bool {
        self.view.mode == Mode::Batch && self.view.status.is_active()
    }
}

/// The published state of jobs. The database is authoritative; [`Redis`] is a copy of it.
///
/// # Errors
/// Every method fails with `unavailable` if the store cannot be reached, and with `internal` if the store fails otherwise.
#[async_trait]
pub trait Tracking: Send + Sync {
    /// Publishes the state of a job. A state older than the published one changes nothing.
    async fn publish(&self, job: &TrackedJob) -> Result<()>;

    /// The newest job for a content.
    async fn tracked(&self, content_hash: &str) -> Result<Option<TrackedJob>>;

    /// The contents that have an active job.
    async fn active(&self) -> Result<BTreeSet<String>>;

    /// Contents of accounts that were deleted recently, whose copies must be deleted too. Only the database knows them.
    async fn gone(&self) -> Result<BTreeSet<String>> {
        Ok(BTreeSet::new())
    }

    /// The reserved tokens of an account, by content.
    async fn reserved(&self, account_id: &str) -> Result<BTreeMap<String, u64>>;
}
