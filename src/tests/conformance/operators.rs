//! Promises of the operators' records, of invitations and of links, for both databases.

use std::any::Any;

use coldbrew::accounts::{
    Accounts, AuditRow, Credential, CredentialKind, Credentials, Ending, Grant, Members, OperatorRecords, Request,
};
use coldbrew::error::{Error, Result};
use coldbrew::model::operator::{AuditEntry, InvitationRequest};
use coldbrew::model::{ErrorCode, Role};
use coldbrew::retention::{Expiry, Purges};
use coldbrew::store::sql::SqlStore;
use tempfile::TempDir;

use super::NOW;
use crate::support::services::Postgres;

macro_rules! conform_databases {
    ($($promise:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $promise() { super::$promise(super::sqlite().await).await })+
        }
        mod postgres {
            $(#[tokio::test] async fn $promise() { super::$promise(super::postgres().await).await })+
        }
    };
}

conform_databases!(
    disabled_account_is_refused_until_it_is_enabled,
    action_without_the_role_changes_nothing,
    each_action_has_its_row_in_the_audit_log,
    invitation_is_used_once_and_gives_role_and_quota,
    link_sets_a_password_once,
    people_are_searched_and_listed_page_by_page,
);

/// A database with a member `a`, who is an operator, and a guest `b`.
struct Database {
    store: SqlStore,
    _backing: Box<dyn Any>,
}

const ENDING: Ending<'_> = Ending { now: NOW, own: None };

async fn over(store: SqlStore, backing: impl Any) -> Database {
    let database = Database { store, _backing: Box::new(backing) };
    for id in ["a", "b"] {
        database.add_guest(id).await;
    }
    database.store.sign_up("a", "ada@example.org", "hash", None, ENDING).await.unwrap().unwrap();
    database.act(None, Some("a"), Request::SetRole(Some(Role::Operator))).await.unwrap();
    database
}

async fn sqlite() -> Database {
    let folder = TempDir::new().unwrap();
    let url = SqlStore::embedded_url(&folder.path().join("records.db"));
    over(SqlStore::open(&url).await.unwrap(), folder).await
}

async fn postgres() -> Database {
    let postgres = Postgres::start();
    let url = postgres.database("records").await;
    over(SqlStore::open(&url).await.unwrap(), postgres).await
}

impl Database {
    async fn add_guest(&self, id: &str) {
        let digest = format!("digest of {id}");
        let credential = Credential { digest: &digest, kind: CredentialKind::Token, expires_at: NOW.plus(1_000) };
        self.store.create_guest(id, credential, NOW).await.unwrap();
    }

    /// Carries out an action of `operator`. `None`: of the command line.
    async fn act(&self, operator: Option<&str>, account: Option<&str>, request: Request<'_>) -> Result<()> {
        let id = format!("action {:03}", self.log().await.len());
        let row = AuditRow { id: &id, at: NOW, operator_id: operator, account_id: account, detail: "detail" };
        self.store.apply(&request, &row).await
    }

    /// By the operator `a`.
    async fn ok(&self, account: Option<&str>, request: Request<'_>) {
        self.act(Some("a"), account, request).await.unwrap();
    }

    async fn log(&self) -> Vec<AuditEntry> {
        self.store.audit_log(None, 100).await.unwrap()
    }

    async fn is_open(&self, id: &str) -> Result<bool> {
        self.store.account_of(&format!("digest of {id}"), NOW).await.map(|account| account.is_some())
    }

    async fn invite(&self, digest: &str, role: Option<Role>) {
        let asked = InvitationRequest { note: "Eve".into(), role, quota_tokens: Some(77), days: 1 };
        self.ok(None, Request::Invite { digest, asked: &asked, expires_at: NOW.plus(10) }).await;
    }
}

fn code<T: std::fmt::Debug>(result: Result<T>) -> ErrorCode {
    Error::public(result.unwrap_err()).code
}

async fn disabled_account_is_refused_until_it_is_enabled(database: Database) {
    let (store, digests) = (&database.store, ["digest of b".to_owned()]);
    let add = async |digest| {
        let credential = Credential { digest, kind: CredentialKind::Session, expires_at: NOW.plus(1_000) };
        store.add_credential("b", credential, None, Grant::Owner, NOW).await
    };
    assert!(database.is_open("b").await.unwrap());
    database.ok(Some("b"), Request::Disable).await;
    assert_eq!(code(database.is_open("b").await), ErrorCode::AccountDisabled);
    assert!(store.unexpired(&digests, NOW).await.unwrap().is_empty(), "its event streams end");
    assert_eq!(code(add("1").await), ErrorCode::AccountDisabled, "it gets no new session");
    database.ok(Some("b"), Request::Enable).await;
    assert!(database.is_open("b").await.unwrap() && add("2").await.unwrap());
    assert_eq!(store.unexpired(&digests, NOW).await.unwrap(), digests);
}

async fn action_without_the_role_changes_nothing(database: Database) {
    let before = database.log().await.len();
    for operator in ["b", "unknown"] {
        for request in [Request::Disable, Request::Delete, Request::SetQuota(Some(1)), Request::SetRole(None)] {
            assert_eq!(code(database.act(Some(operator), Some("a"), request).await), ErrorCode::NotFound);
        }
        let asked = InvitationRequest { note: String::new(), role: None, quota_tokens: None, days: 1 };
        let invite = Request::Invite { digest: "i", asked: &asked, expires_at: NOW.plus(10) };
        assert_eq!(code(database.act(Some(operator), None, invite).await), ErrorCode::NotFound);
    }
    // An operator who is disabled, or who was one, has no rights either.
    database.act(None, Some("a"), Request::Disable).await.unwrap();
    assert!(!database.store.is_operator("a").await.unwrap() && !database.store.has_operator().await.unwrap());
    assert_eq!(code(database.act(Some("a"), Some("b"), Request::Delete).await), ErrorCode::NotFound);
    database.act(None, Some("a"), Request::Enable).await.unwrap();
    database.act(None, Some("a"), Request::SetRole(None)).await.unwrap();
    assert_eq!(code(database.act(Some("a"), Some("b"), Request::Delete).await), ErrorCode::NotFound);
    assert_eq!(database.log().await.len(), before + 3, "only the command line's actions are recorded");
    assert!(database.is_open("a").await.is_ok() && database.is_open("b").await.unwrap());
    assert!(database.store.invitations().await.unwrap().is_empty());
}

async fn each_action_has_its_row_in_the_audit_log(database: Database) {
    database.ok(Some("b"), Request::SetQuota(Some(5))).await;
    assert_eq!(database.store.account("b").await.unwrap().unwrap().quota_tokens, Some(5));
    database.ok(Some("b"), Request::Delete).await;
    assert!(!database.is_open("b").await.unwrap());
    let purge = database.store.claim_purge(NOW, NOW.plus(1)).await.unwrap().unwrap();
    assert_eq!((purge.account_id.as_str(), purge.content_hash.as_str()), ("b", ""), "all its files are purged");
    database.act(None, Some("c"), Request::Create { email: "eve@example.org", role: Role::Operator }).await.unwrap();
    assert!(database.store.is_operator("c").await.unwrap());
    for (account, request, expected) in [
        ("d", Request::Create { email: "eve@example.org", role: Role::Operator }, ErrorCode::EmailTaken),
        ("b", Request::Disable, ErrorCode::NotFound),
        ("b", Request::Delete, ErrorCode::NotFound),
    ] {
        assert_eq!(code(database.act(Some("a"), Some(account), request).await), expected);
    }
    let rows: Vec<_> = database.log().await.into_iter().map(|row| (row.operator, row.action, row.account)).collect();
    let row = |operator: Option<&str>, action: &str, account: &str| {
        (operator.map(str::to_owned), action.to_owned(), Some(account.to_owned()))
    };
    let (ada, eve) = ("ada@example.org", "eve@example.org");
    assert_eq!(
        rows,
        [
            row(None, "create", eve),
            row(Some(ada), "delete", "b"),
            row(Some(ada), "set_quota", "b"),
            row(None, "set_role", ada)
        ]
    );
    let older = database.store.audit_log(Some("action 002"), 1).await.unwrap();
    assert_eq!(older.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["action 001"]);
}

async fn invitation_is_used_once_and_gives_role_and_quota(database: Database) {
    let store = &database.store;
    database.invite("i", Some(Role::Operator)).await;
    assert!(store.is_invitation("i", NOW).await.unwrap() && !store.is_invitation("j", NOW).await.unwrap());
    assert!(!store.is_invitation("i", NOW.plus(10)).await.unwrap(), "it has expired");
    let late = Ending { now: NOW.plus(10), own: None };
    let sign_up =
        async |id: &'static str, email: &'static str, ending| store.sign_up(id, email, "hash", Some("i"), ending).await;
    assert_eq!(code(sign_up("b", "eve@example.org", late).await), ErrorCode::InvalidLink);
    assert_eq!(sign_up("b", "ada@example.org", ENDING).await.unwrap(), None, "the address is taken");
    assert!(store.is_invitation("i", NOW).await.unwrap(), "a sign-up that failed does not use it");
    assert!(sign_up("b", "eve@example.org", ENDING).await.unwrap().is_some());
    assert!(store.is_operator("b").await.unwrap());
    assert_eq!(store.account("b").await.unwrap().unwrap().quota_tokens, Some(77));
    database.add_guest("c").await;
    assert_eq!(code(sign_up("c", "max@example.org", ENDING).await), ErrorCode::InvalidLink);
    assert_eq!(store.account("c").await.unwrap().unwrap().email, None, "the sign-up is undone");
    let [invitation] = store.invitations().await.unwrap().try_into().unwrap();
    assert_eq!((invitation.used_by.as_deref(), invitation.used_at), (Some("eve@example.org"), Some(NOW)));
    let revoke = Request::RevokeInvitation { id: &invitation.id };
    assert_eq!(code(database.act(Some("a"), None, revoke).await), ErrorCode::NotFound, "it was used");
    database.invite("k", None).await;
    database.ok(None, Request::RevokeInvitation { id: "k" }).await;
    assert!(!store.is_invitation("k", NOW).await.unwrap());
}

async fn link_sets_a_password_once(database: Database) {
    let store = &database.store;
    let link = |digest| Request::MakeLink { digest, expires_at: NOW.plus(10) };
    assert_eq!(code(database.act(Some("a"), Some("b"), link("1")).await), ErrorCode::InvalidRequest, "a guest");
    database.ok(Some("a"), link("1")).await;
    database.ok(Some("a"), link("2")).await;
    assert_eq!(store.account_of_link("1", NOW).await.unwrap(), None, "the second has replaced it");
    assert_eq!(store.account_of_link("2", NOW).await.unwrap(), Some(("a".into(), "ada@example.org".into())));
    assert_eq!(store.account_of_link("2", NOW.plus(10)).await.unwrap(), None, "it has expired");
    let late = Ending { now: NOW.plus(10), own: None };
    assert_eq!(store.set_password_by_link("2", "a", "other", late).await.unwrap(), None);
    assert_eq!(store.set_password_by_link("2", "b", "other", ENDING).await.unwrap(), None, "another's link");
    let token = Credential { digest: "t", kind: CredentialKind::Token, expires_at: NOW.plus(1_000) };
    assert!(store.add_credential("a", token, None, Grant::Owner, NOW).await.unwrap());
    let ended = store.set_password_by_link("2", "a", "other", ENDING).await.unwrap().unwrap();
    assert_eq!((ended.sessions, ended.tokens), (0, 1), "all access of before ends");
    assert_eq!(store.login("ada@example.org").await.unwrap(), Some(("a".into(), "other".into())));
    assert_eq!(store.set_password_by_link("2", "a", "third", ENDING).await.unwrap(), None, "it works once");
    database.ok(Some("a"), link("3")).await;
    store.forget_expired(NOW, NOW.plus(10)).await.unwrap();
    assert_eq!(store.account_of_link("3", NOW).await.unwrap(), None, "it is purged");
}

async fn people_are_searched_and_listed_page_by_page(database: Database) {
    let store = &database.store;
    for number in 1..=5 {
        let id = format!("m{number}");
        database.add_guest(&id).await;
        let email = format!("m{number}_%@example.org");
        store.sign_up(&id, &email, "hash", None, ENDING).await.unwrap().unwrap();
    }
    let ids = async |search: &str, before: Option<&str>, limit| -> Vec<String> {
        let people = store.people(search, before, 0, limit).await.unwrap();
        people.into_iter().map(|person| person.id).collect()
    };
    assert_eq!(ids("", None, 10).await, ["m5", "m4", "m3", "m2", "m1", "a"], "guests are left out");
    assert_eq!(ids("", None, 2).await, ["m5", "m4"]);
    assert_eq!(ids("", Some("m4"), 2).await, ["m3", "m2"]);
    assert_eq!(ids("m2", None, 10).await, ["m2"]);
    assert_eq!(ids("_%@", None, 10).await.len(), 5, "wildcards are characters");
    assert_eq!(ids("a%", None, 10).await.len(), 0);
    assert_eq!(ids("b", None, 10).await, ["b"], "a guest is found by the id");
    let [ada] = store.people("ada", None, 0, 10).await.unwrap().try_into().unwrap();
    assert_eq!((ada.role, ada.used_tokens, ada.spent_total, ada.disabled_at), (Some(Role::Operator), 0, 0, None));
    assert_eq!(ada.last_seen_at, Some(NOW));
    let overview = store.overview(NOW.day(), NOW.day() - 20).await.unwrap();
    assert_eq!((overview.members, overview.guests, overview.disabled, overview.jobs.len()), (6, 1, 0, 0));
    assert_eq!((overview.spending.today, overview.spending.month, overview.spending.committed), (0, 0, 0));
}
