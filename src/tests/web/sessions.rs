//! The list of sessions and identities, their ends, and the password asked again.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use coldbrew::accounts::{
    AccessPolicy, Account, Accounts, AttemptLimits, Caller, Credential, CredentialKind, Credentials, ExternalIdentity,
    Members, Membership, NewSession, PasswordAttempts, Passwords, SessionLifetimes,
};
use coldbrew::changes::Changes;
use coldbrew::clock::{Clock, RandomIds};
use coldbrew::model::{ErrorCode, GuestAccess, SignUpMode, UnixMs};
use coldbrew::store::sql::SqlStore;
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::accounts::Browser;
use crate::support::harness::{TestClient, TestServer, refused};

const EMAIL: &str = "ada@example.org";
const PASSWORD: &str = "a good long one";
const HOUR_MS: i64 = 3_600_000;

/// A clock that a test moves.
#[derive(Default)]
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> UnixMs {
        UnixMs(1_700_000_000_000 + self.0.load(Ordering::SeqCst))
    }
}

/// A member with a session of 90 days, or one of the provider of 24 hours.
struct Home {
    store: SqlStore,
    clock: Arc<TestClock>,
    membership: Membership,
    caller: Caller,
    session: NewSession,
    _data: TempDir,
}

impl Home {
    async fn new(by_provider: bool) -> Self {
        let data = TempDir::new().unwrap();
        let store = SqlStore::open(&SqlStore::embedded_url(&data.path().join("records.db"))).await.unwrap();
        let (shared, clock) = (Arc::new(store.clone()), Arc::new(TestClock::default()));
        let limits = AttemptLimits { failures_max: 5, delay_max: Duration::from_secs(900) };
        let membership = Membership {
            members: shared.clone(),
            credentials: shared.clone(),
            accounts: shared.clone(),
            passwords: Passwords::default(),
            attempts: PasswordAttempts { store: shared, limits, clock: clock.clone() },
            access: AccessPolicy {
                guests: GuestAccess::On,
                sign_up: SignUpMode::Open,
                domains: Arc::new([]),
                needs_operator: false,
            },
            lifetimes: SessionLifetimes { password_days: 90, provider_hours: 24 },
            changes: Changes::default(),
            clock: clock.clone(),
            ids: Arc::new(RandomIds),
        };
        let credential = Credential { digest: "d", kind: CredentialKind::Token, expires_at: UnixMs(i64::MAX) };
        store.create_guest("ada", credential, clock.now()).await.unwrap();
        let guest = Account { id: "ada".into(), email: None, quota_tokens: None };
        let session = if by_provider {
            membership.sign_in_as(&identity("1"), &guest, None, None).await.unwrap()
        } else {
            let caller = Caller { account: guest, network: None };
            membership.sign_up(&caller, EMAIL, PASSWORD.into(), None, None).await.unwrap()
        };
        let session = membership.complete_sign_in(session, "Firefox on Linux", by_provider).await.unwrap();
        let account = store.account("ada").await.unwrap().unwrap();
        Self { store, clock, membership, caller: Caller { account, network: None }, session, _data: data }
    }

    fn pass(&self, ms: i64) {
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
    }

    /// Opens a page twice a day. Returns the hours until the browser is signed out.
    async fn hours_of_use(&self) -> i64 {
        let mut secret = self.session.secret.clone();
        for hours in (0..100 * 24).step_by(12) {
            let digest = coldbrew::accounts::digest(&secret);
            if self.store.session(&digest, self.clock.now()).await.unwrap().is_none() {
                return hours;
            }
            if let Some(new) = self.membership.rotate(&secret).await.unwrap() {
                assert!(new.max_age_ms > 0);
                secret = new.secret;
            }
            self.pass(12 * HOUR_MS);
        }
        panic!("the session has no end");
    }

    async fn confirm(&self, password: &str) -> Option<ErrorCode> {
        let own = coldbrew::accounts::digest(&self.session.secret);
        let confirmed = self.membership.confirm(&self.caller, password.into(), &own).await;
        confirmed.err().map(|error| error.public().code)
    }
}

fn identity(subject: &str) -> ExternalIdentity {
    ExternalIdentity {
        issuer: "https://login.example/x".into(),
        subject: subject.into(),
        label: EMAIL.into(),
        verified_email: Some(EMAIL.into()),
    }
}

#[tokio::test]
async fn session_in_daily_use_ends_after_ninety_days() {
    assert_eq!(Home::new(false).await.hours_of_use().await, 90 * 24);
}

#[tokio::test]
async fn session_of_the_provider_ends_after_a_day() {
    assert_eq!(Home::new(true).await.hours_of_use().await, 24);
}

#[tokio::test]
async fn replaced_session_keeps_its_beginning_and_its_browser() {
    let home = Home::new(false).await;
    home.pass(25 * HOUR_MS);
    let new = home.membership.rotate(&home.session.secret).await.unwrap().unwrap();
    let own = coldbrew::accounts::digest(&new.secret);
    let sessions = home.membership.sessions(&home.caller.account, &own).await.unwrap();
    let [session] = sessions.as_slice() else { panic!("{sessions:?}") };
    assert_eq!((session.client.as_str(), session.is_this), ("Firefox on Linux", true));
    assert_eq!(session.began_at, UnixMs(1_700_000_000_000));
    assert_eq!(session.last_used_at, home.clock.now());
}

#[tokio::test]
async fn password_is_asked_for_however_fresh_the_session_is() {
    let home = Home::new(false).await;
    assert_eq!(home.confirm("").await, Some(ErrorCode::ConfirmationRequired));
    assert_eq!(home.confirm("a good long two").await, Some(ErrorCode::Unauthenticated));
    assert_eq!(home.confirm(PASSWORD).await, None);
}

#[tokio::test]
async fn account_without_a_password_needs_a_sign_in_of_the_last_ten_minutes() {
    let home = Home::new(true).await;
    assert_eq!(home.confirm("").await, None);
    home.pass(10 * 60_000);
    assert_eq!(home.confirm("").await, Some(ErrorCode::ConfirmationRequired));
}

#[tokio::test]
async fn identity_is_added_to_a_member_only_after_a_confirmation() {
    let home = Home::new(false).await;
    let add = async || {
        let added =
            home.membership.sign_in_as(&identity("2"), &home.caller.account, None, Some(&home.session.secret)).await;
        added.err().map(|error| error.public().code)
    };
    home.pass(26 * 60_000);
    assert_eq!(add().await, Some(ErrorCode::ConfirmationRequired));
    assert_eq!(home.store.identities("ada").await.unwrap().len(), 0);
    assert_eq!(home.confirm(PASSWORD).await, None);
    assert_eq!(add().await, None);
    let [identity] = home.membership.identities(&home.caller.account).await.unwrap().try_into().unwrap();
    assert_eq!(identity.provider, "login.example");
}

#[tokio::test]
async fn only_way_into_an_account_is_not_disconnected() {
    let (with_password, without) = (Home::new(false).await, Home::new(true).await);
    let (account, secret) = (&with_password.caller.account, Some(with_password.session.secret.as_str()));
    with_password.membership.sign_in_as(&identity("2"), account, None, secret).await.unwrap();
    for (home, is_removed) in [(&with_password, true), (&without, false)] {
        let account = &home.caller.account;
        let id = home.membership.identities(account).await.unwrap()[0].id.clone();
        assert_eq!(home.membership.disconnect(account, &id).await.is_ok(), is_removed);
        assert_eq!(home.membership.identities(account).await.unwrap().is_empty(), is_removed);
        assert!(home.membership.disconnect(account, "unknown").await.is_err());
    }
}

/// The browser of a member who has just signed up.
async fn member(server: &TestServer) -> Browser<'_> {
    let mut browser = Browser::new(server);
    browser.ok("sign_up", json!({"email": EMAIL, "password": PASSWORD})).await;
    browser
}

#[tokio::test]
async fn session_ended_in_the_list_of_another_browser_is_signed_out() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let (mut laptop, mut phone) = (member(&server).await, Browser::new(&server));
    phone.ok("sign_in", json!({"email": EMAIL, "password": PASSWORD})).await;
    let list = laptop.ok("fetch_sessions", json!({})).await["sessions"].clone();
    let others: Vec<&Value> = list.as_array().unwrap().iter().filter(|session| session["is_this"] == false).collect();
    assert_eq!((list.as_array().unwrap().len(), others.len()), (2, 1), "{list}");
    assert!(laptop.open("/account").await.text().await.unwrap().contains("This browser"));
    let mut stranger = Browser::new(&server);
    stranger.ok("start_session", json!({})).await;
    assert_eq!(stranger.refusal("end_session", json!({"id": others[0]["id"]})).await, (404, json!("not_found")));
    laptop.submit_form("end_session", &[("id", others[0]["id"].as_str().unwrap())]).await;
    assert_eq!(phone.ok("fetch_me", json!({})).await, Value::Null);
    assert_ne!(laptop.ok("fetch_me", json!({})).await, Value::Null);
}

#[tokio::test]
async fn member_gives_the_password_again_for_tokens_and_deletion() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let mut browser = member(&server).await;
    let token = |password: &str| json!({"name": "x", "read": true, "days": 7, "password": password});
    assert_eq!(browser.refusal("create_token", token("")).await, (403, json!("confirmation_required")));
    assert_eq!(browser.refusal("create_token", token("a good long two")).await, (401, json!("unauthenticated")));
    browser.ok("create_token", token(PASSWORD)).await;
    let id = browser.ok("fetch_me", json!({})).await[0]["user_id"].clone();
    let delete = |password: &str| json!({"id": id, "password": password});
    assert_eq!(browser.refusal("delete_account", delete("")).await, (403, json!("confirmation_required")));
    assert_eq!(browser.refusal("delete_account", delete("a good long two")).await, (401, json!("unauthenticated")));
    browser.ok("delete_account", delete(PASSWORD)).await;
    assert_eq!(browser.ok("fetch_me", json!({})).await, Value::Null);
}

/// The cookie of a browser that its owner has left open, used with the REST API.
#[tokio::test]
async fn session_alone_makes_no_token_and_deletes_no_member() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let browser = member(&server).await;
    let cookie = browser.cookie.clone().unwrap();
    let stolen = TestClient::new(&server.base_url, cookie.split_once('=').unwrap().1);
    for (method, path) in [(Method::POST, "/v1/users/me/tokens"), (Method::DELETE, "/v1/users/me")] {
        let body = (method == Method::POST).then(|| json!({"name": "mine"}));
        let request = reqwest::Client::new().request(method.clone(), format!("{}{path}", server.base_url));
        let request = request.header(header::COOKIE, &cookie).json(&json!({"name": "mine"}));
        refused(request.send().await.unwrap(), 403, "confirmation_required").await;
        refused(stolen.send(method, path, body).await, 403, "confirmation_required").await;
    }
    assert_eq!(stolen.send(Method::GET, "/v1/users/me", None).await.status(), StatusCode::OK);
}
