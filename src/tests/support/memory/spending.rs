//! The ledger of Gemini's cost in memory. All accounts are guests.

use async_trait::async_trait;
use coldbrew::accounts::Account;
use coldbrew::accounts::spending::{Answers, Budget, DaySpending, PaidRequest, Reserved, Spent, Sums};
use coldbrew::error::Result;
use coldbrew::jobs::Job;
use coldbrew::jobs::{Admission, PaidAnswer, QUEUED_AFTER_END_MS, Spending, Unanswered};
use coldbrew::model::{BlockedReason, UnixMs};

use super::{Memory, Records};

/// A request in flight.
#[derive(Clone)]
pub struct Commitment {
    pub job_id: String,
    pub account_id: String,
    pub day: i64,
    pub micro_dollars: u64,
    tokens: u64,
    enqueued_tokens: u64,
}

/// A finished request.
#[derive(Clone)]
pub struct SpentRow {
    pub account_id: String,
    pub day: i64,
    pub spent: Spent,
    /// The tokens that Google still counts, and when the request was recorded; `None`: it was answered.
    in_queue: Option<(u64, UnixMs)>,
}

impl Records {
    fn is_claim_current(&self, job: &Job) -> bool {
        self.jobs.get(&job.id).is_some_and(|row| row.job.fence == job.fence && row.job.task().is_some())
    }

    fn day_spending(&self, day: i64, but: &str) -> DaySpending {
        let settled = self.spending.values().filter(|row| row.day == day).map(|row| row.spent.micro_dollars);
        let others = self.commitments.iter().filter(|(id, held)| held.day == day && *id != but);
        let committed = others.map(|(_, held)| held.micro_dollars);
        DaySpending { guests: Sums { settled: settled.sum(), committed: committed.sum() }, ..DaySpending::default() }
    }

    /// The tokens of all batches in Google's queue except this one.
    fn enqueued_tokens(&self, but: &str, now: UnixMs) -> u64 {
        let held = self.commitments.iter().filter(|(id, _)| *id != but).map(|(_, held)| held.enqueued_tokens);
        let recent = self.spending.iter().filter(|(id, _)| *id != but).filter_map(|(_, row)| row.in_queue);
        let recent = recent.filter(|(_, at)| *at > now.plus(-QUEUED_AFTER_END_MS)).map(|(tokens, _)| tokens);
        held.chain(recent).sum()
    }

    /// Extends the job's reservation to cover another page. Returns `false` if the quota has no room.
    fn reserve_page(&mut self, job: &Job, request: &PaidRequest, budget: &Budget) -> bool {
        let account = Account { id: job.account_id.clone(), email: None, quota_tokens: None };
        let usage = self.usage_of(&account, budget.guest_quota_tokens);
        let Some(reservation) = self.reservations.get(&job.id) else { return false };
        let of_others = usage.reserved_tokens - reservation.tokens;
        let under_way = self.commitments.iter().filter(|(id, held)| held.job_id == job.id && **id != request.id);
        let held = Reserved {
            tokens: reservation.tokens,
            charged: self.ledger.iter().filter(|(key, _)| key.0 == job.id).map(|(_, charge)| charge.tokens).sum(),
            under_way: under_way.map(|(_, held)| held.tokens).sum(),
            free: usage.quota_tokens.saturating_sub(usage.used_tokens).saturating_sub(of_others),
        };
        let Some(with) = held.with_page(request.tokens_most) else { return false };
        self.reservations.get_mut(&job.id).unwrap().tokens = with;
        true
    }

    /// Records what is held as spent.
    pub(super) fn assume(&mut self, of: impl Fn(&str, &Commitment) -> bool, now: UnixMs) {
        for (id, held) in self.commitments.iter().filter(|(id, held)| of(id, held)) {
            let spent = Spent { micro_dollars: held.micro_dollars, ..Spent::default() };
            let in_queue = Some((held.enqueued_tokens, now));
            let row = SpentRow { account_id: held.account_id.clone(), day: held.day, spent, in_queue };
            self.spending.entry(id.clone()).or_insert(row);
        }
    }

    /// Records what an answer cost, and releases what was held for its request.
    /// `at`: the time of the database.
    pub(super) fn settle(&mut self, job: &Job, answer: &PaidAnswer, now: UnixMs, at: UnixMs) {
        let id = &answer.request_id;
        let day = self.commitments.get(id).map_or(now.day(), |held| held.day);
        let row = SpentRow { account_id: job.account_id.clone(), day, spent: answer.spent, in_queue: None };
        self.spending.entry(id.clone()).or_insert(row);
        self.release(|other, _| other == id, at);
    }

    fn release(&mut self, of: impl Fn(&str, &Commitment) -> bool, now: UnixMs) {
        let before = self.commitments.len();
        self.commitments.retain(|id, held| !of(id, held));
        let waits =
            |job: &Job| job.blocked_by == Some(BlockedReason::Spending) && job.due_at > now && job.task().is_some();
        let waiting = self.jobs.values_mut().filter(|row| waits(&row.job) && row.lease_until == UnixMs(0));
        if let Some(first) = waiting.min_by_key(|row| row.job.submitted_at).filter(|_| before > self.commitments.len())
        {
            first.job.due_at = now;
        }
    }
}

#[async_trait]
impl Spending for Memory {
    async fn admit(&self, job: &Job, request: &PaidRequest, budget: &Budget, now: UnixMs) -> Result<Admission> {
        let mut records = self.records();
        if !records.is_claim_current(job) {
            return Ok(Admission::Superseded);
        }
        let day = records.day_spending(now.day(), &request.id);
        if !budget.admits(&day, true, request) {
            return Ok(Admission::OverBudget);
        }
        if !budget.admits_to_queue(records.enqueued_tokens(&request.id, now), request) {
            return Ok(Admission::QueueFull);
        }
        if request.page.is_some() && !records.reserve_page(job, request, budget) {
            return Ok(Admission::OverQuota);
        }
        let held = Commitment {
            job_id: job.id.clone(),
            account_id: job.account_id.clone(),
            day: now.day(),
            micro_dollars: request.most,
            tokens: request.tokens_most,
            enqueued_tokens: request.enqueued_tokens,
        };
        records.commitments.insert(request.id.clone(), held);
        Ok(Admission::Admitted)
    }

    async fn settle(&self, job: &Job, id: &str, page: Option<u32>, spent: &Spent, now: UnixMs) -> Result<()> {
        let mut records = self.records();
        if records.is_claim_current(job) {
            let paid = PaidAnswer { request_id: id.to_owned(), page, spent: *spent };
            records.settle(job, &paid, now, self.now());
        }
        Ok(())
    }

    async fn close(&self, job: &Job, id: Option<&str>, unanswered: Unanswered, now: UnixMs) -> Result<()> {
        let mut records = self.records();
        let selected = |other: &str, held: &Commitment| held.job_id == job.id && id.is_none_or(|id| id == other);
        if records.is_claim_current(job) {
            if unanswered == Unanswered::Billed {
                records.assume(selected, now);
            }
            records.release(selected, self.now());
        }
        Ok(())
    }

    async fn wake_waiting(&self) -> Result<()> {
        let (now, mut records) = (self.now(), self.records());
        let waits = |job: &Job| job.blocked_by == Some(BlockedReason::Spending) && job.task().is_some();
        for row in records.jobs.values_mut().filter(|row| waits(&row.job)) {
            row.job.due_at = row.job.due_at.min(now);
        }
        Ok(())
    }

    async fn spent_on(&self, day: i64) -> Result<DaySpending> {
        Ok(self.records().day_spending(day, ""))
    }

    async fn answers_on(&self, account_id: &str, day: i64) -> Result<Answers> {
        let records = self.records();
        let rows = records.spending.values().filter(|row| row.account_id == account_id && row.day == day);
        Ok(rows.fold(Answers::default(), |sum, row| Answers {
            all: sum.all + row.spent.answers,
            useless: sum.useless + row.spent.useless,
        }))
    }
}
