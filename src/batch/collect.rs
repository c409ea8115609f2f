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
use crate::error::{Error, Result};
use crate::extract::{line_failure, outcome_of};
use crate::gemini::jsonl::{Outcome, ResultLine, ResultReader};
use crate::model::{Mode, Pricing};
use crate::store::PageResult;

impl Worker {
    /// Fetches the results, stores them and makes the document.
    pub(super) async fn collect(&self, job: &Job) -> Result<Done> {
        let Stage::Collect { output_file, tries, .. } = &job.stage else { return Ok(Done::Superseded) };
        let path = self.spool.results(job);
        if let Err(error) = self.gemini.download(output_file, &path).await {
            tracing::warn!(job = %job.id, %error, "results not fetched");
            return Ok(Done::Event(Event::Hindered { retry_after_ms: pause_ms(&error) }));
        }
        // A file that breaks off in a line is fetched once more before that is believed.
        if *tries == 0 && !ends_with_a_line(&path).await? {
            tracing::warn!(job = %job.id, "results break off");
            return Ok(Done::Event(Event::Hindered { retry_after_ms: None }));
        }
        let reader = ResultReader::open(&path).await.map_err(Error::internal)?;
        self.complete(job, pages(reader, self.pricing)).await
    }
}

/// The pages of a result file. Lines that belong to no page are passed over: the pages they were meant for count as missing.
fn pages(reader: ResultReader<BufReader<fs::File>>, pricing: Pricing) -> BoxStream<'static, Result<PageResult>> {
    stream::try_unfold(reader, move |mut reader| async move {
        while let Some(line) = reader.next().await.map_err(Error::internal)? {
            if let Some(page) = page_result(line, pricing) {
                return Ok(Some((page, reader)));
            }
        }
        Ok(None)
    })
    .boxed()
}

fn page_result(line: ResultLine, pricing: Pricing) -> Option<PageResult> {
    let index = page_of(line.key.as_deref()?)?;
    let outcome = match line.outcome {
        Outcome::Response(answer) => outcome_of(&answer, Mode::Batch, pricing),
        Outcome::Error(status) => line_failure(status.code),
        Outcome::Unrecognised(_) => return None,
    };
    Some(PageResult { index, outcome })
}

async fn ends_with_a_line(path: &Path) -> Result<bool> {
    let mut file = fs::File::open(path).await?;
    if file.metadata().await?.len() == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1)).await?;
    Ok(file.read_u8().await? == b'\n')
}
