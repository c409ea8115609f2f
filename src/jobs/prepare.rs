//! Writes the input file of a batch, one line for each page, in the order in which pages are ready. The file exists only once all its
//! lines are written, and so after the figures of all pages are recorded.

use std::sync::Mutex;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};

use super::Worker;
use super::job::Job;
use super::machine::Event;
use super::pages::unsendable_reason;
use super::worker::Done;
use crate::crash::crash_point;
use crate::error::Result;
use crate::extract::{OwnPage, PageImage, PageOutcome, PageResult, Way};
use coldbrew_gemini::Request;

impl Worker {
    /// Writes the input file of all remaining pages.
    pub(super) async fn prepare(&self, job: &Job) -> Result<Done> {
        let left = self.pages_left(job).await?.iter().collect();
        let costs = &self.costs(job).await?;
        let time = Mutex::new(Duration::MAX);
        let pages = match self.ports.pages.pages(job, left, &time).await? {
            Ok(pages) => pages,
            Err(failure) => return Ok(Done::Event(Event::Refused(failure))),
        };
        let model = &costs.model;
        let lines = pages.try_filter_map(|(index, page)| async move {
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
            Ok(Some((page_key(index), request)))
        });
        match self.ports.spool.write_input(job, model, lines.boxed()).await? {
            // No page is left to be sent: the document consists of pages that were read before, if there are any.
            0 => self.complete(job, stream::empty().boxed()).await,
            _ => Ok(Done::Event(Event::Prepared)),
        }
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

/// The key of a page's line.
pub(super) fn page_key(index: u32) -> String {
    format!("page_{index}")
}

/// The page of a line with this key; `None` if it is not the key of a page.
pub(super) fn page_of(key: &str) -> Option<u32> {
    key.strip_prefix("page_")?.parse().ok()
}
