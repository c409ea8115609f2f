//! Sign-in with an OpenID Connect provider. The stand-in for one can send invalid claims.

mod stand_in;

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::StatusCode;
use coldbrew::model::operator::InvitationRequest;
use coldbrew::serve::invite;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::harness::{TestClient, TestServer, config, http, refused};
use crate::web::accounts::{token_wish, with_arguments};
use stand_in::{Key, Provider, SECRET};

/// A browser that keeps cookies and follows no redirect.
struct Browser {
    base_url: String,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    fn new(server: &TestServer) -> Self {
        Self { base_url: server.base_url.clone(), cookies: BTreeMap::new() }
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> reqwest::Response {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = request.header("cookie", cookies.join("; ")).send().await.unwrap();
        for cookie in answer.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.into(), value.into());
            }
        }
        answer
    }

    async fn get(&mut self, url: &str, site: &str) -> reqwest::Response {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        self.send(http.get(url).header("sec-fetch-site", site)).await
    }

    async fn call(&mut self, name: &str, body: Value) -> Value {
        let url = format!("{}/api/{name}", self.base_url);
        let answer =
            self.send(with_arguments(http().post(url), name, &body).header("sec-fetch-site", "same-origin")).await;
        assert!(answer.status().is_success(), "{name}: {}", answer.status());
        answer.json().await.unwrap()
    }

    /// Visits the provider. Returns the address of the callback, which is not opened yet.
    async fn visit_provider(&mut self) -> String {
        self.visit_provider_from("/sign-in/provider").await
    }

    async fn visit_provider_from(&mut self, link: &str) -> String {
        let begun = self.get(&format!("{}{link}", self.base_url), "same-origin").await;
        assert_eq!(begun.status(), StatusCode::SEE_OTHER);
        let back = Self::new_at("").get(location(&begun), "cross-site").await;
        location(&back).to_owned()
    }

    fn new_at(base_url: &str) -> Self {
        Self { base_url: base_url.to_owned(), cookies: BTreeMap::new() }
    }

    /// Signs in. Returns the address of the page that follows.
    async fn sign_in(&mut self) -> String {
        let callback = self.visit_provider().await;
        location(&self.get(&callback, "cross-site").await).to_owned()
    }

    async fn me(&mut self) -> Value {
        self.call("fetch_me", json!({})).await[0].clone()
    }
}

fn location(answer: &reqwest::Response) -> &str {
    answer.headers()["location"].to_str().unwrap()
}

async fn start() -> (TempDir, Provider, TestServer) {
    let (data, provider) = (TempDir::new().unwrap(), Provider::start().await);
    let server = TestServer::start(&data, &provider.settings()).await;
    (data, provider, server)
}

#[tokio::test]
async fn guest_signing_in_with_provider_becomes_member_and_keeps_the_account() {
    let (_data, _provider, server) = start().await;
    let mut laptop = Browser::new(&server);
    let page = laptop.get(&format!("{}/account", server.base_url), "none").await.text().await.unwrap();
    assert!(page.contains("Sign in with Example Login") && page.contains("href=\"/sign-in/provider\""));
    laptop.call("start_session", json!({})).await;
    let guest = laptop.me().await["user_id"].clone();
    let planted = laptop.cookies.clone();

    assert_eq!(laptop.sign_in().await, "/account");
    assert_eq!(laptop.me().await, json!({"user_id": guest, "email": "ada@example.org"}));
    assert_eq!(laptop.cookies.len(), 1, "the cookie of the sign-in is deleted");
    let mut thief = Browser { cookies: planted, ..Browser::new(&server) };
    assert_eq!(thief.me().await, Value::Null, "the session from before the sign-in has ended");

    // Another browser signs in to the same account.
    let mut phone = Browser::new(&server);
    assert_eq!(phone.sign_in().await, "/account");
    assert_eq!(phone.me().await["user_id"], guest);
    let page = phone.get(&format!("{}/account", server.base_url), "none").await.text().await.unwrap();
    assert!(!page.contains("Connect Example Login"), "the provider is connected");
    phone.call("sign_out", json!({"everywhere": true})).await;
    assert_eq!(laptop.me().await, Value::Null);
}

#[tokio::test]
async fn guest_documents_move_to_the_account_of_the_provider_only_if_chosen() {
    let (_data, _provider, server) = start().await;
    Browser::new(&server).sign_in().await;
    for (link, moved) in [("/sign-in/provider", 0), ("/sign-in/provider?bring=true", 1)] {
        let mut browser = Browser::new(&server);
        browser.call("start_session", json!({})).await;
        let guest = TestClient::new(&server.base_url, &browser.cookies["coldbrew"]);
        let prepared = guest.upload_pages(1).await;
        guest.submit(&prepared, false, false).await;
        let page = browser.get(&format!("{}/account", server.base_url), "none").await.text().await.unwrap();
        assert!(page.contains("href=\"/sign-in/provider?bring=true\""), "{page}");
        // A choice that was not followed by a sign-in is forgotten.
        browser.visit_provider_from("/sign-in/provider?bring=true").await;
        let callback = browser.visit_provider_from(link).await;
        assert_eq!(location(&browser.get(&callback, "cross-site").await), "/account", "{link}");
        assert_eq!(browser.cookies.len(), 1, "{link}: the cookies of the sign-in are deleted");
        let member = TestClient::new(&server.base_url, &browser.cookies["coldbrew"]);
        let documents = member.get("/v1/documents").await["documents"].as_array().unwrap().len();
        assert_eq!(documents, moved, "{link}");
    }
}

#[tokio::test]
async fn email_address_of_a_member_does_not_open_the_account() {
    let (_data, _provider, server) = start().await;
    let login = json!({"email": "ada@example.org", "password": "a good long one"});
    let mut owner = Browser::new(&server);
    owner.call("sign_up", login.clone()).await;
    let mut other = Browser::new(&server);
    assert_eq!(other.sign_in().await, "/account?sign-in=taken");
    let page = other.get(&format!("{}/account?sign-in=taken", server.base_url), "none").await.text().await.unwrap();
    assert!(page.contains("then connect it here"));
    assert_eq!(other.me().await, Value::Null);
    // The owner can connect the provider, and then sign in with either.
    assert_eq!(owner.sign_in().await, "/account");
    assert_eq!(other.sign_in().await, "/account");
    assert_eq!(other.me().await, owner.me().await);
    Browser::new(&server).call("sign_in", login).await;
}

#[tokio::test]
async fn sign_in_is_completed_once_and_by_the_browser_that_began_it() {
    let (_data, _provider, server) = start().await;
    let (mut mine, mut theirs) = (Browser::new(&server), Browser::new(&server));
    let callback = mine.visit_provider().await;
    assert_eq!(location(&theirs.get(&callback, "cross-site").await), "/account?sign-in=failed", "no cookie");
    theirs.visit_provider().await;
    assert_eq!(location(&theirs.get(&callback, "cross-site").await), "/account?sign-in=failed", "another state");
    let callback = mine.visit_provider().await;
    let kept = mine.cookies.clone();
    assert_eq!(location(&mine.get(&callback, "cross-site").await), "/account");
    let mut again = Browser { cookies: kept, ..Browser::new(&server) };
    assert_eq!(location(&again.get(&callback, "cross-site").await), "/account?sign-in=failed", "the code is used");
    // Another site cannot begin a sign-in.
    let forced = theirs.get(&format!("{}/sign-in/provider", server.base_url), "cross-site").await;
    assert_eq!(forced.status(), StatusCode::FORBIDDEN);
    let state = callback.split("state=").nth(1).unwrap();
    let refused = format!("{}/sign-in/provider/callback?error=access_denied&state=x", server.base_url);
    assert_eq!(location(&theirs.get(&refused, "cross-site").await), "/account?sign-in=failed");
    assert!(!state.is_empty());
}

#[tokio::test]
async fn sign_in_declined_at_the_provider_is_reported() {
    let (_data, _provider, server) = start().await;
    let mut browser = Browser::new(&server);
    let callback = browser.visit_provider().await;
    let refused = callback.replace("code=code-1", "error=access_denied");
    assert_eq!(location(&browser.get(&refused, "cross-site").await), "/account?sign-in=declined");
    assert_eq!(browser.me().await, Value::Null);
}

#[tokio::test]
async fn id_token_with_any_invalid_claim_or_signature_is_rejected() {
    let (_data, provider, server) = start().await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    for invalid in [
        json!({"iss": "https://evil.example"}),
        json!({"aud": "another-client"}),
        json!({"aud": ["coldbrew", "another-client"]}),
        json!({"aud": ["coldbrew", "another-client"], "azp": "another-client"}),
        json!({"azp": "another-client"}),
        json!({"exp": now - 120}),
        json!({"exp": "never"}),
        json!({"iat": now + 600}),
        json!({"nonce": "another"}),
        json!({"nonce": null}),
        json!({"sub": null}),
    ] {
        provider.set(|script| script.overrides = invalid.clone());
        assert_eq!(Browser::new(&server).sign_in().await, "/account?sign-in=failed", "{invalid}");
    }
    provider.set(|script| script.overrides = json!({"aud": ["coldbrew", "another-client"], "azp": "coldbrew"}));
    assert_eq!(Browser::new(&server).sign_in().await, "/account");

    // A secret that the client knows, a public key as a secret, and no signature.
    let public = provider.script.lock().unwrap().signing_key.public["x"].as_str().unwrap().to_owned();
    for forgery in [("HS256", SECRET.to_owned()), ("HS256", public), ("none", String::new())] {
        provider.set(|script| script.forgery = Some(forgery.clone()));
        assert_eq!(Browser::new(&server).sign_in().await, "/account?sign-in=failed", "{forgery:?}");
    }
    provider.set(|script| {
        script.forgery = None;
        script.signing_key = Key::new("k1");
    });
    assert_eq!(Browser::new(&server).sign_in().await, "/account?sign-in=failed", "signed with another key");
    provider.set(|script| {
        let key = Key::new("k2");
        script.key_set = json!({"keys": [key.public.clone()]});
        (script.kid, script.signing_key) = ("k2", key);
    });
    assert_eq!(Browser::new(&server).sign_in().await, "/account", "a new key is found at once");
    provider.set(|script| {
        (script.kid, script.signing_key) = ("k3", Key::new("k3"));
    });
    assert_eq!(Browser::new(&server).sign_in().await, "/account?sign-in=failed", "a key that is not published");
}

#[tokio::test]
async fn many_sign_ins_request_the_provider_documents_once() {
    let (_data, provider, server) = start().await;
    for _ in 0..5 {
        assert_eq!(Browser::new(&server).sign_in().await, "/account");
    }
    let asked = |provider: &Provider| {
        let script = provider.script.lock().unwrap();
        (script.discovery_requests, script.key_requests)
    };
    assert_eq!(asked(&provider), (1, 1));
    // An unknown key makes the documents be requested once, however many tokens name it.
    provider.set(|script| (script.kid, script.signing_key) = ("k9", Key::new("k9")));
    for _ in 0..5 {
        assert_eq!(Browser::new(&server).sign_in().await, "/account?sign-in=failed");
    }
    assert_eq!(asked(&provider), (2, 2));
}

#[tokio::test]
async fn discovery_document_invalid_too_large_or_moved_is_an_unavailable_provider() {
    let (_data, provider, server) = start().await;
    let issuer = format!("{}/", provider.issuer);
    for (metadata, moved) in [
        (json!({"padding": "x".repeat(300_000)}), false),
        (json!({"issuer": issuer}), false),
        (json!({"jwks_uri": null}), false),
        (json!({}), true),
    ] {
        provider.set(|script| (script.metadata, script.moved) = (metadata, moved));
        let away = Browser::new(&server).get(&format!("{}/sign-in/provider", server.base_url), "same-origin").await;
        assert_eq!(location(&away), "/account?sign-in=away");
    }
    provider.set(|script| script.moved = false);
    assert_eq!(Browser::new(&server).sign_in().await, "/account");
}

#[tokio::test]
async fn guest_token_ends_when_the_guest_becomes_a_member() {
    let (_data, _provider, server) = start().await;
    let mut browser = Browser::new(&server);
    browser.call("start_session", json!({})).await;
    let token = browser.call("create_token", token_wish("planted", "")).await["token"].clone();
    let script = TestClient::new(&server.base_url, token.as_str().unwrap());
    script.get("/v1/users/me").await;
    assert_eq!(browser.sign_in().await, "/account?ended=0-1");
    refused(script.send(Method::GET, "/v1/users/me", None).await, 401, "unauthenticated").await;
    let page = browser.get(&format!("{}/account?ended=0-1", server.base_url), "none").await.text().await.unwrap();
    assert!(page.contains("1 API token has ended."));
    // A member who connects the provider keeps all tokens.
    let token = browser.call("create_token", token_wish("own", "")).await["token"].clone();
    assert_eq!(browser.sign_in().await, "/account");
    TestClient::new(&server.base_url, token.as_str().unwrap()).get("/v1/users/me").await;
}

#[tokio::test]
async fn person_without_a_verified_address_is_labelled_by_subject() {
    let (_data, provider, server) = start().await;
    for (person, label) in [
        (json!({"sub": "7@x"}), "7 x of 127.0.0.1"),
        (json!({"sub": "8", "email": "ada@example.org", "email_verified": false}), "8 of 127.0.0.1"),
        (json!({"sub": "9", "email": "ada@example.org"}), "9 of 127.0.0.1"),
        (json!({"sub": "10", "email": "ada@example.org", "email_verified": true}), "ada@example.org"),
        (json!({"sub": "11", "email": "bob@example.org", "email_verified": "true"}), "bob@example.org"),
    ] {
        provider.set(|script| script.person = person);
        let mut browser = Browser::new(&server);
        assert_eq!(browser.sign_in().await, "/account");
        assert_eq!(browser.me().await["email"], label);
    }
}

#[tokio::test]
async fn unverified_address_of_a_listed_domain_does_not_sign_up() {
    let (data, provider) = (TempDir::new().unwrap(), Provider::start().await);
    let access = [("COLDBREW_ACCESS_SIGN_UP", "domains"), ("COLDBREW_ACCESS_DOMAINS", "example.org")];
    let server = TestServer::start(&data, &[provider.settings().as_slice(), &access].concat()).await;
    let person = |subject: &str, verified: Value| json!({"sub": subject, "email": format!("{subject}@example.org"), "email_verified": verified});
    let unverified = [json!(false), json!("false"), Value::Null].map(|verified| (verified, "not_allowed"));
    for (verified, end) in unverified.into_iter().chain([(json!(1), "failed")]) {
        provider.set(|script| script.person = person("eve", verified));
        let mut browser = Browser::new(&server);
        assert_eq!(browser.sign_in().await, format!("/account?sign-in={end}"));
        assert_eq!(browser.me().await, Value::Null);
    }
    provider.set(|script| script.person = json!({"sub": "x", "email": "ada@example.com", "email_verified": true}));
    assert_eq!(Browser::new(&server).sign_in().await, "/account?sign-in=not_allowed");
    provider.set(|script| script.person = person("ada", json!(true)));
    for _ in 0..2 {
        let mut browser = Browser::new(&server);
        assert_eq!(browser.sign_in().await, "/account");
        assert_eq!(browser.me().await["email"], "ada@example.org");
    }
}

#[tokio::test]
async fn invitation_is_carried_through_the_sign_in_at_the_provider() {
    let (data, provider) = (TempDir::new().unwrap(), Provider::start().await);
    let settings = [provider.settings().as_slice(), &[("COLDBREW_ACCESS_SIGN_UP", "invitation")]].concat();
    let server = TestServer::start(&data, &settings).await;
    assert_eq!(Browser::new(&server).sign_in().await, "/account?sign-in=not_allowed");
    let asked = InvitationRequest { note: "Ada".into(), role: None, quota_tokens: Some(5), days: 1 };
    let link = invite(&config(data.path(), &settings), asked).await.unwrap();
    let code = link.rsplit_once("?code=").unwrap().1;
    let sign_in = async |browser: &mut Browser| {
        let url = format!("{}/sign-in/provider?invitation={code}", server.base_url);
        let begun = browser.get(&url, "same-origin").await;
        let back = Browser::new_at("").get(location(&begun), "cross-site").await;
        location(&browser.get(location(&back), "cross-site").await).to_owned()
    };
    let mut ada = Browser::new(&server);
    let page = ada.get(&format!("{}/invitation?code={code}", server.base_url), "none").await.text().await.unwrap();
    assert!(page.contains(&format!("href=\"/sign-in/provider?invitation={code}\"")));
    assert_eq!(sign_in(&mut ada).await, "/account");
    assert_eq!(ada.call("fetch_usage", json!({})).await["quota_tokens"], 5);
    provider.set(|script| script.person = json!({"sub": "eve"}));
    assert_eq!(sign_in(&mut Browser::new(&server)).await, "/account?sign-in=not_invited");
}

#[tokio::test]
async fn unreachable_provider_is_reported() {
    let data = TempDir::new().unwrap();
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let issuer = format!("http://{nowhere}");
    let settings = [("COLDBREW_OIDC_ISSUER", issuer.as_str()), ("COLDBREW_OIDC_CLIENT_ID", "coldbrew")];
    let server = TestServer::start(&data, &settings).await;
    let answer = Browser::new(&server).get(&format!("{}/sign-in/provider", server.base_url), "same-origin").await;
    assert_eq!(location(&answer), "/account?sign-in=away");
    // Without a provider these pages do not exist.
    let none = TestServer::start(&TempDir::new().unwrap(), &[]).await;
    for path in ["/sign-in/provider", "/sign-in/provider/callback"] {
        assert_eq!(reqwest::get(format!("{}{path}", none.base_url)).await.unwrap().status(), StatusCode::NOT_FOUND);
    }
}
