//! The operator's page and calls, and everybody who may not use them.

use coldbrew::serve::{list_people, make_operator, remove_operator, set_disabled};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::harness::{TestClient, TestServer, config, refused};
use crate::web::accounts::{Browser, token_wish};

const PASSWORD: &str = "a good long one";

fn login(email: &str) -> Value {
    json!({"email": email, "password": PASSWORD})
}

/// An operator, `ada`.
async fn operator<'a>(data: &TempDir, server: &'a TestServer) -> Browser<'a> {
    let mut ada = Browser::new(server);
    ada.ok("sign_up", login("ada@example.org")).await;
    assert_eq!(make_operator(&config(data.path(), &[]), "ada@example.org").await.unwrap(), None);
    ada
}

async fn member<'a>(server: &'a TestServer, email: &str) -> (Browser<'a>, String) {
    let mut member = Browser::new(server);
    member.ok("sign_up", login(email)).await;
    let id = member.ok("fetch_me", json!({})).await[0]["user_id"].as_str().unwrap().to_owned();
    (member, id)
}

async fn page(browser: &mut Browser<'_>, path: &str) -> String {
    let answer = browser.open(path).await;
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    answer.text().await.unwrap()
}

/// Every call of the operator's page, with arguments that are valid.
fn calls(id: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("operator_overview", json!({})),
        ("operator_people", json!({"query": ""})),
        ("operator_invitations", json!({})),
        ("operator_audit_log", json!({})),
        ("operator_disable", json!({"id": id})),
        ("operator_enable", json!({"id": id})),
        ("operator_delete", json!({"id": id})),
        ("operator_set_quota", json!({"id": id, "tokens": "1"})),
        ("operator_set_role", json!({"id": id, "is_operator": true})),
        ("operator_make_link", json!({"id": id})),
        ("operator_invite", json!({"note": "", "tokens": "", "days": 1})),
        ("operator_revoke_invitation", json!({"id": "0"})),
    ]
}

#[tokio::test]
async fn operator_calls_and_page_do_not_exist_for_anybody_else() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let (mut ada, mut guest) = (operator(&data, &server).await, Browser::new(&server));
    guest.ok("start_session", json!({})).await;
    let (stranger, victim) = member(&server, "eve@example.org").await;
    let registered = leptos::server_fn::axum::server_fn_paths().filter(|(path, _)| path.contains("/operator_"));
    assert_eq!(registered.count(), calls("").len(), "a call is missing in this test");
    for mut caller in [Browser::new(&server), guest, stranger] {
        for (name, arguments) in calls(&victim) {
            let (status, code) = caller.refusal(name, arguments).await;
            assert_eq!((status, code), (404, json!("not_found")), "{name}");
        }
        let (missing, hidden) = (caller.open("/nowhere").await, caller.open("/operator").await);
        assert_eq!((missing.status(), hidden.status()), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
        let html = hidden.text().await.unwrap();
        assert!(html.contains("Page not found") && !html.contains("eve@example.org"), "{html}");
    }
    let log = ada.ok("operator_audit_log", json!({})).await;
    assert_eq!(log["entries"].as_array().unwrap().len(), 1, "no other action is in the log: {log}");
    // Who was an operator is none at once.
    remove_operator(&config(data.path(), &[]), "ada@example.org").await.unwrap();
    assert_eq!(ada.refusal("operator_overview", json!({})).await, (404, json!("not_found")));
    assert_eq!(ada.open("/operator").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn operator_page_warns_only_of_a_model_that_is_routed_retired_or_unknown() {
    for (model, notice) in [
        ("gemini-3.8-flash", None),
        (
            "gemini-3.7-flash",
            Some("Since 2026-10-08 Google answers requests for gemini-3.7-flash with gemini-3.8-flash"),
        ),
        ("gemini-99", Some("lacks gemini-99")),
    ] {
        let data = TempDir::new().unwrap();
        let server = TestServer::start(&data, &[("GEMINI_MODEL", model)]).await;
        let mut ada = operator(&data, &server).await;
        let html = page(&mut ada, "/operator").await;
        assert_eq!(html.contains("data-testid=\"model-notice\""), notice.is_some(), "{model}");
        assert!(notice.is_none_or(|notice| html.contains(notice)), "{model}: {html}");
    }
}

#[tokio::test]
async fn operator_manages_people_by_forms_without_script() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let mut ada = operator(&data, &server).await;
    let (mut eve, id) = member(&server, "eve@example.org").await;
    let token = eve.ok("create_token", token_wish("own", PASSWORD)).await;
    let script = TestClient::new(&server.base_url, token["token"].as_str().unwrap());
    script.get("/v1/users/me").await;

    let html = page(&mut ada, "/operator?q=eve").await;
    assert!(html.contains("eve@example.org") && html.contains(&format!("person-{id}")));
    assert!(page(&mut ada, "/operator?q=unknown").await.contains("No address contains this"));

    ada.fill_in_on("/operator", "operator_set_quota", &[("id", &id), ("tokens", "5,000,000")]).await;
    assert!(page(&mut ada, "/operator").await.contains("The quota is set."));
    assert_eq!(eve.ok("fetch_usage", json!({})).await["quota_tokens"], 5_000_000);
    ada.fill_in_on("/operator", "operator_set_quota", &[("id", &id), ("tokens", "plenty")]).await;
    assert!(page(&mut ada, "/operator").await.contains("Enter the quota as a number"));

    ada.fill_in_on("/operator", "operator_disable", &[("id", &id)]).await;
    assert!(page(&mut ada, "/operator").await.contains("The account is disabled."));
    refused(script.send(Method::GET, "/v1/users/me", None).await, 403, "account_disabled").await;
    assert_eq!(eve.refusal("fetch_me", json!({})).await, (403, json!("account_disabled")));
    let account = eve.open("/account").await;
    assert_eq!(account.status(), StatusCode::FORBIDDEN);
    let html = account.text().await.unwrap();
    assert!(html.contains("This account is disabled.") && html.contains("data-testid=\"sign-out\""));
    let sign_in = Browser::new(&server).refusal("sign_in", login("eve@example.org")).await;
    assert_eq!(sign_in, (403, json!("account_disabled")));
    ada.fill_in_on("/operator", "operator_enable", &[("id", &id)]).await;
    script.get("/v1/users/me").await;

    ada.fill_in_on("/operator", "operator_make_link", &[("id", &id)]).await;
    let html = page(&mut ada, "/operator").await;
    assert!(html.contains("/set-password?code="), "the link is shown");
    assert!(!page(&mut ada, "/operator").await.contains("/set-password?code="), "once");

    let form = [("note", "For Max"), ("tokens", ""), ("days", "3"), ("is_operator", "true")];
    ada.fill_in_on("/operator", "operator_invite", &form).await;
    let html = page(&mut ada, "/operator").await;
    let code = html.split("/invitation?code=").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert!(html.contains("For Max"));
    let mut max = Browser::new(&server);
    max.ok("sign_up", json!({"email": "max@example.org", "password": PASSWORD, "invitation": code})).await;
    assert!(page(&mut max, "/operator").await.contains("by max@example.org"));

    ada.fill_in_on("/operator", "operator_delete", &[("id", &id)]).await;
    refused(script.send(Method::GET, "/v1/users/me", None).await, 401, "unauthenticated").await;
    let html = page(&mut max, "/operator").await;
    for action in ["Deleted", "Disabled", "Enabled", "Set the quota", "Made an invitation", "Command line"] {
        assert!(html.contains(action), "{action}");
    }
    // An operator cannot lock themselves out.
    let own = ada.ok("fetch_me", json!({})).await[0]["user_id"].clone();
    for name in ["operator_disable", "operator_delete"] {
        assert_eq!(ada.refusal(name, json!({"id": own})).await, (400, json!("invalid_request")), "{name}");
    }
}

#[tokio::test]
async fn job_of_a_disabled_account_finishes() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let guest = server.guest().await;
    let prepared = guest.upload_pages(1).await;
    assert_eq!(guest.submit(&prepared, true, true).await.status(), StatusCode::ACCEPTED);
    let id = guest.get("/v1/users/me").await["user_id"].as_str().unwrap().to_owned();
    let config = config(data.path(), &[]);
    set_disabled(&config, &id, true).await.unwrap();
    refused(guest.submit(&prepared, false, false).await, 403, "account_disabled").await;
    let mut ada = operator(&data, &server).await;
    for attempt in 0.. {
        let overview = ada.ok("operator_overview", json!({})).await;
        assert_eq!(overview["disabled"], 1);
        if overview["jobs"].as_array().unwrap().is_empty() {
            break;
        }
        assert!(attempt < 600, "the job does not end: {overview}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    set_disabled(&config, &id, false).await.unwrap();
    let status = guest.batch_end(prepared["content_hash"].as_str().unwrap()).await;
    assert_eq!(status["status"], "SUCCEEDED");
}

#[tokio::test]
async fn commands_list_people_and_print_links_alone_on_standard_output() {
    let data = TempDir::new().unwrap();
    let run = async |arguments: &[&str]| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_coldbrew"));
        let command = command.arg("user").args(arguments).env("COLDBREW_DATA_DIR", data.path());
        let output = command.output().await.unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let link = run(&["operator", "ada@example.org"]).await;
    assert!(link.starts_with("http://127.0.0.1:3000/set-password?code=") && link.lines().count() == 1, "{link}");
    let link = run(&["invite", "Eve", "--days", "3", "--quota", "5"]).await;
    assert!(link.starts_with("http://127.0.0.1:3000/invitation?code=") && link.lines().count() == 1, "{link}");
    run(&["disable", "ada@example.org"]).await;
    let list = run(&["list"]).await;
    assert_eq!(list, "ada@example.org\toperator\tdisabled\tdefault\t0\t$0.00\t$0.00\tnever\n");
    run(&["enable", "ada@example.org"]).await;
    run(&["quota", "ada@example.org", "7"]).await;
    let [ada] = list_people(&config(data.path(), &[]), "ada").await.unwrap().try_into().unwrap();
    assert_eq!((ada.quota_tokens, ada.disabled_at), (Some(7), None));
    run(&["operator", "--remove", "ada@example.org"]).await;
    run(&["delete", "ada@example.org"]).await;
    assert_eq!(run(&["list"]).await, "");
}
