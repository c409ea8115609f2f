//! Single calls: generate content, count tokens, models, and the delete of a file.

use bytes::Bytes;
use serde_json::json;

use super::server::{Reply, Server};
use crate::{Client, Config, Request, TokenCount};

fn page() -> Request {
    Request::page("application/pdf", Bytes::from_static(b"%PDF-1"), "Transcribe.")
}

#[tokio::test]
async fn generate_content_returns_text_and_model_version() {
    let response =
        json!({"candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}], "modelVersion": "m"});
    let server = Server::start([Reply::ok(response)]).await;
    let answer = server.client().generate_content("gemini-3.8-flash", &page()).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.model_version.as_deref()), ("Hi", Some("m")));
    assert_eq!(server.lines(), ["POST /v1beta/models/gemini-3.8-flash:generateContent"]);
    assert_eq!(server.requests()[0].json(), serde_json::to_value(page()).unwrap());
}

#[tokio::test]
async fn count_tokens_sends_the_whole_request() {
    let server = Server::start([Reply::ok(json!({"totalTokens": 540}))]).await;
    let count = server.client().count_tokens("models/gemini-3.8-flash", &page()).await.unwrap();
    assert_eq!(count, TokenCount { total_tokens: 540, cached_tokens: 0 });
    let sent = &server.requests()[0];
    assert_eq!(sent.path, "/v1beta/models/gemini-3.8-flash:countTokens");
    assert_eq!(sent.json()["generateContentRequest"]["model"], "models/gemini-3.8-flash");
}

#[tokio::test]
async fn list_models_reads_every_page() {
    let first = json!({"models": [{"name": "models/a", "inputTokenLimit": 5, "supportedGenerationMethods": ["x"]}], "nextPageToken": "2"});
    let server = Server::start([Reply::ok(first), Reply::ok(json!({"models": [{"name": "models/b"}]}))]).await;
    let models = server.client().list_models().await.unwrap();
    assert_eq!(models.iter().map(|model| model.name.as_str()).collect::<Vec<_>>(), ["models/a", "models/b"]);
    assert_eq!((models[0].input_token_limit, models[0].methods.len()), (5, 1));
}

#[tokio::test]
async fn base_url_with_a_path_keeps_it_before_the_version() {
    let server = Server::start([Reply::ok("{}")]).await;
    let config = Config { api_version: "v1".into(), ..Config::new(format!("{}/proxy/", server.url), "k") };
    Client::new(config).unwrap().get_model("gemini-3.8-flash").await.unwrap();
    assert_eq!(server.lines(), ["GET /proxy/v1/models/gemini-3.8-flash"]);
}

#[tokio::test]
async fn delete_file_that_is_missing_succeeds() {
    let gone = json!({"error": {"code": 403, "status": "PERMISSION_DENIED",
        "message": "You do not have permission to access the File abc or it may not exist."}});
    let server = Server::start([Reply::ok("{}"), Reply::json(403, gone)]).await;
    server.client().delete_file("files/abc").await.unwrap();
    server.client().delete_file("files/abc").await.unwrap();
    assert_eq!(server.lines(), ["DELETE /v1beta/files/abc", "DELETE /v1beta/files/abc"]);
}
