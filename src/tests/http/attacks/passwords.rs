//! Password guessing, and credentials that must have ended.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use coldbrew::accounts::{Accounts, Attempts, Credential, CredentialKind, SignIns};
use coldbrew::accounts::{AttemptLimits, Network, PasswordAttempts, digest};
use coldbrew::clock::{Clock, SystemClock};
use coldbrew::model::{EndedAccess, UnixMs};
use coldbrew::serve::{lock_out, reset_password};
use coldbrew::store::sql::SqlStore;
use futures::future::join_all;
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::harness::{TestClient, TestServer, config, refused};
use crate::support::memory::Memory;
use crate::web::accounts::{Browser, token_wish};

const ADA: &str = "ada@example.org";
const PASSWORD: &str = "a good long one";

fn login(email: &str, password: &str) -> Value {
    json!({"email": email, "password": password})
}

#[tokio::test]
async fn guesses_at_once_are_checked_a_few_times_only() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_ENTRIES_PER_MINUTE", "0")]).await;
    Browser::new(&server).ok("sign_up", login(ADA, PASSWORD)).await;
    for email in [ADA, "unknown@example.org"] {
        let guess = async |number: u32| {
            let guess = login(email, &format!("guess number {number}"));
            Browser::new(&server).call("sign_in", guess).await.status().as_u16()
        };
        let statuses = join_all((0..60).map(guess)).await;
        let checked = statuses.iter().filter(|status| **status == 401).count();
        let refused = statuses.iter().filter(|status| **status == 429).count();
        // Five are free, and the delay doubles after each further one: ten would take half a minute.
        assert!((5..=10).contains(&checked), "{email}: {statuses:?}");
        assert_eq!(checked + refused, 60, "{email}: {statuses:?}");
    }
}

#[tokio::test]
async fn right_password_during_the_delay_is_refused_like_a_wrong_one() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let mut owner = Browser::new(&server);
    owner.ok("sign_up", login(ADA, PASSWORD)).await;
    // Ten failures a moment ago: the next attempt has to wait for half a minute.
    let store = SqlStore::open(&SqlStore::embedded_url(&data.path().join("coldbrew.db"))).await.unwrap();
    let failed = Attempts { failures: 10, last_at: SystemClock.now() };
    for email in [ADA, "unknown@example.org"] {
        assert!(store.count_attempt(&digest(&format!("local {email}")), None, failed).await.unwrap());
    }
    let mut refusals = Vec::new();
    for (email, password) in [(ADA, PASSWORD), (ADA, "wrong password"), ("unknown@example.org", PASSWORD)] {
        let answer = Browser::new(&server).call("sign_in", login(email, password)).await;
        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
        let wait_s: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=32).contains(&wait_s), "{wait_s}");
        let body: Value = answer.json().await.unwrap();
        refusals.push((body["code"].clone(), body["message"].as_str().unwrap().replace(&wait_s.to_string(), "")));
    }
    assert!(refusals.iter().all(|refusal| *refusal == refusals[0]), "{refusals:?}");
    // The same through forms. A stolen session does not help to guess the password.
    let form = [("email", ADA), ("password", PASSWORD)];
    assert_eq!(Browser::new(&server).failed("sign_in", &form).await, "too_many_requests");
    let change = [("current", PASSWORD), ("new", "another long one")];
    assert_eq!(owner.failed("change_password", &change).await, "too_many_requests");
    // One minute later.
    let earlier = Attempts { last_at: failed.last_at.plus(-60_000), ..failed };
    assert!(store.count_attempt(&digest(&format!("local {ADA}")), Some(failed), earlier).await.unwrap());
    Browser::new(&server).ok("sign_in", login(ADA, PASSWORD)).await;
    assert_eq!(store.attempts(&digest(&format!("local {ADA}"))).await.unwrap(), None, "a success clears the failures");
}

/// A clock that the test moves.
#[derive(Default)]
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> UnixMs {
        UnixMs(1_700_000_000_000 + self.0.load(Ordering::SeqCst))
    }
}

/// The account `ada`, whose owner has signed in from [`HOME`].
async fn attempts() -> (PasswordAttempts, Arc<TestClock>) {
    let (memory, clock) = (Memory::default(), Arc::new(TestClock::default()));
    let credential = Credential { digest: "d", kind: CredentialKind::Token, expires_at: UnixMs(i64::MAX) };
    memory.create_guest("ada", credential, clock.now()).await.unwrap();
    let limits = AttemptLimits { failures_max: 5, delay_max: Duration::from_secs(900) };
    let attempts = PasswordAttempts { store: Arc::new(memory), limits, clock: clock.clone() };
    attempts.add_known_network("ada", network(HOME)).await.unwrap();
    (attempts, clock)
}

const HOME: u32 = 0xcb00_7100;

fn network(address: u32) -> Option<Network> {
    Network::of(Ipv4Addr::from(address).into())
}

async fn may_try(attempts: &PasswordAttempts, from: u32) -> bool {
    attempts.begin(ADA, Some("ada"), network(from)).await.is_ok()
}

#[tokio::test]
async fn guesses_from_many_networks_are_few_a_day_and_the_owner_can_sign_in() {
    let (attempts, clock) = attempts().await;
    let (mut guesses, mut sign_ins) = (0, 0);
    // Each second of a day from another network.
    for second in 0..86_400 {
        clock.0.store(second * 1_000, Ordering::SeqCst);
        guesses += u32::from(may_try(&attempts, 0x0b00_0000 + (second as u32) * 256).await);
        if second % 3_600 == 3_599 {
            let attempt = attempts.begin(ADA, Some("ada"), network(HOME)).await;
            sign_ins += 1;
            attempts.succeeded(&attempt.unwrap(), "ada").await.unwrap();
        }
    }
    assert_eq!(sign_ins, 24);
    // Fifty are free, ten follow until the delay reaches its maximum, and then four an hour.
    assert!((100..=50 + 10 + 96).contains(&guesses), "{guesses} guesses");
}

#[tokio::test]
async fn guesses_from_one_network_are_few_and_delay_no_other_network() {
    let (attempts, clock) = attempts().await;
    let mut guesses = 0;
    for second in 0..3_600 {
        clock.0.store(second * 1_000, Ordering::SeqCst);
        guesses += u32::from(may_try(&attempts, 0x0b00_0000).await);
    }
    assert!((15..=5 + 10 + 4).contains(&guesses), "{guesses} guesses in an hour");
    assert!(may_try(&attempts, 0x0c00_0000).await);
    assert!(may_try(&attempts, HOME).await);
}

#[tokio::test]
async fn password_failures_expire_after_a_day() {
    let (attempts, clock) = attempts().await;
    for _ in 0..5 {
        assert!(may_try(&attempts, HOME).await);
    }
    assert!(!may_try(&attempts, HOME).await);
    clock.0.store(24 * 3_600_000, Ordering::SeqCst);
    for _ in 0..5 {
        assert!(may_try(&attempts, HOME).await);
    }
    assert!(!may_try(&attempts, HOME).await);
    attempts.purge().await.unwrap();
    assert!(!may_try(&attempts, HOME).await, "counts of recent failures are kept");
}

#[tokio::test]
async fn common_passwords_are_refused_at_sign_up_and_change() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let mut browser = Browser::new(&server);
    for common in ["password123", "qwertyuiop", "1234567890", "iloveyou123", "ada@example.org"] {
        let answer = browser.call("sign_up", login(ADA, common)).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{common}");
        let error: Value = answer.json().await.unwrap();
        assert_eq!(error["code"], "invalid_sign_up");
        assert!(error["message"].as_str().unwrap().contains("easy to guess"), "{error}");
    }
    let own_name = login("grace.hopper@example.org", "GraceHopper1");
    assert_eq!(browser.refusal("sign_up", own_name).await, (422, json!("invalid_sign_up")));
    let form = [("email", ADA), ("password", "password123")];
    assert_eq!(Browser::new(&server).failed("sign_up", &form).await, "invalid_sign_up");
    browser.ok("sign_up", login(ADA, PASSWORD)).await;
    let change = [("current", PASSWORD), ("new", "password123")];
    assert_eq!(browser.failed("change_password", &change).await, "invalid_sign_up");
    Browser::new(&server).ok("sign_in", login(ADA, PASSWORD)).await;
}

/// A client with a new token of this browser's account. A guest has no password.
async fn planted_token(browser: &mut Browser<'_>, server: &TestServer, password: &str) -> TestClient {
    let token = browser.ok("create_token", token_wish("planted", password)).await;
    let client = TestClient::new(&server.base_url, token["token"].as_str().unwrap());
    client.get("/v1/users/me").await;
    client
}

async fn assert_ended(client: &TestClient) {
    refused(client.send(Method::GET, "/v1/users/me", None).await, 401, "unauthenticated").await;
}

#[tokio::test]
async fn guest_token_ends_at_sign_up() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let mut guest = Browser::new(&server);
    guest.ok("start_session", json!({})).await;
    let token = planted_token(&mut guest, &server, "").await;
    let mut thief = Browser::new(&server);
    thief.cookie = guest.cookie.clone();
    let ended = guest.ok("sign_up", login(ADA, PASSWORD)).await;
    assert_eq!(ended, json!({"sessions": 0, "tokens": 1}), "the browser's own session is replaced");
    assert_ended(&token).await;
    assert_eq!(thief.ok("fetch_me", json!({})).await, Value::Null);
    let page = guest.open("/account?ended=0-1").await.text().await.unwrap();
    assert!(page.contains("1 API token has ended."));
    // The form redirects to this page.
    let mut guest = Browser::new(&server);
    guest.ok("start_session", json!({})).await;
    let token = planted_token(&mut guest, &server, "").await;
    let form = [("email", "grace@example.org"), ("password", PASSWORD)];
    let answer = guest.fill_in("sign_up", &form).await;
    assert_eq!(answer.headers()[header::LOCATION], "/account?ended=0-1");
    assert_ended(&token).await;
}

#[tokio::test]
async fn reset_and_lock_out_by_the_operator_end_tokens_too() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let (mut owner, config) = (Browser::new(&server), config(data.path(), &[]));
    owner.ok("sign_up", login(ADA, PASSWORD)).await;
    let token = planted_token(&mut owner, &server, PASSWORD).await;
    let (password, ended) = reset_password(&config, ADA).await.unwrap();
    assert_eq!(ended, EndedAccess { sessions: 1, tokens: 1 });
    assert_ended(&token).await;
    owner.ok("sign_in", login(ADA, &password)).await;
    let token = planted_token(&mut owner, &server, &password).await;
    assert_eq!(lock_out(&config, ADA).await.unwrap(), EndedAccess { sessions: 1, tokens: 1 });
    assert_ended(&token).await;
    assert_eq!(owner.ok("fetch_me", json!({})).await, Value::Null);
    // The command prints it.
    owner.ok("sign_in", login(ADA, &password)).await;
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_coldbrew"));
    let command = command.args(["user", "lock-out", ADA]).env("COLDBREW_DATA_DIR", data.path());
    let output = command.output().await.unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "1 earlier session has ended.\n");
}
