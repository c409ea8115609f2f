//! What the databases promise beyond memory: transactions that have to wait for each other do.

use std::time::Duration;

use coldbrew::retention::Expiry;
use futures::future::{BoxFuture, join_all};
use futures::{FutureExt, stream};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::*;

macro_rules! wait_for_each_other {
    ($($promise:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $promise() { super::$promise(super::Database::sqlite().await).await })+
        }
        mod postgres {
            $(#[tokio::test] async fn $promise() { super::$promise(super::Database::postgres().await).await })+
        }
    };
}

wait_for_each_other!(
    what_is_referred_to_meanwhile_is_not_forgotten,
    what_is_accepted_while_it_is_forgotten_keeps_its_upload,
    nobody_uploads_what_is_being_deleted,
    nobody_claims_a_job_whose_results_are_being_stored,
);

/// Longer than any of this takes if nobody waits.
const PATIENCE: Duration = Duration::from_millis(300);

struct Database {
    store: SqlStore,
    stores: Stores,
}

impl Database {
    async fn sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let store = SqlStore::open(&SqlStore::embedded_url(&folder.path().join("records.db"))).await.unwrap();
        Self { stores: Stores::over(store.clone(), folder), store }
    }

    async fn postgres() -> Self {
        let postgres = Postgres::start();
        let store = SqlStore::open(&postgres.database("records").await).await.unwrap();
        Self { stores: Stores::over(store.clone(), postgres), store }
    }
}

/// Something that tells when it has begun, and goes on when it is told to.
#[derive(Default)]
struct Gate {
    begun: Notify,
    open: Notify,
}

impl Gate {
    async fn pass(&self) {
        self.begun.notify_one();
        self.open.notified().await;
    }
}

async fn what_is_referred_to_meanwhile_is_not_forgotten(Database { store, stores }: Database) {
    let account = stores.account("a").await;
    let later = NOW.plus(1);
    for name in ["forgotten", "worked on", "uploaded again"] {
        stores.uploads.insert_upload(&upload(&account, name), &UNLIMITED, NOW).await.unwrap();
    }
    assert_eq!(store.stale_uploads(later, 10).await.unwrap().len(), 3);
    stores.accept(&account, &job(&account, "worked on"), 1).await;
    let again = Upload { hash: "again".into(), ..upload(&account, "uploaded again") };
    stores.uploads.insert_upload(&again, &UNLIMITED, later).await.unwrap();
    for (name, forgotten) in [("forgotten", true), ("worked on", false), ("uploaded again", false)] {
        let done = store.forget_upload(&account.id, &format!("content {name}"), later).await.unwrap();
        let kept = stores.uploads.upload(&account.id, &format!("upload {name}")).await.unwrap().is_some();
        assert_eq!((done.is_some(), kept), (forgotten, !forgotten), "{name}");
    }
}

async fn what_is_accepted_while_it_is_forgotten_keeps_its_upload(Database { store, stores }: Database) {
    let account = stores.account("a").await;
    let names: Vec<String> = (0..24).map(|number| number.to_string()).collect();
    for name in &names {
        stores.uploads.insert_upload(&upload(&account, name), &UNLIMITED, NOW).await.unwrap();
    }
    let both = names.iter().map(async |name| {
        let (job, content_hash) = (job(&account, name), format!("content {name}"));
        let forgotten = store.forget_upload(&account.id, &content_hash, NOW.plus(1));
        let (accepted, forgotten) = tokio::join!(stores.jobs.accept(&job, 1, &account, 0, &UNLIMITED), forgotten);
        let kept = stores.uploads.upload(&account.id, &job.upload_hash).await.unwrap().is_some();
        assert_eq!((accepted.is_ok(), forgotten.unwrap().is_some()), (kept, !kept), "{name}");
    });
    join_all(both).await;
}

async fn nobody_uploads_what_is_being_deleted(Database { store, stores }: Database) {
    let account = stores.account("a").await;
    let (gate, upload) = (Gate::default(), upload(&account, "one"));
    let deletion = gate.pass().map(Ok).boxed();
    let deleted = store.unless_kept(&account.id, &upload.content_hash, deletion);
    let uploaded = async {
        gate.begun.notified().await;
        let mut uploaded = stores.uploads.insert_upload(&upload, &UNLIMITED, NOW);
        assert!(timeout(PATIENCE, &mut uploaded).await.is_err(), "the file would be deleted under it");
        gate.open.notify_one();
        uploaded.await.unwrap();
    };
    tokio::join!(async { deleted.await.unwrap() }, uploaded);
}

async fn nobody_claims_a_job_whose_results_are_being_stored(Database { store, stores }: Database) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    let (gate, done) = (Gate::default(), at(&job, Stage::Succeeded));
    let results = stream::once(gate.pass().map(|()| Ok(read(0, "First.", 10)))).boxed();
    let completed = store.complete(&done, results, NOW);
    let long_after = NOW.plus(100 * LEASE_MS);
    let claimed = async {
        gate.begun.notified().await;
        let mut claim: BoxFuture<'_, _> = stores.jobs.claim("another", Lane::Local, 1, long_after, LEASE_MS);
        // SQLite lets nobody else write; PostgreSQL passes over what is locked.
        let claimed = timeout(PATIENCE, &mut claim).await;
        gate.open.notify_one();
        match claimed {
            Ok(claimed) => claimed.unwrap(),
            Err(_) => claim.await.unwrap(),
        }
    };
    let (completed, claimed) = tokio::join!(completed, claimed);
    assert_eq!((completed.unwrap(), claimed), (Completion::Stored, Vec::new()));
}

/// SQLite has one writer at a time: there the results wait.
#[tokio::test]
async fn postgres_results_are_stored_while_their_account_is_locked() {
    let Database { store, stores } = Database::postgres().await;
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    let gate = Gate::default();
    let locked = store.unless_kept(&account.id, "content without an upload", gate.pass().map(Ok).boxed());
    let completed = async {
        gate.begun.notified().await;
        let completed = timeout(Duration::from_secs(5), stores.complete(&job, vec![read(0, "First.", 10)])).await;
        gate.open.notify_one();
        completed.expect("it does not wait")
    };
    let (locked, completed) = tokio::join!(locked, completed);
    locked.unwrap();
    assert_eq!(completed, Completion::Stored);
}
