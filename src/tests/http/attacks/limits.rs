//! Too many requests, event streams or idempotency keys from one account or one network.

use std::time::{Duration, Instant};

use coldbrew::serve::lock_out;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use sqlx::{AnyConnection, Connection};
use tempfile::TempDir;

use crate::http::events::Listener;
use crate::support::harness::{TestClient, TestServer, config, http, refused};
use crate::support::services::Redis;
use crate::web::accounts::Browser;

/// Makes the header `x-client` the client's address.
const PROXY: (&str, &str) = ("COLDBREW_CLIENT_ADDRESS_HEADER", "x-client");

/// A request from an address. Without a token it makes a guest account.
async fn call(server: &TestServer, address: &str, token: Option<&str>) -> Response {
    let request = match token {
        Some(token) => http().get(format!("{}/v1/users/me", server.base_url)).bearer_auth(token),
        None => http().post(format!("{}/v1/users/guest", server.base_url)),
    };
    request.header("x-client", address).send().await.unwrap()
}

async fn guest_at(server: &TestServer, address: &str) -> String {
    let answer: Value = call(server, address, None).await.json().await.unwrap();
    answer["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn network_of_many_guests_is_limited_and_its_neighbours_are_not() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[PROXY, ("COLDBREW_NETWORK_READS_PER_MINUTE", "12")]).await;
    let mut answers = Vec::new();
    for host in 1..=10 {
        let address = format!("203.0.113.{host}");
        let guest = guest_at(&server, &address).await;
        for _ in 0..2 {
            answers.push(call(&server, &address, Some(&guest)).await);
        }
    }
    let refusals: Vec<_> = answers.into_iter().filter(|answer| answer.status() != StatusCode::OK).collect();
    // The count refills by one request every five seconds.
    assert!((1..=8).contains(&refusals.len()), "{} of 20 were refused", refusals.len());
    for answer in refusals {
        let wait_s: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=6).contains(&wait_s));
        refused(answer, 429, "too_many_requests").await;
    }
    let neighbour = guest_at(&server, "203.0.114.1").await;
    assert_eq!(call(&server, "203.0.114.1", Some(&neighbour)).await.status(), StatusCode::OK);
    // Callers on this machine have no network.
    let local = server.guest().await;
    for _ in 0..30 {
        local.get("/v1/users/me").await;
    }
    assert!(local.get_text("/metrics").await.contains("coldbrew_requests_limited_total{kind=\"reads\"}"));
}

#[tokio::test]
async fn guests_made_in_one_network_are_limited_over_all_its_addresses() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[PROXY, ("COLDBREW_NETWORK_ENTRIES_PER_MINUTE", "5")]).await;
    let mut made = 0;
    let start = Instant::now();
    for host in 0..30 {
        let answer = call(&server, &format!("2001:db8:1:{host:x}::1"), None).await;
        made += u64::from(answer.status() == StatusCode::CREATED);
    }
    assert!((5..=6 + start.elapsed().as_secs() / 12).contains(&made), "{made} guests");
}

#[tokio::test]
async fn servers_share_rate_limits_with_redis_and_count_alone_without_it() {
    let (data, mut redis) = (TempDir::new().unwrap(), Redis::start());
    let url = redis.url();
    let settings = [("REDIS_URL", url.as_str()), ("COLDBREW_READS_PER_MINUTE", "10")];
    let servers = [TestServer::start(&data, &settings).await, TestServer::start(&data, &settings).await];
    let admitted = async |guest: &TestClient| {
        let start = Instant::now();
        let mut admitted = 0;
        for number in 0..40 {
            let client = guest.at(&servers[number % 2].base_url);
            let answer = client.send(Method::GET, "/v1/users/me", None).await;
            assert!(matches!(answer.status().as_u16(), 200 | 429), "{}", answer.status());
            admitted += u64::from(answer.status() == StatusCode::OK);
        }
        (admitted, start.elapsed().as_secs() / 6)
    };
    let guest = servers[0].guest().await;
    // The first request may find no connection to Redis yet.
    guest.get("/v1/users/me").await;
    servers[1].guest().await.get("/v1/users/me").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let guest = servers[0].guest().await;
    let (together, refilled) = admitted(&guest).await;
    assert!((10..=11 + refilled).contains(&together), "{together} admitted by both");
    redis.stop();
    let guest = servers[0].guest().await;
    let (apart, refilled) = admitted(&guest).await;
    assert!((20..=22 + 2 * refilled).contains(&apart), "{apart} admitted by each alone");
}

#[tokio::test]
async fn streams_of_an_account_are_bounded_and_others_are_not_affected() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let (greedy, other) = (server.guest().await, server.guest().await);
    let mut streams = Vec::new();
    for _ in 0..8 {
        let mut stream = Listener::of(&greedy).await;
        assert_eq!(stream.next().await.as_deref(), Some("*"));
        streams.push(stream);
    }
    let ninth = greedy.send(Method::GET, "/v1/events", None).await;
    assert_eq!(ninth.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(ninth.headers()["retry-after"], "30");
    refused(ninth, 429, "too_many_requests").await;
    // Ordinary requests still work.
    greedy.get("/v1/documents").await;
    assert_eq!(Listener::of(&other).await.next().await.as_deref(), Some("*"));
    drop(streams.pop());
    // The server notices a closed connection with a delay.
    for _ in 0..400 {
        if greedy.send(Method::GET, "/v1/events", None).await.status() == StatusCode::OK {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("a closed stream still counts");
}

#[tokio::test]
async fn streams_of_a_network_are_bounded_over_all_its_accounts() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[PROXY, ("COLDBREW_NETWORK_EVENT_STREAMS_MAX", "3")]).await;
    let listen = async |address: &str| {
        let token = guest_at(&server, address).await;
        let request = http().get(format!("{}/v1/events", server.base_url)).bearer_auth(token);
        request.header("x-client", address).send().await.unwrap()
    };
    let mut open = Vec::new();
    for host in 1..=3 {
        open.push(Listener::to(listen(&format!("203.0.113.{host}")).await));
    }
    let fourth = listen("203.0.113.99").await;
    assert_eq!(fourth.status(), StatusCode::TOO_MANY_REQUESTS);
    refused(fourth, 429, "too_many_requests").await;
    assert_eq!(listen("203.0.114.1").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn stream_ends_with_its_token_and_others_of_the_account_continue() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let owner = server.guest().await;
    let made = owner.send(Method::POST, "/v1/users/me/tokens", Some(json!({"name": "leaked"}))).await;
    let leaked = owner.with_token(made.json::<Value>().await.unwrap()["token"].as_str().unwrap());
    let (mut own, mut revoked) = (Listener::of(&owner).await, Listener::of(&leaked).await);
    for stream in [&mut own, &mut revoked] {
        assert_eq!(stream.next().await.as_deref(), Some("*"));
    }
    let tokens = owner.get("/v1/users/me/tokens").await;
    let leaked = tokens["tokens"].as_array().unwrap().iter().find(|token| token["name"] == "leaked").unwrap();
    let path = format!("/v1/users/me/tokens/{}", leaked["id"].as_str().unwrap());
    owner.send(Method::DELETE, &path, None).await;
    assert_eq!(revoked.next().await, None);
    // The other stream still gets changes.
    let prepared = owner.upload_pages(1).await;
    owner.submit(&prepared, false, false).await;
    assert_eq!(own.next().await.as_deref(), prepared["content_hash"].as_str());
    assert_eq!(owner.send(Method::DELETE, "/v1/users/me", None).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(own.next().await, None, "the account is deleted");
}

#[tokio::test]
async fn stream_ends_with_its_session_for_every_reason() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let login = json!({"email": "ada@example.org", "password": "a good long one"});
    let (mut guest, mut laptop, mut phone) = (Browser::new(&server), Browser::new(&server), Browser::new(&server));
    let listen = async |browser: &mut Browser<'_>| {
        let mut stream = Listener::to(browser.open("/v1/events").await);
        assert_eq!(stream.next().await.as_deref(), Some("*"));
        stream
    };
    guest.ok("start_session", json!({})).await;
    let planted = guest.cookie.clone();
    let mut stream = listen(&mut guest).await;
    guest.ok("sign_up", login.clone()).await;
    assert_eq!(stream.next().await, None, "the guest has signed up");
    laptop.ok("sign_in", login.clone()).await;
    let mut stream = listen(&mut laptop).await;
    laptop.ok("sign_out", json!({"everywhere": false})).await;
    assert_eq!(stream.next().await, None, "the browser has signed out");
    laptop.ok("sign_in", login.clone()).await;
    phone.ok("sign_in", login).await;
    let mut stream = listen(&mut phone).await;
    let form = [("current", "a good long one"), ("new", "another long one")];
    laptop.fill_in("change_password", &form).await;
    assert_eq!(stream.next().await, None, "the password has changed");
    // Another process ends the session; the server notices within seconds.
    let mut stream = listen(&mut laptop).await;
    lock_out(&config(data.path(), &[]), "ada@example.org").await.unwrap();
    assert_eq!(stream.next().await, None, "the operator has ended the session");
    let mut thief = Browser::new(&server);
    thief.cookie = planted;
    assert_eq!(thief.open("/v1/events").await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn idempotency_keys_of_an_account_are_bounded_in_number_and_length() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_IDEMPOTENCY_KEYS_MAX", "3")]).await;
    let guest = server.guest().await;
    let prepared = guest.upload_pages(1).await;
    let send = async |key: &str| {
        let submission = json!({"hash": prepared["hash"], "ai_transform": false, "batch_mode": false});
        let request = http().post(format!("{}/v1/documents/document", server.base_url)).bearer_auth(&guest.token);
        request.header("idempotency-key", key).json(&submission).send().await.unwrap()
    };
    for number in 0..8 {
        assert_eq!(send(&format!("key {number}")).await.status(), StatusCode::CREATED);
    }
    let url = format!("sqlite://{}", data.path().join("coldbrew.db").display());
    let mut database = AnyConnection::connect(&url).await.unwrap();
    let kept: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM answers").fetch_one(&mut database).await.unwrap();
    assert_eq!(kept, 3);
    refused(send(&"k".repeat(256)).await, 400, "invalid_request").await;
    assert_eq!(send(&"k".repeat(255)).await.status(), StatusCode::CREATED);
}
