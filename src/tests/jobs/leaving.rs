//! Somebody deletes their account in the middle of a batch: what Google has of it is stopped and deleted, so that nobody pays for what
//! nobody will read, and no file of theirs is left here.

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
use coldbrew::model::UnixMs;
use coldbrew::model::wire::Metadata;
use coldbrew::retention::{AccountDeletion, Expiry, Merges, Purger, Retention};
use coldbrew::store::folder::Folder;
use coldbrew::store::sql::SqlStore;
use coldbrew::uploads::{Blobs, Figures, FoundFigures, Upload, Uploads, figure_key, upload_key};
use coldbrew_pdf::figures::{Bounds, Figure};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

use crate::jobs::gemini::{Site, always, times};
use crate::support::memory::UNLIMITED;

/// Waits until nothing goes on at Google. Nothing tells when that is.
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
async fn what_a_deleted_account_has_at_google_is_stopped_and_deleted() {
    for (what, faults, call, batches) in [
        ("a batch that is remote", vec![times("stuck_pending", 1)], "get_batch", 1),
        (
            "a batch whose create was not answered, and that no list has shown yet",
            vec![times("stuck_pending", 1), times("create_hangs_up", 1), always("poll_unavailable")],
            "list_batches",
            1,
        ),
        ("an input that Google takes for no batch", vec![always("create_quota")], "create_batch", 0),
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

/// A clock that is moved by hand.
#[derive(Default)]
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> UnixMs {
        UnixMs(self.0.load(Ordering::Relaxed))
    }
}

/// An account, and those who forget it.
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
            deletion,
        };
        Self { store, blobs, clock, purger, data }
    }

    async fn put(&self, key: &str) -> PathBuf {
        let file = self.data.path().join("file");
        std::fs::write(&file, "Something of theirs.").unwrap();
        self.blobs.put(key, &file).await.unwrap();
        self.data.path().join("blobs").join(key)
    }
}

/// A worker may not have heard of it yet, and puts figures where there is nobody any more.
#[tokio::test]
async fn what_is_put_into_the_folders_of_a_deleted_account_is_deleted_as_well() {
    let home = Home::of("a").await;
    let upload = home.put(&upload_key("a", "c")).await;
    home.purger.deletion.delete("a").await.unwrap();
    assert!(!upload.exists());
    let figure = home.put(&figure_key("a", &FigureId::new("c", 0, 0))).await;
    let others = home.put(&figure_key("b", &FigureId::new("c", 0, 0))).await;
    home.purger.round().await.unwrap();
    assert!(figure.exists(), "it may be put there again for a while");
    home.clock.0.store(11 * 60_000, Ordering::Relaxed);
    home.purger.round().await.unwrap();
    assert!(!figure.exists() && others.exists());
    let never_again = home.put(&figure_key("a", &FigureId::new("c", 0, 0))).await;
    home.purger.round().await.unwrap();
    assert!(never_again.exists(), "nobody is left who could put anything there");
}

#[tokio::test]
async fn an_account_that_could_not_be_deleted_has_its_files() {
    let home = Home::of("a").await;
    let upload = home.put(&upload_key("a", "c")).await;
    home.store.close().await;
    assert!(home.purger.deletion.delete("a").await.is_err());
    assert!(upload.exists());
}

#[tokio::test]
async fn files_that_could_not_be_deleted_with_their_account_are_deleted_later() {
    let home = Home::of("a").await;
    let upload = home.put(&upload_key("a", "c")).await;
    let folder = upload.parent().unwrap();
    let away = |from: &Path, to: &Path| std::fs::rename(from, to).unwrap();
    // Where the folder should be is a file: it cannot be emptied.
    let aside = home.data.path().join("aside");
    away(folder, &aside);
    std::fs::write(folder, "").unwrap();
    home.purger.deletion.delete("a").await.unwrap();
    std::fs::remove_file(folder).unwrap();
    away(&aside, folder);
    home.clock.0.store(11 * 60_000, Ordering::Relaxed);
    home.purger.round().await.unwrap();
    assert!(!upload.exists());
}

/// More uploads than are listed at a time, one of which has figures.
#[tokio::test]
async fn round_goes_on_until_nothing_is_due_and_takes_the_figures_along() {
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
    assert!(files.iter().all(|file| file.exists()), "they are not due");
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
