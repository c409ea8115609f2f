//! From Google's result file to the stored document, line by line.

use futures::StreamExt;
use futures::TryStreamExt;

use super::Worker;
use super::job::{Job, Stage};
use super::machine::Event;
use super::pages::noted;
use super::prepare::page_of;
use super::upstream::hindered;
use super::worker::Done;
use crate::crash::crash_point;
use crate::error::Result;
use crate::extract::PageResult;
use crate::extract::{PageFigures, line_failure, outcome_of};
use crate::model::{BlockedReason, Mode, Pricing};
use crate::uploads::FigurePlaces;
use coldbrew_gemini::jsonl::{Outcome, ResultLine};

impl Worker {
    /// Fetches the results, stores them and makes the document.
    pub(super) async fn download(&self, job: &Job) -> Result<Done> {
        let Stage::Downloading { attempt, output_file, tries, .. } = &job.stage else { return Ok(Done::Superseded) };
        if let Err(error) = self.ports.google.download(output_file, &self.ports.spool.results(job)).await {
            tracing::warn!(job = %job.id, %error, "results not fetched");
            return Ok(Done::Event(hindered(&error)));
        }
        crash_point("download", "fetched");
        let results = self.ports.spool.read_results(job).await?;
        // A file that breaks off in a line is fetched once more before that is believed.
        if *tries == 0 && results.breaks_off {
            tracing::warn!(job = %job.id, "results break off");
            return Ok(Done::Event(Event::Blocked { by: BlockedReason::Google, retry_after_ms: None }));
        }
        // Google bills them, whether or not they can be stored.
        self.pay_batch(job, *attempt, results).await?;
        let results = self.ports.spool.read_results(job).await?;
        let figures = self.ports.figures.figures(&job.account_id, &job.content_hash).await?;
        let reading = &ResultReader { content_hash: &job.content_hash, figures, pricing: self.policy.pricing };
        // Lines that belong to no page are passed over: the pages they were meant for count as missing.
        let pages = results.lines.try_filter_map(|line| async move { Ok(reading.page(line)) });
        self.complete(job, pages.boxed()).await
    }
}

/// What it takes to make pages of lines.
struct ResultReader<'a> {
    content_hash: &'a str,
    figures: FigurePlaces,
    pricing: Pricing,
}

impl ResultReader<'_> {
    fn page(&self, line: ResultLine) -> Option<PageResult> {
        let page = page_of(line.key.as_deref()?)?;
        // Of a page that is not on record, an earlier version has found that there are none.
        let found = self.figures.get(&page).map_or(Some(&[][..]), Option::as_deref);
        let outcome = match line.outcome {
            Outcome::Response(answer) => {
                let figures = PageFigures { content_hash: self.content_hash, page, figures: found.unwrap_or_default() };
                noted(outcome_of(&answer, figures, Mode::Batch, self.pricing), found)
            }
            Outcome::Error(status) => line_failure(&status),
            Outcome::Unrecognised(_) => return None,
        };
        Some(PageResult { index: page, outcome })
    }
}
