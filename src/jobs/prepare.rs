//! Writes the input file of a batch, one line for each page, in the order in which pages are ready. The file exists only once all its
//! lines are written, and so after the figures of all pages are recorded.
//!
//! A document that exceeds what one batch may hold becomes several, one after the other: the pages that do not fit wait for the next one.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, future, stream};

use super::Worker;
use super::job::Job;
use super::machine::Event;
use super::pages::unsendable_reason;
use super::worker::Done;
use crate::crash::crash_point;
use crate::error::Result;
use crate::extract::{OwnPage, PageImage, PageOutcome, PageResult, Way};
use crate::model::PageSet;
use coldbrew_gemini::Request;

/// The most pages of one batch (docs/GEMINI.md, "Enqueued tokens").
const ROWS_MAX: usize = 2_000;
/// The most bytes of pages in one input file. Google accepts 2 GB, and base64 and prompts make them longer.
const PAGE_BYTES_MAX: u64 = 1 << 30;

/// The pages of an input file so far.
#[derive(Default)]
struct Written {
    pages: BTreeSet<u32>,
    bytes: u64,
}

impl Worker {
    /// Writes the input file of the next batch.
    pub(super) async fn prepare(&self, job: &Job) -> Result<Done> {
        let costs = &self.costs(job).await?;
        let left = self.unsent_pages(job).await?;
        let has_attempts = left.len() < self.pages_left(job).await?.len();
        let tokens_max = self.policy.budget.batch_tokens_max.map_or(u64::MAX, part_tokens_max);
        let next = first_part(left.iter().map(|page| (page, costs.input_tokens(page))), tokens_max);
        let time = Mutex::new(Duration::MAX);
        let pages = match self.ports.pages.pages(job, next, &time).await? {
            Ok(pages) => pages,
            Err(failure) => return Ok(Done::Event(Event::Refused(failure))),
        };
        let model = &costs.model;
        let written = Mutex::new(Written::default());
        let lines = pages.try_filter_map(|(index, page)| {
            let written = &written;
            async move {
                crash_point("prepare", "page ready");
                let page = match page {
                    Ok(page) => page,
                    Err(fault) => {
                        self.page_failed(job, index, &fault.sentence()).await?;
                        return Ok(None);
                    }
                };
                if page.own.is_blank() {
                    self.page_ended(job, index, OwnPage::blank()).await?;
                    return Ok(None);
                }
                let (image, output_tokens_max) = (PageImage::Pdf(page.pdf.clone()), costs.output_tokens_max(index));
                let request = page.asked(job, index, (model, Way::Usual), image, output_tokens_max).request();
                let request = Request { store: self.ports.google.batch_store(), ..request };
                if let Err(fault) = request.check(model) {
                    tracing::warn!(job = %job.id, page = index, %fault, "page not sent");
                    self.page_ended(job, index, page.own.failed(unsendable_reason(&fault))).await?;
                    return Ok(None);
                }
                let fits = written.lock().unwrap_or_else(PoisonError::into_inner).add(index, page.pdf.len());
                Ok(Some((fits, page_key(index), request)))
            }
        });
        let lines = lines.try_take_while(|(fits, ..)| future::ready(Ok(*fits)));
        let lines = lines.map_ok(|(_, key, request)| (key, request));
        let count = self.ports.spool.write_input(job, model, lines.boxed()).await?;
        let pages: PageSet = written.into_inner().unwrap_or_else(PoisonError::into_inner).pages.into_iter().collect();
        if count > 0 {
            let tokens = pages.iter().map(|page| costs.input_tokens(page)).sum();
            return Ok(Done::Event(Event::Prepared { pages, tokens }));
        }
        if has_attempts {
            return Ok(Done::Event(Event::PagesLeft));
        }
        // No page is left to be sent: the document consists of pages that were read before, if there are any.
        self.complete(job, stream::empty().boxed()).await
    }

    /// The remaining pages that no batch of the job was asked for.
    pub(super) async fn unsent_pages(&self, job: &Job) -> Result<PageSet> {
        let attempts = self.ports.attempts.page_attempts(job).await?;
        let left = self.pages_left(job).await?;
        Ok(left.iter().filter(|page| !attempts.contains_key(page)).collect())
    }

    /// Records that a page cannot be read, and that the file has no text of it.
    pub(super) async fn page_failed(&self, job: &Job, index: u32, reason: &str) -> Result<()> {
        self.page_ended(job, index, OwnPage::default().failed(reason)).await
    }

    /// Records the outcome of a page that is not sent.
    pub(super) async fn page_ended(&self, job: &Job, index: u32, outcome: PageOutcome) -> Result<()> {
        self.ports.jobs.record_page(job, &PageResult { index, outcome }, self.clock.now()).await.map(|_| ())
    }
}

impl Written {
    /// Adds a page, if there is room for it. The first page always fits.
    fn add(&mut self, page: u32, bytes: usize) -> bool {
        let bytes = self.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        let fits = self.pages.is_empty() || bytes <= PAGE_BYTES_MAX;
        if fits {
            self.bytes = bytes;
            self.pages.insert(page);
        }
        fits
    }
}

/// The most tokens of one batch: a sixth of the limit is left for what Google counts and we do not (docs/GEMINI.md, "Enqueued tokens").
const fn part_tokens_max(queue_max: u64) -> u64 {
    queue_max.saturating_mul(5) / 6
}

/// The first pages that one batch may hold, and at least one. `pages` has the input tokens of each.
fn first_part(pages: impl Iterator<Item = (u32, u64)>, tokens_max: u64) -> Vec<u32> {
    let mut sum = 0_u64;
    let fits = |&(place, (_, tokens)): &(usize, (u32, u64))| {
        sum = sum.saturating_add(tokens);
        place == 0 || (place < ROWS_MAX && sum <= tokens_max)
    };
    pages.enumerate().take_while(fits).map(|(_, (page, _))| page).collect()
}

/// The key of a page's line.
pub(super) fn page_key(index: u32) -> String {
    format!("page_{index}")
}

/// The page of a line with this key; `None` if it is not the key of a page.
pub(super) fn page_of(key: &str) -> Option<u32> {
    key.strip_prefix("page_")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_ends_at_the_first_page_without_room() {
        let pages = |count: u32, tokens: u64| (0..count).map(move |page| (page, tokens));
        assert_eq!(first_part(pages(10, 30), 100), [0, 1, 2]);
        assert_eq!(first_part(pages(3, 500), 100), [0], "a page alone is sent, and Google decides");
        assert_eq!(first_part(pages(5_000, 1), u64::MAX).len(), ROWS_MAX);
        assert_eq!(first_part(pages(0, 1), 100), [0; 0]);
        assert_eq!(part_tokens_max(3_000_000), 2_500_000);
    }

    #[test]
    fn input_file_ends_at_the_first_page_that_is_too_long() {
        let mut written = Written::default();
        let half = usize::try_from(PAGE_BYTES_MAX / 2).unwrap_or(usize::MAX);
        assert!(written.add(7, 3 * half), "the first page is sent, and Google decides");
        assert!(!written.add(3, 1));
        let mut written = Written::default();
        assert!(written.add(7, half) && written.add(3, half) && !written.add(5, 1));
        assert_eq!(written.pages.into_iter().collect::<Vec<_>>(), [3, 7]);
    }
}
