//! Merging a guest into a member. The in-memory double does not have this port.

use std::collections::{BTreeMap, BTreeSet};

use coldbrew::accounts::{Credentials, Ending, Grant, Members};
use coldbrew::markdown::FigureId;
use coldbrew::operations::audit::Audit;
use coldbrew::retention::{MergeOutcome, MergeParties, Merges, Purges, StoredFile};
use coldbrew::uploads::FoundFigures;
use coldbrew_pdf::figures::{Bounds, Figure};

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
    guest_merged_into_a_member_moves_everything_and_ends_the_guest,
    job_of_a_merged_guest_goes_on_under_a_new_claim_only,
    merge_with_files_that_were_not_copied_changes_nothing,
    merge_without_both_sessions_changes_nothing,
    copies_of_a_merge_that_did_not_happen_are_purged_after_a_day,
    merge_whose_copies_may_be_deleted_changes_nothing,
);

const PARTIES: MergeParties<'_> =
    MergeParties { guest_id: "g", guest_session: "guest", member_id: "m", member_session: "member" };

/// A database with a guest `g` and a member `m`, each with a session.
struct Database {
    store: SqlStore,
    stores: Stores,
    guest: Account,
}

async fn over(url: &str, backing: impl Any) -> Database {
    let (store, stores) = Stores::sql(url, backing).await;
    let guest = stores.account("g").await;
    stores.account("m").await;
    let ending = Ending { now: NOW, own: None };
    assert!(store.sign_up("m", "ada@example.org", "hash", None, ending).await.unwrap().is_some());
    let database = Database { store, stores, guest };
    database.begin_session("g", "guest").await;
    database.begin_session("m", "member").await;
    database
}

async fn sqlite() -> Database {
    let folder = TempDir::new().unwrap();
    let url = SqlStore::embedded_url(&folder.path().join("records.db"));
    over(&url, folder).await
}

async fn postgres() -> Database {
    let postgres = Postgres::start();
    let url = postgres.database("records").await;
    over(&url, postgres).await
}

impl Database {
    async fn begin_session(&self, account_id: &str, digest: &str) {
        let credential = Credential { digest, kind: CredentialKind::Session, expires_at: NOW.plus(1_000) };
        assert!(self.store.add_credential(account_id, credential, None, Grant::Owner, NOW).await.unwrap());
    }

    /// All files of the guest.
    async fn files(&self) -> BTreeSet<StoredFile> {
        self.store.files_of("g").await.unwrap().into_keys().collect()
    }

    async fn begin_copies(&self, contents: &[&str]) {
        self.store.begin_copies("m", &contents.iter().copied().collect(), NOW).await.unwrap();
    }

    /// Copies all files of the guest, and merges it.
    async fn merge(&self, parties: &MergeParties<'_>) -> MergeOutcome {
        let files = self.files().await;
        self.begin_copies(&files.iter().map(StoredFile::content_hash).collect::<Vec<_>>()).await;
        self.merge_copied(parties).await
    }

    async fn merge_copied(&self, parties: &MergeParties<'_>) -> MergeOutcome {
        self.store.merge(parties, &self.files().await, NOW).await.unwrap()
    }

    async fn stored_bytes(&self, account_id: &str) -> u64 {
        self.stores.storage.account_usage(account_id).await.unwrap().stored_bytes
    }

    async fn documents(&self, account_id: &str) -> Vec<String> {
        let documents = self.stores.documents.documents(account_id, None, 10).await.unwrap();
        documents.into_iter().map(|document| document.id).collect()
    }

    /// Stores a document that was read by AI, with a figure, for 30 tokens.
    async fn make_document(&self, name: &str) {
        let claimed = self.stores.claimed(&self.guest, name).await;
        let figure = Figure { bounds: Bounds::new(0.1, 0.1, 0.4, 0.4), row: None, width_px: 30, height_px: 20 };
        let found = FoundFigures { figures: Some(vec![figure]), picture_bytes: 500, own: None };
        self.store.record_figures("g", &claimed.content_hash, &BTreeMap::from([(1, found)])).await.unwrap();
        let results = (0..3).map(|index| read(index, "Text.", 10)).collect();
        assert_eq!(self.stores.complete(&claimed, results).await, Completion::Stored);
    }

    async fn assert_consistent(&self) {
        assert_eq!(self.store.audit(NOW).await.unwrap(), []);
    }
}

async fn guest_merged_into_a_member_moves_everything_and_ends_the_guest(database: Database) {
    let Database { store, stores, guest } = &database;
    database.make_document("one").await;
    stores.claimed(guest, "two").await;
    assert_eq!(store.guest_summary("g").await.unwrap().titles, ["Book two", "Book one"]);
    let upload = |name: &str| StoredFile::Upload(format!("content {name}"));
    let figure = StoredFile::Figure(FigureId::new("content one", 1, 0));
    assert_eq!(database.files().await, BTreeSet::from([upload("one"), upload("two"), figure]));
    let bytes = database.stored_bytes("g").await;

    let contents = ["content one", "content two"].map(str::to_owned).to_vec();
    assert_eq!(database.merge(&PARTIES).await, MergeOutcome::Merged(contents));
    let member = store.account("m").await.unwrap().unwrap();
    assert_eq!(database.documents("m").await, ["document one"]);
    assert_eq!(stores.used_and_reserved(&member).await, (30, 100));
    assert_eq!(store.receipts("m").await.unwrap().len(), 1);
    assert_eq!(database.stored_bytes("m").await, bytes);
    assert_eq!(store.figures("m", "content one").await.unwrap().len(), 1);
    assert_eq!(store.cached_pages("m", "content one", "model/1").await.unwrap(), PageSet::all(3));
    assert!(store.upload("m", "upload one").await.unwrap().is_some());
    assert_eq!(store.account("g").await.unwrap(), None);
    assert!(store.session("guest", NOW).await.unwrap().is_none(), "the guest's session has ended");
    assert!(store.session("member", NOW).await.unwrap().is_some());
    let purge = store.claim_purge(NOW, NOW.plus(1)).await.unwrap().unwrap();
    assert_eq!((purge.account_id.as_str(), purge.content_hash.as_str()), ("g", ""), "the guest's files are purged");
    assert_eq!(database.merge(&PARTIES).await, MergeOutcome::SessionEnded, "there is nothing to move again");
    database.assert_consistent().await;
}

async fn job_of_a_merged_guest_goes_on_under_a_new_claim_only(database: Database) {
    let Database { store, stores, guest } = &database;
    let before = stores.claimed(guest, "one").await;
    assert!(store.record_page(&before, &read(0, "Text.", 10), NOW).await.unwrap());
    assert!(matches!(database.merge(&PARTIES).await, MergeOutcome::Merged(_)));
    assert!(!store.record_page(&before, &read(1, "Text.", 10), NOW).await.unwrap(), "the claim has ended");
    assert!(!store.renew(&before, LEASE_MS).await.unwrap());
    assert_eq!(stores.complete(&before, vec![]).await, Completion::Superseded);
    assert!(stores.claim(NOW).await.is_none(), "the lease has not expired");
    let after = stores.taken_over().await;
    assert_eq!((after.account_id.as_str(), after.id.as_str()), ("m", "job one"));
    assert_eq!(store.finished_pages(&after).await.unwrap(), PageSet::all(1));
    let results = (1..3).map(|index| read(index, "Text.", 10)).collect();
    assert_eq!(stores.complete(&after, results).await, Completion::Stored);
    assert_eq!(database.documents("m").await, ["document one"]);
    let member = store.account("m").await.unwrap().unwrap();
    assert_eq!(stores.used_and_reserved(&member).await, (30, 0));
    database.assert_consistent().await;
}

async fn merge_with_files_that_were_not_copied_changes_nothing(database: Database) {
    let Database { store, .. } = &database;
    database.make_document("one").await;
    let all = database.files().await;
    for missing in &all {
        let copied = all.iter().filter(|file| *file != missing).cloned().collect();
        assert_eq!(store.merge(&PARTIES, &copied, NOW).await.unwrap(), MergeOutcome::NewFiles, "{missing:?}");
        assert_eq!(database.documents("g").await, ["document one"]);
        assert_eq!(database.documents("m").await, Vec::<String>::new());
        assert!(store.session("guest", NOW).await.unwrap().is_some());
    }
    database.assert_consistent().await;
}

async fn merge_without_both_sessions_changes_nothing(database: Database) {
    let Database { store, .. } = &database;
    database.make_document("one").await;
    database.stores.account("other").await;
    database.begin_session("other", "another guest").await;
    let refused = [
        MergeParties { guest_session: "member", ..PARTIES },
        MergeParties { guest_session: "another guest", ..PARTIES },
        MergeParties { member_session: "guest", ..PARTIES },
        MergeParties { member_id: "other", member_session: "another guest", ..PARTIES },
        MergeParties { guest_id: "m", guest_session: "member", member_id: "g", member_session: "guest" },
        MergeParties { guest_id: "m", guest_session: "member", ..PARTIES },
    ];
    for parties in refused {
        assert_eq!(database.merge(&parties).await, MergeOutcome::SessionEnded, "{parties:?}");
    }
    store.end_credential("guest", NOW).await.unwrap();
    assert_eq!(database.merge(&PARTIES).await, MergeOutcome::SessionEnded, "the guest's session has ended");
    assert_eq!(database.documents("g").await, ["document one"]);
    database.assert_consistent().await;
}

async fn copies_of_a_merge_that_did_not_happen_are_purged_after_a_day(database: Database) {
    let Database { store, .. } = &database;
    database.make_document("one").await;
    database.begin_copies(&["content one", "content gone"]).await;
    let day_later = NOW.plus(24 * 3_600_000);
    assert_eq!(store.claim_purge(day_later.plus(-1), day_later).await.unwrap(), None, "they are not stale yet");
    assert!(matches!(database.merge_copied(&PARTIES).await, MergeOutcome::Merged(_)));
    let guest = store.claim_purge(NOW, NOW.plus(1)).await.unwrap().unwrap();
    store.purged(&guest, None).await.unwrap();
    let gone = store.claim_purge(day_later, day_later.plus(9)).await.unwrap().unwrap();
    assert_eq!((gone.account_id.as_str(), gone.content_hash.as_str()), ("m", "content gone"));
    let copied = store.begin_copies("m", &BTreeSet::from(["content gone"]), day_later).await;
    assert!(copied.is_err(), "a server deletes these files");
    store.purged(&gone, None).await.unwrap();
    assert_eq!(store.claim_purge(day_later, day_later).await.unwrap(), None);
}

async fn merge_whose_copies_may_be_deleted_changes_nothing(database: Database) {
    let Database { store, .. } = &database;
    database.make_document("one").await;
    database.begin_copies(&["content one"]).await;
    let day_later = NOW.plus(24 * 3_600_000);
    let purge = store.claim_purge(day_later, day_later.plus(9)).await.unwrap().unwrap();
    for _ in 0..2 {
        assert!(store.merge(&PARTIES, &database.files().await, NOW).await.is_err());
        assert_eq!(database.documents("g").await, ["document one"]);
        store.purged(&purge, None).await.unwrap();
    }
}
