//! Tracking: a published state is never replaced by an older one. The database itself meets the same contract.

use std::collections::BTreeMap;

use ::redis::Commands;
use coldbrew::documents::JobViews;
use coldbrew::metrics::LoopAges;
use coldbrew::model::JobStatus;
use coldbrew::store::tracking::{self, Origin, RedisMirror, TrackedJob, Tracking};
use coldbrew::uploads::{Figures, FoundFigures};
use coldbrew_pdf::figures::{Bounds, Figure};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::support::services::Redis;

macro_rules! track {
    ($($test:ident),+ $(,)?) => {
        track!(sqlite, Tracked::sqlite(), $($test),+);
        track!(postgres, Tracked::postgres(), $($test),+);
        track!(redis_and_sqlite, Tracked::sqlite().await.with_redis(), $($test),+);
        track!(redis_and_postgres, Tracked::postgres().await.with_redis(), $($test),+);
    };
    ($adapter:ident, $tracked:expr, $($test:ident),+) => {
        mod $adapter {
            use super::Tracked;
            $(#[tokio::test] async fn $test() { super::$test($tracked.await).await })+
        }
    };
}

track!(
    job_published_includes_its_reservation,
    job_ended_is_published_without_a_reservation,
    state_older_than_the_published_one_changes_nothing,
    newest_job_of_a_content_is_published,
    content_without_a_job_is_not_published,
);

/// Stores, with the mirror of their jobs.
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
        Self::over(&url, folder).await
    }

    async fn postgres() -> Self {
        let postgres = Postgres::start();
        let url = postgres.database("records").await;
        Self::over(&url, postgres).await
    }

    async fn over(url: &str, backing: impl Any) -> Self {
        let (store, stores) = Stores::sql(url, backing).await;
        let record = Arc::new(store.clone());
        Self { stores, tracking: record.clone(), figures: record.clone(), record, store, redis: None }
    }

    async fn with_redis(self) -> Self {
        let redis = Redis::start();
        let tracking = tracking::Redis::open(&redis.url(), Origin("test".into())).unwrap();
        Self { tracking: Arc::new(tracking), redis: Some(redis), ..self }
    }

    /// Publishes the stored state of the job.
    async fn publish(&self, content_hash: &str) -> TrackedJob {
        let job = self.record.tracked(content_hash).await.unwrap().unwrap();
        self.tracking.publish(&job).await.unwrap();
        job
    }

    async fn mirrored(&self, content_hash: &str) -> Option<TrackedJob> {
        self.tracking.tracked(content_hash).await.unwrap()
    }

    async fn active(&self) -> Vec<String> {
        self.tracking.active().await.unwrap().into_iter().collect()
    }

    async fn reserved(&self, account: &Account) -> Vec<(String, u64)> {
        self.tracking.reserved(&account.id).await.unwrap().into_iter().collect()
    }
}

async fn job_published_includes_its_reservation(tracked: Tracked) {
    let account = tracked.stores.account("a").await;
    tracked.stores.uploads.insert_upload(&upload(&account, "one"), &UNLIMITED, NOW).await.unwrap();
    tracked.stores.accept(&account, &job(&account, "one"), 100).await;
    let published = tracked.publish("content one").await;
    let mirrored = tracked.mirrored("content one").await.unwrap();
    assert_eq!(mirrored, published);
    assert_eq!((mirrored.view.status, mirrored.reserved_tokens), (JobStatus::Preparing, 100));
    assert_eq!((mirrored.content_type.as_str(), mirrored.file_size), ("application/pdf", 12_345));
    assert_eq!(tracked.active().await, ["content one"]);
    assert_eq!(tracked.reserved(&account).await, [("content one".to_owned(), 100)]);
}

async fn job_ended_is_published_without_a_reservation(tracked: Tracked) {
    let account = tracked.stores.account("a").await;
    let claimed = tracked.stores.claimed(&account, "one").await;
    tracked.publish("content one").await;
    assert!(tracked.stores.jobs.advance(&at(&claimed, failed()), 0, None, NOW).await.unwrap());
    tracked.publish("content one").await;
    let mirrored = tracked.mirrored("content one").await.unwrap();
    assert_eq!(
        (mirrored.view.status, mirrored.view.error.unwrap().code.as_str()),
        (JobStatus::Failed, "failed_upstream")
    );
    assert!(tracked.active().await.is_empty());
    assert!(tracked.reserved(&account).await.is_empty());
}

async fn state_older_than_the_published_one_changes_nothing(tracked: Tracked) {
    let account = tracked.stores.account("a").await;
    let claimed = tracked.stores.claimed(&account, "one").await;
    let early = tracked.publish("content one").await;
    assert_eq!(tracked.stores.complete(&claimed, vec![read(0, "First.", 10)]).await, Completion::Stored);
    tracked.publish("content one").await;
    tracked.tracking.publish(&early).await.unwrap();
    assert_eq!(tracked.mirrored("content one").await.unwrap().view.document_id, Some(claimed.document_id));
    assert!(tracked.active().await.is_empty());
    assert!(tracked.reserved(&account).await.is_empty());
}

async fn newest_job_of_a_content_is_published(tracked: Tracked) {
    let account = tracked.stores.account("a").await;
    let first = tracked.stores.claimed(&account, "one").await;
    assert!(tracked.stores.jobs.advance(&at(&first, failed()), 0, None, NOW).await.unwrap());
    let ended = tracked.publish("content one").await;
    let again = Job { id: "job one again".into(), ..job(&account, "one") };
    tracked.stores.accept(&account, &again, 50).await;
    tracked.publish("content one").await;
    tracked.tracking.publish(&ended).await.unwrap();
    assert_eq!(tracked.mirrored("content one").await.unwrap().view.id, "job one again");
    assert_eq!(tracked.active().await, ["content one"]);
    assert_eq!(tracked.reserved(&account).await, [("content one".to_owned(), 50)]);
}

async fn content_without_a_job_is_not_published(tracked: Tracked) {
    assert_eq!(tracked.mirrored("content one").await, None);
    assert!(tracked.active().await.is_empty());
    assert!(tracked.tracking.reserved("a").await.unwrap().is_empty());
}

/// Redis as another program sees it.
struct Peer(::redis::Connection);

impl Peer {
    fn of(redis: &Redis) -> Self {
        Self(::redis::Client::open(redis.url()).unwrap().get_connection().unwrap())
    }

    fn job(&mut self) -> Value {
        serde_json::from_str(&self.0.get::<_, String>("batch:content one").unwrap()).unwrap()
    }

    /// The names of all keys, except for those that exist for a moment.
    fn keys(&mut self) -> Vec<String> {
        let mut keys: Vec<String> = ::redis::cmd("KEYS").arg("*").query(&mut self.0).unwrap();
        keys.retain(|key| !key.starts_with("batch_checked:"));
        keys.sort();
        keys
    }
}

/// The JSON that other programs read.
#[tokio::test]
async fn job_published_in_redis_has_all_its_fields() {
    let tracked = Tracked::sqlite().await.with_redis().await;
    let mut peer = Peer::of(tracked.redis.as_ref().unwrap());
    let account = tracked.stores.account("a").await;
    tracked.stores.uploads.insert_upload(&upload(&account, "one"), &UNLIMITED, NOW).await.unwrap();
    let figure = || Figure { bounds: Bounds::new(0.1, 0.1, 0.4, 0.4), row: None, width_px: 30, height_px: 30 };
    let found = FoundFigures { figures: Some(vec![figure(), figure()]), picture_bytes: 9, own: None };
    let places = BTreeMap::from([(1, found)]);
    tracked.figures.record_figures(&account.id, "content one", &places).await.unwrap();
    let claimed = tracked.stores.claimed(&account, "one").await;
    tracked.publish("content one").await;
    let accepted = json!({
        // Fields for other programs.
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
        // Further fields.
        "id": "job one",
        "version": 0,
        "mode": "batch",
        "upload_hash": "upload one",
        "pages": [0, 1, 2],
        "completed_pages": 0,
        "failed_pages": [],
        "draft_id": "document one",
        "requeued": false,
        "rereads": false,
        "blocked_by": null,
        "reserved_tokens": 100,
    });
    assert_eq!(peer.job(), accepted);
    assert_eq!(peer.keys(), ["active_batch_jobs", "batch:content one", "reservations:a"]);

    let running = Job { polls: 7, ..at(&claimed, polling()) };
    assert!(tracked.stores.jobs.advance(&running, 0, None, NOW).await.unwrap());
    let () = peer.0.expire("batch:content one", 100).unwrap();
    tracked.publish("content one").await;
    let mut expected = accepted.clone();
    let fields = json!({"job_name": "batches/b", "status": "RUNNING", "poll_count": 7, "version": 1});
    expected.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    assert_eq!(peer.job(), expected);
    let ttl_s: i64 = peer.0.ttl("batch:content one").unwrap();
    assert!((48 * 3_600 - 60..=48 * 3_600).contains(&ttl_s), "48 hours after its last change, not {ttl_s} s");
    let () = peer.0.expire("batch:content one", 100).unwrap();
    tracked.publish("content one").await;
    assert!(peer.0.ttl::<_, i64>("batch:content one").unwrap() <= 100, "an unchanged job keeps its expiry");

    assert!(tracked.stores.jobs.advance(&Job { polls: 8, ..at(&running, failed()) }, 0, None, NOW).await.unwrap());
    tracked.publish("content one").await;
    let error = json!({"code": "failed_upstream", "message": "Google could not process this batch."});
    let fields = json!({"job_name": null, "status": "FAILED", "poll_count": 8, "version": 2, "reserved_tokens": 0, "error": error});
    expected.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    assert_eq!(peer.job(), expected);
    assert_eq!(peer.keys(), ["batch:content one"]);
}

#[tokio::test]
async fn job_of_a_deleted_account_is_removed_from_redis() {
    let tracked = Tracked::sqlite().await.with_redis().await;
    let redis = tracked.redis.as_ref().unwrap();
    let (leaver, stayer) = (tracked.stores.account("a").await, tracked.stores.account("b").await);
    let ended = tracked.stores.claimed(&leaver, "three").await;
    assert!(tracked.stores.jobs.advance(&at(&ended, failed()), 0, None, NOW).await.unwrap());
    tracked.publish("content three").await;
    for (account, name) in [(&leaver, "one"), (&stayer, "two")] {
        tracked.stores.accept(account, &job(account, name), 100).await;
        tracked.publish(&format!("content {name}")).await;
    }
    tracked.stores.accounts.delete_account(&leaver.id, NOW).await.unwrap();
    let copy = tracking::Redis::open(&redis.url(), Origin("test".into())).unwrap();
    let (mirror, stop) = (RedisMirror::new(tracked.store.clone(), copy), CancellationToken::new());
    let mirrored = ["active_batch_jobs", "batch:content two", "reservations:b", "tracking_epoch"];
    let mut peer = Peer::of(redis);
    let removed = async {
        while peer.keys() != mirrored {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        stop.cancel();
    };
    let loops = LoopAges::default();
    tokio::join!(mirror.keep(&loops, &stop), removed);
    assert_eq!(tracked.active().await, ["content two"]);
    assert!(tracked.reserved(&leaver).await.is_empty());
}

/// As if the process that committed the change had died before it mirrored it.
#[tokio::test]
async fn status_from_redis_is_at_most_two_seconds_old() {
    let tracked = Tracked::sqlite().await.with_redis().await;
    let account = tracked.stores.account("a").await;
    let claimed = tracked.stores.claimed(&account, "one").await;
    let copy = tracking::Redis::open(&tracked.redis.as_ref().unwrap().url(), Origin("test".into())).unwrap();
    let (mirror, stop) = (RedisMirror::new(tracked.store.clone(), copy), CancellationToken::new());
    let status = async || mirror.latest(&account.id, "content one").await.unwrap().unwrap().status;
    let mut peer = Peer::of(tracked.redis.as_ref().unwrap());
    let read = async {
        while !peer.keys().contains(&"batch:content one".to_owned()) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        // The rebuild ends a moment later.
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        tracked.publish("content one").await;
        assert!(tracked.stores.jobs.advance(&at(&claimed, polling()), 0, None, NOW).await.unwrap());
        let committed = std::time::Instant::now();
        assert_eq!(status().await, JobStatus::Preparing, "the copy answers");
        while status().await != JobStatus::Running {
            assert!(committed.elapsed() < std::time::Duration::from_secs(2), "{:?}", committed.elapsed());
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert_eq!(peer.job()["status"], "RUNNING", "the copy is replaced");
        stop.cancel();
    };
    let loops = LoopAges::default();
    tokio::join!(mirror.keep(&loops, &stop), read);
}
