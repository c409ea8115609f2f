//! Spending: requests in flight and finished ones never exceed a ceiling together, and each answer is recorded once.

use coldbrew::accounts::spending::{Answers, Budget, DaySpending, PaidRequest, Spent};
use coldbrew::accounts::{Ending, Members};
use coldbrew::jobs::{Admission, PaidAnswer, QUEUED_AFTER_END_MS, Unanswered};
use futures::future::join_all;

use super::*;

conform!(
    request_admitted_is_held_until_its_answer_is_recorded,
    answer_recorded_twice_counts_once,
    pages_recorded_together_are_charged_and_settled_once_each,
    answer_counts_on_the_day_of_its_admission,
    admissions_at_once_never_exceed_the_ceiling,
    request_alone_may_exceed_the_ceiling,
    request_admitted_twice_is_held_once,
    request_unanswered_is_released_or_counted_at_its_maximum,
    claim_lost_neither_admits_nor_records,
    page_beyond_reservation_and_quota_is_not_admitted,
    reservation_covers_the_maximum_of_pages_in_flight,
    budget_released_wakes_the_job_that_waits_longest,
    account_deleted_keeps_its_spending,
    batch_not_admitted_is_recorded_with_its_results,
    batch_waits_until_the_queue_has_room,
);

const CEILING: u64 = 1_000;
const BUDGET: Budget = Budget { daily_max: Some(CEILING), ..Budget::UNLIMITED };

fn batch(id: &str, expected: u64, most: u64) -> PaidRequest {
    PaidRequest { id: id.to_owned(), page: None, expected, most, tokens_most: 0, enqueued_tokens: 0 }
}

fn page(index: u32, tokens_most: u64) -> PaidRequest {
    PaidRequest {
        id: format!("page {index}"),
        page: Some(index),
        expected: 1,
        most: 1,
        tokens_most,
        enqueued_tokens: 0,
    }
}

fn spent(micro_dollars: u64) -> Spent {
    let usage = TokenUsage { input: 3, output: 2, thoughts: 1 };
    Spent { answers: 2, useless: 1, usage, micro_dollars }
}

impl Stores {
    async fn admit(&self, job: &Job, request: &PaidRequest) -> Admission {
        self.spending.admit(job, request, &BUDGET, NOW).await.unwrap()
    }

    async fn settle(&self, job: &Job, request: &PaidRequest, micro_dollars: u64) {
        self.spending.settle(job, &request.id, request.page, &spent(micro_dollars), NOW).await.unwrap();
    }

    async fn close(&self, job: &Job, id: Option<&str>, unanswered: Unanswered) {
        self.spending.close(job, id, unanswered, NOW).await.unwrap();
    }

    /// Settled and committed micro-dollars of today. All accounts are guests.
    async fn today(&self) -> (u64, u64) {
        let DaySpending { members, guests } = self.spending.spent_on(NOW.day()).await.unwrap();
        assert_eq!((members.settled, members.committed), (0, 0));
        (guests.settled, guests.committed)
    }
}

async fn request_admitted_is_held_until_its_answer_is_recorded(stores: Stores) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    assert_eq!(stores.admit(&job, &batch("r", 10, 400)).await, Admission::Admitted);
    assert_eq!(stores.today().await, (0, 400));
    stores.settle(&job, &batch("r", 10, 400), 150).await;
    assert_eq!(stores.today().await, (150, 0));
    let answers = stores.spending.answers_on(&account.id, NOW.day()).await.unwrap();
    assert_eq!(answers, Answers { all: 2, useless: 1 });
    assert_eq!(stores.spending.answers_on("another", NOW.day()).await.unwrap(), Answers::default());
}

async fn pages_recorded_together_are_charged_and_settled_once_each(stores: Stores) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    let answered = |request: PaidRequest| PaidAnswer { request_id: request.id, page: request.page, spent: spent(7) };
    for index in 0..3 {
        assert_eq!(stores.admit(&job, &page(index, 10)).await, Admission::Admitted);
    }
    let (pages, paid) =
        ([read(0, "Text.", 30), failed_page(1, "It is damaged.")], [0, 1].map(|index| answered(page(index, 10))));
    for _ in 0..2 {
        assert!(stores.jobs.record_pages(&job, &pages, &paid, NOW).await.unwrap());
    }
    let is_as_recorded = async || {
        assert_eq!(stores.today().await, (14, 1), "the third request is still under way");
        assert_eq!(stores.used_and_reserved(&account).await, (30, 100));
        assert_eq!(stores.jobs.finished_pages(&job).await.unwrap().to_string(), "1-2");
    };
    is_as_recorded().await;
    stores.taken_over().await;
    let (pages, paid) = ([read(2, "Text.", 30)], [answered(page(2, 10))]);
    assert!(!stores.jobs.record_pages(&job, &pages, &paid, NOW).await.unwrap());
    is_as_recorded().await;
}

async fn answer_recorded_twice_counts_once(stores: Stores) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    let request = batch("r", 10, 400);
    stores.admit(&job, &request).await;
    for cost in [150, 150, 999] {
        stores.settle(&job, &request, cost).await;
    }
    stores.close(&job, None, Unanswered::Billed).await;
    assert_eq!(stores.today().await, (150, 0));
}

async fn answer_counts_on_the_day_of_its_admission(stores: Stores) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    stores.admit(&job, &batch("r", 10, 400)).await;
    let tomorrow = NOW.plus(NOW.ms_to_midnight());
    assert_eq!(stores.spending.spent_on(tomorrow.day()).await.unwrap(), DaySpending::default());
    stores.spending.settle(&job, "r", None, &spent(150), tomorrow).await.unwrap();
    assert_eq!(stores.today().await, (150, 0));
    assert_eq!(stores.spending.spent_on(tomorrow.day()).await.unwrap(), DaySpending::default());
    // The next day has a new budget.
    let admission = stores.spending.admit(&job, &batch("s", CEILING, CEILING), &BUDGET, tomorrow).await.unwrap();
    assert_eq!(admission, Admission::Admitted);
}

async fn admissions_at_once_never_exceed_the_ceiling(stores: Stores) {
    let account = stores.account("a").await;
    let mut jobs = Vec::new();
    for number in 0..8 {
        let job = job(&account, &number.to_string());
        assert_eq!(stores.accept(&account, &job, 10).await, Acceptance::Accepted);
        jobs.push(stores.claim(NOW).await.unwrap());
    }
    let requests: Vec<_> =
        jobs.iter().enumerate().map(|(number, job)| (job, batch(&number.to_string(), 1, 300))).collect();
    let admissions = join_all(requests.iter().map(|(job, request)| stores.admit(job, request))).await;
    let admitted = admissions.iter().filter(|admission| **admission == Admission::Admitted).count();
    assert_eq!(admitted, 3);
    assert!(admissions.iter().all(|admission| [Admission::Admitted, Admission::OverBudget].contains(admission)));
    assert_eq!(stores.today().await, (0, 900));
}

async fn request_alone_may_exceed_the_ceiling(stores: Stores) {
    let account = stores.account("a").await;
    let (one, two) = (stores.claimed(&account, "one").await, stores.claimed(&account, "two").await);
    assert_eq!(stores.admit(&one, &batch("r", 600, 5_000)).await, Admission::Admitted);
    assert_eq!(stores.admit(&two, &batch("s", 1, 1)).await, Admission::OverBudget);
    stores.settle(&one, &batch("r", 600, 5_000), 600).await;
    assert_eq!(stores.admit(&two, &batch("s", 401, 5_000)).await, Admission::OverBudget);
    assert_eq!(stores.admit(&two, &batch("s", 400, 5_000)).await, Admission::Admitted);
}

async fn request_admitted_twice_is_held_once(stores: Stores) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    for _ in 0..3 {
        assert_eq!(stores.admit(&job, &batch("r", 10, 600)).await, Admission::Admitted);
    }
    assert_eq!(stores.today().await, (0, 600));
}

async fn request_unanswered_is_released_or_counted_at_its_maximum(stores: Stores) {
    let account = stores.account("a").await;
    let (one, two) = (stores.claimed(&account, "one").await, stores.claimed(&account, "two").await);
    for (job, id) in [(&one, "r"), (&one, "s"), (&one, "t"), (&two, "u")] {
        assert_eq!(stores.admit(job, &batch(id, 1, 100)).await, Admission::Admitted);
    }
    stores.close(&one, Some("r"), Unanswered::Free).await;
    assert_eq!(stores.today().await, (0, 300));
    stores.close(&one, None, Unanswered::Billed).await;
    assert_eq!(stores.today().await, (200, 100), "the other job's request is still held");
    stores.settle(&one, &batch("s", 1, 100), 50).await;
    assert_eq!(stores.today().await, (200, 100), "a counted request stays counted");
}

async fn claim_lost_neither_admits_nor_records(stores: Stores) {
    let account = stores.account("a").await;
    let late = stores.claimed(&account, "one").await;
    let request = batch("r", 10, 400);
    stores.admit(&late, &request).await;
    let holder = stores.taken_over().await;
    assert_eq!(stores.admit(&late, &batch("s", 1, 1)).await, Admission::Superseded);
    stores.settle(&late, &request, 150).await;
    stores.close(&late, None, Unanswered::Free).await;
    assert_eq!(stores.today().await, (0, 400));
    stores.close(&holder, None, Unanswered::Billed).await;
    assert_eq!(stores.today().await, (400, 0));
    assert!(stores.jobs.advance(&at(&holder, failed()), 0, None, NOW).await.unwrap());
    assert_eq!(stores.admit(&holder, &batch("s", 1, 1)).await, Admission::Superseded, "the job has ended");
}

/// The quota equals the job's reservation.
async fn page_beyond_reservation_and_quota_is_not_admitted(stores: Stores) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    let budget = Budget { guest_quota_tokens: 100, ..Budget::UNLIMITED };
    let admit = async |index| stores.spending.admit(&job, &page(index, 60), &budget, NOW).await.unwrap();
    assert_eq!(admit(0).await, Admission::Admitted);
    assert_eq!(admit(1).await, Admission::OverQuota, "both pages could cost more than is reserved");
    stores.settle(&job, &page(0, 60), 1).await;
    assert!(stores.jobs.record_page(&job, &read(0, "Text.", 70), NOW).await.unwrap());
    assert_eq!(admit(1).await, Admission::Admitted, "one page may exceed the reservation");
    stores.settle(&job, &page(1, 60), 1).await;
    assert!(stores.jobs.record_page(&job, &read(1, "Text.", 50), NOW).await.unwrap());
    assert_eq!(admit(2).await, Admission::OverQuota);
    assert_eq!(stores.used_and_reserved(&account).await, (120, 100));
}

async fn reservation_covers_the_maximum_of_pages_in_flight(stores: Stores) {
    let account = stores.account("a").await;
    let claimed = stores.claimed(&account, "one").await;
    let budget = Budget { guest_quota_tokens: 400, ..Budget::UNLIMITED };
    let admit = async |index| stores.spending.admit(&claimed, &page(index, 150), &budget, NOW).await.unwrap();
    assert_eq!((admit(0).await, admit(1).await), (Admission::Admitted, Admission::Admitted));
    assert_eq!(stores.used_and_reserved(&account).await, (0, 300));
    assert_eq!(admit(2).await, Admission::OverQuota);
    assert!(matches!(stores.accept(&account, &job(&account, "two"), 701).await, Acceptance::OverQuota(_)));
    stores.close(&claimed, None, Unanswered::Free).await;
    assert!(stores.jobs.advance(&at(&claimed, failed()), 0, None, NOW).await.unwrap());
    assert_eq!(stores.used_and_reserved(&account).await, (0, 0));
}

async fn budget_released_wakes_the_job_that_waits_longest(stores: Stores) {
    let account = stores.account("a").await;
    let paying = stores.claimed(&account, "paying").await;
    assert_eq!(stores.admit(&paying, &batch("r", 1, 900)).await, Admission::Admitted);
    for (name, submitted_at) in [("second", NOW.plus(2)), ("first", NOW.plus(1))] {
        let job = Job { submitted_at, ..job(&account, name) };
        assert_eq!(stores.accept(&account, &job, 10).await, Acceptance::Accepted);
        let claimed = stores.claim(NOW).await.unwrap();
        let waiting = Job { blocked_by: Some(BlockedReason::Spending), ..claimed };
        assert!(stores.jobs.advance(&waiting, 60_000, None, NOW).await.unwrap());
    }
    assert_eq!(stores.claim(NOW).await, None);
    stores.settle(&paying, &batch("r", 1, 900), 100).await;
    assert_eq!(stores.claim(NOW).await.unwrap().id, "job first");
    assert_eq!(stores.claim(NOW).await, None, "the other job still waits");
    stores.spending.wake_waiting().await.unwrap();
    assert_eq!(stores.claim(NOW).await.unwrap().id, "job second");
}

async fn account_deleted_keeps_its_spending(stores: Stores) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    stores.admit(&job, &batch("r", 1, 100)).await;
    stores.settle(&job, &batch("r", 1, 100), 30).await;
    stores.admit(&job, &batch("s", 1, 200)).await;
    stores.accounts.delete_account(&account.id, NOW).await.unwrap();
    assert_eq!(stores.today().await, (230, 0), "a request in flight counts with its maximum");
}

async fn batch_not_admitted_is_recorded_with_its_results(stores: Stores) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    for _ in 0..2 {
        stores.settle(&job, &batch("r", 1, 1), 70).await;
    }
    assert_eq!(stores.today().await, (70, 0));
}

async fn batch_waits_until_the_queue_has_room(stores: Stores) {
    let account = stores.account("a").await;
    let jobs = [stores.claimed(&account, "one").await, stores.claimed(&account, "two").await];
    let budget = Budget { batch_tokens_max: Some(1_000), ..Budget::UNLIMITED };
    let batch = |id: &str, enqueued_tokens| PaidRequest { enqueued_tokens, ..batch(id, 1, 1) };
    let admit =
        async |job: &Job, request: PaidRequest, now| stores.spending.admit(job, &request, &budget, now).await.unwrap();
    assert_eq!(admit(&jobs[0], batch("a", 700), NOW).await, Admission::Admitted);
    assert_eq!(admit(&jobs[0], batch("a", 700), NOW).await, Admission::Admitted, "it counts once");
    assert_eq!(admit(&jobs[1], batch("b", 301), NOW).await, Admission::QueueFull);
    assert_eq!(admit(&jobs[1], batch("b", 300), NOW).await, Admission::Admitted);
    // An answered batch has left the queue. One that Google may bill counts on for a time, and one that was never made does not.
    stores.settle(&jobs[0], &batch("a", 700), 1).await;
    assert_eq!(admit(&jobs[0], batch("c", 700), NOW).await, Admission::Admitted);
    stores.close(&jobs[0], Some("c"), Unanswered::Billed).await;
    stores.close(&jobs[1], Some("b"), Unanswered::Free).await;
    assert_eq!(admit(&jobs[1], batch("d", 301), NOW).await, Admission::QueueFull);
    assert_eq!(admit(&jobs[1], batch("d", 300), NOW).await, Admission::Admitted);
    assert_eq!(admit(&jobs[0], batch("e", 700), NOW).await, Admission::QueueFull);
    assert_eq!(admit(&jobs[0], batch("e", 700), NOW.plus(QUEUED_AFTER_END_MS + 1)).await, Admission::Admitted);
}

/// The in-memory double has guests only.
#[tokio::test]
async fn ceiling_of_guests_does_not_apply_to_members() {
    let folder = TempDir::new().unwrap();
    let url = SqlStore::embedded_url(&folder.path().join("records.db"));
    let (store, stores) = Stores::sql(&url, folder).await;
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    let budget = Budget { guests_daily_max: Some(0), ..BUDGET };
    let admit = async || stores.spending.admit(&job, &batch("r", 10, 400), &budget, NOW).await.unwrap();
    assert_eq!(admit().await, Admission::OverBudget);
    let ending = Ending { now: NOW, own: None };
    assert!(store.sign_up(&account.id, "ada@example.org", "hash", None, ending).await.unwrap().is_some());
    assert_eq!(admit().await, Admission::Admitted);
    stores.settle(&job, &batch("r", 10, 400), 150).await;
    let day = store.spent_on(NOW.day()).await.unwrap();
    assert_eq!((day.members.settled, day.guests.settled), (150, 0));
}
