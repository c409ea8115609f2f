//! Where jobs are, made known outside the database: to other processes of ours, to other programs, and for quick answers.
//!
//! The record in SQL is the authority for everything, money included. What is tracked is a copy of it: made after each
//! commit by [`RedisMirror`], never older than what was known before, and made again from the record when it was lost. So whatever
//! happens to it, no job and no money is at stake. Nothing here may decide anything.

mod limits;
mod redis;
mod redis_mirror;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::model::Mode;
use crate::model::wire::JobView;

pub use limits::RedisCounts;
pub use redis::{Origin, Redis};
pub use redis_mirror::RedisMirror;

/// A job as it is tracked: what other programs read under the key of its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackedJob {
    #[serde(flatten)]
    pub view: JobView,
    pub user_id: String,
    /// Rises with each change of the job.
    pub version: i64,
    /// The batch at Google, `batches/…`, from its creation until its results are stored.
    pub job_name: Option<String>,
    /// Of the file, in bytes.
    pub file_size: u64,
    pub content_type: String,
    /// How many pages the file has, how many were asked for, and how many of these were not free.
    pub total_pages: u32,
    pub pages_requested: u32,
    pub pages_submitted: u32,
    /// Where the pictures of figures are, by page.
    pub figure_urls_by_page: BTreeMap<u32, Vec<String>>,
    /// How often the batch was looked at.
    pub poll_count: u32,
    /// In token equivalents; 0 once it is over.
    pub reserved_tokens: u64,
}

impl TrackedJob {
    fn is_batch_under_way(&self) -> bool {
        self.view.mode == Mode::Batch && self.view.status.is_active()
    }
}

/// What is known of jobs. The database's own answers are the record; those of [`Redis`] a copy of it.
#[async_trait]
pub trait Tracking: Send + Sync {
    /// Makes a job known as it is. What is older than what is known changes nothing.
    async fn publish(&self, job: &TrackedJob) -> Result<()>;

    /// The newest job for a content.
    async fn tracked(&self, content_hash: &str) -> Result<Option<TrackedJob>>;

    /// The contents whose job still needs work.
    async fn active(&self) -> Result<BTreeSet<String>>;

    /// Contents whose account was deleted of late: no copy is to know of them. Only the record says so.
    async fn gone(&self) -> Result<BTreeSet<String>> {
        Ok(BTreeSet::new())
    }

    /// What is reserved for an account, by content, in token equivalents.
    async fn reserved(&self, account_id: &str) -> Result<BTreeMap<String, u64>>;
}
