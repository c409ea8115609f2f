//! Tracking: a copy of the record that never goes back in time. The record itself keeps the same promises.

use std::collections::BTreeMap;

use ::redis::Commands;
use coldbrew::model::JobStatus;
use coldbrew::store::tracking::{self, Origin, RedisMirror, TrackedJob, Tracking};
use coldbrew::uploads::{Figures, FoundFigures};
use coldbrew_pdf::figures::{Bounds, Figure};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::support::services::Redis;

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
    figures: Arc<dyn Figures>,
    store: SqlStore,
    redis: Option<Redis>,
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
        Self {
            stores: Stores::over(store.clone(), backing),
            tracking: record.clone(),
            figures: record.clone(),
            record,
            store,
            redis: None,
        }
    }

    async fn with_redis(self) -> Self {
        let redis = Redis::start();
        let tracking = tracking::Redis::open(&redis.url(), Origin("test".into())).unwrap();
        Self { tracking: Arc::new(tracking), redis: Some(redis), ..self }
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
    tracked.stores.uploads.insert_upload(&upload(&account, "one"), &UNLIMITED, NOW).await.unwrap();
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
    assert!(tracked.stores.jobs.advance(&at(&claimed, failed()), None, NOW).await.unwrap());
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
    assert!(tracked.stores.jobs.advance(&at(&first, failed()), None, NOW).await.unwrap());
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

/// What is in Redis, as other programs see it.
struct Peer(::redis::Connection);

impl Peer {
    fn of(redis: &Redis) -> Self {
        Self(::redis::Client::open(redis.url()).unwrap().get_connection().unwrap())
    }

    fn job(&mut self) -> Value {
        serde_json::from_str(&self.0.get::<_, String>("batch:content one").unwrap()).unwrap()
    }

    /// The names of everything that is there.
    fn keys(&mut self) -> Vec<String> {
        let mut keys: Vec<String> = ::redis::cmd("KEYS").arg("*").query(&mut self.0).unwrap();
        keys.sort();
        keys
    }
}

/// What the contract says that other programs find, and what each thing is.
#[tokio::test]
async fn a_tracked_job_has_the_fields_of_the_contract() {
    let tracked = Tracked::sqlite().await.with_redis().await;
    let mut peer = Peer::of(tracked.redis.as_ref().unwrap());
    let account = tracked.stores.account("a").await;
    tracked.stores.uploads.insert_upload(&upload(&account, "one"), &UNLIMITED, NOW).await.unwrap();
    let figure = || Figure { bounds: Bounds::new(0.1, 0.1, 0.4, 0.4), row: None, width_px: 30, height_px: 30 };
    let found = FoundFigures { figures: Some(vec![figure(), figure()]), picture_bytes: 9 };
    let places = BTreeMap::from([(1, found)]);
    tracked.figures.record_figures(&account.id, "content one", &places).await.unwrap();
    let claimed = tracked.stores.claimed(&account, "one").await;
    tracked.make_known("content one").await;
    let accepted = json!({
        // Of the contract.
        "job_name": null,
        "user_id": "a",
        "content_hash": "content one",
        "total_pages": 3,
        "submitted_at": NOW.0,
        "status": "PREPARING",
        "title": "Book one",
        "content_type": "application/pdf",
        "file_size": 12_345,
        "pages_requested": 3,
        "pages_submitted": 3,
        "figure_urls_by_page": {"1": ["/v1/images/content one/1_0.png", "/v1/images/content one/1_1.png"]},
        "poll_count": 0,
        "document_id": null,
        "error": null,
        // Beyond it.
        "id": "job one",
        "version": 0,
        "mode": "batch",
        "upload_hash": "upload one",
        "pages": [0, 1, 2],
        "completed_pages": 0,
        "failed_pages": [],
        "draft_id": "document one",
        "requeued": false,
        "blocked_by": null,
        "reserved_tokens": 100,
    });
    assert_eq!(peer.job(), accepted);
    assert_eq!(peer.keys(), ["active_batch_jobs", "batch:content one", "reservations:a"]);

    let running = Job { polls: 7, ..at(&claimed, watching()) };
    assert!(tracked.stores.jobs.advance(&running, None, NOW).await.unwrap());
    let () = peer.0.expire("batch:content one", 100).unwrap();
    tracked.make_known("content one").await;
    let mut expected = accepted.clone();
    let fields = json!({"job_name": "batches/b", "status": "RUNNING", "poll_count": 7, "version": 1});
    expected.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    assert_eq!(peer.job(), expected);
    let ttl_s: i64 = peer.0.ttl("batch:content one").unwrap();
    assert!((48 * 3_600 - 60..=48 * 3_600).contains(&ttl_s), "48 hours from its last change, not {ttl_s} s");
    let () = peer.0.expire("batch:content one", 100).unwrap();
    tracked.make_known("content one").await;
    assert!(peer.0.ttl::<_, i64>("batch:content one").unwrap() <= 100, "nothing has changed");

    assert!(tracked.stores.jobs.advance(&Job { polls: 8, ..at(&running, failed()) }, None, NOW).await.unwrap());
    tracked.make_known("content one").await;
    let error = json!({"code": "failed_upstream", "message": "Google could not process this batch."});
    let fields = json!({"job_name": null, "status": "FAILED", "poll_count": 8, "version": 2, "reserved_tokens": 0, "error": error});
    expected.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    assert_eq!(peer.job(), expected);
    assert_eq!(peer.keys(), ["batch:content one"]);
}

#[tokio::test]
async fn a_job_whose_account_is_deleted_is_known_no_more() {
    let tracked = Tracked::sqlite().await.with_redis().await;
    let redis = tracked.redis.as_ref().unwrap();
    let (leaver, stayer) = (tracked.stores.account("a").await, tracked.stores.account("b").await);
    let ended = tracked.stores.claimed(&leaver, "three").await;
    assert!(tracked.stores.jobs.advance(&at(&ended, failed()), None, NOW).await.unwrap());
    tracked.make_known("content three").await;
    for (account, name) in [(&leaver, "one"), (&stayer, "two")] {
        tracked.stores.accept(account, &job(account, name), 100).await;
        tracked.make_known(&format!("content {name}")).await;
    }
    tracked.stores.accounts.delete_account(&leaver.id, NOW).await.unwrap();
    let copy = tracking::Redis::open(&redis.url(), Origin("test".into())).unwrap();
    let (published, stop) = (RedisMirror::new(tracked.store.clone(), copy), CancellationToken::new());
    let known = ["active_batch_jobs", "batch:content two", "reservations:b", "tracking_epoch"];
    let mut peer = Peer::of(redis);
    let forgotten = async {
        while peer.keys() != known {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        stop.cancel();
    };
    tokio::join!(published.keep(&stop), forgotten);
    assert_eq!(tracked.active().await, ["content two"]);
    assert!(tracked.reserved(&leaver).await.is_empty());
}
