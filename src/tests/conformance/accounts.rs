//! Accounts, credentials, usage and receipts.

use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor};

use super::*;

conform!(
    credential_unexpired_identifies_its_account,
    credentials_expired_or_unknown_are_not_listed_as_unexpired,
    usage_is_the_sum_of_charges_and_reservations,
    receipts_are_listed_newest_first,
);

async fn credentials_expired_or_unknown_are_not_listed_as_unexpired(stores: Stores) {
    stores.account("a").await;
    stores.account("b").await;
    let asked = ["digest of a", "digest of b", "digest of c"].map(str::to_owned);
    let unexpired = async |digests: &[String], now| stores.accounts.unexpired(digests, now).await.unwrap();
    let mut good = unexpired(&asked, NOW).await;
    good.sort();
    assert_eq!(good, asked[..2]);
    assert!(unexpired(&asked, NOW.plus(1_000)).await.is_empty());
    assert!(unexpired(&[], NOW).await.is_empty());
    // More than fit into one statement.
    let mut many: Vec<String> = (0..1_200).map(|number| number.to_string()).collect();
    many.push("digest of b".into());
    assert_eq!(unexpired(&many, NOW).await, ["digest of b"]);
}

async fn credential_unexpired_identifies_its_account(stores: Stores) {
    stores.account("a").await;
    stores.account("b").await;
    let whose = async |digest, now| stores.accounts.account_of(digest, now).await.unwrap().map(|account| account.id);
    assert_eq!(whose("digest of b", NOW).await.as_deref(), Some("b"));
    assert_eq!(whose("digest of b", NOW.plus(999)).await.as_deref(), Some("b"));
    assert_eq!(whose("digest of b", NOW.plus(1_000)).await, None);
    assert_eq!(whose("digest of c", NOW).await, None);
    let account = stores.accounts.account_of("digest of a", NOW).await.unwrap().unwrap();
    assert_eq!(account.quota_tokens, None, "the configured quota applies");
    assert_eq!(stores.accounts.account("a").await.unwrap(), Some(account));
    assert_eq!(stores.accounts.account("c").await.unwrap(), None);
}

async fn usage_is_the_sum_of_charges_and_reservations(stores: Stores) {
    let (account, other) = (stores.account("a").await, stores.account("b").await);
    let job = stores.claimed(&account, "one").await;
    assert!(stores.jobs.record_page(&job, &read(0, "Text.", 70), NOW).await.unwrap());
    let usage = stores.usage(&account).await;
    assert_eq!((usage.quota_tokens, usage.used_tokens, usage.reserved_tokens), (QUOTA, 70, 100));
    assert_eq!(usage.available_tokens, QUOTA - 170);
    assert_eq!(stores.used_and_reserved(&other).await, (0, 0));
    let without_own = Account { quota_tokens: None, ..other };
    assert_eq!(stores.accounts.usage(&without_own, 55).await.unwrap().available_tokens, 55);
}

async fn receipts_are_listed_newest_first(stores: Stores) {
    let account = stores.account("a").await;
    for (name, now) in [("early", NOW), ("late", NOW.plus(5))] {
        let job = stores.claimed(&account, name).await;
        for page in [read(0, "Text.", 10), read(1, "Text.", 20)] {
            assert!(stores.jobs.record_page(&job, &page, now).await.unwrap());
        }
    }
    let receipts = stores.accounts.receipts(&account.id).await.unwrap();
    assert_eq!(receipts.iter().map(|receipt| receipt.title.as_str()).collect::<Vec<_>>(), ["Book late", "Book early"]);
    let receipt = &receipts[0];
    assert_eq!((receipt.pages, receipt.charged_tokens, receipt.created_at), (2, 30, NOW.plus(5)));
    assert_eq!((receipt.input_tokens, receipt.output_tokens), (30, 4));
    assert_eq!(receipt.answered_by, ["model-001"]);
    assert!(stores.accounts.receipts("b").await.unwrap().is_empty());
}

/// More receipts than any list shows on one page.
#[tokio::test]
async fn receipts_of_many_jobs_add_up_to_used_tokens() {
    let folder = TempDir::new().unwrap();
    let url = SqlStore::embedded_url(&folder.path().join("records.db"));
    let (store, stores) = Stores::sql(&url, ()).await;
    let account = stores.account("a").await;
    let mut database = AnyConnection::connect(&url).await.unwrap();
    let numbers = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1234)";
    for statement in [
        "INSERT INTO jobs (id, account_id, upload_hash, content_hash, mode, title, recipe, total_pages, pages, pages_submitted,
                           document_id, active, stage, requeued, submitted_at, updated_at, due_at, claims, fence, lease_until)
         SELECT n, 'a', 'u', 'c', 'batch', 'Book', 'm', 1, '1', 1, 'd', 0, '{\"at\":\"succeeded\"}', 0, 1, 1, 1, 0, 0, 0
         FROM numbers",
        "INSERT INTO ledger (job_id, page_index, account_id, input_tokens, output_tokens, charge, model, charged_at)
         SELECT n, 0, 'a', 1, 1, n, 'm', n FROM numbers",
    ] {
        database.execute(AssertSqlSafe(format!("{numbers} {statement}"))).await.unwrap();
    }
    let receipts = store.receipts(&account.id).await.unwrap();
    let sum: u64 = receipts.iter().map(|receipt| receipt.charged_tokens).sum();
    assert_eq!((receipts.len(), sum), (1_234, store.usage(&account, 0).await.unwrap().used_tokens));
}
