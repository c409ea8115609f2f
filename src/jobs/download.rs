//! Downloads Google's result file, judges its answers line by line, and stores them.
//!
//! If every page was read, pages and document are stored in one transaction. Otherwise the pages that were read are stored, and the others
//! are read another way before the job completes.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use futures::{future, stream};

use super::Worker;
use super::job::{Job, Stage};
use super::machine::Event;
use super::pages::with_figure_note;
use super::prepare::page_of;
use super::upstream::blocked;
use super::worker::Done;
use crate::crash::crash_point;
use crate::error::Result;
use crate::extract::{Attempt, Judged, OwnPage, PageFigures, PageResult, Verdict, Way, line_failure, outcome_of};
use crate::jobs::PageAttempt;
use crate::model::{BlockedReason, PageSet, Pricing};
use crate::uploads::{FigurePlaces, Figures};
use coldbrew_gemini::jsonl::{Outcome, ResultLine};

/// Lines that are judged together: what the file says of their pages is read at once.
const LINES_AT_ONCE: usize = 64;

impl Worker {
    /// Downloads the results and stores them. The job completes if every page was read.
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
        let figures = self.ports.figures.figures(&job.account_id, &job.content_hash).await?;
        let reader = &ResultReader { job, figures, store: &*self.ports.figures, pricing: self.policy.pricing };
        let (left, attempts) = self.not_read(job, reader).await?;
        let lines = self.ports.spool.read_results(job).await?.lines;
        let read = reader.pages(lines).try_filter_map(|(index, judged)| future::ok(final_page(index, judged)));
        if left.is_empty() {
            return self.complete(job, read.boxed()).await;
        }
        self.keep(job, read.boxed(), &attempts).await
    }

    /// The pages that remain, and those of the batch among them: attempts whose verdict says why.
    async fn not_read(&self, job: &Job, reader: &ResultReader<'_>) -> Result<(PageSet, Vec<PageAttempt>)> {
        let (mut read, mut not_read) = (BTreeSet::new(), BTreeMap::new());
        let lines = self.ports.spool.read_results(job).await?.lines;
        let mut pages = reader.pages(lines);
        while let Some((index, judged)) = pages.try_next().await? {
            if judged.verdict.is_final() {
                read.insert(index);
            } else {
                not_read.entry(index).or_insert(judged);
            }
        }
        let (left, part) = (self.pages_left(job).await?, self.part_pages(job).await?);
        let left: PageSet = left.iter().filter(|index| !read.contains(index)).collect();
        let of_part = left.iter().filter(|&index| part.contains(index));
        let attempts = of_part.map(|index| attempt_of(job, index, not_read.remove(&index))).collect();
        Ok((left, attempts))
    }

    /// Stores the pages that were read, and why the others were not.
    async fn keep(&self, job: &Job, read: BoxStream<'_, Result<PageResult>>, attempts: &[PageAttempt]) -> Result<Done> {
        let mut groups = read.try_chunks(LINES_AT_ONCE);
        while let Some(pages) = groups.next().await {
            if !self.ports.jobs.record_pages(job, &pages.map_err(|broken| broken.1)?, &[], self.clock.now()).await? {
                return Ok(Done::Superseded);
            }
            crash_point("download", "pages kept");
        }
        if !self.ports.attempts.record_attempts(job, attempts, self.clock.now()).await? {
            return Ok(Done::Superseded);
        }
        let unsent = self.unsent_pages(job).await?.len();
        tracing::info!(job = %job.id, pages = attempts.len(), unsent, "pages not read by the batch");
        Ok(Done::Event(if unsent > 0 { Event::PartStored } else { Event::PagesLeft }))
    }
}

fn final_page(index: u32, Judged { verdict, outcome }: Judged) -> Option<PageResult> {
    verdict.is_final().then_some(PageResult { index, outcome })
}

fn attempt_of(job: &Job, page: u32, judged: Option<Judged>) -> PageAttempt {
    let verdict = judged.as_ref().map_or(Verdict::Missing, |judged| judged.verdict);
    let outcome = judged.filter(|judged| judged.verdict.is_usable()).map(|judged| judged.outcome);
    PageAttempt { page, attempt: Attempt { way: Way::Usual, verdict }, recipe: job.recipe.name().to_owned(), outcome }
}

/// Judges result lines.
struct ResultReader<'a> {
    job: &'a Job,
    figures: FigurePlaces,
    store: &'a dyn Figures,
    pricing: Pricing,
}

impl ResultReader<'_> {
    /// The judged answers by page, in the order of the lines. A line without the key of a requested page is skipped: its page counts as
    /// missing.
    fn pages<'a>(&'a self, lines: BoxStream<'a, Result<ResultLine>>) -> BoxStream<'a, Result<(u32, Judged)>> {
        let groups = lines.try_chunks(LINES_AT_ONCE).map_err(|broken| broken.1);
        groups.and_then(|lines| self.judged(lines)).map_ok(|judged| stream::iter(judged).map(Ok)).try_flatten().boxed()
    }

    async fn judged(&self, lines: Vec<ResultLine>) -> Result<Vec<(u32, Judged)>> {
        let of_page = |line: ResultLine| Some((page_of(line.key.as_deref()?)?, line));
        let lines: Vec<_> = lines.into_iter().filter_map(of_page).collect();
        let indices: Vec<u32> = lines.iter().map(|(index, _)| *index).collect();
        let mut own = self.store.own_pages(&self.job.account_id, &self.job.content_hash, &indices).await?;
        let judged = |(index, line): (u32, ResultLine)| {
            Some((index, self.judge(index, line.outcome, &own.remove(&index).unwrap_or_default())?))
        };
        Ok(lines.into_iter().filter_map(judged).collect())
    }

    fn judge(&self, page: u32, outcome: Outcome, own: &OwnPage) -> Option<Judged> {
        // Earlier versions recorded no page without figures, so a page without a record has none.
        let found = self.figures.get(&page).map_or(Some(&[][..]), Option::as_deref);
        match outcome {
            Outcome::Response(answer) => {
                let content_hash = &self.job.content_hash;
                let figures = PageFigures { content_hash, page, figures: found.unwrap_or_default() };
                let rate = (self.job.mode, self.pricing);
                let Judged { verdict, outcome } = outcome_of(&answer, figures, own, Way::Usual, rate);
                Some(Judged { verdict, outcome: with_figure_note(outcome, found) })
            }
            Outcome::Error(status) => Some(line_failure(&status, own)),
            Outcome::Unrecognised(_) => None,
        }
    }
}
