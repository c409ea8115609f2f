//! A job's files on this machine: the input that is written page by page, and the results as they were fetched.
//!
//! They can be made again from what is stored durably, so losing them costs time and nothing else. [`DiskSpool`] keeps them in a
//! folder.

mod background_fsync;
mod disk;
mod spill;

use std::path::PathBuf;

use async_trait::async_trait;
use futures::stream::BoxStream;

use super::Job;
use crate::error::Result;
use coldbrew_gemini::Request;
use coldbrew_gemini::jsonl::ResultLine;
use coldbrew_gemini::models::Model;

pub use disk::DiskSpool;

/// The lines of an input, each with its key, as they are ready.
pub type InputLines<'a> = BoxStream<'a, Result<(String, Request)>>;

/// What came back for a job.
pub struct Results {
    pub lines: BoxStream<'static, Result<ResultLine>>,
    /// The file ends in the middle of a line, or has none.
    pub breaks_off: bool,
}

/// See the module.
#[async_trait]
pub trait Spool: Send + Sync {
    /// Writes a job's input, never holding more than a few lines. Returns how many lines it has; only if there are some, and all are
    /// safely written, there is an input.
    async fn write_input(&self, job: &Job, model: &Model, lines: InputLines<'_>) -> Result<usize>;

    /// Whether a job's input is on this machine: another one may have written it.
    async fn has_input(&self, job: &Job) -> Result<bool>;

    /// Where the input is that is sent to Google.
    fn input(&self, job: &Job) -> PathBuf;

    /// Where the results are to be brought.
    fn results(&self, job: &Job) -> PathBuf;

    /// Reads the results that were brought.
    async fn read_results(&self, job: &Job) -> Result<Results>;

    /// Removes a job's files.
    async fn clear(&self, job: &Job) -> Result<()>;

    /// Removes what belongs to no active job: a crash came between a job's end and its clearing.
    async fn purge(&self, active_ids: &[String]) -> Result<()>;
}
