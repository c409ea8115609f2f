//! Who may come in: guests, AI for guests, sign-up by invitation or domain, and links that set a password.

use coldbrew::model::operator::InvitationRequest;
use coldbrew::serve::{invite, make_operator, reset_link};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::harness::{TestClient, TestServer, config, refused};
use crate::web::accounts::{Browser, token_wish};

const PASSWORD: &str = "a good long one";
/// A server that others can reach and that spends money.
const PUBLIC: [(&str, &str); 2] = [("GEMINI_API_KEY", "a-key"), ("COLDBREW_PUBLIC_URL", "http://127.0.0.1:1")];

fn login(email: &str) -> Value {
    json!({"email": email, "password": PASSWORD})
}

fn with_code(email: &str, code: &str) -> Value {
    json!({"email": email, "password": PASSWORD, "invitation": code})
}

/// The code at the end of a link.
fn code_of(link: &str) -> &str {
    link.rsplit_once("?code=").unwrap().1
}

fn invitation(quota_tokens: Option<u64>) -> InvitationRequest {
    InvitationRequest { note: "Eve".into(), role: None, quota_tokens, days: 7 }
}

async fn text_of(browser: &mut Browser<'_>, path: &str) -> String {
    browser.open(path).await.text().await.unwrap()
}

#[tokio::test]
async fn server_without_guests_makes_none_and_shows_the_sign_in() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_ACCESS_GUESTS", "off")]).await;
    let stranger = TestClient::new(&server.base_url, "");
    refused(stranger.send(Method::POST, "/v1/users/guest", None).await, 403, "guests_not_allowed").await;
    let mut browser = Browser::new(&server);
    assert_eq!(browser.refusal("start_session", json!({})).await, (403, json!("guests_not_allowed")));
    let home = text_of(&mut browser, "/").await;
    assert!(home.contains("data-testid=\"sign-in-first\"") && !home.contains("data-testid=\"file-input\""));
    // People still sign up, and then they use everything.
    browser.ok("sign_up", login("ada@example.org")).await;
    let home = text_of(&mut browser, "/").await;
    assert!(!home.contains("data-testid=\"sign-in-first\"") && home.contains("data-testid=\"file-input\""));
}

#[tokio::test]
async fn guest_of_a_text_only_server_reads_text_and_uses_no_ai() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_ACCESS_GUESTS", "text-only")]).await;
    let guest = server.guest().await;
    let prepared = guest.upload_pages(1).await;
    for batch in [false, true] {
        let error = refused(guest.submit(&prepared, true, batch).await, 403, "guests_text_only").await;
        assert!(error["message"].as_str().unwrap().contains("Sign in to use AI"), "{error}");
    }
    let document: Value = guest.submit(&prepared, false, false).await.json().await.unwrap();
    let again = format!("/v1/documents/{}/retry", document["id"].as_str().unwrap());
    let answer = guest.send(Method::POST, &again, Some(json!({"batch_mode": true}))).await;
    refused(answer, 403, "guests_text_only").await;
    assert_eq!(guest.get("/v1/users/me/usage").await["reserved_tokens"], 0);
    let mut member = Browser::new(&server);
    member.ok("sign_up", login("ada@example.org")).await;
    let token = member.ok("create_token", token_wish("own", PASSWORD)).await;
    let member = TestClient::new(&server.base_url, token["token"].as_str().unwrap());
    let prepared = member.upload_pages(1).await;
    assert_eq!(member.submit(&prepared, true, true).await.status(), StatusCode::ACCEPTED);
}

#[tokio::test]
async fn public_server_with_a_key_is_closed_by_default_and_asks_for_an_operator() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &PUBLIC).await;
    let config = config(data.path(), &PUBLIC);
    let mut browser = Browser::new(&server);
    let page = text_of(&mut browser, "/account").await;
    assert!(page.contains("data-testid=\"no-operator\"") && page.contains("coldbrew user operator"));
    assert!(page.contains("You need an invitation") && !page.contains("name=\"way\""));
    assert_eq!(browser.refusal("sign_up", login("ada@example.org")).await, (403, json!("sign_up_not_allowed")));
    assert_eq!(browser.cookie, None, "no account was made");
    // The first operator.
    let link = make_operator(&config, "Ada@Example.org").await.unwrap().unwrap();
    assert!(link.starts_with("http://127.0.0.1:1/set-password?code="), "{link}");
    let page = text_of(&mut browser, &format!("/set-password?code={}", code_of(&link))).await;
    assert!(page.contains("ada@example.org") && page.contains("autocomplete=\"new-password\""));
    let form = [("code", code_of(&link)), ("password", PASSWORD)];
    let (_, place) = browser.submit_form("set_password", &form).await;
    assert_eq!(place, "/account");
    assert!(text_of(&mut browser, "/account").await.contains("data-testid=\"operator-link\""));
    assert_eq!(browser.open("/operator").await.status(), StatusCode::OK);
    assert!(!text_of(&mut Browser::new(&server), "/account").await.contains("data-testid=\"no-operator\""));
    // The link is spent, and a promoted member needs none.
    let (status, code) =
        Browser::new(&server).refusal("set_password", json!({"code": code_of(&link), "password": PASSWORD})).await;
    assert_eq!((status, code), (422, json!("invalid_link")));
    assert_eq!(make_operator(&config, "ada@example.org").await.unwrap(), None);
}

#[tokio::test]
async fn invited_person_signs_up_once_with_the_quota_of_the_invitation() {
    let data = TempDir::new().unwrap();
    let settings = [("COLDBREW_ACCESS_SIGN_UP", "invitation"), ("COLDBREW_ACCESS_GUESTS", "off")];
    let server = TestServer::start(&data, &settings).await;
    let link = invite(&config(data.path(), &settings), invitation(Some(4_321))).await.unwrap();
    let (code, mut eve) = (code_of(&link), Browser::new(&server));
    let page = text_of(&mut eve, &format!("/invitation?code={code}")).await;
    assert!(page.contains("You are invited") && page.contains(&format!("value=\"{code}\"")));
    assert_eq!(eve.refusal("sign_up", with_code("eve@example.org", "0")).await, (422, json!("invalid_link")));
    assert_eq!(eve.refusal("sign_up", with_code("eve@example.org", "")).await, (403, json!("sign_up_not_allowed")));
    let weak = json!({"email": "eve@example.org", "password": "short", "invitation": code});
    assert_eq!(eve.refusal("sign_up", weak).await, (422, json!("invalid_sign_up")));
    eve.ok("sign_up", with_code("eve@example.org", code)).await;
    assert_eq!(eve.ok("fetch_usage", json!({})).await["quota_tokens"], 4_321);
    let again = Browser::new(&server).refusal("sign_up", with_code("max@example.org", code)).await;
    assert_eq!(again, (422, json!("invalid_link")));
    let page = text_of(&mut Browser::new(&server), &format!("/invitation?code={code}")).await;
    assert!(page.contains("data-code=\"invalid_link\"") && !page.contains("type=\"password\""));
}

#[tokio::test]
async fn address_of_a_listed_domain_signs_up_and_others_need_an_invitation() {
    let data = TempDir::new().unwrap();
    let settings = [("COLDBREW_ACCESS_SIGN_UP", "domains"), ("COLDBREW_ACCESS_DOMAINS", "Example.org, @example.net")];
    let server = TestServer::start(&data, &settings).await;
    Browser::new(&server).ok("sign_up", login("ada@EXAMPLE.org")).await;
    Browser::new(&server).ok("sign_up", login("ada@example.net")).await;
    let mut other = Browser::new(&server);
    assert_eq!(other.refusal("sign_up", login("ada@example.com")).await, (403, json!("sign_up_not_allowed")));
    let link = invite(&config(data.path(), &settings), invitation(None)).await.unwrap();
    other.ok("sign_up", with_code("ada@example.com", code_of(&link))).await;
}

#[tokio::test]
async fn link_that_sets_a_password_ends_all_earlier_access() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let mut ada = Browser::new(&server);
    ada.ok("sign_up", login("ada@example.org")).await;
    let config = config(data.path(), &[]);
    let (first, second) =
        (reset_link(&config, "ada@example.org").await.unwrap(), reset_link(&config, "ada@example.org").await.unwrap());
    let set = |link: &str, password: &str| json!({"code": code_of(link), "password": password});
    let mut browser = Browser::new(&server);
    assert_eq!(browser.refusal("set_password", set(&first, "another long one")).await.0, 422, "it was replaced");
    assert_eq!(browser.refusal("set_password", set(&second, "short")).await, (422, json!("invalid_sign_up")));
    browser.ok("set_password", set(&second, "another long one")).await;
    assert_eq!(browser.ok("fetch_me", json!({})).await[0]["email"], "ada@example.org");
    assert_eq!(ada.ok("fetch_me", json!({})).await, Value::Null);
    assert_eq!(ada.refusal("sign_in", login("ada@example.org")).await, (401, json!("unauthenticated")));
}
