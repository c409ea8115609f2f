//! Signing in with a browser whose guest has made something.

use coldbrew::model::UnixMs;
use coldbrew::operations::audit::Audit;
use coldbrew::store::sql::SqlStore;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::accounts::Browser;
use crate::support::harness::{TestClient, TestServer, book, refused};

const EMAIL: &str = "ada@example.org";
const PASSWORD: &str = "a good long one";

/// Makes a member, and a browser with a new guest. Returns a client that acts with the guest's session.
async fn member_and_guest(server: &TestServer) -> (Browser<'_>, TestClient) {
    Browser::new(server).ok("sign_up", json!({"email": EMAIL, "password": PASSWORD})).await;
    let mut browser = Browser::new(server);
    browser.ok("start_session", json!({})).await;
    let client = client_of(server, &browser);
    (browser, client)
}

/// A client that acts with the browser's session.
fn client_of(server: &TestServer, browser: &Browser<'_>) -> TestClient {
    let cookie = browser.cookie.as_deref().unwrap();
    TestClient::new(&server.base_url, cookie.split_once('=').unwrap().1)
}

/// Stores a document as plain text. Returns what was uploaded, and the id.
async fn read_as_text(client: &TestClient) -> (Value, String) {
    let prepared = client.upload_pages(2).await;
    let document: Value = client.submit(&prepared, false, false).await.json().await.unwrap();
    (prepared, document["id"].as_str().unwrap().to_owned())
}

async fn assert_consistent(data: &TempDir) {
    let store = SqlStore::open(&SqlStore::embedded_url(&data.path().join("coldbrew.db"))).await.unwrap();
    assert_eq!(store.audit(UnixMs(0)).await.unwrap(), []);
    store.close().await;
}

#[tokio::test]
async fn guest_documents_chosen_at_sign_in_move_with_their_files() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let (mut browser, guest) = member_and_guest(&server).await;
    let page = browser.open("/account").await.text().await.unwrap();
    assert!(!page.contains("name=\"bring\""), "a guest without documents is not asked");
    let (prepared, id) = read_as_text(&guest).await;
    let page = browser.open("/account").await.text().await.unwrap();
    assert!(page.contains("Bring the document in this browser along"), "{page}");
    assert!(!page.contains("checked data-testid=\"bring\""), "nothing moves unless it is chosen");

    let form = [("email", EMAIL), ("password", PASSWORD), ("bring", "true")];
    assert_eq!(browser.submit_form("sign_in", &form).await.1, "/account");
    let member = client_of(&server, &browser);
    assert_eq!(member.get("/v1/users/me").await["email"], EMAIL);
    assert_eq!(member.get("/v1/documents").await["documents"][0]["id"], id.as_str());
    let picture = member.send(Method::GET, &format!("/v1/documents/{id}/pages/1/original"), None).await;
    assert_eq!(picture.status(), StatusCode::OK, "the file was copied");
    assert_eq!(member.submit(&prepared, true, false).await.status(), StatusCode::ACCEPTED, "the upload was moved");
    refused(guest.send(Method::GET, "/v1/users/me", None).await, 401, "unauthenticated").await;
    assert_consistent(&data).await;
}

#[tokio::test]
async fn guest_documents_not_chosen_stay_with_the_guest() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let (mut browser, guest) = member_and_guest(&server).await;
    let (_, id) = read_as_text(&guest).await;
    browser.submit_form("sign_in", &[("email", EMAIL), ("password", PASSWORD)]).await;
    let member = client_of(&server, &browser);
    assert_eq!(member.get("/v1/documents").await["documents"], json!([]));
    guest.get(&format!("/v1/documents/{id}")).await;
}

#[tokio::test]
async fn wrong_password_moves_nothing() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let (mut browser, guest) = member_and_guest(&server).await;
    let (_, id) = read_as_text(&guest).await;
    let form = [("email", EMAIL), ("password", "not the right one"), ("bring", "true")];
    assert_eq!(browser.failed("sign_in", &form).await, "unauthenticated");
    guest.get(&format!("/v1/documents/{id}")).await;
}

/// The guest's batch waits at Google while its owner signs in.
#[tokio::test]
async fn batch_under_way_ends_in_the_account_that_was_signed_in() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_DEMO_PENDING_MS", "1500")]).await;
    let (mut browser, guest) = member_and_guest(&server).await;
    let prepared = guest.upload_pages(3).await;
    assert_eq!(guest.submit(&prepared, true, true).await.status(), StatusCode::ACCEPTED);
    let reserved = guest.get("/v1/users/me/usage").await["reserved_tokens"].clone();
    browser.ok("sign_in", json!({"email": EMAIL, "password": PASSWORD, "bring": true})).await;
    let member = client_of(&server, &browser);
    assert_eq!(member.get("/v1/users/me/usage").await["reserved_tokens"], reserved);
    let ended = member.batch_end(prepared["content_hash"].as_str().unwrap()).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
    member.get(&format!("/v1/documents/{}", ended["document_id"].as_str().unwrap())).await;
    let usage = member.get("/v1/users/me/usage").await;
    assert_eq!((usage["reserved_tokens"].as_u64(), usage["receipts"].as_array().unwrap().len()), (Some(0), 1));
    assert_consistent(&data).await;
}

/// An attacker has put the session of a guest into the browser of the victim.
#[tokio::test]
async fn planted_session_gains_nothing_from_a_merge() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let (mut victim, attacker) = member_and_guest(&server).await;
    read_as_text(&attacker).await;
    let made = attacker.send(Method::POST, "/v1/users/me/tokens", Some(json!({"name": "mine"}))).await;
    let made: Value = made.json().await.unwrap();
    let token = attacker.with_token(made["token"].as_str().unwrap());
    token.get("/v1/users/me").await;
    victim.ok("sign_in", json!({"email": EMAIL, "password": PASSWORD, "bring": true})).await;
    for stolen in [&attacker, &token] {
        refused(stolen.send(Method::GET, "/v1/documents", None).await, 401, "unauthenticated").await;
    }
}

/// A member's session is in the browser, as it is when another person has signed in before.
#[tokio::test]
async fn documents_of_a_member_are_never_moved() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let mut browser = Browser::new(&server);
    browser.ok("sign_up", json!({"email": "eve@example.org", "password": PASSWORD})).await;
    read_as_text(&client_of(&server, &browser)).await;
    Browser::new(&server).ok("sign_up", json!({"email": EMAIL, "password": PASSWORD})).await;
    browser.ok("sign_in", json!({"email": EMAIL, "password": PASSWORD, "bring": true})).await;
    assert_eq!(client_of(&server, &browser).get("/v1/documents").await["documents"], json!([]));
    browser.ok("sign_in", json!({"email": "eve@example.org", "password": PASSWORD})).await;
    assert_eq!(client_of(&server, &browser).get("/v1/documents").await["documents"].as_array().unwrap().len(), 1);
}

/// The file of an upload was never stored, because the process ended in between.
#[tokio::test]
async fn guest_who_is_still_uploading_is_asked_to_wait() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let (mut browser, guest) = member_and_guest(&server).await;
    let prepared = guest.upload("book.pdf", book(1)).await.json::<Value>().await.unwrap();
    let me = guest.get("/v1/users/me").await;
    let key = format!("{}/{}", me["user_id"].as_str().unwrap(), prepared["content_hash"].as_str().unwrap());
    std::fs::remove_file(data.path().join("blobs/uploads").join(key)).unwrap();
    let wish = json!({"email": EMAIL, "password": PASSWORD, "bring": true});
    assert_eq!(browser.refusal("sign_in", wish).await, (503, json!("unavailable")));
    guest.get("/v1/users/me").await;
}
