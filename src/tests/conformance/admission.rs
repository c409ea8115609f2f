//! Admission: a job and its reservation are made together, and however many come at once, the quota holds.

use futures::future::join_all;

use super::*;

conform!(
    an_accepted_job_is_on_record_with_its_reservation,
    a_document_has_one_active_job,
    a_document_can_be_extracted_again_once_its_job_is_over,
    what_does_not_fit_is_refused_with_the_numbers,
    what_was_used_counts_against_the_quota,
    an_account_that_is_gone_gets_no_job,
    of_sixty_four_at_once_as_many_pass_as_fit,
    the_same_document_thirty_two_times_at_once_is_one_job,
);

async fn an_accepted_job_is_on_record_with_its_reservation(stores: Stores) {
    let account = stores.account("a").await;
    let job = job(&account, "one");
    assert_eq!(stores.accept(&account, &job, QUOTA).await, Acceptance::Accepted);
    assert_eq!(stores.books(&account).await, (0, QUOTA));
    let claimed = stores.claim(NOW).await.unwrap();
    assert_eq!(claimed, Job { claims: 1, fence: claimed.fence, ..job });
}

async fn a_document_has_one_active_job(stores: Stores) {
    let account = stores.account("a").await;
    let first = job(&account, "one");
    stores.accept(&account, &first, 100).await;
    let second = Job { id: "another".into(), pages: PageSet::all(1), ..first.clone() };
    assert_eq!(stores.accept(&account, &second, 100).await, Acceptance::Active(Box::new(first)));
    assert_eq!(stores.books(&account).await, (0, 100), "the second reserved nothing");
    assert_eq!(stores.jobs.active_ids().await.unwrap(), ["job one"]);
}

async fn a_document_can_be_extracted_again_once_its_job_is_over(stores: Stores) {
    let account = stores.account("a").await;
    let first = stores.claimed(&account, "one").await;
    assert!(stores.jobs.advance(&at(&first, failed()), None, NOW).await.unwrap());
    let second = Job { id: "job one again".into(), ..job(&account, "one") };
    assert_eq!(stores.accept(&account, &second, 100).await, Acceptance::Accepted);
    let latest = stores.jobs.latest(&account.id, "content one").await.unwrap().unwrap();
    assert_eq!(latest.id, "job one again");
}

async fn what_does_not_fit_is_refused_with_the_numbers(stores: Stores) {
    let account = stores.account("a").await;
    stores.accept(&account, &job(&account, "one"), 600).await;
    let usage = Usage { quota_tokens: QUOTA, used_tokens: 0, reserved_tokens: 600, available_tokens: 400 };
    assert_eq!(stores.accept(&account, &job(&account, "two"), 401).await, Acceptance::OverQuota(usage));
    assert_eq!(stores.jobs.active_ids().await.unwrap().len(), 1);
    assert_eq!(stores.accept(&account, &job(&account, "two"), 400).await, Acceptance::Accepted);
}

async fn what_was_used_counts_against_the_quota(stores: Stores) {
    let account = stores.account("a").await;
    let first = stores.claimed(&account, "one").await;
    assert_eq!(stores.complete(&first, vec![read(0, "Text.", 600)]).await, Completion::Stored);
    assert!(matches!(stores.accept(&account, &job(&account, "two"), 401).await, Acceptance::OverQuota(_)));
    assert_eq!(stores.accept(&account, &job(&account, "two"), 400).await, Acceptance::Accepted);
}

async fn an_account_that_is_gone_gets_no_job(stores: Stores) {
    let unknown = Account { id: "unknown".into(), email: None, quota_tokens: None };
    assert!(stores.jobs.accept(&job(&unknown, "one"), 1, &unknown, QUOTA, &UNLIMITED).await.is_err());
    assert!(stores.jobs.active_ids().await.unwrap().is_empty());
}

async fn of_sixty_four_at_once_as_many_pass_as_fit(stores: Stores) {
    let account = stores.account("a").await;
    let jobs: Vec<_> = (0..64).map(|number| job(&account, &number.to_string())).collect();
    let answers = join_all(jobs.iter().map(|job| stores.accept(&account, job, QUOTA / 10))).await;
    assert_eq!(answers.iter().filter(|answer| **answer == Acceptance::Accepted).count(), 10);
    assert_eq!(answers.iter().filter(|answer| matches!(answer, Acceptance::OverQuota(_))).count(), 54);
    assert_eq!(stores.books(&account).await, (0, QUOTA));
    assert_eq!(stores.jobs.active_ids().await.unwrap().len(), 10);
}

async fn the_same_document_thirty_two_times_at_once_is_one_job(stores: Stores) {
    let account = stores.account("a").await;
    let jobs: Vec<_> = (0..32).map(|number| Job { id: format!("{number}"), ..job(&account, "one") }).collect();
    let answers = join_all(jobs.iter().map(|job| stores.accept(&account, job, 10))).await;
    let active = stores.jobs.active_ids().await.unwrap();
    assert_eq!(active.len(), 1);
    assert_eq!(answers.iter().filter(|answer| **answer == Acceptance::Accepted).count(), 1);
    let named = |answer: &Acceptance| matches!(answer, Acceptance::Active(job) if job.id == active[0]);
    assert_eq!(answers.iter().filter(|answer| named(answer)).count(), 31);
    assert_eq!(stores.books(&account).await, (0, 10));
}
