//! A job's files on this machine's disk: the input that is written page by page, and the results as they were fetched.
//!
//! They can be made again from what is stored durably, so losing them costs time and nothing else.

use std::io::{ErrorKind, SeekFrom};
use std::path::PathBuf;

use futures::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::fs;
use tokio::io::{AsyncBufReadExt, AsyncSeekExt, AsyncWriteExt, BufReader, BufWriter};

use super::Job;
use crate::error::{Error, Result};

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

    /// Writes what comes to a file without a name, which is gone when nobody has it open any more.
    pub async fn lay_down<T: Serialize>(&self, mut items: impl Stream<Item = Result<T>> + Unpin) -> Result<LaidDown> {
        let mut file = BufWriter::new(fs::File::from_std(tempfile::tempfile_in(&self.root)?));
        while let Some(item) = items.try_next().await? {
            let mut line = serde_json::to_vec(&item).map_err(Error::internal)?;
            line.push(b'\n');
            file.write_all(&line).await?;
        }
        file.flush().await?;
        Ok(LaidDown { file: file.into_inner() })
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

/// What was laid down, one item a line.
#[derive(Debug)]
pub struct LaidDown {
    file: fs::File,
}

impl LaidDown {
    /// The items from the first on, each as it is read.
    pub async fn take_up<T: DeserializeOwned + Send>(&mut self) -> Result<BoxStream<'_, Result<T>>> {
        self.file.seek(SeekFrom::Start(0)).await?;
        let lines = BufReader::new(&mut self.file).lines();
        Ok(stream::try_unfold(lines, |mut lines| async move {
            let Some(line) = lines.next_line().await? else { return Ok(None) };
            Ok(Some((serde_json::from_str(&line).map_err(Error::internal)?, lines)))
        })
        .boxed())
    }
}
