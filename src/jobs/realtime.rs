//! Reads pages by calls of their own, several at once: in realtime mode, and through flex what a batch left. Each page is stored and charged
//! as soon as it is read. A restart reads none of them again.

mod group;

use std::pin::pin;
use std::sync::Mutex;
use std::time::Duration;

use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use tokio::sync::mpsc::{self, PermitIterator};
use tokio_util::sync::CancellationToken;

use super::Worker;
use super::budget::{Round, over_budget};
use super::job::{Job, Stage};
use super::ladder::Ladder;
use super::machine::Event;
use super::pages::{ReadyPage, ReadyPages};
use super::upstream::{blocked_reason, pause_ms, refusal};
use super::worker::Done;
use crate::crash::crash_point;
use crate::error::{Error, Result};
use crate::extract::{PageOutcome, PageResult};
use crate::jobs::PaidAnswer;
use crate::model::wire::JobError;
use crate::model::{BlockedReason, PageSet};
use coldbrew_gemini::{Error as GeminiError, ErrorKind};
pub(super) use group::Group;

/// After so many rounds in a row without a finished page, one more such round makes the remaining pages failed pages. Through flex, a
/// round without capacity does not count: Google sheds these calls for as long as it likes.
const TRIES_MAX: u32 = 8;
/// The most pages of a chunk. The document is opened once for each chunk, which takes as long as several pages.
const CHUNK_PAGES: usize = 64;
/// The size at which a chunk ends: all its pages may wait in memory for Gemini.
const CHUNK_BYTES: usize = 32 << 20;
/// Also the reason of pages that were never sent.
const BUSY: &str = "Gemini had no capacity for the rest of this document after several attempts.";

/// Why a round ends before all pages are read.
pub(super) enum Obstacle {
    /// Google has no capacity, or cannot be reached.
    Busy { by: BlockedReason, retry_after_ms: Option<i64> },
    /// The spending ceiling has no room for another page.
    OverBudget,
    /// No further page can be read.
    Closed(JobError),
    /// Another worker has the job.
    Superseded,
    /// A dependency of this server failed.
    Fault(Error),
}

impl From<Error> for Obstacle {
    fn from(error: Error) -> Self {
        Self::Fault(error)
    }
}

impl Worker {
    /// Reads the remaining pages. At the first obstacle, or at `stop`, running requests finish, and no more begin.
    pub(super) async fn read_pages(&self, job: &Job, stop: &CancellationToken) -> Result<Done> {
        self.close_requests(job).await?;
        let ladder = &self.ladder(job).await?;
        let left: Vec<u32> = self.pages_left(job).await?.iter().collect();
        let count = left.len();
        let round = &Round::new(stop);
        let (sender, mut ready) = mpsc::channel(CHUNK_PAGES);
        let ready = stream::poll_fn(move |context| ready.poll_recv(context));
        let (split, read) = tokio::join!(
            round.unless_halted(self.split_off(job, left, sender)),
            self.read_ready_pages(job, ready, ladder, round)
        );
        match split.unwrap_or(Ok(())).and(read) {
            Ok(()) if stop.is_cancelled() && !self.pages_left(job).await?.is_empty() => Ok(Done::Stopped),
            Ok(()) => {
                self.close_requests(job).await?;
                self.complete(job, stream::empty().boxed()).await
            }
            Err(obstacle) => self.after_obstacle(job, count, obstacle).await,
        }
    }

    /// Makes pages ready in chunks, one chunk ahead of the pages that are being read. The document is open only while a chunk is made
    /// ready: in between, other jobs can use the page engine.
    async fn split_off(
        &self,
        job: &Job,
        mut indices: Vec<u32>,
        ready: mpsc::Sender<(u32, ReadyPage)>,
    ) -> Result<(), Obstacle> {
        let time = Mutex::new(Duration::MAX);
        while !indices.is_empty() {
            // The receiver is gone: there was an obstacle.
            let Ok(room) = ready.reserve_many(CHUNK_PAGES).await else { return Ok(()) };
            let chunk = indices.iter().copied().take(CHUNK_PAGES).collect();
            let pages = self.ports.pages.pages(job, chunk, &time).await?.map_err(Obstacle::Closed)?;
            let sent = self.send_chunk(job, pages, room).await?;
            indices.retain(|index| !sent.contains(index));
        }
        Ok(())
    }

    /// Sends pages to be read as soon as they are ready, up to [`CHUNK_BYTES`], and returns their indices. A page that the page engine
    /// cannot read is recorded as failed.
    async fn send_chunk(
        &self,
        job: &Job,
        mut pages: ReadyPages<'_>,
        mut room: PermitIterator<'_, (u32, ReadyPage)>,
    ) -> Result<Vec<u32>> {
        let (mut sent, mut bytes) = (Vec::new(), 0);
        while bytes < CHUNK_BYTES
            && let Some((index, page)) = pages.try_next().await?
        {
            crash_point("realtime", "page split");
            sent.push(index);
            match page {
                Ok(page) => {
                    bytes += page.pdf.len();
                    if let Some(permit) = room.next() {
                        permit.send((index, page));
                    }
                }
                Err(fault) => self.page_failed(job, index, &fault.sentence()).await?,
            }
        }
        Ok(sent)
    }

    /// Reads several pages at once, each after it was admitted.
    async fn read_ready_pages(
        &self,
        job: &Job,
        ready: impl Stream<Item = (u32, ReadyPage)>,
        ladder: &Ladder,
        round: &Round,
    ) -> Result<(), Obstacle> {
        let answers = ready.map(|page| self.read_page(job, page, ladder, round));
        let mut answers = pin!(answers.buffer_unordered(self.policy.settings.realtime_requests_max));
        let mut first = Ok(());
        while let Some(answer) = answers.next().await {
            if answer.is_err() {
                round.halt();
                first = first.and(answer);
            }
        }
        first
    }

    /// What an obstacle means for the job. `left` pages remained when the round began.
    async fn after_obstacle(&self, job: &Job, left: usize, obstacle: Obstacle) -> Result<Done> {
        match obstacle {
            Obstacle::Superseded => Ok(Done::Superseded),
            Obstacle::Fault(error) => Err(error),
            Obstacle::OverBudget => Ok(Done::Event(over_budget())),
            Obstacle::Closed(failure) => self.end_reading(job, failure).await,
            Obstacle::Busy { by, retry_after_ms } => self.wait_for_capacity(job, left, by, retry_after_ms).await,
        }
    }

    /// Google has no capacity. Only rounds that finished no page count, so that a slow job is not given up.
    async fn wait_for_capacity(
        &self,
        job: &Job,
        left: usize,
        by: BlockedReason,
        retry_after_ms: Option<i64>,
    ) -> Result<Done> {
        let progressed = self.pages_left(job).await?.len() < left;
        let tries = if progressed { 0 } else { tries(job) };
        let timing = &self.policy.settings.timing;
        let (is_over, first_ms) = match job.stage {
            Stage::Flex { since, .. } => {
                let has_lasted = self.clock.now().0.saturating_sub(since.0) >= timing.flex_ms_max;
                (has_lasted || (by != BlockedReason::Quota && tries >= TRIES_MAX), timing.retry_ms)
            }
            _ => (tries >= TRIES_MAX, 1_000),
        };
        if is_over {
            return self.end_reading(job, JobError::new("no_capacity", BUSY)).await;
        }
        let retry_after_ms = retry_after_ms.unwrap_or_else(|| backoff_ms(first_ms, tries, self.ids.jitter()));
        Ok(Done::Event(Event::Throttled { by, progressed, retry_after_ms }))
    }

    /// Ends a job that can read no further page. Its remaining pages are failed pages, and the others become the document. Without a page
    /// that was read, the job fails with `failure`.
    pub(super) async fn end_reading(&self, job: &Job, failure: JobError) -> Result<Done> {
        let left: Vec<u32> = self.pages_left(job).await?.iter().collect();
        for indices in left.chunks(CHUNK_PAGES) {
            let mut own = self.ports.figures.own_pages(&job.account_id, &job.content_hash, indices).await?;
            for index in indices {
                let own = own.remove(index).unwrap_or_default();
                self.page_ended(job, *index, own.failed(&failure.message)).await?;
            }
        }
        Ok(match self.complete(job, stream::empty().boxed()).await? {
            Done::Event(Event::NothingUsable) => Done::Event(Event::Refused(failure)),
            done => done,
        })
    }

    /// The requested pages that are neither read nor failed.
    pub(super) async fn pages_left(&self, job: &Job) -> Result<PageSet> {
        let finished = self.ports.jobs.finished_pages(job).await?;
        Ok(job.pages.iter().filter(|&index| !finished.contains(index)).collect())
    }

    /// Stores the outcome of a page with what its answer cost, and tells those who watch. `paid`: `None` if no answer came.
    pub(super) async fn store_page(
        &self,
        job: &Job,
        (index, outcome): (u32, PageOutcome),
        paid: Option<PaidAnswer>,
        round: &Round,
    ) -> Result<(), Obstacle> {
        crash_point("realtime", "page answered");
        let stored = round.finished.record(self, job, PageResult { index, outcome }, paid).await?;
        if stored { Ok(()) } else { Err(Obstacle::Superseded) }
    }
}

/// An obstacle for the whole round, unless Gemini rejects this one request.
pub(super) fn not_answered(index: u32, error: &GeminiError) -> Result<(), Obstacle> {
    match error.kind {
        ErrorKind::Rejected | ErrorKind::TooLarge => {
            tracing::warn!(page = index, %error, "request rejected");
            Ok(())
        }
        ErrorKind::Key => Err(Obstacle::Closed(refusal(error))),
        _ => {
            tracing::info!(page = index, %error, "page not answered");
            Err(Obstacle::Busy { by: blocked_reason(error), retry_after_ms: pause_ms(error) })
        }
    }
}

const fn tries(job: &Job) -> u32 {
    match job.stage {
        Stage::Realtime { tries } | Stage::Flex { tries, .. } => tries,
        _ => 0,
    }
}

/// `first_ms`, doubled with each try up to 64 times that, plus up to half of it. So jobs do not retry at the same time. `chance`: 0 to 1.
fn backoff_ms(first_ms: i64, tries: u32, chance: f64) -> i64 {
    let base = Duration::from_millis(first_ms.unsigned_abs()) * (1 << tries.min(6));
    i64::try_from(base.mul_f64(1.0 + chance / 2.0).as_millis()).unwrap_or(i64::MAX)
}
