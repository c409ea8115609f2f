//! Single calls: generate content, count tokens, models, and the delete of a file.

use bytes::Bytes;
use serde_json::json;

use super::server::{Reply, Server};
use crate::{Client, Config, ErrorKind, Quota, Request, ServiceTier, Store, TokenCount};

fn page() -> Request {
    Request::page("application/pdf", Bytes::from_static(b"%PDF-1"), "Transcribe.")
}

#[tokio::test]
async fn generate_content_returns_text_and_model_version() {
    let response =
        json!({"candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}], "modelVersion": "m"});
    let server = Server::start([Reply::ok(response)]).await;
    let answer = server.client().generate_content("gemini-3.8-flash", &page(), ServiceTier::Standard).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.model_version.as_deref()), ("Hi", Some("m")));
    assert_eq!(server.lines(), ["POST /v1beta/models/gemini-3.8-flash:generateContent"]);
    assert_eq!(server.requests()[0].json(), serde_json::to_value(page()).unwrap());
}

#[tokio::test]
async fn flex_call_names_its_tier_and_its_deadline() {
    let reply = json!({"usageMetadata": {"serviceTier": "standard"}});
    let header = ("x-gemini-service-tier", "flex".to_owned());
    let by_header = Reply::Answer(200, vec![header], "{}".into());
    let server = Server::start([Reply::ok(reply), by_header, Reply::ok("{}")]).await;
    let call = async |tier| server.client().generate_content("gemini-3.8-flash", &page(), tier).await.unwrap();
    assert_eq!(call(ServiceTier::Flex).await.service_tier, Some(ServiceTier::Standard), "another tier served it");
    assert_eq!(call(ServiceTier::Flex).await.service_tier, Some(ServiceTier::Flex));
    assert_eq!(call(ServiceTier::Standard).await.service_tier, None);
    let [flex, _, standard] = &server.requests()[..] else { panic!() };
    assert_eq!((flex.json()["serviceTier"].as_str(), flex.header("x-server-timeout")), (Some("flex"), Some("1200")));
    assert!(standard.json().get("serviceTier").is_none() && standard.header("x-server-timeout").is_none());
    assert_eq!(flex.json()["contents"], standard.json()["contents"]);
}

#[tokio::test]
async fn flex_call_without_capacity_is_shed_and_a_quota_stays_a_quota() {
    let per_minute = json!([{"violations": [{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel"}]}]);
    let error =
        |code: u16, details| Reply::json(code, json!({"error": {"code": code, "message": "No.", "details": details}}));
    let shed = ErrorKind::Shed { after: None };
    for (reply, tier, kind) in [
        (error(503, json!([])), ServiceTier::Flex, shed),
        (error(429, json!([])), ServiceTier::Flex, shed),
        (error(429, per_minute), ServiceTier::Flex, ErrorKind::Quota { which: Quota::PerMinute, after: None }),
        (error(500, json!([])), ServiceTier::Flex, ErrorKind::Retry { after: None }),
        (error(503, json!([])), ServiceTier::Standard, ErrorKind::Retry { after: None }),
        (error(429, json!([])), ServiceTier::Standard, ErrorKind::Quota { which: Quota::Capacity, after: None }),
    ] {
        let server = Server::start([reply]).await;
        let error = server.client().generate_content("gemini-3.8-flash", &page(), tier).await.unwrap_err();
        assert_eq!(error.kind, kind);
        assert!(error.is_transient() && !error.may_be_billed());
    }
}

#[tokio::test]
async fn store_refused_by_its_name_is_left_out_from_then_on() {
    let message = "Invalid JSON payload received. Unknown name \"store\": Cannot find field.";
    let refusal = Reply::json(400, json!({"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}));
    let server = Server::start([refusal, Reply::ok("{}"), Reply::ok("{}")]).await;
    let client = server.client();
    for _ in 0..2 {
        client.generate_content("gemini-3.8-flash", &page(), ServiceTier::Standard).await.unwrap();
    }
    let sent: Vec<_> = server.requests().iter().map(|sent| sent.json().get("store").cloned()).collect();
    assert_eq!(sent, [Some(json!(false)), None, None]);
    assert_eq!(client.batch_store(), Store::Never, "batches have not refused it");
}

#[tokio::test]
async fn request_refused_for_another_field_is_not_repeated() {
    let message = "Invalid JSON payload received. Unknown name \"storage\": Cannot find field.";
    let server = Server::start([Reply::json(400, json!({"error": {"code": 400, "message": message}}))]).await;
    let error = server.client().generate_content("gemini-3.8-flash", &page(), ServiceTier::Standard).await.unwrap_err();
    assert_eq!((error.kind, server.requests().len()), (ErrorKind::Rejected, 1));
}

#[tokio::test]
async fn create_that_refuses_store_is_remembered_for_batches_only() {
    let message = "Error on line 1: invalid JSON, near column 436: no such field: 'store'";
    let refusal = Reply::json(400, json!({"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}));
    let server = Server::start([refusal, Reply::ok("{}")]).await;
    let client = server.client();
    let error = client.create_batch("gemini-3.8-flash", "job", "files/abc").await.unwrap_err();
    assert!(error.kind == ErrorKind::Rejected && error.refuses_store());
    assert_eq!(
        (client.batch_store(), server.requests()[0].header("x-server-timeout")),
        (Store::AsProject, Some("300"))
    );
    client.generate_content("gemini-3.8-flash", &page(), ServiceTier::Standard).await.unwrap();
    assert_eq!(server.requests()[1].json()["store"], false);
}

#[tokio::test]
async fn count_tokens_sends_the_whole_request() {
    let server = Server::start([Reply::ok(json!({"totalTokens": 540}))]).await;
    let count = server.client().count_tokens("models/gemini-3.8-flash", &page()).await.unwrap();
    assert_eq!(count, TokenCount { total_tokens: 540, cached_tokens: 0 });
    let sent = &server.requests()[0];
    assert_eq!(sent.path, "/v1beta/models/gemini-3.8-flash:countTokens");
    assert_eq!(sent.json()["generateContentRequest"]["model"], "models/gemini-3.8-flash");
    assert!(sent.json()["generateContentRequest"].get("store").is_none(), "a count is not stored");
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
