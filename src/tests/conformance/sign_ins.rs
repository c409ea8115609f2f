//! Counts of password attempts, and known networks.

use coldbrew::accounts::Attempts;
use sqlx::{AnyConnection, Connection};

use super::*;

conform!(
    attempt_counted_concurrently_is_not_overwritten,
    attempts_uncounted_or_cleared_are_gone,
    purge_deletes_old_attempts_only,
    known_network_belongs_to_one_account_and_is_deleted_with_it,
    known_networks_beyond_the_latest_are_deleted,
);

fn attempts(failures: u32, later_ms: i64) -> Attempts {
    Attempts { failures, last_at: NOW.plus(later_ms) }
}

async fn attempt_counted_concurrently_is_not_overwritten(stores: Stores) {
    let store = &stores.sign_ins;
    let count = async |before, after| store.count_attempt("one", before, after).await.unwrap();
    assert_eq!(store.attempts("one").await.unwrap(), None);
    assert!(count(None, attempts(1, 0)).await);
    assert!(!count(None, attempts(1, 5)).await, "another request has counted first");
    assert!(count(Some(attempts(1, 0)), attempts(2, 5)).await);
    assert!(!count(Some(attempts(1, 0)), attempts(2, 6)).await, "another request has counted meanwhile");
    assert_eq!(store.attempts("one").await.unwrap(), Some(attempts(2, 5)));
    assert_eq!(store.attempts("two").await.unwrap(), None);
}

async fn attempts_uncounted_or_cleared_are_gone(stores: Stores) {
    let store = &stores.sign_ins;
    assert!(store.count_attempt("one", None, attempts(1, 0)).await.unwrap());
    for left in [0, 0] {
        store.take_back_attempt("one").await.unwrap();
        assert_eq!(store.attempts("one").await.unwrap(), Some(attempts(left, 0)));
    }
    store.forget_attempts("one").await.unwrap();
    assert_eq!(store.attempts("one").await.unwrap(), None);
    store.take_back_attempt("one").await.unwrap();
}

async fn purge_deletes_old_attempts_only(stores: Stores) {
    let store = &stores.sign_ins;
    assert!(store.count_attempt("old", None, attempts(9, -1)).await.unwrap());
    assert!(store.count_attempt("new", None, attempts(1, 0)).await.unwrap());
    store.purge_attempts(NOW).await.unwrap();
    assert_eq!(store.attempts("old").await.unwrap(), None);
    assert_eq!(store.attempts("new").await.unwrap(), Some(attempts(1, 0)));
}

async fn known_network_belongs_to_one_account_and_is_deleted_with_it(stores: Stores) {
    let (account, store) = (stores.account("a").await, &stores.sign_ins);
    stores.account("b").await;
    store.add_known_network(&account.id, "203.0.113.0/24", NOW).await.unwrap();
    let is_known = async |account, network| store.is_known_network(account, network).await.unwrap();
    assert!(is_known("a", "203.0.113.0/24").await);
    assert!(!is_known("a", "198.51.100.0/24").await && !is_known("b", "203.0.113.0/24").await);
    stores.accounts.delete_account("a", NOW).await.unwrap();
    assert!(!is_known("a", "203.0.113.0/24").await);
    assert!(store.add_known_network("a", "203.0.113.0/24", NOW).await.is_err(), "the account does not exist");
}

async fn known_networks_beyond_the_latest_are_deleted(stores: Stores) {
    let (account, store) = (stores.account("a").await, &stores.sign_ins);
    for number in 0..25 {
        // The first network is used repeatedly.
        store.add_known_network(&account.id, "home", NOW.plus(2 * number)).await.unwrap();
        store.add_known_network(&account.id, &format!("network {number}"), NOW.plus(2 * number + 1)).await.unwrap();
    }
    let is_known = async |network: &str| store.is_known_network("a", network).await.unwrap();
    assert!(is_known("home").await && is_known("network 24").await && is_known("network 6").await);
    assert!(!is_known("network 0").await && !is_known("network 5").await);
}

#[tokio::test]
async fn subjects_beyond_the_maximum_drop_those_with_few_failures() {
    let folder = TempDir::new().unwrap();
    let url = SqlStore::embedded_url(&folder.path().join("records.db"));
    let store = SqlStore::open(&url).await.unwrap();
    assert!(store.count_attempt("guessed", None, attempts(9, -1_000)).await.unwrap());
    let mut database = AnyConnection::connect(&url).await.unwrap();
    let flood = "WITH RECURSIVE numbers (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000)
                 INSERT INTO failed_sign_ins (subject, failures, last_at) SELECT n, 1, 1700000000000 FROM numbers";
    sqlx::query(flood).execute(&mut database).await.unwrap();
    assert!(store.count_attempt("one more", None, attempts(1, 0)).await.unwrap());
    let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM failed_sign_ins").fetch_one(&mut database).await.unwrap();
    assert!(left <= 20_000, "{left}");
    assert_eq!(store.attempts("guessed").await.unwrap(), Some(attempts(9, -1_000)));
}
