//! The deletion of an account during a batch: batches at Google are cancelled, input files there are deleted, and no file of the account is
//! left on the server.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use coldbrew::accounts::{Accounts, Credential, CredentialKind, Storage};
use coldbrew::accounts::{AttemptLimits, PasswordAttempts};
use coldbrew::changes::Changes;
use coldbrew::clock::Clock;
use coldbrew::markdown::FigureId;
use coldbrew::metrics::LoopAges;
use coldbrew::model::UnixMs;
use coldbrew::model::wire::Metadata;
use coldbrew::retention::{AccountDeletion, DeletedAccounts, Expiry, Merges, Purger, Retention};
use coldbrew::store::folder::Folder;
use coldbrew::store::sql::SqlStore;
use coldbrew::uploads::{Blobs, Figures, FoundFigures, Upload, Uploads, figure_key, upload_key};
use coldbrew_pdf::figures::{Bounds, Figure};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

use crate::jobs::gemini::{Site, always, times};
use crate::support::memory::UNLIMITED;

/// Waits until every batch at Google is cancelled. Polls, because Google notifies of nothing. Returns their states.
async fn stopped(site: &Site) -> Vec<Value> {
    loop {
        let states: Vec<Value> = site.batches().await.iter().map(|batch| batch["metadata"]["state"].clone()).collect();
        if states.iter().all(|state| state == "BATCH_STATE_CANCELLED") {
            return states;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn deleted_account_leaves_no_live_batch_and_no_input_at_google() {
    for (what, faults, call, batches) in [
        ("a pending batch", vec![times("stuck_pending", 1)], "get_batch", 1),
        (
            "a batch whose create was not answered and that no listing has shown yet",
            vec![times("stuck_pending", 1), times("create_hangs_up", 1), always("poll_unavailable")],
            "list_batches",
            1,
        ),
        ("an input file whose create is refused", vec![always("create_quota")], "create_batch", 0),
    ] {
        let site = Site::start(&[]).await;
        let guest = site.submit(&faults).await.guest;
        site.called(call, 1).await;
        assert_eq!(guest.send(Method::DELETE, "/v1/users/me", None).await.status(), StatusCode::NO_CONTENT, "{what}");
        site.disarm().await;
        assert_eq!(stopped(&site).await.len(), batches, "{what}");
        assert!(site.no_input_is_left().await, "{what}: an input file was left at Google");
    }
}

/// A clock that the test sets.
#[derive(Default)]
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> UnixMs {
        UnixMs(self.0.load(Ordering::Relaxed))
    }
}

/// An account, with the purger and the stores that it uses.
struct Home {
    store: SqlStore,
    blobs: Arc<Folder>,
    clock: Arc<TestClock>,
    purger: Purger,
    data: TempDir,
}

impl Home {
    async fn of(account_id: &str) -> Self {
        let data = TempDir::new().unwrap();
        let store = SqlStore::open(&SqlStore::embedded_url(&data.path().join("records.db"))).await.unwrap();
        let credential = Credential { digest: "d", kind: CredentialKind::Token, expires_at: UnixMs(1) };
        store.create_guest(account_id, credential, UnixMs(0)).await.unwrap();
        let blobs = Arc::new(Folder::open(data.path().join("blobs")).await.unwrap());
        let (shared, clock) = (|| Arc::new(store.clone()), Arc::new(TestClock::default()));
        let limits = AttemptLimits { failures_max: 5, delay_max: Duration::from_secs(900) };
        let deletion = AccountDeletion {
            accounts: shared(),
            blobs: blobs.clone(),
            deleted: DeletedAccounts::of(data.path()),
            changes: Changes::default(),
            clock: clock.clone(),
        };
        let purger = Purger {
            merges: shared(),
            expiry: shared(),
            uploads: shared(),
            blobs: blobs.clone(),
            clock: clock.clone(),
            retention: Retention { guest_days: 0, upload_days: 1 },
            attempts: PasswordAttempts { store: shared(), limits, clock: clock.clone() },
            loops: LoopAges::default(),
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
}

/// A worker that does not know of the deletion yet stores a figure.
#[tokio::test]
async fn file_written_after_the_deletion_of_its_account_is_purged() {
    let home = Home::of("a").await;
    let upload = home.put(&upload_key("a", "c")).await;
    home.purger.deletion.delete("a").await.unwrap();
    assert!(!upload.exists());
    let figure = home.put(&figure_key("a", &FigureId::new("c", 0, 0))).await;
    let others = home.put(&figure_key("b", &FigureId::new("c", 0, 0))).await;
    home.purger.round().await.unwrap();
    assert!(figure.exists(), "a worker may still store files");
    home.clock.0.store(11 * 60_000, Ordering::Relaxed);
    home.purger.round().await.unwrap();
    assert!(!figure.exists() && others.exists());
    let never_again = home.put(&figure_key("a", &FigureId::new("c", 0, 0))).await;
    home.purger.round().await.unwrap();
    assert!(never_again.exists(), "the account is not recorded as deleted any longer");
}

#[tokio::test]
async fn account_that_is_not_deleted_keeps_its_files() {
    let home = Home::of("a").await;
    let upload = home.put(&upload_key("a", "c")).await;
    home.store.close().await;
    assert!(home.purger.deletion.delete("a").await.is_err());
    assert!(upload.exists());
}

#[tokio::test]
async fn files_not_deleted_with_their_account_are_purged_later() {
    let home = Home::of("a").await;
    let upload = home.put(&upload_key("a", "c")).await;
    let folder = upload.parent().unwrap();
    let rename = |from: &Path, to: &Path| std::fs::rename(from, to).unwrap();
    // A file in the place of the folder makes the deletion fail.
    let aside = home.data.path().join("aside");
    rename(folder, &aside);
    std::fs::write(folder, "").unwrap();
    home.purger.deletion.delete("a").await.unwrap();
    std::fs::remove_file(folder).unwrap();
    rename(&aside, folder);
    home.clock.0.store(11 * 60_000, Ordering::Relaxed);
    home.purger.round().await.unwrap();
    assert!(!upload.exists());
}

/// There are more uploads than the purge lists at a time, and one has figures.
#[tokio::test]
async fn purge_deletes_all_expired_uploads_and_their_figures() {
    let home = Home::of("a").await;
    for number in 0..501 {
        let name = |what: &str| format!("{what}{number}");
        let metadata = Metadata {
            content_type: "application/pdf".into(),
            total_pages: 1,
            title: "Book".into(),
            file_name: None,
            file_size: 20,
            url: None,
        };
        let upload = Upload {
            hash: name("upload"),
            account_id: "a".into(),
            content_hash: name("content"),
            metadata,
            kept_bytes: 20,
            page_tokens: vec![1],
        };
        home.store.insert_upload(&upload, &UNLIMITED, UnixMs(0)).await.unwrap();
    }
    let bounds = Bounds::new(0.1, 0.1, 0.4, 0.4);
    let found = FoundFigures {
        figures: Some(vec![Figure { bounds, row: None, width_px: 9, height_px: 9 }]),
        picture_bytes: 20,
    };
    home.store.record_figures("a", "content7", &BTreeMap::from([(3, found)])).await.unwrap();
    let files = [
        home.put(&upload_key("a", "content7")).await,
        home.put(&figure_key("a", &FigureId::new("content7", 3, 0))).await,
    ];
    home.purger.round().await.unwrap();
    assert!(files.iter().all(|file| file.exists()), "they have not expired");
    home.clock.0.store(25 * 3_600_000, Ordering::Relaxed);
    home.purger.round().await.unwrap();
    assert!(!files.iter().any(|file| file.exists()));
    assert!(home.store.stale_uploads(UnixMs(i64::MAX), 1).await.unwrap().is_empty());
    assert_eq!(home.store.account_usage("a").await.unwrap().stored_bytes, 0);
}

/// Files were copied for a merge that failed, or whose process ended.
#[tokio::test]
async fn copies_of_a_merge_that_did_not_happen_are_purged_after_a_day() {
    let home = Home::of("a").await;
    let (file, figure) = (home.put("uploads/a/c1").await, home.put("figures/a/c1/0_0.png").await);
    home.store.begin_copies("a", &BTreeSet::from(["c1"]), home.clock.now()).await.unwrap();
    home.purger.round().await.unwrap();
    assert!(file.exists() && figure.exists(), "the merge may still happen");
    home.clock.0.fetch_add(24 * 3_600_000 + 1, Ordering::Relaxed);
    home.purger.round().await.unwrap();
    assert!(!file.exists() && !figure.exists());
    assert_eq!(home.store.stale_copies(UnixMs(i64::MAX), 1).await.unwrap(), []);
}
