//! Claims: one worker at a time has a job, and another one takes it over after the lease expires.

use std::collections::BTreeSet;

use futures::future::join_all;

use super::*;

conform!(
    job_due_longest_is_claimed_first,
    claim_holds_until_its_lease_expires,
    claim_renewed_holds_longer,
    own_expired_lease_reclaimed_is_not_counted_as_crash,
    job_released_can_be_claimed_and_the_claim_does_not_count,
    job_released_with_a_due_time_waits_for_it,
    claim_lost_cannot_be_released_or_renewed,
    claims_at_once_get_different_jobs,
    claim_takes_up_to_its_maximum_of_one_lane,
    claim_adopted_belongs_to_the_new_worker,
    claim_lost_cannot_be_adopted,
    caller_wrong_by_hours_claims_exactly_what_is_due,
);

async fn job_due_longest_is_claimed_first(stores: Stores) {
    let account = stores.account("a").await;
    for (name, wait_ms) in [("second", 20), ("first", 10), ("third", 30)] {
        let due_at = NOW.plus(wait_ms);
        stores.accept(&account, &Job { due_at, ..job(&account, name) }, 1).await;
    }
    assert_eq!(stores.claim(NOW.plus(9)).await, None, "no job is due yet");
    let mut order = Vec::new();
    while let Some(job) = stores.claim(NOW.plus(29)).await {
        order.push(job.content_hash);
    }
    assert_eq!(order, ["content first", "content second"]);
    assert_eq!(stores.claim(NOW.plus(30)).await.unwrap().content_hash, "content third");
}

async fn claim_holds_until_its_lease_expires(stores: Stores) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    assert_eq!(stores.claim(NOW.plus(LEASE_MS - 1)).await, None);
    let again = stores.taken_over().await;
    assert!(again.fence > job.fence);
    assert_eq!((job.claims, again.claims), (1, 2), "a claim without a step counts");
}

async fn own_expired_lease_reclaimed_is_not_counted_as_crash(stores: Stores) {
    let account = stores.account("a").await;
    stores.claimed(&account, "one").await;
    let again = stores.claim(NOW.plus(LEASE_MS)).await.unwrap();
    assert_eq!(again.claims, 1);
    stores.jobs.release(&again, None).await.unwrap();
    assert_eq!(stores.claim(NOW.plus(LEASE_MS)).await.unwrap().claims, 1);
    // A claim after a step that had to wait counts as usual.
    let claimed = stores.claim(NOW.plus(2 * LEASE_MS)).await.unwrap();
    let waiting = at(&claimed, Stage::Upload { attempt: 2 });
    assert!(stores.jobs.advance(&waiting, LEASE_MS, None, NOW).await.unwrap());
    assert_eq!(stores.claim(NOW.plus(3 * LEASE_MS)).await.unwrap().claims, 1);
}

async fn job_released_with_a_due_time_waits_for_it(stores: Stores) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    stores.jobs.release(&job, Some(50)).await.unwrap();
    assert_eq!(stores.claim(NOW.plus(49)).await, None);
    assert_eq!(stores.claim(NOW.plus(50)).await.unwrap().claims, 1);
}

async fn claim_renewed_holds_longer(stores: Stores) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    assert!(stores.jobs.renew(&job, 5_000).await.unwrap());
    assert_eq!(stores.claim(NOW.plus(4_999)).await, None);
    assert!(stores.claim(NOW.plus(5_000)).await.is_some());
}

async fn job_released_can_be_claimed_and_the_claim_does_not_count(stores: Stores) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    stores.jobs.release(&job, None).await.unwrap();
    let again = stores.claim(NOW).await.unwrap();
    assert_eq!(again.claims, 1);
    assert!(again.fence > job.fence);
}

async fn claim_lost_cannot_be_released_or_renewed(stores: Stores) {
    let account = stores.account("a").await;
    let late = stores.claimed(&account, "one").await;
    let holder = stores.taken_over().await;
    stores.jobs.release(&late, None).await.unwrap();
    assert!(!stores.jobs.renew(&late, 100_000).await.unwrap());
    assert_eq!(stores.claim(NOW.plus(LEASE_MS + 1)).await, None, "the new holder keeps its claim");
    assert!(stores.jobs.renew(&holder, 5_000).await.unwrap());
}

async fn claims_at_once_get_different_jobs(stores: Stores) {
    let account = stores.account("a").await;
    for number in 0..24 {
        stores.accept(&account, &job(&account, &number.to_string()), 1).await;
    }
    let claims = join_all((0..24).map(|_| stores.claim(NOW))).await;
    let claimed: BTreeSet<_> = claims.into_iter().flatten().map(|job| job.id).collect();
    assert_eq!(claimed.len(), 24, "each claim gets another job");
    assert_eq!(stores.claim(NOW).await, None);
}

async fn claim_takes_up_to_its_maximum_of_one_lane(stores: Stores) {
    let account = stores.account("a").await;
    for number in 0..5 {
        stores.accept(&account, &Job { due_at: NOW.plus(-number), ..job(&account, &number.to_string()) }, 1).await;
    }
    let contents = |jobs: &[Job]| jobs.iter().map(|job| job.content_hash.clone()).collect::<Vec<_>>();
    let first = stores.claim_many(Lane::Local, 2, NOW).await;
    assert_eq!(contents(&first), ["content 4", "content 3"]);
    let reconciling = Stage::Reconciling {
        attempt: 1,
        input_file: "files/in".into(),
        uploaded_at: None,
        key: None,
        empty_listings: 0,
    };
    for job in &first {
        assert!(stores.jobs.advance(&at(job, reconciling.clone()), 10, None, NOW).await.unwrap());
    }
    assert_eq!(
        contents(&stores.claim_many(Lane::Local, 10, NOW.plus(10)).await),
        ["content 2", "content 1", "content 0"]
    );
    assert_eq!(stores.claim_many(Lane::Remote, 10, NOW.plus(9)).await, []);
    assert_eq!(stores.claim_many(Lane::Remote, 10, NOW.plus(10)).await.len(), 2);
}

async fn claim_adopted_belongs_to_the_new_worker(stores: Stores) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    let adopted = stores.jobs.adopt("another", &job.id, job.fence, 5_000).await.unwrap().unwrap();
    assert_eq!(adopted, job);
    assert_eq!(stores.claim(NOW.plus(4_999)).await, None, "the new worker has the lease");
    // The first worker claims again: its own claim had not failed, so this one counts.
    assert_eq!(stores.claim(NOW.plus(5_000)).await.unwrap().claims, 2);
}

async fn claim_lost_cannot_be_adopted(stores: Stores) {
    let account = stores.account("a").await;
    let late = stores.claimed(&account, "one").await;
    let holder = stores.taken_over().await;
    assert_eq!(stores.jobs.adopt("another", &late.id, late.fence, 9_000).await.unwrap(), None);
    stores.jobs.release(&holder, None).await.unwrap();
    assert_eq!(stores.jobs.adopt("another", &holder.id, holder.fence, 9_000).await.unwrap(), None);
}

async fn caller_wrong_by_hours_claims_exactly_what_is_due(stores: Stores) {
    let account = stores.account("a").await;
    for (name, wrong_by_ms) in [("ahead", 50 * 3_600_000), ("behind", -50 * 3_600_000)] {
        let (caller, job) = (NOW.plus(wrong_by_ms), job(&account, name));
        stores.uploads.insert_upload(&upload(&account, name), &UNLIMITED, caller).await.unwrap();
        stores.clock.set(NOW).await;
        let job = Job { submitted_at: caller, due_at: caller, ..job };
        assert_eq!(stores.jobs.accept(&job, 1, &account, 0, &UNLIMITED).await.unwrap(), Acceptance::Accepted);
        let claimed = stores.claim(NOW).await.unwrap();
        assert_eq!((claimed.due_at, claimed.submitted_at), (NOW, caller), "the job is due at once");
        let waiting = Job { due_at: caller.plus(50), ..at(&claimed, Stage::Upload { attempt: 2 }) };
        assert!(stores.jobs.advance(&waiting, 50, None, caller).await.unwrap());
        assert_eq!(stores.claim(NOW.plus(49)).await, None);
        let again = stores.claim(NOW.plus(50)).await.unwrap();
        assert_eq!(again.due_at, NOW.plus(50));
        assert!(stores.jobs.renew(&again, LEASE_MS).await.unwrap());
        assert_eq!(stores.claim(NOW.plus(50 + LEASE_MS - 1)).await, None, "the lease does not end early");
        let again = stores.claim(NOW.plus(50 + LEASE_MS)).await.expect("the lease does not end late");
        assert!(stores.jobs.advance(&at(&again, failed()), 0, None, caller).await.unwrap());
    }
}
