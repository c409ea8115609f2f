//! Purges of files: recorded with the deletion of their records, and claimed only while nothing uses them.

use std::collections::{BTreeMap, BTreeSet};

use coldbrew::retention::{Expiry, Purge, Purges};
use coldbrew::uploads::FoundFigures;
use futures::future::join_all;
use sqlx::{AnyConnection, AssertSqlSafe, Connection};

use super::*;

macro_rules! conform_databases {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $test() { super::$test(super::sqlite().await).await })+
        }
        mod postgres {
            $(#[tokio::test] async fn $test() { super::$test(super::postgres().await).await })+
        }
    };
}

conform_databases!(
    purge_is_recorded_with_each_deletion,
    content_used_again_is_not_claimed,
    content_is_not_uploaded_while_its_purge_is_claimed,
    purge_is_claimed_by_one_server_and_again_when_the_claim_ends,
    purge_recorded_again_during_a_claim_is_kept,
    figures_found_after_the_deletion_of_their_content_are_purged,
    purges_of_the_version_before_are_adopted,
);

const UNTIL: UnixMs = UnixMs(NOW.0 + 1_000);

struct Database {
    store: SqlStore,
    stores: Stores,
    /// The account `a`.
    account: Account,
    url: String,
}

async fn over(url: String, backing: impl Any) -> Database {
    let (store, stores) = Stores::sql(&url, backing).await;
    let account = stores.account("a").await;
    Database { store, stores, account, url }
}

async fn sqlite() -> Database {
    let folder = TempDir::new().unwrap();
    over(SqlStore::embedded_url(&folder.path().join("records.db")), folder).await
}

async fn postgres() -> Database {
    let postgres = Postgres::start();
    over(postgres.database("records").await, postgres).await
}

impl Database {
    async fn upload(&self, name: &str, now: UnixMs) -> bool {
        let upload = upload(&self.account, name);
        self.store.insert_upload(&Upload { hash: format!("{name} {now:?}"), ..upload }, &UNLIMITED, now).await.unwrap()
    }

    /// Uploads a content and deletes it.
    async fn delete(&self, name: &str) {
        assert!(self.upload(name, NOW).await);
        let content = format!("content {name}");
        assert!(self.store.forget_upload("a", &content, NOW.plus(1), NOW).await.unwrap());
    }

    async fn claim(&self) -> Option<Purge> {
        self.store.claim_purge(NOW, UNTIL).await.unwrap()
    }

    async fn execute(&self, sql: &str) {
        let mut connection = AnyConnection::connect(&self.url).await.unwrap();
        sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    }

    async fn count(&self, sql: &'static str) -> i64 {
        let mut connection = AnyConnection::connect(&self.url).await.unwrap();
        sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
    }

    async fn record_figures(&self, content_hash: &str) {
        let found = BTreeMap::from([(0, FoundFigures { figures: Some(Vec::new()), picture_bytes: 9, own: None })]);
        self.store.record_figures("a", content_hash, &found).await.unwrap();
    }

    /// Claims all purges. Returns their accounts and contents.
    async fn claimed(&self) -> BTreeSet<(String, String)> {
        let mut claimed = BTreeSet::new();
        while let Some(purge) = self.claim().await {
            assert!(claimed.insert((purge.account_id, purge.content_hash)));
        }
        claimed
    }
}

fn keys<const N: usize>(keys: [(&str, &str); N]) -> BTreeSet<(String, String)> {
    keys.map(|(account, content)| (account.to_owned(), content.to_owned())).into()
}

async fn purge_is_recorded_with_each_deletion(database: Database) {
    let Database { store, stores, account, .. } = &database;
    let job = stores.claimed(account, "read").await;
    assert_eq!(stores.complete(&job, vec![read(0, "Text.", 10)]).await, Completion::Stored);
    assert!(store.delete_document("a", &job.document_id, NOW).await.unwrap());
    database.delete("stale").await;
    let failed = upload(account, "not stored");
    assert!(store.insert_upload(&failed, &UNLIMITED, NOW).await.unwrap());
    store.remove_upload(&failed, NOW).await.unwrap();
    // A second upload of a content in use.
    assert!(database.upload("used", NOW).await);
    let again = upload(account, "used");
    assert!(store.insert_upload(&again, &UNLIMITED, NOW).await.unwrap());
    store.remove_upload(&again, NOW).await.unwrap();
    let contents = ["content read", "content stale", "content not stored"];
    assert_eq!(database.claimed().await, keys(contents.map(|content| ("a", content))));

    store.delete_account("a", NOW).await.unwrap();
    assert_eq!(database.claimed().await, keys([("a", "")]), "they are replaced by the purge of all files");
    assert!(!store.finish_upload(&again, NOW).await.unwrap());
    assert_eq!(database.claimed().await, keys([("a", "content used")]), "its file was stored after the deletion");
}

async fn content_used_again_is_not_claimed(database: Database) {
    for name in ["uploaded again", "deleted"] {
        database.delete(name).await;
    }
    assert!(database.upload("uploaded again", NOW).await);
    // Servers of the version before upload without removing the purge.
    let upload = upload(&database.account, "of an older server");
    assert!(database.store.insert_upload(&upload, &UNLIMITED, NOW).await.unwrap());
    database.execute("INSERT INTO purges VALUES ('a', 'content of an older server', 1, 1, 0, 0)").await;
    assert_eq!(database.claimed().await, keys([("a", "content deleted")]));
    assert_eq!(database.count("SELECT COUNT(*) FROM purges").await, 1, "the purges of used contents are removed");
}

async fn content_is_not_uploaded_while_its_purge_is_claimed(database: Database) {
    database.delete("one").await;
    let purge = database.claim().await.unwrap();
    assert!(!database.upload("one", NOW).await, "its files are being deleted");
    assert!(!database.store.has_content("a", "content one").await.unwrap());
    assert!(database.upload("two", NOW).await, "another content");
    database.store.purged(&purge, Some(UNTIL)).await.unwrap();
    assert!(database.upload("one", NOW).await, "its files are deleted");
    assert_eq!(database.store.claim_purge(UNTIL, UNTIL).await.unwrap(), None);

    database.delete("three").await;
    let lost = database.claim().await.unwrap();
    assert!(!database.upload("three", UNTIL.plus(-1)).await);
    assert!(database.upload("three", UNTIL).await, "the claim has ended");
    database.store.purged(&lost, None).await.unwrap();
    assert!(database.store.has_content("a", "content three").await.unwrap());
}

async fn purge_is_claimed_by_one_server_and_again_when_the_claim_ends(database: Database) {
    for name in ["one", "two", "three"] {
        database.delete(name).await;
    }
    let claims = join_all((0..8).map(|_| database.claim())).await;
    let claims: Vec<Purge> = claims.into_iter().flatten().collect();
    let contents: BTreeSet<&str> = claims.iter().map(|purge| purge.content_hash.as_str()).collect();
    assert_eq!((claims.len(), contents.len()), (3, 3), "{claims:?}");
    let [done, late, lost] = &claims[..] else { panic!("{claims:?}") };
    database.store.purged(done, None).await.unwrap();
    database.store.purged(late, Some(UNTIL.plus(5))).await.unwrap();
    let again = database.store.claim_purge(UNTIL, UNTIL.plus(9)).await.unwrap().unwrap();
    assert_eq!(again.content_hash, lost.content_hash);
    database.store.purged(lost, None).await.unwrap();
    let late = database.store.claim_purge(UNTIL.plus(5), UNTIL.plus(9)).await.unwrap().unwrap();
    database.store.purged(&late, None).await.unwrap();
    assert_eq!(
        database.count("SELECT COUNT(*) FROM purges").await,
        1,
        "the first claim of it has ended, so it decides nothing"
    );
}

async fn purge_recorded_again_during_a_claim_is_kept(database: Database) {
    database.delete("one").await;
    let purge = database.claim().await.unwrap();
    // A worker that has lost its job records figures of the deleted content.
    database.record_figures("content one").await;
    database.store.purged(&purge, None).await.unwrap();
    assert_eq!(database.claim().await, None, "the claim goes on");
    assert!(database.store.claim_purge(UNTIL, UNTIL.plus(1)).await.unwrap().is_some());
}

async fn figures_found_after_the_deletion_of_their_content_are_purged(database: Database) {
    assert!(database.upload("kept", NOW).await);
    for content in ["content kept", "content deleted"] {
        database.record_figures(content).await;
    }
    assert_eq!(database.claimed().await, keys([("a", "content deleted")]));
    assert!(database.store.figures("a", "content deleted").await.unwrap().is_empty());
    assert!(!database.store.figures("a", "content kept").await.unwrap().is_empty());
}

async fn purges_of_the_version_before_are_adopted(database: Database) {
    let day = 24 * 3_600_000;
    database.execute(&format!("INSERT INTO gone_accounts VALUES ('gone', {})", NOW.0)).await;
    database.execute(&format!("INSERT INTO file_copies VALUES ('a', 'copied', {})", NOW.0)).await;
    database.store.adopt_purges().await.unwrap();
    assert_eq!(database.claimed().await, keys([("gone", "")]));
    let copied = database.store.claim_purge(NOW.plus(day), NOW.plus(2 * day)).await.unwrap().unwrap();
    assert_eq!(copied.content_hash, "", "the claim of the account has ended");
    let copied = database.store.claim_purge(NOW.plus(day), NOW.plus(2 * day)).await.unwrap().unwrap();
    assert_eq!((copied.account_id.as_str(), copied.content_hash.as_str()), ("a", "copied"));
    assert_eq!(database.count("SELECT COUNT(*) FROM gone_accounts").await, 0);
    assert_eq!(database.count("SELECT COUNT(*) FROM file_copies").await, 0);
}
