//! Purges: files whose records were deleted are deleted, whatever fails meanwhile, and no file that is used again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use coldbrew::accounts::{Accounts, Credential, CredentialKind, Storage};
use coldbrew::accounts::{AttemptLimits, PasswordAttempts};
use coldbrew::changes::Changes;
use coldbrew::clock::Clock;
use coldbrew::error::{Error, Result};
use coldbrew::markdown::FigureId;
use coldbrew::metrics::LoopAges;
use coldbrew::model::UnixMs;
use coldbrew::model::wire::Metadata;
use coldbrew::operations::audit::Audit;
use coldbrew::retention::{AccountDeletion, DeletedAccounts, Expiry, Merges, Purger, Retention};
use coldbrew::store::folder::Folder;
use coldbrew::store::sql::SqlStore;
use coldbrew::uploads::{Blobs, Figures, FoundFigures, Upload, Uploads, figure_key, upload_key};
use coldbrew_pdf::figures::{Bounds, Figure};
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;

use crate::support::memory::UNLIMITED;

const MINUTE_MS: i64 = 60_000;

/// A clock that the test sets.
#[derive(Default)]
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> UnixMs {
        UnixMs(self.0.load(Ordering::Relaxed))
    }
}

/// A store of files that can be unavailable. Deletions take a moment, so that uploads come between.
struct Files {
    folder: Folder,
    is_away: AtomicBool,
    deletion: Duration,
}

impl Files {
    async fn answer(&self) -> Result<()> {
        tokio::time::sleep(self.deletion).await;
        if self.is_away.load(Ordering::Relaxed) { Err(Error::unavailable("it is away")) } else { Ok(()) }
    }
}

#[async_trait]
impl Blobs for Files {
    async fn put(&self, key: &str, file: &Path) -> Result<()> {
        self.folder.put(key, file).await
    }

    async fn open(&self, key: &str) -> Result<Option<PathBuf>> {
        self.folder.open(key).await
    }

    async fn exists(&self, key: &str) -> Result<bool> {
        self.folder.exists(key).await
    }

    async fn copy(&self, from: &str, to: &str) -> Result<bool> {
        self.folder.copy(from, to).await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.answer().await?;
        self.folder.delete(key).await
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    async fn delete_all(&self, folder: &str) -> Result<()> {
        self.answer().await?;
        self.folder.delete_all(folder).await
    }
}

/// The account `a`, with the purger and the stores that it uses.
struct Home {
    store: SqlStore,
    blobs: Arc<Files>,
    clock: Arc<TestClock>,
    purger: Purger,
    data: TempDir,
}

impl Home {
    async fn new() -> Self {
        Self::with_deletions_of(Duration::ZERO).await
    }

    async fn with_deletions_of(deletion: Duration) -> Self {
        let data = TempDir::new().unwrap();
        let store = SqlStore::open(&SqlStore::embedded_url(&data.path().join("records.db"))).await.unwrap();
        let credential = Credential { digest: "d", kind: CredentialKind::Token, expires_at: UnixMs(1) };
        store.create_guest("a", credential, UnixMs(0)).await.unwrap();
        let folder = Folder::open(data.path().join("blobs")).await.unwrap();
        let blobs = Arc::new(Files { folder, is_away: AtomicBool::new(false), deletion });
        let (shared, clock) = (|| Arc::new(store.clone()), Arc::new(TestClock::default()));
        let limits = AttemptLimits { failures_max: 5, delay_max: Duration::from_secs(900) };
        let deletion = AccountDeletion {
            accounts: shared(),
            deleted: DeletedAccounts::of(data.path()),
            changes: Changes::default(),
            clock: clock.clone(),
        };
        let purger = Purger {
            loops: LoopAges::default(),
            purges: shared(),
            expiry: shared(),
            uploads: shared(),
            blobs: blobs.clone(),
            clock: clock.clone(),
            retention: Retention { guest_days: 0, upload_days: 1 },
            attempts: PasswordAttempts { store: shared(), limits, clock: clock.clone() },
            deletion,
        };
        Self { store, blobs, clock, purger, data }
    }

    async fn put(&self, key: &str) -> PathBuf {
        let file = self.data.path().join("file");
        std::fs::write(&file, "A file of account A.").unwrap();
        self.blobs.put(key, &file).await.unwrap();
        self.data.path().join("blobs").join(key)
    }

    fn pass(&self, ms: i64) {
        self.clock.0.fetch_add(ms, Ordering::Relaxed);
    }

    /// One hour of the purger.
    async fn purge(&self) {
        self.purger.round().await.unwrap();
        self.purger.purge_files().await.unwrap();
    }

    /// Deletes the records of a content, as the last document's deletion does.
    async fn delete(&self, content_hash: &str) {
        let now = self.clock.now();
        assert!(self.store.forget_upload("a", content_hash, now.plus(1), now).await.unwrap());
    }

    async fn purges_left(&self) -> i64 {
        let url = SqlStore::embedded_url(&self.data.path().join("records.db"));
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        sqlx::query_scalar("SELECT COUNT(*) FROM purges").fetch_one(&mut connection).await.unwrap()
    }
}

fn upload_of(content_hash: &str, hash: String) -> Upload {
    let metadata = Metadata {
        content_type: "application/pdf".into(),
        total_pages: 1,
        title: "Book".into(),
        file_name: None,
        file_size: 20,
        url: None,
    };
    let content_hash = content_hash.into();
    Upload { hash, account_id: "a".into(), content_hash, metadata, kept_bytes: 20, page_tokens: vec![1] }
}

/// A worker that does not know of the deletion yet stores a figure.
#[tokio::test]
async fn file_written_after_the_deletion_of_its_account_is_purged() {
    let home = Home::new().await;
    let upload = home.put(&upload_key("a", "c")).await;
    home.purger.deletion.delete("a").await.unwrap();
    home.purge().await;
    assert!(!upload.exists());
    let figure = home.put(&figure_key("a", &FigureId::new("c", 0, 0))).await;
    let others = home.put(&figure_key("b", &FigureId::new("c", 0, 0))).await;
    home.purge().await;
    assert!(figure.exists(), "a worker may still store files");
    home.pass(11 * MINUTE_MS);
    home.purge().await;
    assert!(!figure.exists() && others.exists());
    assert_eq!(home.purges_left().await, 0);
}

#[tokio::test]
async fn account_that_is_not_deleted_keeps_its_files() {
    let home = Home::new().await;
    let upload = home.put(&upload_key("a", "c")).await;
    home.store.close().await;
    assert!(home.purger.deletion.delete("a").await.is_err());
    assert!(upload.exists());
}

#[tokio::test]
async fn files_deleted_while_their_store_is_away_are_purged_when_it_is_back() {
    let home = Home::new().await;
    for (content, hash) in [("c1", "u1"), ("c2", "u2")] {
        let upload = upload_of(content, hash.to_owned());
        assert!(home.store.insert_upload(&upload, &UNLIMITED, UnixMs(0)).await.unwrap());
    }
    let (one, other) = (home.put(&upload_key("a", "c1")).await, home.put(&upload_key("a", "c2")).await);
    home.blobs.is_away.store(true, Ordering::Relaxed);
    home.delete("c1").await;
    home.purger.deletion.delete("a").await.unwrap();
    for _ in 0..3 {
        assert!(home.purger.purge_files().await.is_err());
        home.pass(2 * MINUTE_MS);
    }
    assert!(one.exists() && other.exists());
    home.blobs.is_away.store(false, Ordering::Relaxed);
    home.purger.purge_files().await.unwrap();
    assert!(!one.exists() && !other.exists());
    home.pass(11 * MINUTE_MS);
    home.purger.purge_files().await.unwrap();
    assert_eq!(home.purges_left().await, 0);
}

/// There are more uploads than the purge lists at a time, and one has figures.
#[tokio::test]
async fn purge_deletes_all_expired_uploads_and_their_figures() {
    let home = Home::new().await;
    for number in 0..501 {
        let upload = upload_of(&format!("content{number}"), format!("upload{number}"));
        home.store.insert_upload(&upload, &UNLIMITED, UnixMs(0)).await.unwrap();
        home.store.finish_upload(&upload, UnixMs(0)).await.unwrap();
    }
    let bounds = Bounds::new(0.1, 0.1, 0.4, 0.4);
    let found = FoundFigures {
        figures: Some(vec![Figure { bounds, row: None, width_px: 9, height_px: 9 }]),
        picture_bytes: 20,
        own: None,
    };
    home.store.record_figures("a", "content7", &BTreeMap::from([(3, found)])).await.unwrap();
    let files = [
        home.put(&upload_key("a", "content7")).await,
        home.put(&figure_key("a", &FigureId::new("content7", 3, 0))).await,
    ];
    home.purge().await;
    assert!(files.iter().all(|file| file.exists()), "they have not expired");
    home.pass(25 * 60 * MINUTE_MS);
    home.purge().await;
    assert!(!files.iter().any(|file| file.exists()));
    assert!(home.store.stale_uploads(UnixMs(i64::MAX), 1).await.unwrap().is_empty());
    assert_eq!(home.store.account_usage("a").await.unwrap().stored_bytes, 0);
}

/// The process ended between the record of the upload and the answer to the caller, before or after the file was stored.
#[tokio::test]
async fn upload_that_no_caller_was_told_of_is_purged_with_its_file() {
    let home = Home::new().await;
    for content in ["missing", "stored", "told"] {
        let upload = upload_of(content, content.to_owned());
        home.store.insert_upload(&upload, &UNLIMITED, UnixMs(0)).await.unwrap();
        if content == "told" {
            assert!(home.store.finish_upload(&upload, UnixMs(0)).await.unwrap());
        }
    }
    let (stored, told) = (home.put("uploads/a/stored").await, home.put("uploads/a/told").await);
    assert_eq!(home.store.upload_keys().await.unwrap(), ["uploads/a/told"], "the doctor misses no other file");
    home.purge().await;
    assert!(stored.exists(), "it may still be under way");
    home.pass(61 * MINUTE_MS);
    home.purge().await;
    assert!(!stored.exists() && told.exists());
    for (content, is_left) in [("missing", false), ("stored", false), ("told", true)] {
        assert_eq!(home.store.has_content("a", content).await.unwrap(), is_left, "{content}");
    }
}

/// Files were copied for a merge that failed, or whose process ended.
#[tokio::test]
async fn copies_of_a_merge_that_did_not_happen_are_purged_after_a_day() {
    let home = Home::new().await;
    let (file, figure) = (home.put("uploads/a/c1").await, home.put("figures/a/c1/0_0.png").await);
    home.store.begin_copies("a", &BTreeSet::from(["c1"]), home.clock.now()).await.unwrap();
    home.purge().await;
    assert!(file.exists() && figure.exists(), "the merge may still happen");
    home.pass(24 * 60 * MINUTE_MS);
    home.purge().await;
    assert!(!file.exists() && !figure.exists());
    assert_eq!(home.purges_left().await, 0);
}

/// One content is uploaded and deleted over and over, while two servers purge.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn file_uploaded_again_during_its_purge_is_never_deleted() {
    let home = Home::with_deletions_of(Duration::from_millis(2)).await;
    let key = upload_key("a", "c");
    let use_again = async {
        for number in 0..60 {
            let upload = upload_of("c", format!("upload {number}"));
            while !home.store.insert_upload(&upload, &UNLIMITED, home.clock.now()).await.unwrap() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let file = home.put(&key).await;
            assert!(home.store.finish_upload(&upload, home.clock.now()).await.unwrap());
            for _ in 0..4 {
                tokio::time::sleep(Duration::from_millis(2)).await;
                assert!(file.exists(), "upload {number} lost its file");
            }
            home.delete("c").await;
            tokio::time::sleep(Duration::from_millis(number % 4)).await;
        }
    };
    let purge = || async {
        loop {
            home.purger.purge_files().await.unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        () = use_again => {}
        () = purge() => {}
        () = purge() => {}
    }
    home.purger.purge_files().await.unwrap();
    // A purge that was dropped above is due again when its claim ends.
    home.pass(11 * MINUTE_MS);
    home.purger.purge_files().await.unwrap();
    assert!(!home.blobs.exists(&key).await.unwrap());
    assert_eq!(home.purges_left().await, 0);
}

/// The process was stopped after it had claimed a purge. By then the content may be in use again.
#[tokio::test]
async fn purge_continued_after_its_claim_deletes_nothing() {
    let home = Home::with_deletions_of(Duration::from_millis(50)).await;
    let upload = upload_of("c", "upload".to_owned());
    assert!(home.store.insert_upload(&upload, &UNLIMITED, UnixMs(0)).await.unwrap());
    home.delete("c").await;
    let stopped = async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        home.pass(2 * MINUTE_MS);
    };
    let figure = home.put(&figure_key("a", &FigureId::new("c", 0, 0))).await;
    let (purged, ()) = tokio::join!(home.purger.purge_files(), stopped);
    assert!(purged.is_err() && figure.exists(), "the figures would have been deleted after the claim");
}
