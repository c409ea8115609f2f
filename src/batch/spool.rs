//! A job's files on this machine's disk: the input that is written page by page, and the results as they were fetched.
//!
//! They can be made again from what is stored durably, so losing them costs time and nothing else.

use std::io::ErrorKind;
use std::path::PathBuf;

use tokio::fs;

use super::Job;
use crate::error::Result;

/// The folder of all jobs' files.
#[derive(Clone, Debug)]
pub struct Spool {
    root: PathBuf,
}

impl Spool {
    /// Uses the folder `root`, which is made if it is not there.
    pub async fn open(root: PathBuf) -> Result<Self> {
        fs::create_dir_all(&root).await?;
        Ok(Self { root })
    }

    /// The JSONL that is sent to Google. It is there only once it is complete.
    pub fn input(&self, job: &Job) -> PathBuf {
        self.root.join(format!("{}.input.jsonl", job.id))
    }

    /// The same while it is written. Each claim has its own: one that was lost may still be writing.
    pub fn unfinished_input(&self, job: &Job) -> PathBuf {
        self.root.join(format!("{}.{}.part", job.id, job.fence))
    }

    /// The JSONL that came back.
    pub fn results(&self, job: &Job) -> PathBuf {
        self.root.join(format!("{}.results.jsonl", job.id))
    }

    /// A figure's picture on its way to where it is kept.
    pub fn picture(&self, job: &Job, page: u32, figure: usize) -> PathBuf {
        self.root.join(format!("{}.{page}_{figure}.png", job.id))
    }

    /// Removes a job's files.
    pub async fn clear(&self, job: &Job) -> Result<()> {
        for path in [self.input(job), self.results(job)] {
            match fs::remove_file(path).await {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes what belongs to no active job: a crash came between a job's end and its clearing.
    pub async fn sweep(&self, active_ids: &[String]) -> Result<()> {
        let mut entries = fs::read_dir(&self.root).await?;
        while let Some(entry) = entries.next_entry().await? {
            let name = entry.file_name();
            let owner = name.to_str().and_then(|name| name.split_once('.')).map(|(id, _)| id.to_owned());
            if !owner.is_some_and(|id| active_ids.contains(&id)) {
                fs::remove_file(entry.path()).await?;
            }
        }
        Ok(())
    }
}
