//! Admission: a job and its reservation are stored together, and concurrent submissions never exceed the quota.

use futures::future::join_all;

use super::*;

conform!(
    job_accepted_is_stored_with_its_reservation,
    content_with_an_active_job_gets_no_second_one,
    content_whose_job_has_ended_can_be_extracted_again,
    job_beyond_the_quota_is_refused_with_the_usage,
    tokens_used_count_against_the_quota,
    job_of_an_unknown_account_is_refused,
    jobs_submitted_at_once_never_exceed_the_quota,
    content_submitted_at_once_gets_one_job,
);

async fn job_accepted_is_stored_with_its_reservation(stores: Stores) {
    let account = stores.account("a").await;
    let job = job(&account, "one");
    assert_eq!(stores.accept(&account, &job, QUOTA).await, Acceptance::Accepted);
    assert_eq!(stores.used_and_reserved(&account).await, (0, QUOTA));
    let claimed = stores.claim(NOW).await.unwrap();
    assert_eq!(claimed, Job { claims: 1, fence: claimed.fence, ..job });
}

async fn content_with_an_active_job_gets_no_second_one(stores: Stores) {
    let account = stores.account("a").await;
    let first = job(&account, "one");
    stores.accept(&account, &first, 100).await;
    let second = Job { id: "another".into(), pages: PageSet::all(1), ..first.clone() };
    assert_eq!(stores.accept(&account, &second, 100).await, Acceptance::Active(Box::new(first)));
    assert_eq!(stores.used_and_reserved(&account).await, (0, 100), "the second job reserves nothing");
    assert_eq!(stores.jobs.active_ids().await.unwrap(), ["job one"]);
}

async fn content_whose_job_has_ended_can_be_extracted_again(stores: Stores) {
    let account = stores.account("a").await;
    let first = stores.claimed(&account, "one").await;
    assert!(stores.jobs.advance(&at(&first, failed()), 0, None, NOW).await.unwrap());
    let second = Job { id: "job one again".into(), ..job(&account, "one") };
    assert_eq!(stores.accept(&account, &second, 100).await, Acceptance::Accepted);
    let latest = stores.jobs.latest(&account.id, "content one").await.unwrap().unwrap();
    assert_eq!(latest.id, "job one again");
}

async fn job_beyond_the_quota_is_refused_with_the_usage(stores: Stores) {
    let account = stores.account("a").await;
    stores.accept(&account, &job(&account, "one"), 600).await;
    let usage = Usage { quota_tokens: QUOTA, used_tokens: 0, reserved_tokens: 600, available_tokens: 400 };
    assert_eq!(stores.accept(&account, &job(&account, "two"), 401).await, Acceptance::OverQuota(usage));
    assert_eq!(stores.jobs.active_ids().await.unwrap().len(), 1);
    assert_eq!(stores.accept(&account, &job(&account, "two"), 400).await, Acceptance::Accepted);
}

async fn tokens_used_count_against_the_quota(stores: Stores) {
    let account = stores.account("a").await;
    let first = stores.claimed(&account, "one").await;
    assert_eq!(stores.complete(&first, vec![read(0, "Text.", 600)]).await, Completion::Stored);
    assert!(matches!(stores.accept(&account, &job(&account, "two"), 401).await, Acceptance::OverQuota(_)));
    assert_eq!(stores.accept(&account, &job(&account, "two"), 400).await, Acceptance::Accepted);
}

async fn job_of_an_unknown_account_is_refused(stores: Stores) {
    let unknown = Account { id: "unknown".into(), email: None, quota_tokens: None };
    assert!(stores.jobs.accept(&job(&unknown, "one"), 1, &unknown, QUOTA, &UNLIMITED).await.is_err());
    assert!(stores.jobs.active_ids().await.unwrap().is_empty());
}

async fn jobs_submitted_at_once_never_exceed_the_quota(stores: Stores) {
    let account = stores.account("a").await;
    let jobs: Vec<_> = (0..64).map(|number| job(&account, &number.to_string())).collect();
    let answers = join_all(jobs.iter().map(|job| stores.accept(&account, job, QUOTA / 10))).await;
    assert_eq!(answers.iter().filter(|answer| **answer == Acceptance::Accepted).count(), 10);
    assert_eq!(answers.iter().filter(|answer| matches!(answer, Acceptance::OverQuota(_))).count(), 54);
    assert_eq!(stores.used_and_reserved(&account).await, (0, QUOTA));
    assert_eq!(stores.jobs.active_ids().await.unwrap().len(), 10);
}

async fn content_submitted_at_once_gets_one_job(stores: Stores) {
    let account = stores.account("a").await;
    let jobs: Vec<_> = (0..32).map(|number| Job { id: format!("{number}"), ..job(&account, "one") }).collect();
    let answers = join_all(jobs.iter().map(|job| stores.accept(&account, job, 10))).await;
    let active = stores.jobs.active_ids().await.unwrap();
    assert_eq!(active.len(), 1);
    assert_eq!(answers.iter().filter(|answer| **answer == Acceptance::Accepted).count(), 1);
    let named = |answer: &Acceptance| matches!(answer, Acceptance::Active(job) if job.id == active[0]);
    assert_eq!(answers.iter().filter(|answer| named(answer)).count(), 31);
    assert_eq!(stores.used_and_reserved(&account).await, (0, 10));
}
