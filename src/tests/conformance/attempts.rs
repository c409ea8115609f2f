//! Attempts: the answers for pages that are not final.

use std::collections::BTreeMap;

use coldbrew::extract::{Attempt, Verdict, Way};
use coldbrew::jobs::PageAttempt;

use super::*;

conform!(attempt_recorded_comes_back_once_and_in_order, attempt_of_a_lost_claim_is_not_recorded,);

fn attempt(page: u32, way: Way, verdict: Verdict, text: Option<&str>) -> PageAttempt {
    let read = |text: &str| read(page, text, 3).outcome;
    PageAttempt { page, attempt: Attempt { way, verdict }, recipe: format!("m/{way:?}"), outcome: text.map(read) }
}

async fn attempt_recorded_comes_back_once_and_in_order(stores: Stores) {
    let account = stores.account("a").await;
    let (job, other) = (stores.claimed(&account, "one").await, stores.claimed(&account, "two").await);
    let usual = |page| attempt(page, Way::Usual, Verdict::Cut, Some("Half of it, and \u{1f600}\0"));
    let grounded = attempt(1, Way::Grounded, Verdict::Refused, None);
    let record = async |attempts: &[PageAttempt], at_ms| {
        assert!(stores.attempts.record_attempts(&job, attempts, NOW.plus(at_ms)).await.unwrap());
    };
    record(&(0..150).map(usual).collect::<Vec<_>>(), 0).await;
    record(&[attempt(1, Way::Usual, Verdict::Missing, None), grounded.clone()], 1).await;
    let found = stores.attempts.page_attempts(&job).await.unwrap();
    assert_eq!(found.len(), 150);
    assert_eq!(found[&1], [usual(1), grounded]);
    assert_eq!(stores.attempts.page_attempts(&other).await.unwrap(), BTreeMap::new());
}

async fn attempt_of_a_lost_claim_is_not_recorded(stores: Stores) {
    let account = stores.account("a").await;
    let lost = stores.claimed(&account, "one").await;
    let job = stores.taken_over().await;
    let attempts = [attempt(0, Way::Usual, Verdict::Refused, None)];
    assert!(!stores.attempts.record_attempts(&lost, &attempts, NOW).await.unwrap());
    assert!(stores.attempts.page_attempts(&job).await.unwrap().is_empty());
    assert!(stores.attempts.record_attempts(&job, &attempts, NOW).await.unwrap());
    assert_eq!(stores.attempts.page_attempts(&job).await.unwrap()[&0], attempts);
}
