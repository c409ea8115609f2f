//! Realtime mode: a few pages at a time, each stored and charged as it comes, so that a restart asks for none of them again.

use std::pin::pin;
use std::sync::Mutex;
use std::time::Duration;

use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use tokio::sync::mpsc::{self, PermitIterator};

use super::Worker;
use super::budget::{Round, over_budget};
use super::job::{Job, Stage};
use super::machine::Event;
use super::pages::{ReadyPage, ReadyPages, noted, unsendable};
use super::upstream::{blocked_reason, pause_ms, refusal};
use super::worker::Done;
use crate::accounts::spending::{PageCosts, PaidRequest};
use crate::crash::crash_point;
use crate::error::{Error, Result};
use crate::extract::{PageFigures, outcome_of};
use crate::extract::{PageOutcome, PageResult};
use crate::jobs::Unanswered;
use crate::model::wire::JobError;
use crate::model::{BlockedReason, Mode, PageSet};
use coldbrew_gemini::{Error as GeminiError, ErrorKind};

/// How many rounds in a row may read not one of the pages that are left, before those are failed pages.
const TRIES_MAX: u32 = 8;
/// Pages that are made ready while their document is open once: to open it takes as long as several of them.
const CHUNK_PAGES: usize = 64;
/// What they may weigh together: all of them may have to wait for Gemini.
const CHUNK_BYTES: usize = 32 << 20;
const REFUSED: &str = "Gemini refused to read this page.";
/// Said also of pages whose turn never came.
const BUSY: &str = "Gemini had no capacity for the rest of this document, however often we asked.";

/// Why reading cannot go on just now.
pub(super) enum Obstacle {
    /// It may later.
    Busy { by: BlockedReason, retry_after_ms: Option<i64> },
    /// The budget has no room for another page.
    OverBudget,
    /// It never will.
    Closed(JobError),
    /// Somebody else has the job.
    Superseded,
    /// Something of ours is away.
    Fault(Error),
}

impl From<Error> for Obstacle {
    fn from(error: Error) -> Self {
        Self::Fault(error)
    }
}

impl Worker {
    /// Reads the pages that are left. At the first obstacle what is under way finishes, and nothing new is begun.
    pub(super) async fn read_pages(&self, job: &Job) -> Result<Done> {
        self.close_requests(job).await?;
        let costs = &self.costs(job).await?;
        let left: Vec<u32> = self.pages_left(job).await?.iter().collect();
        let count = left.len();
        let round = &Round::default();
        let (sender, mut ready) = mpsc::channel(CHUNK_PAGES);
        let ready = stream::poll_fn(move |context| ready.poll_recv(context));
        let (split, read) =
            tokio::join!(self.split_off(job, left, sender, round), self.read_as_they_come(job, ready, costs, round));
        match split.and(read) {
            Ok(()) => {
                self.close_requests(job).await?;
                self.complete(job, stream::empty().boxed()).await
            }
            Err(obstacle) => self.meet(job, count, obstacle).await,
        }
    }

    /// Makes pages ready to be read, a chunk ahead of those that are being read. The document is opened when the chunk before is
    /// gone, and is open for no longer than the page engine needs: that has few places, and is left to others in between.
    async fn split_off(
        &self,
        job: &Job,
        mut indices: Vec<u32>,
        ready: mpsc::Sender<(u32, ReadyPage)>,
        round: &Round,
    ) -> Result<(), Obstacle> {
        let time = Mutex::new(Duration::MAX);
        while !indices.is_empty() && !round.is_halted() {
            // Nobody takes pages any more: there was an obstacle.
            let Ok(room) = ready.reserve_many(CHUNK_PAGES).await else { return Ok(()) };
            let chunk = indices.iter().copied().take(CHUNK_PAGES).collect();
            let pages = self.ports.pages.pages(job, chunk, &time).await?.map_err(Obstacle::Closed)?;
            let handed = self.hand_over(job, pages, room, round).await?;
            indices.retain(|index| !handed.contains(index));
        }
        Ok(())
    }

    /// Hands pages over as they are ready, until they are too heavy to hold more of them, and says which it was. What the page engine
    /// cannot read is recorded as failed.
    async fn hand_over(
        &self,
        job: &Job,
        mut pages: ReadyPages<'_>,
        mut room: PermitIterator<'_, (u32, ReadyPage)>,
        round: &Round,
    ) -> Result<Vec<u32>> {
        let (mut handed, mut bytes) = (Vec::new(), 0);
        while bytes < CHUNK_BYTES
            && !round.is_halted()
            && let Some((index, page)) = pages.try_next().await?
        {
            crash_point("realtime", "page split");
            handed.push(index);
            match page {
                Ok(page) => {
                    bytes += page.pdf.len();
                    if let Some(place) = room.next() {
                        place.send((index, page));
                    }
                }
                Err(fault) => self.page_failed(job, index, &fault.sentence()).await?,
            }
        }
        Ok(handed)
    }

    /// Reads pages several at a time, each after it was admitted.
    async fn read_as_they_come(
        &self,
        job: &Job,
        ready: impl Stream<Item = (u32, ReadyPage)>,
        costs: &PageCosts,
        round: &Round,
    ) -> Result<(), Obstacle> {
        let answers = ready.map(|(index, page)| async move {
            let Some(request) = self.admit_page(job, index, costs, round).await? else { return Ok(()) };
            crash_point("realtime", "page admitted");
            let stored = self.read_and_store(job, &request, index, page, costs).await;
            round.ended();
            stored
        });
        let mut answers = pin!(answers.buffer_unordered(self.policy.settings.realtime_requests_max));
        let mut met = Ok(());
        while let Some(answer) = answers.next().await {
            if answer.is_err() {
                round.halt();
                met = met.and(answer);
            }
        }
        met
    }

    /// What an obstacle means to the job, of which so many pages were left before it.
    async fn meet(&self, job: &Job, left: usize, obstacle: Obstacle) -> Result<Done> {
        match obstacle {
            Obstacle::Superseded => Ok(Done::Superseded),
            Obstacle::Fault(error) => Err(error),
            Obstacle::OverBudget => Ok(Done::Event(over_budget())),
            Obstacle::Closed(failure) => self.end_reading(job, failure).await,
            Obstacle::Busy { by, retry_after_ms } => self.wait_for_room(job, left, by, retry_after_ms).await,
        }
    }

    /// Google has no room just now. Only rounds that finished no page count: what goes on, however slowly, is not given up.
    async fn wait_for_room(
        &self,
        job: &Job,
        left: usize,
        by: BlockedReason,
        retry_after_ms: Option<i64>,
    ) -> Result<Done> {
        let progressed = self.pages_left(job).await?.len() < left;
        let tries = if progressed { 0 } else { tries(job) };
        if tries >= TRIES_MAX {
            return self.end_reading(job, JobError::new("no_capacity", BUSY)).await;
        }
        let retry_after_ms = retry_after_ms.unwrap_or_else(|| backoff_ms(tries, self.ids.jitter()));
        Ok(Done::Event(Event::Throttled { by, progressed, retry_after_ms }))
    }

    /// Ends a job that can read no more: its remaining pages are failed pages, and the others are a document.
    /// Only if there are no others has the job failed.
    pub(super) async fn end_reading(&self, job: &Job, failure: JobError) -> Result<Done> {
        for index in self.pages_left(job).await?.iter() {
            self.page_failed(job, index, &failure.message).await?;
        }
        Ok(match self.complete(job, stream::empty().boxed()).await? {
            Done::Event(Event::NothingUsable) => Done::Event(Event::Refused(failure)),
            done => done,
        })
    }

    /// The pages that were asked for and are neither read nor failed.
    pub(super) async fn pages_left(&self, job: &Job) -> Result<PageSet> {
        let finished = self.ports.jobs.finished_pages(job).await?;
        Ok(job.pages.iter().filter(|&index| !finished.contains(index)).collect())
    }

    async fn read_and_store(
        &self,
        job: &Job,
        request: &PaidRequest,
        index: u32,
        page: ReadyPage,
        costs: &PageCosts,
    ) -> Result<(), Obstacle> {
        let outcome = self.ask(job, request, index, page, costs).await?;
        crash_point("realtime", "page answered");
        let page = PageResult { index, outcome };
        let stored = self.ports.jobs.record_page(job, &page, self.clock.now()).await?;
        self.ports.changes.tell(&job.account_id, &job.content_hash);
        if stored { Ok(()) } else { Err(Obstacle::Superseded) }
    }

    async fn ask(
        &self,
        job: &Job,
        paid: &PaidRequest,
        index: u32,
        page: ReadyPage,
        costs: &PageCosts,
    ) -> Result<PageOutcome, Obstacle> {
        let ReadyPage { pdf, figures } = page;
        let found = figures.as_deref();
        let output_tokens_max = costs.output_tokens_max(index);
        let request = job.recipe.request(&costs.model, pdf, found.unwrap_or_default(), output_tokens_max);
        if let Err(fault) = request.check(&costs.model) {
            tracing::warn!(page = index, %fault, "page not sent");
            self.ports.spending.close(job, Some(&paid.id), Unanswered::Free, self.clock.now()).await?;
            return Ok(PageOutcome::Failed { reason: unsendable(&fault).to_owned() });
        }
        match self.ports.google.answer(job.recipe.model(), &request).await {
            Ok(answer) => {
                self.pay_page(job, paid, costs.rates.spent(&answer, paid.most)).await?;
                let figures =
                    PageFigures { content_hash: &job.content_hash, page: index, figures: found.unwrap_or_default() };
                Ok(noted(outcome_of(&answer, figures, Mode::Realtime, self.policy.pricing), found))
            }
            Err(error) => {
                let unanswered = if error.may_be_billed() { Unanswered::Billed } else { Unanswered::Free };
                self.ports.spending.close(job, Some(&paid.id), unanswered, self.clock.now()).await?;
                not_answered(index, &error)
            }
        }
    }
}

/// What it means to a page that Gemini gave no answer.
fn not_answered(index: u32, error: &GeminiError) -> Result<PageOutcome, Obstacle> {
    match error.kind {
        ErrorKind::Rejected | ErrorKind::TooLarge => {
            tracing::warn!(page = index, %error, "page refused");
            Ok(PageOutcome::Failed { reason: REFUSED.to_owned() })
        }
        ErrorKind::Key => Err(Obstacle::Closed(refusal(error))),
        _ => {
            tracing::info!(page = index, %error, "page not read yet");
            Err(Obstacle::Busy { by: blocked_reason(error), retry_after_ms: pause_ms(error) })
        }
    }
}

const fn tries(job: &Job) -> u32 {
    if let Stage::Realtime { tries } = job.stage { tries } else { 0 }
}

/// One second, doubled with each try, with up to half of it again so that jobs do not come back together.
fn backoff_ms(tries: u32, chance: f64) -> i64 {
    let base = Duration::from_secs(1 << tries.min(6));
    let jittered = base.mul_f64(1.0 + chance / 2.0);
    i64::try_from(jittered.as_millis()).unwrap_or(i64::MAX)
}
