//! Accounts over HTTP: signing up, in and out, tokens, leaving, and what strangers, the revoked and the expired see.

use reqwest::{Method, Response, StatusCode, header};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{TestServer, refused};

/// A browser: it keeps one cookie.
struct Browser<'a> {
    server: &'a TestServer,
    http: reqwest::Client,
    cookie: Option<String>,
}

impl<'a> Browser<'a> {
    fn new(server: &'a TestServer) -> Self {
        Self { server, http: reqwest::Client::new(), cookie: None }
    }

    /// Calls a server function.
    async fn call(&mut self, name: &str, body: Value) -> Response {
        let url = format!("{}/api/{name}", self.server.base_url);
        let mut request = self.http.post(url).header("sec-fetch-site", "same-origin").json(&body);
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let answer = request.send().await.unwrap();
        if let Some(cookie) = answer.headers().get(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
            self.cookie = Some(cookie.split(';').next().unwrap().to_owned());
        }
        answer
    }

    async fn ok(&mut self, name: &str, body: Value) -> Value {
        let answer = self.call(name, body).await;
        assert_eq!(answer.status(), StatusCode::OK, "{name}");
        answer.json().await.unwrap()
    }

    async fn refusal(&mut self, name: &str, body: Value) -> (u16, Value) {
        let answer = self.call(name, body).await;
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap()["code"].clone())
    }

    async fn email(&mut self) -> Value {
        self.ok("fetch_me", json!({})).await[0]["email"].clone()
    }
}

const ADA: &str = "ada@example.org";

fn login(password: &str) -> Value {
    json!({"email": ADA, "password": password})
}

#[tokio::test]
async fn a_guest_signs_up_and_keeps_everything() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let mut laptop = Browser::new(&server);
    laptop.ok("start_session", json!({})).await;
    assert_eq!(laptop.email().await, Value::Null);
    let before = laptop.ok("fetch_me", json!({})).await[0]["user_id"].clone();
    let planted = laptop.cookie.clone();

    assert_eq!(laptop.refusal("sign_up", login("short")).await, (422, json!("invalid_sign_up")));
    assert_eq!(
        laptop.refusal("sign_up", json!({"email": "nobody", "password": "long enough"})).await,
        (422, json!("invalid_sign_up"))
    );
    laptop.ok("sign_up", json!({"email": " Ada@Example.org", "password": "a good long one"})).await;
    assert_eq!(laptop.email().await, ADA);
    assert_eq!(laptop.ok("fetch_me", json!({})).await[0]["user_id"], before, "the account is the guest's");
    assert_ne!(laptop.cookie, planted, "a session from before signing up is worth nothing");
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
    assert_eq!(laptop.ok("fetch_me", json!({})).await, Value::Null, "signing out everywhere ends all");
}

#[tokio::test]
async fn a_token_is_shown_once_and_opens_nothing_when_revoked() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let owner = server.guest().await;
    let made: Value =
        owner.send(Method::POST, "/v1/users/me/tokens", Some(json!({"name": "nightly"}))).await.json().await.unwrap();
    let script = owner.with_token(made["token"].as_str().unwrap());
    assert_eq!(script.get("/v1/users/me").await, owner.get("/v1/users/me").await);

    let list = owner.get("/v1/users/me/tokens").await;
    assert_eq!(list["tokens"].as_array().unwrap().len(), 2, "the guest's own is one");
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
    // Neither is on disk as it was handed out.
    for secret in [&script.token, &owner.token] {
        for file in ["coldbrew.db", "coldbrew.db-wal"] {
            let bytes = std::fs::read(data.path().join(file)).unwrap_or_default();
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{file}");
        }
    }
}

#[tokio::test]
async fn a_deleted_account_leaves_nothing_but_sums() {
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
    assert_eq!(std::fs::read_dir(&uploads).unwrap().count(), 1, "the other's file stays");
    stayer.get("/v1/users/me").await;
}

/// Every call of the API by everybody who may not make it: nobody, a stranger, a revoked token, and one that never was.
#[tokio::test]
async fn no_route_tells_anything_to_who_may_not_know() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_DEMO_PENDING_MS", "600000")]).await;
    let (owner, stranger, revoked) = (server.guest().await, server.guest().await, server.guest().await);
    let list = revoked.get("/v1/users/me/tokens").await;
    let path = format!("/v1/users/me/tokens/{}", list["tokens"][0]["id"].as_str().unwrap());
    revoked.send(Method::DELETE, &path, None).await;

    let prepared = owner.upload_pages(1).await;
    let document: Value = owner.submit(&prepared, false, false).await.json().await.unwrap();
    owner.submit(&prepared, true, true).await;
    let token = owner.get("/v1/users/me/tokens").await["tokens"][0]["id"].as_str().unwrap().to_owned();
    let realtime: Value = {
        let prepared = owner.upload_pages(2).await;
        owner.submit(&prepared, true, false).await.json().await.unwrap()
    };
    // What an id in a path is, for each name that the description gives it.
    let fill = |path: &str, foreign: bool| {
        let id = if path.contains("tokens") { token.as_str() } else { document["id"].as_str().unwrap() };
        let known = [
            ("{id}", id),
            ("{content_hash}", prepared["content_hash"].as_str().unwrap()),
            ("{extraction_id}", realtime["extraction_id"].as_str().unwrap()),
        ];
        known.iter().fold(path.to_owned(), |path, (name, value)| {
            path.replace(name, if foreign { value } else { "00000000000000000000000000000000" })
        })
    };
    let description: Value =
        reqwest::get(format!("{}/openapi.json", server.base_url)).await.unwrap().json().await.unwrap();
    let mut walked = 0;
    for (path, calls) in description["paths"].as_object().unwrap() {
        for (method, call) in calls.as_object().unwrap() {
            if call["security"].is_array() {
                continue;
            }
            walked += 1;
            let method: Method = method.to_uppercase().parse().unwrap();
            let expired = owner.with_token(&"0".repeat(64));
            for client in [&revoked, &expired] {
                refused(client.send(method.clone(), &fill(path, true), None).await, 401, "unauthenticated").await;
            }
            let nobody =
                reqwest::Client::new().request(method.clone(), format!("{}{}", server.base_url, fill(path, true)));
            refused(nobody.send().await.unwrap(), 401, "unauthenticated").await;
            if path.contains('{') {
                // A stranger cannot tell somebody else's thing from none.
                let body = (method == Method::POST).then(|| json!({"batch_mode": false}));
                let ask = async |foreign: bool| {
                    let answer = stranger.send(method.clone(), &fill(path, foreign), body.clone()).await;
                    refused(answer, 404, "not_found").await
                };
                let (theirs, none) = (ask(true).await, ask(false).await);
                assert_eq!(theirs["message"], none["message"], "{path}");
            }
        }
    }
    assert!(walked >= 14, "only {walked} calls were walked");
    // Nothing was lost by all that.
    owner.get(&fill("/v1/documents/{id}", true)).await;
}

/// What every server function takes, the owner's things in it or things that nobody has.
fn arguments(id: &str, content_hash: &str, upload: &str, token: &str) -> Value {
    let wish = json!({"hash": upload, "title": null, "pages": null, "ai_transform": false, "batch_mode": false});
    json!({
        "id": if token.is_empty() { id } else { token }, "content_hash": content_hash, "batch": true, "mode": "batch", "skip": 0,
        "query": "", "place": {"from": null, "page": 1, "query": "", "pages_only": false}, "wish": wish, "url": "http://127.0.0.1/", "name": "mine",
    })
}

/// Pages and server functions, by everybody whose business they are not.
#[tokio::test]
async fn no_page_and_no_server_function_tells_anything_either() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_DEMO_PENDING_MS", "600000")]).await;
    let owner = server.guest().await;
    let prepared = owner.upload_pages(1).await;
    let document: Value = owner.submit(&prepared, false, false).await.json().await.unwrap();
    owner.submit(&prepared, true, true).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let token = text(&owner.get("/v1/users/me/tokens").await["tokens"][0]["id"]);
    let theirs = [text(&document["id"]), text(&prepared["content_hash"]), text(&prepared["hash"]), token];
    let none = theirs.each_ref().map(|id| "0".repeat(id.len()));
    // Nobody, a session that never was, and a stranger.
    let mut stranger = Browser::new(&server);
    stranger.ok("start_session", json!({})).await;
    let expired = Some(format!("coldbrew={}", "0".repeat(64)));
    let nobody = Browser::new(&server);
    let mut callers = [nobody, Browser { cookie: expired, ..Browser::new(&server) }, stranger];
    // These make or end something of the caller's own.
    let own = ["start_session", "sign_up", "sign_in", "sign_out", "delete_account", "create_token", "import"];
    let mut walked = 0;
    for (path, _) in leptos::server_fn::axum::server_fn_paths() {
        let name = path.trim_start_matches("/api/");
        if own.contains(&name) {
            continue;
        }
        walked += 1;
        for caller in &mut callers {
            let mut ask = async |[id, content, upload, token]: &[String; 4]| {
                let token = if name == "revoke_token" { token } else { "" };
                let answer = caller.call(name, arguments(id, content, upload, token)).await;
                let status = answer.status().as_u16();
                let mut body: Value = answer.json().await.unwrap();
                if let Some(body) = body.as_object_mut() {
                    body.remove("request_id");
                }
                (status, body)
            };
            let (foreign, missing) = (ask(&theirs).await, ask(&none).await);
            assert_eq!(foreign, missing, "{name} tells theirs from none");
            assert!(matches!(foreign.0, 200 | 401 | 404 | 422), "{name}: {foreign:?}");
            assert!(!foreign.1.to_string().contains("book"), "{name}: {foreign:?}");
        }
    }
    assert!(walked >= 14, "only {walked} server functions were walked");
    for page in ["/documents/", "/batch/"] {
        let which = usize::from(page == "/batch/");
        for caller in &callers {
            let look = async |id: &str| {
                let request = caller.http.get(format!("{}{page}{id}", server.base_url));
                let answer =
                    request.header(header::COOKIE, caller.cookie.clone().unwrap_or_default()).send().await.unwrap();
                let status = answer.status();
                (status, answer.text().await.unwrap().replace(id, "").len())
            };
            let (foreign, missing) = (look(&theirs[which]).await, look(&none[which]).await);
            assert_eq!(foreign.0, StatusCode::NOT_FOUND, "{page}");
            assert!(foreign.1.abs_diff(missing.1) < 64, "{page}: {foreign:?} {missing:?}");
        }
    }
    // Nothing was lost by all that.
    owner.get(&format!("/v1/documents/{}", theirs[0])).await;
    owner.get(&format!("/v1/documents/batch/{}/status", theirs[1])).await;
}

#[tokio::test]
async fn a_request_that_is_sent_again_is_answered_once() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let guest = server.guest().await;
    let prepared = guest.upload_pages(1).await;
    let send = |key: &'static str, ai: bool| {
        let wish = json!({"hash": prepared["hash"], "ai_transform": ai, "batch_mode": false});
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
async fn too_many_requests_are_told_when_to_come_back() {
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
async fn an_account_holds_no_more_than_it_may() {
    let data = TempDir::new().unwrap();
    let limits = [("COLDBREW_DOCUMENTS_MAX", "1"), ("COLDBREW_STORED_BYTES_MAX", "3000")];
    let server = TestServer::start(&data, &limits).await;
    let guest = server.guest().await;
    let prepared = guest.upload_pages(1).await;
    assert_eq!(guest.submit(&prepared, false, false).await.status(), StatusCode::CREATED);
    refused(guest.submit(&prepared, false, false).await, 409, "limit_reached").await;
    refused(guest.upload("large.pdf", crate::harness::book(20)).await, 409, "limit_reached").await;
}
