//! Claims: a job is worked by one at a time, and by somebody else when that one is gone.

use std::collections::BTreeSet;

use futures::future::join_all;

use super::*;

conform!(
    the_job_that_has_been_due_longest_comes_first,
    a_claim_holds_until_its_lease_runs_out,
    a_claim_that_is_renewed_holds_longer,
    who_is_there_to_claim_again_has_not_crashed,
    a_job_that_is_handed_back_is_free_and_nothing_was_counted,
    a_job_can_be_handed_back_for_later,
    who_lost_a_claim_cannot_hand_it_back_or_renew_it,
    workers_that_claim_at_once_share_the_jobs,
    a_claim_takes_as_many_of_its_lane_as_it_may,
    adopted_claim_is_the_same_claim_of_another_worker,
    claim_that_was_lost_cannot_be_adopted,
);

async fn the_job_that_has_been_due_longest_comes_first(stores: Stores) {
    let account = stores.account("a").await;
    for (name, wait_ms) in [("second", 20), ("first", 10), ("third", 30)] {
        let due_at = NOW.plus(wait_ms);
        stores.accept(&account, &Job { due_at, ..job(&account, name) }, 1).await;
    }
    assert_eq!(stores.claim(NOW.plus(9)).await, None, "none is due yet");
    let mut order = Vec::new();
    while let Some(job) = stores.claim(NOW.plus(29)).await {
        order.push(job.content_hash);
    }
    assert_eq!(order, ["content first", "content second"]);
    assert_eq!(stores.claim(NOW.plus(30)).await.unwrap().content_hash, "content third");
}

async fn a_claim_holds_until_its_lease_runs_out(stores: Stores) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    assert_eq!(stores.claim(NOW.plus(LEASE_MS - 1)).await, None);
    let again = stores.taken_over().await;
    assert!(again.fence > job.fence);
    assert_eq!((job.claims, again.claims), (1, 2), "a claim that came to nothing is counted");
}

async fn who_is_there_to_claim_again_has_not_crashed(stores: Stores) {
    let account = stores.account("a").await;
    stores.claimed(&account, "one").await;
    let again = stores.claim(NOW.plus(LEASE_MS)).await.unwrap();
    assert_eq!(again.claims, 1);
    stores.jobs.release(&again, None).await.unwrap();
    assert_eq!(stores.claim(NOW.plus(LEASE_MS)).await.unwrap().claims, 1);
    // A step that had to wait: the claim after it is one like any other.
    let claimed = stores.claim(NOW.plus(2 * LEASE_MS)).await.unwrap();
    let waiting = Job { due_at: NOW.plus(3 * LEASE_MS), ..at(&claimed, Stage::Upload { attempt: 2 }) };
    assert!(stores.jobs.advance(&waiting, None, NOW).await.unwrap());
    assert_eq!(stores.claim(NOW.plus(3 * LEASE_MS)).await.unwrap().claims, 1);
}

async fn a_job_can_be_handed_back_for_later(stores: Stores) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    stores.jobs.release(&job, Some(NOW.plus(50))).await.unwrap();
    assert_eq!(stores.claim(NOW.plus(49)).await, None);
    assert_eq!(stores.claim(NOW.plus(50)).await.unwrap().claims, 1);
}

async fn a_claim_that_is_renewed_holds_longer(stores: Stores) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    assert!(stores.jobs.renew(&job, NOW.plus(5_000)).await.unwrap());
    assert_eq!(stores.claim(NOW.plus(4_999)).await, None);
    assert!(stores.claim(NOW.plus(5_000)).await.is_some());
}

async fn a_job_that_is_handed_back_is_free_and_nothing_was_counted(stores: Stores) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    stores.jobs.release(&job, None).await.unwrap();
    let again = stores.claim(NOW).await.unwrap();
    assert_eq!(again.claims, 1);
    assert!(again.fence > job.fence);
}

async fn who_lost_a_claim_cannot_hand_it_back_or_renew_it(stores: Stores) {
    let account = stores.account("a").await;
    let late = stores.claimed(&account, "one").await;
    let holder = stores.taken_over().await;
    stores.jobs.release(&late, None).await.unwrap();
    assert!(!stores.jobs.renew(&late, NOW.plus(100_000)).await.unwrap());
    assert_eq!(stores.claim(NOW.plus(LEASE_MS + 1)).await, None, "the holder still has it");
    assert!(stores.jobs.renew(&holder, NOW.plus(5_000)).await.unwrap());
}

async fn workers_that_claim_at_once_share_the_jobs(stores: Stores) {
    let account = stores.account("a").await;
    for number in 0..24 {
        stores.accept(&account, &job(&account, &number.to_string()), 1).await;
    }
    let claims = join_all((0..24).map(|_| stores.claim(NOW))).await;
    let claimed: BTreeSet<_> = claims.into_iter().flatten().map(|job| job.id).collect();
    assert_eq!(claimed.len(), 24, "each claim got a job of its own");
    assert_eq!(stores.claim(NOW).await, None);
}

async fn a_claim_takes_as_many_of_its_lane_as_it_may(stores: Stores) {
    let account = stores.account("a").await;
    for number in 0..5 {
        stores.accept(&account, &Job { due_at: NOW.plus(-number), ..job(&account, &number.to_string()) }, 1).await;
    }
    let contents = |jobs: &[Job]| jobs.iter().map(|job| job.content_hash.clone()).collect::<Vec<_>>();
    let first = stores.claim_many(Lane::Local, 2, NOW).await;
    assert_eq!(contents(&first), ["content 4", "content 3"]);
    let seek = Stage::Reconciling { attempt: 1, input_file: "files/in".into(), key: None, empty_listings: 0 };
    for job in &first {
        assert!(stores.jobs.advance(&Job { due_at: NOW.plus(10), ..at(job, seek.clone()) }, None, NOW).await.unwrap());
    }
    assert_eq!(
        contents(&stores.claim_many(Lane::Local, 10, NOW.plus(10)).await),
        ["content 2", "content 1", "content 0"]
    );
    assert_eq!(stores.claim_many(Lane::Remote, 10, NOW.plus(9)).await, []);
    assert_eq!(stores.claim_many(Lane::Remote, 10, NOW.plus(10)).await.len(), 2);
}

async fn adopted_claim_is_the_same_claim_of_another_worker(stores: Stores) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    let adopted = stores.jobs.adopt("another", &job.id, job.fence, NOW.plus(5_000)).await.unwrap().unwrap();
    assert_eq!(adopted, job);
    assert_eq!(stores.claim(NOW.plus(4_999)).await, None, "the lease is the new worker's");
    // The first worker claims again: it is alive, but the crash was not its own.
    assert_eq!(stores.claim(NOW.plus(5_000)).await.unwrap().claims, 2);
}

async fn claim_that_was_lost_cannot_be_adopted(stores: Stores) {
    let account = stores.account("a").await;
    let late = stores.claimed(&account, "one").await;
    let holder = stores.taken_over().await;
    assert_eq!(stores.jobs.adopt("another", &late.id, late.fence, NOW.plus(9_000)).await.unwrap(), None);
    stores.jobs.release(&holder, None).await.unwrap();
    assert_eq!(stores.jobs.adopt("another", &holder.id, holder.fence, NOW.plus(9_000)).await.unwrap(), None);
}
