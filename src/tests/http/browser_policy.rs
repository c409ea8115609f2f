//! Security headers, graded by the rules of Mozilla's Observatory, and texts that try to become script.

use std::collections::HashMap;

use coldbrew::markdown::safe_html;
use coldbrew_pdf::testing::simple_pdf;
use reqwest::{Method, Response, StatusCode, header};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::harness::TestServer;

/// Texts that run script in a page that does not escape them.
const CORPUS: &[&str] = &[
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js></sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<img/src=x/onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<body onload=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<iframe src=javascript:alert(1)>",
    "<object data=javascript:alert(1)>",
    "<embed src=javascript:alert(1)>",
    "<form action=javascript:alert(1)><input type=submit>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>@import '//evil.example/x.css'</style>",
    "<a href=\"javascript:alert(1)\">x</a>",
    "<a href=\"JaVaScRiPt&colon;alert(1)\">x</a>",
    "<a href=\" &#14; javascript:alert(1)\">x</a>",
    "<details open ontoggle=alert(1)>",
    "\"><script>alert(1)</script>",
    "' onmouseover='alert(1)",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "<!--<img src=\"--><img src=x onerror=alert(1)//\">",
    "<![CDATA[<script>alert(1)</script>]]>",
    "[x](javascript:alert(1))",
    "[x](JAVASCRIPT:alert(1))",
    "[x](java\nscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "![x](javascript:alert(1))",
    "![x](x \"onerror=alert(1)\")",
    "![x\" onerror=\"alert(1)](x)",
    "[x](# \"\" onclick=alert(1))",
    "<javascript:alert(1)>",
    "`<script>alert(1)</script>`",
    "```\"><script>alert(1)</script>\nx\n```",
    "$\\href{javascript:alert(1)}{x}$",
    "$\\text{<script>alert(1)</script>}$",
    "$$\\style{color:red;background:url(//evil.example)}{x}$$",
    "[^1]\n\n[^1]: <script>alert(1)</script>",
    "| <script>alert(1)</script> |\n|---|\n| <img src=x onerror=alert(1)> |",
    "![*a*](/v1/images/ab/0_0.png?w=1\" onload=\"alert(1)&px=1x1)",
];

/// The tags of an HTML text, in lower case, as a browser parses them.
fn tags(html: &str) -> Vec<String> {
    html.split('<').skip(1).map(|rest| rest.split('>').next().unwrap_or_default().to_lowercase()).collect()
}

/// What a tag would run or load, or where it would navigate.
fn danger(tag: &str) -> Option<&'static str> {
    let name = tag.split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or_default();
    let forbidden =
        ["script", "iframe", "object", "embed", "form", "base", "meta", "link", "style", "svg", "animate", "body"];
    if let Some(found) = forbidden.into_iter().find(|forbidden| *forbidden == name) {
        return Some(found);
    }
    // Attribute values are quoted here, so text outside of quotes consists of names.
    let names: String = tag.split('"').step_by(2).collect();
    let handler = names.split_whitespace().any(|name| name.starts_with("on"));
    let addresses = tag.split('"').collect::<Vec<_>>();
    let leads = addresses.windows(2).any(|pair| {
        let scheme: String = pair[1].chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
        (pair[0].ends_with("href=") || pair[0].ends_with("src="))
            && ["javascript:", "vbscript:", "data:"].iter().any(|bad| scheme.starts_with(bad))
    });
    match (handler, names.contains(" style="), leads) {
        (true, ..) => Some("a handler"),
        (_, true, _) => Some("a style"),
        (.., true) => Some("a script address"),
        _ => None,
    }
}

#[test]
fn hostile_markdown_yields_no_script() {
    for text in CORPUS {
        for markdown in [(*text).to_owned(), format!("# {text}"), format!("- {text}"), format!("> {text}\n\n{text}")] {
            let html = safe_html(&markdown, 0);
            for tag in tags(&html) {
                assert_eq!(danger(&tag), None, "{markdown} gave {html}");
            }
        }
    }
}

#[tokio::test]
async fn hostile_titles_and_file_names_yield_no_script() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let guest = server.guest().await;
    for text in CORPUS {
        // A form's file name contains no line break and no quote.
        let name: String = text.chars().filter(|c| !c.is_control() && *c != '"').collect();
        let answer = guest.upload(&format!("{name}.pdf"), simple_pdf(&[text])).await;
        assert_eq!(answer.status(), StatusCode::OK, "{text}");
        let prepared: Value = answer.json().await.unwrap();
        let submission =
            serde_json::json!({"hash": prepared["hash"], "title": text, "ai_transform": false, "batch_mode": false});
        let answer = guest.send(Method::POST, "/v1/documents/document", Some(submission)).await;
        let made: Value = answer.json().await.unwrap();
        assert!(made["id"].is_string(), "{made}");
    }
    let list = guest.get("/v1/documents?limit=200").await;
    let documents = list["documents"].as_array().unwrap();
    assert_eq!(documents.len(), CORPUS.len());
    let reader = format!("/documents/{}", documents[0]["id"].as_str().unwrap());
    for path in ["/", "/library", "/account", reader.as_str()] {
        let html = guest.send(Method::GET, path, None).await.text().await.unwrap();
        // Every text appears on the pages that list documents, but none as a tag.
        assert!(!html.contains("alert(1)</script>"), "{path}");
        for tag in tags(&html).iter().filter(|tag| tag.contains("alert(1)") || tag.contains("evil.example")) {
            // The props of islands are quoted values.
            let outside: String = tag.split('"').step_by(2).collect();
            assert!(!outside.contains("alert(1)") && !outside.contains("evil.example"), "{path}: {tag}");
        }
    }
}

/// The score by the rules of Mozilla's Observatory: 100, minus penalties, plus bonuses. Bonuses count only if the penalties are small.
fn score(answer: &Response, cookie: &str) -> i32 {
    let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default();
    let policy: HashMap<&str, &str> = header("content-security-policy")
        .split(';')
        .map(|directive| directive.trim().split_once(' ').unwrap_or((directive.trim(), "")))
        .collect();
    let sources = |name: &str| *policy.get(name).or_else(|| policy.get("default-src")).unwrap_or(&"*");
    let unsafe_source = |name: &str| {
        ["'unsafe-inline'", "'unsafe-eval'", "*", "data:", "http:", "https:"]
            .iter()
            .any(|bad| sources(name).split_whitespace().any(|source| source == *bad))
    };
    let (mut penalties, mut bonuses) = (0, 0);
    let mut rule =
        |passed: bool, penalty: i32, bonus: i32| if passed { bonuses += bonus } else { penalties += penalty };
    rule(!policy.is_empty(), 25, 0);
    rule(!unsafe_source("script-src") && !unsafe_source("object-src"), 20, 5);
    rule(!unsafe_source("style-src"), 0, 5);
    rule(policy.get("default-src") == Some(&"'none'"), 0, 5);
    let hsts = header("strict-transport-security");
    let max_age = hsts.split(';').find_map(|part| part.trim().strip_prefix("max-age=")?.parse::<u64>().ok());
    rule(max_age.is_some_and(|seconds| seconds >= 15_768_000), 20, 0);
    rule(cookie.contains("; Secure"), 40, 0);
    rule(cookie.contains("; HttpOnly"), 30, 0);
    rule(cookie.contains("; SameSite=") && cookie.starts_with("__Host-"), 0, 5);
    rule(header("x-content-type-options") == "nosniff", 5, 0);
    rule(policy.contains_key("frame-ancestors"), 20, 5);
    let private = ["no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"];
    rule(private.contains(&header("referrer-policy")), 5, 5);
    rule(header("cross-origin-resource-policy") == "same-origin", 0, 10);
    rule(answer.headers().get("access-control-allow-origin").is_none(), 50, 0);
    if penalties <= 10 { 100 - penalties + bonuses } else { 100 - penalties }
}

#[tokio::test]
async fn responses_are_graded_a_plus_by_observatory_rules() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_PUBLIC_URL", "https://coldbrew.example")]).await;
    let http = reqwest::Client::new();
    let start = http.post(format!("{}/api/start_session", server.base_url)).header("sec-fetch-site", "same-origin");
    let started = start.json(&serde_json::json!({})).send().await.unwrap();
    let cookie = started.headers()[header::SET_COOKIE].to_str().unwrap();
    for path in [
        "/",
        "/library",
        "/account",
        "/docs",
        "/openapi.json",
        "/none",
        "/v1/users/me",
        "/v1/none",
        "/healthz",
        "/metrics",
    ] {
        let answer = reqwest::get(format!("{}{path}", server.base_url)).await.unwrap();
        let score = score(&answer, cookie);
        assert!(score >= 100, "{path}: {score}");
        let opener = &answer.headers()["cross-origin-opener-policy"];
        assert_eq!(opener, "same-origin", "{path}");
        assert!(answer.headers().contains_key("permissions-policy"), "{path}");
    }
}
