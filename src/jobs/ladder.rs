//! Reads one page in one way after the other, until an answer is final or no way is left. `crate::extract::next_way` has the order.
//!
//! Each answer that is not final is recorded before the next request is sent. So no way is paid for twice, whatever crashes.

use std::collections::BTreeMap;

use super::Worker;
use super::budget::Round;
use super::job::{Job, Stage};
use super::pages::{ReadyPage, unsendable_reason, with_figure_note};
use super::realtime::{Obstacle, not_answered};
use crate::accounts::spending::{PageCosts, PaidRequest};
use crate::crash::crash_point;
use crate::error::Result;
use crate::extract::{
    Attempt, Judged, OwnPage, PageFigures, PageImage, PageOutcome, Verdict, Way, WayOptions, failure_reason, next_way,
    outcome_of,
};
use crate::jobs::{PageAttempt, PaidAnswer, Unanswered};
use crate::metrics::answers_paid;
use coldbrew_gemini::ServiceTier;

/// What the rounds of a job know from the start.
pub(super) struct Ladder {
    usual: PageCosts,
    /// The costs of the fallback model.
    other: Option<PageCosts>,
    /// The attempts of earlier rounds, by page.
    made: BTreeMap<u32, Vec<PageAttempt>>,
}

impl Ladder {
    fn costs(&self, way: Way) -> PageCosts {
        match (way, &self.other) {
            (Way::OtherModel, Some(other)) => other.clone(),
            (Way::Grounded | Way::Halves, _) => self.usual.clone().sent_twice(),
            _ => self.usual.clone(),
        }
    }
}

impl Worker {
    pub(super) async fn ladder(&self, job: &Job) -> Result<Ladder> {
        let other = match &self.policy.fallback_model {
            Some(model) if model != job.recipe.model() => Some(self.costs_of(job, model).await?),
            _ => None,
        };
        Ok(Ladder { usual: self.costs(job).await?, other, made: self.ports.attempts.page_attempts(job).await? })
    }

    /// Reads a page and stores its outcome, unless the round was halted.
    pub(super) async fn read_page(
        &self,
        job: &Job,
        (index, page): (u32, ReadyPage),
        ladder: &Ladder,
        round: &Round,
    ) -> Result<(), Obstacle> {
        // A reader who has a page read again that looks blank sees something on it.
        if page.own.is_blank() && !job.rereads {
            return self.store_page(job, (index, OwnPage::blank()), None, round).await;
        }
        let mut made = ladder.made.get(&index).cloned().unwrap_or_default();
        let options = WayOptions {
            has_other_model: ladder.other.is_some(),
            has_own_text: !page.own.text.trim().is_empty(),
            rereads: job.rereads,
        };
        loop {
            let attempts: Vec<Attempt> = made.iter().map(|made| made.attempt).collect();
            let Some(way) = next_way(&attempts, options) else {
                return self.store_page(job, (index, best_of(made, &page)), None, round).await;
            };
            let costs = ladder.costs(way);
            let Some(paid) = self.admit_page(job, index, &costs, round).await? else { return Ok(()) };
            crash_point("realtime", "page admitted");
            let answered = match self.ask(job, &paid, (index, &page), way, &costs).await {
                Ok(asked) => self.keep_answer(job, index, way, asked, round).await,
                Err(obstacle) => Err(obstacle),
            };
            round.ended();
            match answered? {
                Some(attempt) => made.push(attempt),
                None => return Ok(()),
            }
        }
    }

    /// Stores the page if its answer is final. Otherwise it records the attempt and returns it. Nothing is held for the request afterwards.
    async fn keep_answer(
        &self,
        job: &Job,
        index: u32,
        way: Way,
        Asked { judged: Judged { verdict, outcome }, recipe, paid }: Asked,
        round: &Round,
    ) -> Result<Option<PageAttempt>, Obstacle> {
        if verdict.is_final() {
            return self.store_page(job, (index, outcome), paid, round).await.map(|()| None);
        }
        if let Some(PaidAnswer { request_id, page, spent }) = &paid {
            self.ports.spending.settle(job, request_id, *page, spent, self.clock.now()).await?;
        }
        tracing::info!(job = %job.id, page = index, way = way.into_str(), verdict = verdict.into_str(), "page not read");
        let outcome = verdict.is_usable().then_some(outcome);
        let attempt = PageAttempt { page: index, attempt: Attempt { way, verdict }, recipe, outcome };
        if !self.ports.attempts.record_attempts(job, std::slice::from_ref(&attempt), self.clock.now()).await? {
            return Err(Obstacle::Superseded);
        }
        crash_point("realtime", "attempt recorded");
        Ok(Some(attempt))
    }

    /// Sends the one request of a way.
    async fn ask(
        &self,
        job: &Job,
        paid: &PaidRequest,
        (index, page): (u32, &ReadyPage),
        way: Way,
        costs: &PageCosts,
    ) -> Result<Asked, Obstacle> {
        let image = match way {
            Way::Halves => self.ports.pages.halves(job, index).await?.map(PageImage::Halves),
            _ => Some(PageImage::Pdf(page.pdf.clone())),
        };
        let Some(image) = image else {
            self.ports.spending.close(job, Some(&paid.id), Unanswered::Free, self.clock.now()).await?;
            return Ok(Asked::rejected(page, failure_reason(Verdict::Rejected), String::new()));
        };
        let asked = page.asked(job, index, (&costs.model, way), image, costs.output_tokens_max(index));
        let (request, recipe) = (asked.request(), asked.name());
        if let Err(fault) = request.check(&costs.model) {
            tracing::warn!(page = index, %fault, "page not sent");
            self.ports.spending.close(job, Some(&paid.id), Unanswered::Free, self.clock.now()).await?;
            return Ok(Asked::rejected(page, unsendable_reason(&fault), recipe));
        }
        let tier = if let Stage::Flex { .. } = job.stage { ServiceTier::Flex } else { ServiceTier::Standard };
        match self.ports.google.answer(&costs.model.id, &request, tier).await {
            Ok(answer) => {
                let spent = costs.rates.spent(&answer, paid.most);
                answers_paid(spent.usage, spent.micro_dollars, job.mode);
                let paid = PaidAnswer { request_id: paid.id.clone(), page: paid.page, spent };
                let found = page.figures.as_deref();
                let figures =
                    PageFigures { content_hash: &job.content_hash, page: index, figures: found.unwrap_or_default() };
                let judged = outcome_of(&answer, figures, &page.own, way, (job.mode, self.policy.pricing));
                let Judged { verdict, outcome } = if job.rereads { judged.needing_text(&page.own) } else { judged };
                let judged = Judged { verdict, outcome: with_figure_note(outcome, found) };
                Ok(Asked { judged, recipe, paid: Some(paid) })
            }
            Err(error) => {
                let unanswered = if error.may_be_billed() { Unanswered::Billed } else { Unanswered::Free };
                self.ports.spending.close(job, Some(&paid.id), unanswered, self.clock.now()).await?;
                not_answered(index, &error)?;
                Ok(Asked::rejected(page, failure_reason(Verdict::Rejected), recipe))
            }
        }
    }
}

/// The judged answer to a request, the name of its recipe, and what it cost; `paid`: `None` if no answer came, and nothing is held for it.
struct Asked {
    judged: Judged,
    recipe: String,
    paid: Option<PaidAnswer>,
}

impl Asked {
    /// Gemini does not accept the request, or it was not sent.
    fn rejected(page: &ReadyPage, reason: &str, recipe: String) -> Self {
        let judged = Judged { verdict: Verdict::Rejected, outcome: page.own.failed(reason) };
        Self { judged, recipe, paid: None }
    }
}

/// The outcome of a page that no way read to the end: the answer that came nearest, or the page's own text.
fn best_of(made: Vec<PageAttempt>, page: &ReadyPage) -> PageOutcome {
    let reason = made.first().map_or(failure_reason(Verdict::Missing), |first| failure_reason(first.attempt.verdict));
    let nearest = made.into_iter().find_map(|made| made.outcome);
    nearest.unwrap_or_else(|| page.own.failed(reason))
}
