//! Keeps the files of jobs in a folder of this machine.

use std::collections::HashSet;
use std::io::{ErrorKind, SeekFrom};
use std::path::{Path, PathBuf};
use std::pin::pin;

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::fs;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufWriter};

use super::background_fsync::BackgroundFsync;
use super::{InputLines, Results, Spool};
use crate::crash::crash_point;
use crate::error::{Error, Result};
use crate::jobs::Job;
use crate::markdown::FigureId;
use crate::model::ErrorCode;
use coldbrew_gemini::Request;
use coldbrew_gemini::jsonl::{InputLine, InputWriter, ResultReader, WriteError};
use coldbrew_gemini::models::Model;

/// Lines that are encoded at once, while the next pages are made ready.
const LINES_MAX: usize = 4;

/// The folder with the files of all jobs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct DiskSpool {
    root: PathBuf,
}

impl DiskSpool {
    /// Uses the folder `root`, and creates it if it does not exist.
    ///
    /// # Errors
    /// The folder cannot be created.
    pub async fn open(root: PathBuf) -> Result<Self> {
        fs::create_dir_all(&root).await?;
        Ok(Self { root })
    }

    /// All files, each with the id of its job: the part of its name before the first dot.
    async fn files(&self) -> Result<Vec<(String, PathBuf)>> {
        let (mut entries, mut files) = (fs::read_dir(&self.root).await?, Vec::new());
        while let Some(entry) = entries.next_entry().await? {
            let name = entry.file_name().to_string_lossy().into_owned();
            files.push((name.split('.').next().unwrap_or_default().to_owned(), entry.path()));
        }
        Ok(files)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The path of the input file while it is written. Each claim has its own, because the holder of a lost claim may still be writing.
    fn unfinished_input(&self, job: &Job) -> PathBuf {
        self.root.join(format!("{}.{}.part", job.id, job.fence))
    }

    /// The path of a figure's picture until it is stored.
    pub fn picture(&self, job: &Job, figure: &FigureId) -> PathBuf {
        self.root.join(format!("{}.{}", job.id, figure.file_name()))
    }
}

#[async_trait]
impl Spool for DiskSpool {
    async fn write_input(&self, job: &Job, model: &Model, lines: InputLines<'_>) -> Result<usize> {
        let unfinished = self.unfinished_input(job);
        let file = fs::File::create(&unfinished).await?;
        let mut sync = BackgroundFsync::of(&file).await?;
        let mut writer = InputWriter::new(BufWriter::new(file));
        crash_point("prepare", "file begun");
        let mut lines = pin!(lines.map(|line| encode(line, model.clone())).buffered(LINES_MAX));
        let mut count = 0;
        while let Some(line) = lines.try_next().await? {
            writer.write(line).await.map_err(write_failed)?;
            crash_point("prepare", "line written");
            sync.go_on(writer.written().bytes).await?;
            count += 1;
        }
        if count == 0 {
            fs::remove_file(&unfinished).await?;
            return Ok(0);
        }
        let (mut file, _) = writer.finish().await.map_err(write_failed)?;
        file.flush().await?;
        crash_point("prepare", "lines written");
        sync.settle().await?;
        file.get_ref().sync_all().await?;
        crash_point("prepare", "synced");
        fs::rename(&unfinished, self.input(job)).await?;
        crash_point("prepare", "named");
        Ok(count)
    }

    async fn has_input(&self, job: &Job) -> Result<bool> {
        Ok(fs::try_exists(self.input(job)).await?)
    }

    fn input(&self, job: &Job) -> PathBuf {
        self.root.join(format!("{}.{}.input.jsonl", job.id, job.parts_stored()))
    }

    fn results(&self, job: &Job) -> PathBuf {
        self.root.join(format!("{}.results.jsonl", job.id))
    }

    async fn read_results(&self, job: &Job) -> Result<Results> {
        let path = self.results(job);
        let breaks_off = !ends_with_a_line(&path).await?;
        let reader = ResultReader::open(&path).await.map_err(Error::internal)?;
        let lines = stream::try_unfold(reader, |mut reader| async move {
            let line = reader.next().await.map_err(Error::internal)?;
            Ok(line.map(|line| (line, reader)))
        });
        Ok(Results { lines: lines.boxed(), breaks_off })
    }

    async fn clear(&self, job_ids: &HashSet<String>) -> Result<()> {
        for (owner, path) in self.files().await? {
            if !job_ids.contains(&owner) {
                continue;
            }
            // Another worker on this disk may delete it too.
            match fs::remove_file(path).await {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    async fn job_ids(&self) -> Result<HashSet<String>> {
        Ok(self.files().await?.into_iter().map(|(owner, _)| owner).collect())
    }
}

/// Encodes a line on a thread for blocking work: a page of megabytes would stall the event loop.
async fn encode(line: Result<(String, Request)>, model: Model) -> Result<InputLine> {
    let (key, request) = line?;
    let encoded = tokio::task::spawn_blocking(move || InputLine::new(key, &request, &model));
    encoded.await.map_err(Error::internal)?.map_err(write_failed)
}

async fn ends_with_a_line(path: &Path) -> Result<bool> {
    let mut file = fs::File::open(path).await?;
    if file.metadata().await?.len() == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1)).await?;
    Ok(file.read_u8().await? == b'\n')
}

fn write_failed(error: WriteError) -> Error {
    match error {
        WriteError::TooLarge => {
            Error::refused(ErrorCode::FileTooLarge, "This is more than Google accepts at once. Choose fewer pages.")
        }
        WriteError::Io(error) => error.into(),
        fault => Error::internal(fault),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn job_cleared_loses_all_its_files_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let spool = DiskSpool::open(folder.path().to_owned()).await.unwrap();
        for name in ["a.input.jsonl", "a.results.jsonl", "a.3.part", "a.c_0_0.png", "ab.input.jsonl", "b.input.jsonl"] {
            fs::write(folder.path().join(name), "").await.unwrap();
        }
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<HashSet<_>>();
        assert_eq!(spool.job_ids().await.unwrap(), ids(&["a", "ab", "b"]));
        spool.clear(&ids(&["a", "c"])).await.unwrap();
        assert_eq!(spool.files().await.unwrap().len(), 2);
        assert_eq!(spool.job_ids().await.unwrap(), ids(&["ab", "b"]));
    }
}
