//! Downloads Google's result file and stores the document, line by line.

use futures::StreamExt;
use futures::TryStreamExt;

use super::Worker;
use super::job::{Job, Stage};
use super::machine::Event;
use super::pages::with_figure_note;
use super::prepare::page_of;
use super::upstream::blocked;
use super::worker::Done;
use crate::crash::crash_point;
use crate::error::Result;
use crate::extract::PageResult;
use crate::extract::{PageFigures, line_failure, outcome_of};
use crate::model::{BlockedReason, Mode, Pricing};
use crate::uploads::FigurePlaces;
use coldbrew_gemini::jsonl::{Outcome, ResultLine};

impl Worker {
    /// Downloads the results, stores them and completes the job.
    pub(super) async fn download(&self, job: &Job) -> Result<Done> {
        let Stage::Downloading { attempt, output_file, tries, .. } = &job.stage else { return Ok(Done::Superseded) };
        if let Err(error) = self.ports.google.download(output_file, &self.ports.spool.results(job)).await {
            tracing::warn!(job = %job.id, %error, "results not downloaded");
            return Ok(Done::Event(blocked(&error)));
        }
        crash_point("download", "fetched");
        let results = self.ports.spool.read_results(job).await?;
        // A truncated file is downloaded once more before its missing lines count as missing.
        if *tries == 0 && results.breaks_off {
            tracing::warn!(job = %job.id, "results truncated");
            return Ok(Done::Event(Event::Blocked { by: BlockedReason::Google, retry_after_ms: None }));
        }
        // Google bills the results, whether or not they can be stored.
        self.settle_batch(job, *attempt, results).await?;
        let results = self.ports.spool.read_results(job).await?;
        let figures = self.ports.figures.figures(&job.account_id, &job.content_hash).await?;
        let reader = &ResultReader { content_hash: &job.content_hash, figures, pricing: self.policy.pricing };
        // A line without the key of a page is skipped: its page counts as missing.
        let pages = results.lines.try_filter_map(|line| async move { Ok(reader.page(line)) });
        self.complete(job, pages.boxed()).await
    }
}

/// Makes page results from result lines.
struct ResultReader<'a> {
    content_hash: &'a str,
    figures: FigurePlaces,
    pricing: Pricing,
}

impl ResultReader<'_> {
    fn page(&self, line: ResultLine) -> Option<PageResult> {
        let page = page_of(line.key.as_deref()?)?;
        // Earlier versions recorded no page without figures, so a page without a record has none.
        let found = self.figures.get(&page).map_or(Some(&[][..]), Option::as_deref);
        let outcome = match line.outcome {
            Outcome::Response(answer) => {
                let figures = PageFigures { content_hash: self.content_hash, page, figures: found.unwrap_or_default() };
                with_figure_note(outcome_of(&answer, figures, Mode::Batch, self.pricing), found)
            }
            Outcome::Error(status) => line_failure(&status),
            Outcome::Unrecognised(_) => return None,
        };
        Some(PageResult { index: page, outcome })
    }
}
