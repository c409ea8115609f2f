//! From Google's result file to the stored document, line by line.

use std::io::SeekFrom;
use std::path::Path;

use futures::stream::{self, BoxStream, StreamExt};
use tokio::fs;
use tokio::io::{AsyncReadExt, AsyncSeekExt, BufReader};

use super::Worker;
use super::job::{Job, Stage};
use super::machine::Event;
use super::prepare::page_of;
use super::upstream::pause_ms;
use super::worker::Done;
use crate::crash::crash_point;
use crate::error::{Error, Result};
use crate::extract::{PageFigures, line_failure, outcome_of};
use crate::gemini::jsonl::{Outcome, ResultLine, ResultReader};
use crate::metrics::{Tariff, page_answered};
use crate::model::{Mode, Pricing};
use crate::store::{FigurePlaces, PageResult};

impl Worker {
    /// Fetches the results, stores them and makes the document.
    pub(super) async fn collect(&self, job: &Job) -> Result<Done> {
        let Stage::Collect { output_file, tries, .. } = &job.stage else { return Ok(Done::Superseded) };
        let path = self.spool.results(job);
        if let Err(error) = self.gemini.download(output_file, &path).await {
            tracing::warn!(job = %job.id, %error, "results not fetched");
            return Ok(Done::Event(Event::Hindered { retry_after_ms: pause_ms(&error) }));
        }
        crash_point("collect", "fetched");
        // A file that breaks off in a line is fetched once more before that is believed.
        if *tries == 0 && !ends_with_a_line(&path).await? {
            tracing::warn!(job = %job.id, "results break off");
            return Ok(Done::Event(Event::Hindered { retry_after_ms: None }));
        }
        let reader = ResultReader::open(&path).await.map_err(Error::internal)?;
        let figures = self.figures.figures(&job.account_id, &job.content_hash).await?;
        let reading =
            Reading { content_hash: &job.content_hash, figures, pricing: self.pricing, tariff: self.tariff(job) };
        self.complete(job, pages(reader, reading)).await
    }
}

/// The pages of a result file. Lines that belong to no page are passed over: the pages they were meant for count as missing.
fn pages<'a>(reader: ResultReader<BufReader<fs::File>>, reading: Reading<'a>) -> BoxStream<'a, Result<PageResult>> {
    stream::try_unfold((reader, reading), |(mut reader, reading)| async move {
        while let Some(line) = reader.next().await.map_err(Error::internal)? {
            if let Some(page) = reading.page(line) {
                return Ok(Some((page, (reader, reading))));
            }
        }
        Ok(None)
    })
    .boxed()
}

/// What it takes to make pages of lines.
struct Reading<'a> {
    content_hash: &'a str,
    figures: FigurePlaces,
    pricing: Pricing,
    tariff: Tariff<'a>,
}

impl Reading<'_> {
    fn page(&self, line: ResultLine) -> Option<PageResult> {
        let page = page_of(line.key.as_deref()?)?;
        let figures = self.figures.get(&page).map(Vec::as_slice).unwrap_or_default();
        let outcome = match line.outcome {
            Outcome::Response(answer) => {
                let figures = PageFigures { content_hash: self.content_hash, page, figures };
                outcome_of(&answer, figures, Mode::Batch, self.pricing)
            }
            Outcome::Error(status) => line_failure(&status),
            Outcome::Unrecognised(_) => return None,
        };
        page_answered(&outcome, self.tariff);
        Some(PageResult { index: page, outcome })
    }
}

async fn ends_with_a_line(path: &Path) -> Result<bool> {
    let mut file = fs::File::open(path).await?;
    if file.metadata().await?.len() == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1)).await?;
    Ok(file.read_u8().await? == b'\n')
}
