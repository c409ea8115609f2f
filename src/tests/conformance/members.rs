//! Members: ending of sessions and tokens, and idempotency keys. The in-memory double does not have these ports.

use coldbrew::accounts::{Credentials, Ending, ExternalIdentity, Grant, Members};
use coldbrew::api::{IdempotencyClaim, IdempotencyKeys};
use coldbrew::model::EndedAccess;

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
    account_with_a_new_password_loses_all_sessions_and_tokens,
    identity_added_to_a_guest_ends_its_access_and_to_a_member_does_not,
    account_that_cannot_sign_up_keeps_its_sessions,
    credential_whose_grant_has_ended_is_not_added,
    idempotency_keys_beyond_the_maximum_replace_the_oldest_answered,
);

/// A database with one guest, `a`.
struct Database {
    store: SqlStore,
    _stores: Stores,
}

async fn over(url: &str, backing: impl Any) -> Database {
    let (store, stores) = Stores::sql(url, backing).await;
    stores.account("a").await;
    Database { store, _stores: stores }
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

const ENDING: Ending<'_> = Ending { now: NOW, own: Some("own") };

impl Database {
    async fn add(&self, digest: &str, kind: CredentialKind, lasts_ms: i64) {
        let credential = Credential { digest, kind, expires_at: NOW.plus(lasts_ms) };
        assert!(self.store.add_credential("a", credential, None, Grant::Owner, NOW).await.unwrap());
    }

    /// Adds the guest's own session, two more valid sessions, a valid token, and an expired session.
    async fn add_access(&self) {
        for (digest, lasts_ms) in [("own", 1), ("other", 1), ("another", 1), ("expired", 0)] {
            self.add(digest, CredentialKind::Session, lasts_ms).await;
        }
        self.add("token", CredentialKind::Token, 1).await;
    }

    async fn has_access(&self) -> bool {
        let digests = ["own", "other", "token", "digest of a"].map(str::to_owned);
        !self.store.unexpired(&digests, NOW).await.unwrap().is_empty()
    }
}

/// `Stores::account` makes one of these tokens.
const ENDED: EndedAccess = EndedAccess { sessions: 2, tokens: 2 };

async fn account_with_a_new_password_loses_all_sessions_and_tokens(database: Database) {
    let store = &database.store;
    database.add_access().await;
    assert_eq!(store.sign_up("a", "ada@example.org", "hash", None, ENDING).await.unwrap(), Some(ENDED));
    assert!(!database.has_access().await);
    database.add_access().await;
    let ended = EndedAccess { tokens: 1, ..ENDED };
    assert_eq!(store.set_password("a", "another", ENDING).await.unwrap(), Some(ended));
    assert!(!database.has_access().await);
    database.add_access().await;
    let all = Ending { own: None, ..ENDING };
    assert_eq!(store.end_credentials("a", all).await.unwrap(), EndedAccess { sessions: 3, tokens: 1 });
    assert!(!database.has_access().await);
}

async fn identity_added_to_a_guest_ends_its_access_and_to_a_member_does_not(database: Database) {
    let (store, label) = (&database.store, "ada@example.org".to_owned());
    let identity = |subject: &str| ExternalIdentity {
        issuer: "https://login.example".to_owned(),
        subject: subject.to_owned(),
        label: label.clone(),
        verified_email: None,
    };
    database.add_access().await;
    assert_eq!(store.add_identity("a", &identity("1"), None, ENDING).await.unwrap(), Some(ENDED));
    assert!(!database.has_access().await);
    database.add_access().await;
    assert_eq!(store.add_identity("a", &identity("2"), None, ENDING).await.unwrap(), Some(EndedAccess::default()));
    assert_eq!(
        store.add_identity("a", &identity("2"), None, ENDING).await.unwrap(),
        None,
        "the identity exists already"
    );
    assert!(database.has_access().await);
}

async fn account_that_cannot_sign_up_keeps_its_sessions(database: Database) {
    let store = &database.store;
    database.add_access().await;
    assert_eq!(store.set_password("a", "hash", ENDING).await.unwrap(), None, "a guest has no password");
    let other = Credential { digest: "b", kind: CredentialKind::Token, expires_at: NOW.plus(1) };
    store.create_guest("b", other, NOW).await.unwrap();
    assert!(store.sign_up("b", "ada@example.org", "hash", None, ENDING).await.unwrap().is_some());
    assert_eq!(
        store.sign_up("a", "ada@example.org", "hash", None, ENDING).await.unwrap(),
        None,
        "the address is taken"
    );
    assert!(database.has_access().await);
}

/// A request that was admitted before a sign-up or password change, and continues after it.
async fn credential_whose_grant_has_ended_is_not_added(database: Database) {
    let store = &database.store;
    let add = async |digest, grant| {
        let credential = Credential { digest, kind: CredentialKind::Token, expires_at: NOW.plus(1) };
        store.add_credential("a", credential, None, grant, NOW).await.unwrap()
    };
    assert!(add("1", Grant::Credential("digest of a")).await);
    assert!(!add("2", Grant::Credential("unknown")).await);
    store.sign_up("a", "ada@example.org", "hash", None, ENDING).await.unwrap();
    assert!(!add("3", Grant::Credential("digest of a")).await, "the guest's token has ended");
    assert!(add("4", Grant::Password("hash")).await);
    store.set_password("a", "another", ENDING).await.unwrap();
    assert!(!add("5", Grant::Password("hash")).await, "the password has changed");
    assert!(!add("6", Grant::Credential("4")).await);
    store.delete_account("a", NOW).await.unwrap();
    assert!(!add("7", Grant::Owner).await, "the account was deleted");
    assert!(!database.has_access().await);
}

async fn idempotency_keys_beyond_the_maximum_replace_the_oldest_answered(database: Database) {
    let store = &database.store;
    let stale = NOW.plus(-100);
    let begin = async |key: &str, at: UnixMs| store.begin("a", key, "digest", at, stale, 3).await.unwrap();
    assert_eq!(begin("running", NOW).await, IdempotencyClaim::First);
    for number in 1..=5 {
        let key = format!("key {number}");
        assert_eq!(begin(&key, NOW.plus(number)).await, IdempotencyClaim::First);
        store.finish("a", &key, "answer").await.unwrap();
    }
    assert_eq!(begin("running", NOW.plus(9)).await, IdempotencyClaim::Running, "a running request keeps its claim");
    for kept in ["key 3", "key 4", "key 5"] {
        assert_eq!(begin(kept, NOW.plus(9)).await, IdempotencyClaim::Answered("answer".into()), "{kept}");
    }
    assert_eq!(begin("key 1", NOW.plus(9)).await, IdempotencyClaim::First, "the oldest key was deleted");
}
