//! The disk of a simulated worker: its spooled files, and the pages that it makes ready. It may survive the worker, or not.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use coldbrew::error::{Error, Result};
use coldbrew::jobs::{InputLines, Job, PageSource, ReadyPage, ReadyPages, Results, Spool};
use coldbrew::model::wire::JobError;
use coldbrew_gemini::jsonl::ResultLine;
use coldbrew_gemini::models::Model;
use coldbrew_pdf::PageFault;
use futures::{StreamExt, TryStreamExt, stream};

use super::odds::Odds;
use super::timeline::Timeline;

/// The disk of a simulated worker. Cheap to clone.
#[derive(Clone)]
pub struct Disk {
    timeline: Timeline,
    odds: Odds,
    name: Arc<str>,
    files: Arc<Mutex<Files>>,
}

#[derive(Default)]
struct Files {
    inputs: BTreeMap<PathBuf, Vec<String>>,
    results: BTreeMap<PathBuf, Vec<ResultLine>>,
}

impl Disk {
    pub fn new(timeline: Timeline, odds: Odds, name: &str) -> Self {
        Self { timeline, odds, name: name.into(), files: Arc::default() }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The keys of an input's lines.
    pub fn keys(&self, input: &Path) -> Option<Vec<String>> {
        self.files.lock().unwrap().inputs.get(input).cloned()
    }

    /// Stores downloaded results.
    pub fn store_results(&self, path: &Path, lines: Vec<ResultLine>) {
        self.files.lock().unwrap().results.insert(path.to_owned(), lines);
    }

    /// Takes some time. Sometimes the disk is full.
    async fn work(&self) -> Result<()> {
        self.timeline.sleep(self.timeline.pick(1..300)).await;
        if self.timeline.happens(self.odds.loss() / 4.0) {
            return Err(Error::unavailable("the disk is full"));
        }
        Ok(())
    }
}

#[async_trait]
impl Spool for Disk {
    async fn write_input(&self, job: &Job, _model: &Model, mut lines: InputLines<'_>) -> Result<usize> {
        let mut keys = Vec::new();
        while let Some((key, _)) = lines.try_next().await? {
            keys.push(key);
        }
        self.work().await?;
        let count = keys.len();
        if count > 0 {
            self.files.lock().unwrap().inputs.insert(self.input(job), keys);
        }
        Ok(count)
    }

    async fn has_input(&self, job: &Job) -> Result<bool> {
        Ok(self.keys(&self.input(job)).is_some())
    }

    fn input(&self, job: &Job) -> PathBuf {
        job.id.as_str().into()
    }

    fn results(&self, job: &Job) -> PathBuf {
        job.id.as_str().into()
    }

    async fn read_results(&self, job: &Job) -> Result<Results> {
        self.work().await?;
        let lines = self.files.lock().unwrap().results.get(&self.results(job)).cloned();
        let lines = lines.ok_or_else(|| Error::unavailable("no such file"))?;
        let breaks_off = lines.is_empty();
        Ok(Results { lines: stream::iter(lines.into_iter().map(Ok)).boxed(), breaks_off })
    }

    async fn clear(&self, job_ids: &HashSet<String>) -> Result<()> {
        let is_cleared = |path: &Path| job_ids.contains(path.to_str().unwrap());
        let mut files = self.files.lock().unwrap();
        files.inputs.retain(|path, _| !is_cleared(path));
        files.results.retain(|path, _| !is_cleared(path));
        Ok(())
    }

    async fn job_ids(&self) -> Result<HashSet<String>> {
        let files = self.files.lock().unwrap();
        let paths = files.inputs.keys().chain(files.results.keys());
        Ok(paths.map(|path| path.to_str().unwrap().to_owned()).collect())
    }
}

#[async_trait]
impl PageSource for Disk {
    async fn pages<'a>(
        &'a self,
        _job: &'a Job,
        indices: Vec<u32>,
        _time: &'a Mutex<Duration>,
    ) -> Result<Result<ReadyPages<'a>, JobError>> {
        self.work().await?;
        if self.timeline.happens(0.01 * self.odds.oddity) {
            return Ok(Err(JobError::new("upload_gone", "The uploaded file is no longer stored. Upload it again.")));
        }
        let page = move |index: u32| async move {
            self.work().await?;
            let ready =
                || ReadyPage { pdf: Bytes::from_static(b"%PDF"), figures: Some(Vec::new()), ..ReadyPage::default() };
            let is_damaged = self.timeline.happens(0.03 * self.odds.oddity);
            Ok((index, if is_damaged { Err(PageFault::Damaged) } else { Ok(ready()) }))
        };
        Ok(Ok(stream::iter(indices).map(page).buffered(2).boxed()))
    }

    async fn halves(&self, _job: &Job, _index: u32) -> Result<Option<[Bytes; 2]>> {
        Ok(Some([Bytes::from_static(b"RIFF"), Bytes::from_static(b"RIFF")]))
    }
}
