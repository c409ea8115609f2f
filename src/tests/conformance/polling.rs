//! Polls: which jobs wait for their batch, and which workers share them.

use super::*;

/// Longer than any test takes.
const LONG_MS: i64 = 3_600_000;

conform!(
    job_that_waits_for_its_batch_is_listed_and_not_claimed_when_due,
    job_held_by_a_worker_does_not_wait,
    waiting_job_is_claimed_once_for_each_fencing_token,
    waiting_job_is_loaded_as_it_was_stored,
    worker_is_live_until_it_leaves_or_its_lease_ends,
    waiting_job_is_due_when_no_worker_attends_to_it,
    worker_that_joins_keeps_until_when_others_have_polled,
);

/// The job with that name, waiting for its batch. It is due.
async fn waiting(stores: &Stores, account: &Account, name: &str) -> Job {
    let claimed = stores.claimed(account, name).await;
    let waiting = Job { due_at: NOW.plus(10), ..at(&claimed, polling()) };
    assert!(stores.jobs.advance(&waiting, 10, None, NOW).await.unwrap());
    waiting
}

async fn job_that_waits_for_its_batch_is_listed_and_not_claimed_when_due(stores: Stores) {
    let account = stores.account("a").await;
    let (second, first) = (waiting(&stores, &account, "b").await, waiting(&stores, &account, "a").await);
    stores.claimed(&account, "at another stage").await;
    let listed = stores.polling.waiting().await.unwrap();
    assert_eq!(listed, [(first.id, first.fence), (second.id, second.fence)]);
    assert_eq!(stores.claim_many(Lane::Remote, 10, NOW.plus(20)).await, []);
    let claimed = stores.claim_many(Lane::Local, 10, NOW.plus(20)).await;
    assert!(claimed.iter().all(|job| job.content_hash == "content at another stage"), "{claimed:?}");
}

async fn job_held_by_a_worker_does_not_wait(stores: Stores) {
    let account = stores.account("a").await;
    let job = waiting(&stores, &account, "a").await;
    let claimed = stores.polling.claim_waiting("worker", &job.id, job.fence, LONG_MS).await.unwrap().unwrap();
    assert_eq!(stores.polling.waiting().await.unwrap(), []);
    stores.jobs.release(&claimed, None).await.unwrap();
    assert_eq!(stores.polling.waiting().await.unwrap(), [(job.id, claimed.fence)]);
}

async fn waiting_job_is_claimed_once_for_each_fencing_token(stores: Stores) {
    let account = stores.account("a").await;
    let job = waiting(&stores, &account, "a").await;
    let claim = async |fence: i64| stores.polling.claim_waiting("worker", &job.id, fence, LONG_MS).await.unwrap();
    assert_eq!(claim(job.fence + 1).await, None, "another fencing token");
    let claimed = claim(job.fence).await.unwrap();
    assert_eq!(claimed, Job { fence: job.fence + 1, claims: 1, ..job.clone() });
    assert_eq!(claim(job.fence).await, None, "the token is used up");
    assert_eq!(claim(claimed.fence).await, None, "a worker holds the job");
    assert!(stores.jobs.advance(&at(&claimed, failed()), 0, None, NOW).await.unwrap());
    assert_eq!(claim(claimed.fence).await, None, "the job has ended");
}

async fn waiting_job_is_loaded_as_it_was_stored(stores: Stores) {
    let account = stores.account("a").await;
    let (job, held) = (waiting(&stores, &account, "a").await, stores.claimed(&account, "held").await);
    let ids = [job.id.clone(), held.id, "unknown".to_owned()];
    assert_eq!(stores.polling.load(&ids).await.unwrap(), [job]);
}

async fn worker_is_live_until_it_leaves_or_its_lease_ends(stores: Stores) {
    for (name, lease_ms) in [("a", LONG_MS), ("b", LONG_MS), ("dead", 0), ("from a later clock", 3 * LONG_MS)] {
        stores.polling.attend(name, None, lease_ms).await.unwrap();
    }
    let live = async || stores.polling.roster(LONG_MS).await.unwrap().workers;
    assert_eq!(live().await, ["a", "b"]);
    stores.polling.leave("a").await.unwrap();
    assert_eq!(live().await, ["b"]);
    stores.polling.attend("a", Some(0), LONG_MS).await.unwrap();
    assert_eq!(live().await, ["a", "b"]);
}

async fn waiting_job_is_due_when_no_worker_attends_to_it(stores: Stores) {
    let account = stores.account("a").await;
    let job = waiting(&stores, &account, "a").await;
    let due_at = async || stores.operations.queue().await.unwrap()[0].due_at;
    assert_eq!(due_at().await, job.due_at);
    for _ in 0..2 {
        stores.polling.attend("a", Some(0), LONG_MS).await.unwrap();
    }
    let attended = due_at().await;
    assert!(attended >= NOW.plus(LONG_MS), "{attended:?}");
    stores.polling.leave("a").await.unwrap();
    assert_eq!(due_at().await, attended, "the last worker attended until then");
}

async fn worker_that_joins_keeps_until_when_others_have_polled(stores: Stores) {
    let unattended_ms = async || stores.polling.roster(LONG_MS).await.unwrap().unattended_ms;
    assert_eq!(unattended_ms().await, i64::MAX, "no worker has polled");
    stores.polling.attend("a", None, LONG_MS).await.unwrap();
    stores.polling.attend("a", Some(7 * LONG_MS), LONG_MS).await.unwrap();
    let before = unattended_ms().await;
    assert!((6 * LONG_MS..7 * LONG_MS).contains(&before), "{before}");
    stores.polling.attend("b", Some(0), LONG_MS).await.unwrap();
    assert!(unattended_ms().await >= before, "the new worker has not polled yet");
    stores.polling.attend("b", Some(0), LONG_MS).await.unwrap();
    assert!(unattended_ms().await <= 0);
    stores.polling.attend("a", None, LONG_MS).await.unwrap();
    assert!(unattended_ms().await <= 0, "a worker without a part knows what the others do");
}
