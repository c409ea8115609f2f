//! API tokens: scopes, lifetimes, their form, and their last use.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::accounts::Browser;
use crate::support::harness::{TestClient, TestServer, refused};

const DAY_MS: i64 = 24 * 3_600_000;

async fn make(owner: &TestClient, wish: Value) -> TestClient {
    let made = owner.send(Method::POST, "/v1/users/me/tokens", Some(wish)).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    let made: Value = made.json().await.unwrap();
    owner.with_token(made["token"].as_str().unwrap())
}

async fn is_refused(client: &TestClient, method: Method, path: &str, body: Option<Value>) {
    refused(client.send(method, path, body).await, 403, "insufficient_scope").await;
}

#[tokio::test]
async fn token_does_only_what_its_scopes_permit() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let owner = server.guest().await;
    let scoped = async |scopes: &[&str]| make(&owner, json!({"name": scopes.join(" "), "scopes": scopes})).await;
    let (reader, submitter, manager) = (scoped(&["read"]).await, scoped(&["submit"]).await, scoped(&["account"]).await);

    reader.get("/v1/documents").await;
    reader.get("/v1/users/me/usage").await;
    refused(reader.upload("book.pdf", vec![]).await, 403, "insufficient_scope").await;
    is_refused(&reader, Method::DELETE, "/v1/documents/x", None).await;
    is_refused(&reader, Method::GET, "/v1/users/me/tokens", None).await;
    is_refused(&reader, Method::DELETE, "/v1/users/me", None).await;

    let prepared = submitter.upload_pages(1).await;
    assert_eq!(submitter.submit(&prepared, false, false).await.status(), StatusCode::CREATED);
    is_refused(&submitter, Method::GET, "/v1/documents", None).await;
    is_refused(&submitter, Method::POST, "/v1/users/me/tokens", Some(json!({"name": "more"}))).await;

    manager.get("/v1/users/me/tokens").await;
    is_refused(&manager, Method::GET, "/v1/documents", None).await;
    let more = json!({"name": "more", "scopes": ["account", "read"]});
    is_refused(&manager, Method::POST, "/v1/users/me/tokens", Some(more)).await;
    let same = make(&manager, json!({"name": "the same"})).await;
    is_refused(&same, Method::GET, "/v1/documents", None).await;

    for narrow in [&reader, &submitter, &manager] {
        let answer = narrow.call("delete_account", json!({"id": "x"})).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "the calls of the web app need every scope");
    }
}

#[tokio::test]
async fn token_of_the_web_form_has_the_chosen_scopes_and_lifetime() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let mut browser = Browser::new(&server);
    browser.ok("start_session", json!({})).await;
    let refused = browser.refusal("create_token", json!({"name": "nothing", "days": 30})).await;
    assert_eq!(refused, (400, json!("invalid_request")), "no scope is chosen");
    let refused = browser.refusal("create_token", json!({"name": "forever", "read": true, "days": 10_000})).await;
    assert_eq!(refused, (400, json!("invalid_request")));
    let made = browser.ok("create_token", json!({"name": "nightly", "read": true, "days": 7})).await;
    let listed = browser.ok("fetch_me", json!({})).await[1][0].clone();
    assert_eq!((&listed["scopes"], &listed["last_used_at"]), (&json!(["read"]), &Value::Null));
    assert_eq!(listed["expires_at"].as_i64().unwrap() - listed["created_at"].as_i64().unwrap(), 7 * DAY_MS);
    let page = browser.open("/account").await.text().await.unwrap();
    assert!(page.contains("May read") && page.contains("Not used yet"), "{page}");

    TestClient::new(&server.base_url, made["token"].as_str().unwrap()).get("/v1/documents").await;
    let used = browser.ok("fetch_me", json!({})).await[1][0]["last_used_at"].clone();
    assert!(used.is_i64(), "{used}");
    TestClient::new(&server.base_url, made["token"].as_str().unwrap()).get("/v1/documents").await;
    let again = browser.ok("fetch_me", json!({})).await[1][0]["last_used_at"].clone();
    assert_eq!(again, used, "a use is recorded at most once an hour");
}

#[tokio::test]
async fn token_has_a_recognisable_form_and_one_of_another_form_is_accepted() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let guest = server.guest().await;
    assert!(guest.token.starts_with("cbw_") && guest.token.len() == 53, "{}", guest.token);
    let mistyped = guest.with_token(&format!("{}x", &guest.token[..52]));
    refused(mistyped.send(Method::GET, "/v1/users/me", None).await, 401, "unauthenticated").await;
    // A session has the form that tokens had before.
    let mut browser = Browser::new(&server);
    browser.ok("start_session", json!({})).await;
    let secret = browser.cookie.clone().unwrap().split_once('=').unwrap().1.to_owned();
    guest.with_token(&secret).get("/v1/users/me").await;
}
