//! Accounts over HTTP: sign-up, sign-in, sign-out, passwords, tokens, deletion and allowances.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use coldbrew::model::{EndedAccess, Flash};
use coldbrew::serve::reset_password;
use reqwest::{Method, Response, StatusCode, header};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::harness::{TestClient, TestServer, config, refused, wait_for_files};

/// A browser that keeps its session cookie and its flash cookie, which holds a message for the next page.
pub struct Browser<'a> {
    server: &'a TestServer,
    http: reqwest::Client,
    pub cookie: Option<String>,
    flash: Option<String>,
}

impl<'a> Browser<'a> {
    pub fn new(server: &'a TestServer) -> Self {
        Self { server, http: reqwest::Client::new(), cookie: None, flash: None }
    }

    /// A browser with this session.
    pub fn of_session(server: &'a TestServer, secret: &str) -> Self {
        Self { cookie: Some(format!("coldbrew={secret}")), ..Self::new(server) }
    }

    /// Calls a server function.
    pub async fn call(&mut self, name: &str, body: Value) -> Response {
        let url = format!("{}/api/{name}", self.server.base_url);
        self.send(with_arguments(self.http.post(url), name, &body)).await
    }

    /// Opens a page.
    pub async fn open(&mut self, path: &str) -> Response {
        self.send(self.http.get(format!("{}{path}", self.server.base_url))).await
    }

    /// Submits a form of the account page like a browser without scripts. Redirects are not followed.
    pub async fn fill_in(&mut self, name: &str, form: &[(&str, &str)]) -> Response {
        self.fill_in_on("/account", name, form).await
    }

    /// Submits a form of another page.
    pub async fn fill_in_on(&mut self, page: &str, name: &str, form: &[(&str, &str)]) -> Response {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let base_url = &self.server.base_url;
        let request = form_request(http.post(format!("{base_url}/api/{name}")), form)
            .header(header::ACCEPT, "text/html,application/xhtml+xml")
            .header(header::REFERER, format!("{base_url}{page}"));
        let answer = self.send(request).await;
        assert_eq!(answer.status(), StatusCode::FOUND, "{name}");
        answer
    }

    /// Submits a form. Returns the flash message for the next page, and that page's address.
    pub async fn submit_form(&mut self, name: &str, form: &[(&str, &str)]) -> (Option<Flash>, String) {
        let answer = self.fill_in(name, form).await;
        let location = answer.headers()[header::LOCATION].to_str().unwrap();
        let flash = self.flash.as_ref().map(|flash| URL_SAFE_NO_PAD.decode(flash.split_once('=').unwrap().1).unwrap());
        let flash = flash.map(|flash| serde_json::from_slice(&flash).unwrap());
        (flash, location.trim_start_matches(&self.server.base_url).to_owned())
    }

    /// Submits a form that must fail and lead to the account page. Returns the error's code.
    pub async fn failed(&mut self, name: &str, form: &[(&str, &str)]) -> &'static str {
        match self.submit_form(name, form).await {
            (Some(Flash::Failed(error)), location) if location == "/account" => error.code.into_str(),
            (flash, location) => panic!("{location}: {flash:?}"),
        }
    }

    async fn send(&mut self, mut request: reqwest::RequestBuilder) -> Response {
        for cookie in self.cookie.iter().chain(&self.flash) {
            request = request.header(header::COOKIE, cookie);
        }
        let answer = request.header("sec-fetch-site", "same-origin").send().await.unwrap();
        for cookie in answer.headers().get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
            let kept = Some(cookie.split(';').next().unwrap().to_owned()).filter(|_| !cookie.contains("Max-Age=0"));
            if cookie.starts_with("coldbrew-flash=") { self.flash = kept } else { self.cookie = kept }
        }
        answer
    }

    pub async fn ok(&mut self, name: &str, body: Value) -> Value {
        let answer = self.call(name, body).await;
        assert_eq!(answer.status(), StatusCode::OK, "{name}");
        answer.json().await.unwrap()
    }

    pub async fn refusal(&mut self, name: &str, body: Value) -> (u16, Value) {
        let answer = self.call(name, body).await;
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap()["code"].clone())
    }

    async fn email(&mut self) -> Value {
        self.ok("fetch_me", json!({})).await[0]["email"].clone()
    }
}

/// The request of a plain HTML form.
fn form_request(request: reqwest::RequestBuilder, form: &[(&str, &str)]) -> reqwest::RequestBuilder {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(body)
}

/// A server function's arguments as the web app sends them: as a form, except for `submit`, which takes JSON.
pub fn with_arguments(request: reqwest::RequestBuilder, name: &str, arguments: &Value) -> reqwest::RequestBuilder {
    if name == "submit" {
        return request.json(arguments);
    }
    let mut form = Vec::new();
    for (name, value) in arguments.as_object().unwrap() {
        match value {
            Value::Null => {}
            Value::String(text) => form.push((name.clone(), text.clone())),
            Value::Object(fields) => {
                let set = fields.iter().filter(|(_, value)| !value.is_null());
                let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                form.extend(set.map(|(field, value)| (format!("{name}[{field}]"), text(value))));
            }
            other => form.push((name.clone(), other.to_string())),
        }
    }
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    form_request(request, &form)
}

/// The arguments to make a token that may do everything, for an account with this password.
pub fn token_wish(name: &str, password: &str) -> Value {
    json!({"name": name, "read": true, "submit": true, "account": true, "days": 30, "password": password})
}

const ADA: &str = "ada@example.org";

fn login(password: &str) -> Value {
    json!({"email": ADA, "password": password})
}

#[tokio::test]
async fn guest_who_signs_up_keeps_the_account() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let mut laptop = Browser::new(&server);
    laptop.ok("start_session", json!({})).await;
    assert_eq!(laptop.email().await, Value::Null);
    let before = laptop.ok("fetch_me", json!({})).await[0]["user_id"].clone();
    let planted = laptop.cookie.clone();

    assert_eq!(laptop.refusal("sign_up", login("short")).await, (422, json!("invalid_sign_up")));
    assert_eq!(
        laptop.refusal("sign_up", json!({"email": "no-address", "password": "long enough"})).await,
        (422, json!("invalid_sign_up"))
    );
    laptop.ok("sign_up", json!({"email": " Ada@Example.org", "password": "a good long one"})).await;
    assert_eq!(laptop.email().await, ADA);
    assert_eq!(laptop.ok("fetch_me", json!({})).await[0]["user_id"], before, "the account is the guest's");
    assert_ne!(laptop.cookie, planted, "the session from before the sign-up has ended");
    let mut thief = Browser { cookie: planted, ..Browser::new(&server) };
    assert_eq!(thief.ok("fetch_me", json!({})).await, Value::Null);

    let mut phone = Browser::new(&server);
    assert_eq!(phone.refusal("sign_up", login("another long one")).await, (409, json!("email_taken")));
    assert_eq!(phone.refusal("sign_in", login("a good long two")).await, (401, json!("unauthenticated")));
    assert_eq!(
        phone.refusal("sign_in", json!({"email": "eve@example.org", "password": "x"})).await,
        (401, json!("unauthenticated"))
    );
    phone.ok("sign_in", login("a good long one")).await;
    assert_eq!(phone.email().await, ADA);
    phone.ok("sign_out", json!({"everywhere": false})).await;
    assert_eq!(phone.ok("fetch_me", json!({})).await, Value::Null);
    assert_eq!(laptop.email().await, ADA, "signing out ends one session");

    phone.ok("sign_in", login("a good long one")).await;
    phone.ok("sign_out", json!({"everywhere": true})).await;
    assert_eq!(laptop.ok("fetch_me", json!({})).await, Value::Null, "signing out everywhere ends all sessions");
}

#[tokio::test]
async fn password_changed_ends_all_other_sessions_and_tokens() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let (mut laptop, mut phone, mut guest) = (Browser::new(&server), Browser::new(&server), Browser::new(&server));
    laptop.ok("sign_up", login("a good long one")).await;
    phone.ok("sign_in", login("a good long one")).await;
    guest.ok("start_session", json!({})).await;
    let change = async |browser: &mut Browser<'_>, current: &str, new: &str| {
        browser.failed("change_password", &[("current", current), ("new", new)]).await
    };
    assert_eq!(change(&mut laptop, "a good long two", "another long one").await, "unauthenticated");
    let page = laptop.open("/account").await.text().await.unwrap();
    assert!(page.contains("The current password is wrong"), "the error is shown on the page");
    let page = laptop.open("/account").await.text().await.unwrap();
    assert!(!page.contains("The current password is wrong"), "the error is shown once");
    assert_eq!(change(&mut laptop, "a good long one", "short").await, "invalid_sign_up");
    assert_eq!(change(&mut guest, "", "another long one").await, "unauthenticated", "a guest has no password");
    assert_eq!(
        change(&mut Browser::new(&server), "", "another long one").await,
        "unauthenticated",
        "a request without a session has no password"
    );
    assert_eq!(phone.email().await, ADA, "the other session is still valid");

    let token: Value = laptop.ok("create_token", token_wish("nightly", "a good long one")).await;
    let before = laptop.cookie.clone();
    let form = [("current", "a good long one"), ("new", "another long one")];
    let (_, location) = laptop.submit_form("change_password", &form).await;
    assert_eq!(location, "/account?ended=1-1");
    let page = laptop.open(&location).await.text().await.unwrap();
    assert!(page.contains("Your password was changed"));
    assert!(page.contains("1 earlier session and 1 API token have ended."));
    assert_ne!(laptop.cookie, before);
    assert_eq!(laptop.email().await, ADA, "the browser that changed it stays signed in");
    assert_eq!(phone.ok("fetch_me", json!({})).await, Value::Null);
    let mut thief = Browser { cookie: before, ..Browser::new(&server) };
    assert_eq!(thief.ok("fetch_me", json!({})).await, Value::Null);
    assert_eq!(phone.refusal("sign_in", login("a good long one")).await, (401, json!("unauthenticated")));
    phone.ok("sign_in", login("another long one")).await;
    let script = TestClient::new(&server.base_url, token["token"].as_str().unwrap());
    refused(script.send(Method::GET, "/v1/users/me", None).await, 401, "unauthenticated").await;
}

/// A form submitted before scripts run, or without them.
#[tokio::test]
async fn form_without_script_signs_up_and_in() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let (mut laptop, mut phone) = (Browser::new(&server), Browser::new(&server));
    let form = |password: &'static str| [("email", ADA), ("password", password)];
    laptop.ok("start_session", json!({})).await;
    let guest = laptop.ok("fetch_me", json!({})).await[0]["user_id"].clone();
    assert_eq!(laptop.failed("sign_up", &form("short")).await, "invalid_sign_up");
    laptop.open("/account").await;
    assert_eq!(laptop.submit_form("sign_up", &form("a good long one")).await, (None, "/account".to_owned()));
    let me = laptop.ok("fetch_me", json!({})).await;
    assert_eq!((&me[0]["email"], &me[0]["user_id"]), (&json!(ADA), &guest), "the account is the guest's");
    assert_eq!(phone.failed("sign_up", &form("another long one")).await, "email_taken");
    assert_eq!(phone.failed("sign_in", &form("another long one")).await, "unauthenticated");
    assert!(
        phone.open("/account").await.text().await.unwrap().contains("data-code=\"unauthenticated\""),
        "the error is shown"
    );
    assert_eq!(phone.submit_form("sign_in", &form("a good long one")).await, (None, "/account".to_owned()));
    assert_eq!(phone.email().await, ADA);
    let page = Browser::new(&server).open("/account").await.text().await.unwrap();
    let forms = page.split("<form ").skip(1).filter(|form| form.contains("type=\"password\""));
    let methods: Vec<bool> = forms.map(|form| form.split('>').next().unwrap().contains("method=\"post\"")).collect();
    assert_eq!(methods, [true, true], "no password is sent in an address");
}

/// The page then shows the error, or the outcome that is not visible otherwise.
#[tokio::test]
async fn form_without_script_redirects_to_its_page() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let mut browser = Browser::new(&server);
    browser.ok("start_session", json!({})).await;
    let (made, location) = browser
        .submit_form("create_token", &[("name", "nightly"), ("read", "true"), ("account", "true"), ("days", "30")])
        .await;
    let Some(Flash::Token(token)) = made else { panic!("{made:?}") };
    assert_eq!(location, "/account");
    assert!(browser.open("/account").await.text().await.unwrap().contains(&token.token), "the token is shown");
    assert!(!browser.open("/account").await.text().await.unwrap().contains(&token.token), "the token is shown once");
    let client = TestClient::new(&server.base_url, &token.token);
    let id = client.get("/v1/users/me/tokens").await["tokens"][0]["id"].as_str().unwrap().to_owned();
    let (revoked, _) = browser.submit_form("revoke_token", &[("id", &id)]).await;
    assert!(matches!(revoked, Some(Flash::Done(_))), "{revoked:?}");
    refused(client.send(Method::GET, "/v1/users/me", None).await, 401, "unauthenticated").await;
    for (page, name) in [("/library?q=tea", "delete_document"), ("/documents/x", "retry"), ("/batch/x", "try_again")] {
        let form = [("id", "x"), ("content_hash", "x"), ("batch", "true"), ("mode", "batch")];
        let answer = browser.fill_in_on(page, name, &form).await;
        assert_eq!(answer.headers()[header::LOCATION], format!("{}{page}", server.base_url), "{name}");
        let page = browser.open(page).await.text().await.unwrap();
        assert!(page.contains("data-code=\"not_found\""), "{name}: {page}");
    }
    assert_eq!(browser.submit_form("sign_out", &[("everywhere", "false")]).await, (None, "/account".to_owned()));
    assert_eq!(browser.cookie, None);
}

#[tokio::test]
async fn invalid_flash_is_ignored() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    for flash in ["", "x", "e30", "bm8"] {
        let mut browser = Browser { flash: Some(format!("coldbrew-flash={flash}")), ..Browser::new(&server) };
        assert_eq!(browser.open("/account").await.status(), StatusCode::OK, "{flash}");
        assert_eq!(browser.flash, None, "{flash}");
    }
}

/// The page shows one account, but the browser has signed in to another since.
#[tokio::test]
async fn deletion_of_an_account_other_than_the_signed_in_one_is_rejected() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let mut browser = Browser::new(&server);
    browser.ok("sign_up", login("a good long one")).await;
    let id = browser.ok("fetch_me", json!({})).await[0]["user_id"].clone();
    assert_eq!(browser.refusal("delete_account", json!({"id": "another"})).await, (401, json!("unauthenticated")));
    assert_eq!(browser.email().await, ADA);
    browser.ok("delete_account", json!({"id": id, "password": "a good long one"})).await;
    assert_eq!(browser.ok("fetch_me", json!({})).await, Value::Null);
}

#[tokio::test]
async fn password_change_from_another_site_is_rejected() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let mut laptop = Browser::new(&server);
    laptop.ok("sign_up", login("a good long one")).await;
    let form = [("current", "a good long one"), ("new", "another long one")];
    let request = form_request(reqwest::Client::new().post(format!("{}/api/change_password", server.base_url)), &form);
    let request = request.header(header::COOKIE, laptop.cookie.clone().unwrap()).header("sec-fetch-site", "cross-site");
    refused(request.send().await.unwrap(), 403, "cross_site_request").await;
    laptop.ok("sign_in", login("a good long one")).await;
}

#[tokio::test]
async fn operator_resets_a_forgotten_password() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let (mut laptop, guest) = (Browser::new(&server), server.guest().await);
    laptop.ok("sign_up", login("a good long one")).await;
    let config = config(data.path(), &[]);
    let (password, ended) = reset_password(&config, ADA).await.unwrap();
    assert_eq!(ended, EndedAccess { sessions: 1, tokens: 0 });
    assert_eq!(laptop.ok("fetch_me", json!({})).await, Value::Null, "sessions end");
    assert_eq!(laptop.refusal("sign_in", login("a good long one")).await, (401, json!("unauthenticated")));
    laptop.ok("sign_in", login(&password)).await;
    assert_eq!(laptop.email().await, ADA);
    let id = guest.get("/v1/users/me").await["user_id"].as_str().unwrap().to_owned();
    assert!(reset_password(&config, &id).await.is_err(), "a guest has no password");
    assert_eq!(guest.get("/v1/users/me").await["user_id"], id.as_str());
}

#[tokio::test]
async fn token_is_shown_once_and_rejected_after_revocation() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let owner = server.guest().await;
    let made: Value =
        owner.send(Method::POST, "/v1/users/me/tokens", Some(json!({"name": "nightly"}))).await.json().await.unwrap();
    let script = owner.with_token(made["token"].as_str().unwrap());
    assert_eq!(script.get("/v1/users/me").await, owner.get("/v1/users/me").await);

    let list = owner.get("/v1/users/me/tokens").await;
    assert_eq!(list["tokens"].as_array().unwrap().len(), 2, "the guest's own token is listed too");
    assert!(!list.to_string().contains(&script.token));
    let named = list["tokens"].as_array().unwrap().iter().find(|token| token["name"] == "nightly").unwrap();
    let path = format!("/v1/users/me/tokens/{}", named["id"].as_str().unwrap());
    refused(server.guest().await.send(Method::DELETE, &path, None).await, 404, "not_found").await;
    assert_eq!(owner.send(Method::DELETE, &path, None).await.status(), StatusCode::NO_CONTENT);
    refused(script.send(Method::GET, "/v1/users/me", None).await, 401, "unauthenticated").await;
    refused(owner.send(Method::DELETE, &path, None).await, 404, "not_found").await;
    for name in ["", "  "] {
        let answer = owner.send(Method::POST, "/v1/users/me/tokens", Some(json!({"name": name}))).await;
        refused(answer, 400, "invalid_request").await;
    }
    // Tokens are not stored in plain text.
    for secret in [&script.token, &owner.token] {
        for file in ["coldbrew.db", "coldbrew.db-wal"] {
            let bytes = std::fs::read(data.path().join(file)).unwrap_or_default();
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{file}");
        }
    }
}

#[tokio::test]
async fn deleted_account_leaves_no_file_and_no_access() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let (leaver, stayer) = (server.guest().await, server.guest().await);
    let prepared = leaver.upload_pages(2).await;
    assert_eq!(leaver.submit(&prepared, false, false).await.status(), StatusCode::CREATED);
    assert_eq!(leaver.submit(&prepared, true, true).await.status(), StatusCode::ACCEPTED);
    leaver.batch_end(prepared["content_hash"].as_str().unwrap()).await;
    stayer.upload_pages(1).await;
    let uploads = data.path().join("blobs/uploads");
    assert_eq!(std::fs::read_dir(&uploads).unwrap().count(), 2);

    assert_eq!(leaver.send(Method::DELETE, "/v1/users/me", None).await.status(), StatusCode::NO_CONTENT);
    refused(leaver.send(Method::GET, "/v1/users/me/usage", None).await, 401, "unauthenticated").await;
    wait_for_files(&uploads, 1).await;
    stayer.get("/v1/users/me").await;
}

#[tokio::test]
async fn request_repeated_with_its_idempotency_key_makes_one_document() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let guest = server.guest().await;
    let prepared = guest.upload_pages(1).await;
    let send = |key: &'static str, ai: bool| {
        let wish = json!({"hash": prepared["hash"], "title": key, "ai_transform": ai, "batch_mode": false});
        let request = reqwest::Client::new().post(format!("{}/v1/documents/document", server.base_url));
        request.bearer_auth(&guest.token).header("idempotency-key", key).json(&wish).send()
    };
    let first: Value = send("k1", false).await.unwrap().json().await.unwrap();
    let again = send("k1", false).await.unwrap();
    assert_eq!(again.status(), StatusCode::CREATED);
    assert_eq!(again.json::<Value>().await.unwrap(), first);
    let other: Value = send("k2", false).await.unwrap().json().await.unwrap();
    assert_ne!(other["id"], first["id"]);
    refused(send("k1", true).await.unwrap(), 422, "idempotency_key_reused").await;
    assert_eq!(guest.get("/v1/documents").await["documents"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn too_many_requests_get_429_with_retry_after() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_READS_PER_MINUTE", "3")]).await;
    let guest = server.guest().await;
    for _ in 0..3 {
        guest.get("/v1/users/me").await;
    }
    let answer = guest.send(Method::GET, "/v1/users/me", None).await;
    let wait_s: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=21).contains(&wait_s));
    refused(answer, 429, "too_many_requests").await;
    server.guest().await.get("/v1/users/me").await;
}

#[tokio::test]
async fn account_beyond_its_allowance_is_rejected() {
    let data = TempDir::new().unwrap();
    let limits = [("COLDBREW_DOCUMENTS_MAX", "1"), ("COLDBREW_STORED_BYTES_MAX", "5000")];
    let server = TestServer::start(&data, &limits).await;
    let guest = server.guest().await;
    let prepared = guest.upload_pages(1).await;
    assert_eq!(guest.submit(&prepared, false, false).await.status(), StatusCode::CREATED);
    let other = json!({"hash": prepared["hash"], "title": "Another", "ai_transform": false, "batch_mode": false});
    refused(guest.send(Method::POST, "/v1/documents/document", Some(other)).await, 409, "limit_reached").await;
    refused(guest.upload("large.pdf", crate::support::harness::book(20)).await, 409, "limit_reached").await;
}
