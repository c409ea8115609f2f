//! Every route, called without an account, by another account, with a revoked token and with an expired session.

use coldbrew::accounts::{Credential, CredentialKind, Credentials, Grant};
use coldbrew::clock::{Clock, IdGenerator, RandomIds, SystemClock};
use coldbrew::model::{UnixMs, hex};
use coldbrew::store::sql::SqlStore;
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::support::harness::{TestClient, TestServer, refused};
use crate::web::accounts::Browser;

/// A session of the owner that has just expired.
async fn expired_session(data: &TempDir, owner: &TestClient) -> String {
    let store = SqlStore::open(&SqlStore::embedded_url(&data.path().join("coldbrew.db"))).await.unwrap();
    let (secret, now) = (RandomIds.secret(), SystemClock.now());
    let digest = hex(&Sha256::digest(&secret));
    let credential = |expires_at: UnixMs| Credential { digest: &digest, kind: CredentialKind::Session, expires_at };
    let me = owner.get("/v1/users/me").await;
    let id = me["user_id"].as_str().unwrap();
    assert!(store.add_credential(id, credential(now.plus(60_000)), None, Grant::Owner, now).await.unwrap());
    assert_eq!(owner.with_token(&secret).get("/v1/users/me").await, me, "the session belongs to the owner");
    store.end_credential(&digest, SystemClock.now()).await.unwrap();
    store.close().await;
    secret
}

/// Every API route, called by everyone who must not use it.
#[tokio::test]
async fn routes_refuse_foreign_and_unknown_callers() {
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
    // Replaces the ids in a path with those of the owner or with unknown ones.
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
    let (never, expired) = (owner.with_token(&"0".repeat(64)), owner.with_token(&expired_session(&data, &owner).await));
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
            for client in [&revoked, &never, &expired] {
                refused(client.send(method.clone(), &fill(path, true), None).await, 401, "unauthenticated").await;
            }
            let request =
                || reqwest::Client::new().request(method.clone(), format!("{}{}", server.base_url, fill(path, true)));
            refused(request().send().await.unwrap(), 401, "unauthenticated").await;
            let expired = request().header(header::COOKIE, format!("coldbrew={}", expired.token));
            let answer = expired.send().await.unwrap();
            assert!(!answer.headers().contains_key(header::SET_COOKIE), "{path} renews a session");
            refused(answer, 401, "unauthenticated").await;
            if path.contains('{') {
                // A foreign id and an unknown id get the same response.
                let body = match path.ends_with("/reread") {
                    true => json!({"batch_mode": false, "pages": [0]}),
                    false => json!({"batch_mode": false}),
                };
                let body = (method == Method::POST).then_some(body);
                let ask = async |foreign: bool| {
                    let answer = stranger.send(method.clone(), &fill(path, foreign), body.clone()).await;
                    refused(answer, 404, "not_found").await
                };
                let (theirs, none) = (ask(true).await, ask(false).await);
                assert_eq!(theirs["message"], none["message"], "{path}");
            }
        }
    }
    assert!(walked >= 14, "only {walked} routes were tested");
    // The owner's documents still exist.
    owner.get(&fill("/v1/documents/{id}", true)).await;
}

/// Arguments for every server function, with the owner's ids or unknown ones.
fn arguments(id: &str, content_hash: &str, upload: &str, token: &str) -> Value {
    let submission = json!({"hash": upload, "title": null, "pages": null, "ai_transform": false, "batch_mode": false});
    json!({
        "id": if token.is_empty() { id } else { token }, "content_hash": content_hash, "batch": true, "mode": "batch", "page": 1, "skip": 0,
        "query": "", "place": {"from": null, "page": 1, "query": "", "pages_only": false}, "wish": submission,
        "url": "http://127.0.0.1/", "name": "mine", "code": "0", "password": "x",
        "tokens": "", "days": 1, "note": "", "is_operator": true,
    })
}

/// Every page and server function, called by everyone who must not use it.
#[tokio::test]
async fn pages_and_server_functions_refuse_foreign_callers() {
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
    let mut stranger = Browser::new(&server);
    stranger.ok("start_session", json!({})).await;
    let never = Browser::of_session(&server, &"0".repeat(64));
    let expired = Browser::of_session(&server, &expired_session(&data, &owner).await);
    let mut callers = [Browser::new(&server), never, expired, stranger];
    // These functions make or end something of the caller's own.
    let own = [
        "start_session",
        "sign_up",
        "sign_in",
        "sign_out",
        "delete_account",
        "change_password",
        "create_token",
        "import",
    ];
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
            assert_eq!(foreign, missing, "{name} distinguishes foreign from unknown ids");
            assert!(matches!(foreign.0, 200 | 401 | 404 | 422), "{name}: {foreign:?}");
            assert!(!foreign.1.to_string().contains("book"), "{name}: {foreign:?}");
        }
    }
    assert!(walked >= 14, "only {walked} server functions were tested");
    for page in ["/documents/", "/batch/"] {
        let which = usize::from(page == "/batch/");
        for caller in &mut callers {
            let mut look = async |id: &str| {
                let answer = caller.open(&format!("{page}{id}")).await;
                let status = answer.status();
                (status, answer.text().await.unwrap().replace(id, "").len())
            };
            let (foreign, missing) = (look(&theirs[which]).await, look(&none[which]).await);
            assert_eq!(foreign.0, StatusCode::NOT_FOUND, "{page}");
            assert!(foreign.1.abs_diff(missing.1) < 64, "{page}: {foreign:?} {missing:?}");
        }
    }
    for page in ["/", "/library", "/account"] {
        for caller in &mut callers {
            let cookie = caller.cookie.clone();
            let html = caller.open(page).await.text().await.unwrap();
            assert!(!html.contains(">book<") && !theirs.iter().any(|id| html.contains(id)), "{page}");
            assert_eq!(caller.cookie, cookie, "{page} renews a session");
        }
    }
    // The owner's documents still exist.
    owner.get(&format!("/v1/documents/{}", theirs[0])).await;
    owner.get(&format!("/v1/documents/batch/{}/status", theirs[1])).await;
}
