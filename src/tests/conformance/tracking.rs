//! Tracking: a copy of the record that never goes back in time. The record itself keeps the same promises.

use coldbrew::model::JobStatus;
use coldbrew::store::tracking::{self, Origin, TrackedJob, Tracking};

use super::*;
use crate::services::Redis;

macro_rules! track {
    ($($promise:ident),+ $(,)?) => {
        track!(sqlite, Tracked::sqlite(), $($promise),+);
        track!(postgres, Tracked::postgres(), $($promise),+);
        track!(redis_and_sqlite, Tracked::sqlite().await.with_redis(), $($promise),+);
        track!(redis_and_postgres, Tracked::postgres().await.with_redis(), $($promise),+);
    };
    ($adapter:ident, $tracked:expr, $($promise:ident),+) => {
        mod $adapter {
            use super::Tracked;
            $(#[tokio::test] async fn $promise() { super::$promise($tracked.await).await })+
        }
    };
}

track!(
    a_job_is_known_with_what_it_has_reserved,
    an_end_is_known_and_nothing_is_reserved,
    what_is_older_changes_nothing,
    the_newest_job_of_a_content_is_the_one,
    what_nobody_submitted_is_not_known,
);

/// Stores with what tracks their jobs.
struct Tracked {
    stores: Stores,
    record: Arc<dyn Tracking>,
    tracking: Arc<dyn Tracking>,
    _redis: Option<Redis>,
}

impl Tracked {
    async fn sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let url = SqlStore::embedded_url(&folder.path().join("records.db"));
        Self::over(SqlStore::open(&url).await.unwrap(), folder)
    }

    async fn postgres() -> Self {
        let postgres = Postgres::start();
        let url = postgres.database("records").await;
        Self::over(SqlStore::open(&url).await.unwrap(), postgres)
    }

    fn over(store: SqlStore, backing: impl Any) -> Self {
        let record = Arc::new(store.clone());
        Self { stores: Stores::over(store, backing), tracking: record.clone(), record, _redis: None }
    }

    async fn with_redis(self) -> Self {
        let redis = Redis::start();
        let tracking = tracking::Redis::open(&redis.url(), Origin("test".into())).unwrap();
        Self { tracking: Arc::new(tracking), _redis: Some(redis), ..self }
    }

    /// The job as the record has it, made known.
    async fn make_known(&self, content_hash: &str) -> TrackedJob {
        let job = self.record.tracked(content_hash).await.unwrap().unwrap();
        self.tracking.publish(&job).await.unwrap();
        job
    }

    async fn known(&self, content_hash: &str) -> Option<TrackedJob> {
        self.tracking.tracked(content_hash).await.unwrap()
    }

    async fn active(&self) -> Vec<String> {
        self.tracking.active().await.unwrap().into_iter().collect()
    }

    async fn reserved(&self, account: &Account) -> Vec<(String, u64)> {
        self.tracking.reserved(&account.id).await.unwrap().into_iter().collect()
    }
}

async fn a_job_is_known_with_what_it_has_reserved(tracked: Tracked) {
    let account = tracked.stores.account("a").await;
    tracked.stores.uploads.insert_upload(&upload(&account, "one"), NOW).await.unwrap();
    tracked.stores.accept(&account, &job(&account, "one"), 100).await;
    let made_known = tracked.make_known("content one").await;
    let known = tracked.known("content one").await.unwrap();
    assert_eq!(known, made_known);
    assert_eq!((known.view.status, known.reserved_tokens), (JobStatus::Preparing, 100));
    assert_eq!((known.content_type.as_str(), known.file_size), ("application/pdf", 12_345));
    assert_eq!(tracked.active().await, ["content one"]);
    assert_eq!(tracked.reserved(&account).await, [("content one".to_owned(), 100)]);
}

async fn an_end_is_known_and_nothing_is_reserved(tracked: Tracked) {
    let account = tracked.stores.account("a").await;
    let claimed = tracked.stores.claimed(&account, "one").await;
    tracked.make_known("content one").await;
    assert!(tracked.stores.jobs.advance(&at(&claimed, failed()), NOW).await.unwrap());
    tracked.make_known("content one").await;
    let known = tracked.known("content one").await.unwrap();
    assert_eq!((known.view.status, known.view.error.unwrap().code.as_str()), (JobStatus::Failed, "failed_upstream"));
    assert!(tracked.active().await.is_empty());
    assert!(tracked.reserved(&account).await.is_empty());
}

async fn what_is_older_changes_nothing(tracked: Tracked) {
    let account = tracked.stores.account("a").await;
    let claimed = tracked.stores.claimed(&account, "one").await;
    let early = tracked.make_known("content one").await;
    assert_eq!(tracked.stores.complete(&claimed, vec![read(0, "First.", 10)]).await, Completion::Stored);
    tracked.make_known("content one").await;
    tracked.tracking.publish(&early).await.unwrap();
    assert_eq!(tracked.known("content one").await.unwrap().view.document_id, Some(claimed.document_id));
    assert!(tracked.active().await.is_empty());
    assert!(tracked.reserved(&account).await.is_empty());
}

async fn the_newest_job_of_a_content_is_the_one(tracked: Tracked) {
    let account = tracked.stores.account("a").await;
    let first = tracked.stores.claimed(&account, "one").await;
    assert!(tracked.stores.jobs.advance(&at(&first, failed()), NOW).await.unwrap());
    let ended = tracked.make_known("content one").await;
    let again = Job { id: "job one again".into(), ..job(&account, "one") };
    tracked.stores.accept(&account, &again, 50).await;
    tracked.make_known("content one").await;
    tracked.tracking.publish(&ended).await.unwrap();
    assert_eq!(tracked.known("content one").await.unwrap().view.id, "job one again");
    assert_eq!(tracked.active().await, ["content one"]);
    assert_eq!(tracked.reserved(&account).await, [("content one".to_owned(), 50)]);
}

async fn what_nobody_submitted_is_not_known(tracked: Tracked) {
    assert_eq!(tracked.known("content one").await, None);
    assert!(tracked.active().await.is_empty());
    assert!(tracked.tracking.reserved("a").await.unwrap().is_empty());
}
