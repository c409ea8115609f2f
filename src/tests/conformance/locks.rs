//! Locks of the databases: conflicting transactions wait for each other.

use std::time::Duration;

use coldbrew::documents::NewDocument;
use coldbrew::model::wire::Page;
use coldbrew::retention::Expiry;
use futures::future::{BoxFuture, join_all};
use futures::{FutureExt, stream};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::*;

macro_rules! conform_databases {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $test() { super::$test(super::Database::sqlite().await).await })+
        }
        mod postgres {
            $(#[tokio::test] async fn $test() { super::$test(super::Database::postgres().await).await })+
        }
    };
}

conform_databases!(
    content_used_again_is_not_purged,
    job_accepted_during_a_purge_keeps_its_upload,
    job_being_completed_is_not_claimed,
);

/// Longer than the operations take when they do not have to wait.
const WAIT_MAX: Duration = Duration::from_millis(300);

struct Database {
    store: SqlStore,
    stores: Stores,
}

impl Database {
    async fn sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let url = SqlStore::embedded_url(&folder.path().join("records.db"));
        let (store, stores) = Stores::sql(&url, folder).await;
        Self { store, stores }
    }

    async fn postgres() -> Self {
        let postgres = Postgres::start();
        let url = postgres.database("records").await;
        let (store, stores) = Stores::sql(&url, postgres).await;
        Self { store, stores }
    }
}

/// Signals that it was reached, and waits until it is opened.
#[derive(Default)]
struct Gate {
    reached: Notify,
    open: Notify,
}

impl Gate {
    async fn pass(&self) {
        self.reached.notify_one();
        self.open.notified().await;
    }
}

async fn content_used_again_is_not_purged(Database { store, stores }: Database) {
    let account = stores.account("a").await;
    let later = NOW.plus(1);
    for name in ["purged", "worked on", "uploaded again"] {
        stores.uploads.insert_upload(&upload(&account, name), &UNLIMITED, NOW).await.unwrap();
    }
    assert_eq!(store.stale_uploads(later, 10).await.unwrap().len(), 3);
    stores.accept(&account, &job(&account, "worked on"), 1).await;
    let again = Upload { hash: "again".into(), ..upload(&account, "uploaded again") };
    stores.uploads.insert_upload(&again, &UNLIMITED, later).await.unwrap();
    for (name, purged) in [("purged", true), ("worked on", false), ("uploaded again", false)] {
        let done = store.forget_upload(&account.id, &format!("content {name}"), later, later).await.unwrap();
        let kept = stores.uploads.upload(&account.id, &format!("upload {name}")).await.unwrap().is_some();
        assert_eq!((done, kept), (purged, !purged), "{name}");
    }
}

async fn job_accepted_during_a_purge_keeps_its_upload(Database { store, stores }: Database) {
    let account = stores.account("a").await;
    let names: Vec<String> = (0..24).map(|number| number.to_string()).collect();
    for name in &names {
        stores.uploads.insert_upload(&upload(&account, name), &UNLIMITED, NOW).await.unwrap();
    }
    let both = names.iter().map(async |name| {
        let (job, content_hash) = (job(&account, name), format!("content {name}"));
        let purged = store.forget_upload(&account.id, &content_hash, NOW.plus(1), NOW);
        let (accepted, purged) = tokio::join!(stores.jobs.accept(&job, 1, &account, 0, &UNLIMITED), purged);
        let kept = stores.uploads.upload(&account.id, &job.upload_hash).await.unwrap().is_some();
        assert_eq!((accepted.is_ok(), purged.unwrap()), (kept, !kept), "{name}");
    });
    join_all(both).await;
}

async fn job_being_completed_is_not_claimed(Database { store, stores }: Database) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    let (gate, done) = (Gate::default(), at(&job, Stage::Succeeded));
    let results = stream::once(gate.pass().map(|()| Ok(read(0, "First.", 10)))).boxed();
    let completed = store.complete(&done, results, NOW);
    stores.clock.set(NOW.plus(100 * LEASE_MS)).await;
    let claimed = async {
        gate.reached.notified().await;
        let mut claim: BoxFuture<'_, _> = stores.jobs.claim("another", Lane::Local, 1, LEASE_MS);
        // SQLite has one writer. PostgreSQL skips locked rows.
        let claimed = timeout(WAIT_MAX, &mut claim).await;
        gate.open.notify_one();
        match claimed {
            Ok(claimed) => claimed.unwrap(),
            Err(_) => claim.await.unwrap(),
        }
    };
    let (completed, claimed) = tokio::join!(completed, claimed);
    assert_eq!((completed.unwrap(), claimed), (Completion::Stored, Vec::new()));
}

/// SQLite has one writer at a time, so there the results have to wait.
#[tokio::test]
async fn postgres_results_are_stored_while_their_account_is_locked() {
    let Database { store, stores } = Database::postgres().await;
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    let gate = Gate::default();
    let document = NewDocument {
        id: "document text".into(),
        account_id: account.id.clone(),
        upload_hash: "upload two".into(),
        content_hash: "content two".into(),
        title: "Book".into(),
        mode: Mode::Text,
        pages: PageSet::all(1),
    };
    // A text is stored under the lock of its account.
    let page = Page { index: 0, markdown: "Text.".into(), failure: None, note: None };
    let pages = stream::once(gate.pass().map(|()| Ok(page))).boxed();
    let locked = store.insert_document(&document, pages, &UNLIMITED, NOW);
    let completed = async {
        gate.reached.notified().await;
        let completed = timeout(Duration::from_secs(5), stores.complete(&job, vec![read(0, "First.", 10)])).await;
        gate.open.notify_one();
        completed.expect("it does not wait for the lock")
    };
    let (locked, completed) = tokio::join!(locked, completed);
    locked.unwrap();
    assert_eq!(completed, Completion::Stored);
}
