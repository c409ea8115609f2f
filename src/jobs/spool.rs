//! A job's files on this machine: the input file that is written page by page, and the downloaded results.
//!
//! Both can be made again from stored data, so losing them costs only time. [`DiskSpool`] keeps them in a folder.

mod background_fsync;
mod disk;
mod spill;

use std::collections::HashSet;
use std::path::PathBuf;

use async_trait::async_trait;
use futures::stream::BoxStream;

use super::Job;
use crate::error::Result;
use coldbrew_gemini::Request;
use coldbrew_gemini::jsonl::ResultLine;
use coldbrew_gemini::models::Model;

pub use disk::DiskSpool;

/// The lines of an input file, each with its key, as they are ready.
pub type InputLines<'a> = BoxStream<'a, Result<(String, Request)>>;

/// The downloaded results of a job.
pub struct Results {
    pub lines: BoxStream<'static, Result<ResultLine>>,
    /// Whether the file is empty or ends in the middle of a line.
    pub breaks_off: bool,
}

/// The port of a job's files on this machine.
///
/// # Errors
/// A method fails as unavailable if the disk is full or fails.
#[async_trait]
pub trait Spool: Send + Sync {
    /// Writes a job's input file, with only a few lines in memory at a time, and returns the number of lines. The file exists only if it
    /// has lines, and all of them are synced to the disk.
    ///
    /// # Errors
    /// `file_too_large` if the file is larger than Google accepts. The first error of `lines`.
    async fn write_input(&self, job: &Job, model: &Model, lines: InputLines<'_>) -> Result<usize>;

    /// Whether a job's input file is on this machine: another machine may have written it.
    async fn has_input(&self, job: &Job) -> Result<bool>;

    /// The path of the input file that is uploaded to Google.
    fn input(&self, job: &Job) -> PathBuf;

    /// The path to which results are downloaded.
    fn results(&self, job: &Job) -> PathBuf;

    /// Reads the downloaded results.
    async fn read_results(&self, job: &Job) -> Result<Results>;

    /// Deletes all files of these jobs.
    async fn clear(&self, job_ids: &HashSet<String>) -> Result<()>;

    /// The ids of all jobs that have files here.
    async fn job_ids(&self) -> Result<HashSet<String>>;
}
