//! The calls for batches, and the parsing of unusual Operation objects.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::server::{Reply, Server};
use crate::{Batch, BatchState, BatchStats, ErrorKind};

fn operation(metadata: &Value, rest: &Value) -> Value {
    let mut operation = json!({"name": "batches/ID", "metadata": metadata});
    for (name, value) in rest.as_object().unwrap() {
        operation[name] = value.clone();
    }
    operation
}

#[test]
fn batch_state_with_any_prefix_is_parsed() {
    use BatchState::{Cancelled, Expired, Failed, PartiallySucceeded, Pending, Running, Succeeded};
    for (bare, state) in [
        ("PENDING", Pending),
        ("QUEUED", Pending),
        ("RUNNING", Running),
        ("SUCCEEDED", Succeeded),
        ("PARTIALLY_SUCCEEDED", PartiallySucceeded),
        ("FAILED", Failed),
        ("CANCELLED", Cancelled),
        ("EXPIRED", Expired),
    ] {
        for prefix in ["BATCH_STATE_", "JOB_STATE_", ""] {
            let batch = Batch::from_json(operation(&json!({"state": format!("{prefix}{bare}")}), &json!({})));
            assert_eq!(batch.state, state, "{prefix}{bare}");
        }
    }
}

#[test]
fn batch_state_unknown_is_running_until_the_operation_is_done() {
    for (metadata, rest, state) in [
        (json!({"state": "BATCH_STATE_NEW"}), json!({}), BatchState::Unknown("BATCH_STATE_NEW".into())),
        (json!({}), json!({}), BatchState::Unknown(String::new())),
        (json!({"state": 7}), json!({}), BatchState::Unknown(String::new())),
        (json!({}), json!({"done": true, "response": {}}), BatchState::Succeeded),
        (json!({}), json!({"done": true, "error": {"code": 13}}), BatchState::Failed),
        (json!({}), json!({"done": true, "error": {"code": 1}}), BatchState::Cancelled),
        (json!({"state": "BATCH_STATE_RUNNING"}), json!({"done": true, "response": {}}), BatchState::Running),
    ] {
        let batch = Batch::from_json(operation(&metadata, &rest));
        assert_eq!(batch.state, state, "{metadata} {rest}");
    }
    assert!(!BatchState::Unknown("BATCH_STATE_NEW".into()).is_terminal());
}

#[test]
fn output_file_in_metadata_or_response_is_found() {
    let file = json!({"responsesFile": "files/batch-ID"});
    for (metadata, rest) in [
        (json!({"output": file}), json!({})),
        (json!({}), json!({"response": file})),
        (json!({"output": {"responses_file": "files/batch-ID"}}), json!({})),
        (json!({"output": {}}), json!({"response": file})),
    ] {
        let batch = Batch::from_json(operation(&metadata, &rest));
        assert_eq!(batch.output_file.as_deref(), Some("files/batch-ID"), "{metadata} {rest}");
    }
    assert_eq!(Batch::from_json(operation(&json!({}), &json!({}))).output_file, None);
}

#[test]
fn published_reply_of_a_create_is_parsed_completely() {
    let batch = Batch::from_json(json!({
        "name": "batches/7h9w4gzuqot3bb3fpd1e2nqcp980iwnmjs7n",
        "metadata": {
            "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch",
            "model": "models/gemini-2.5-flash",
            "displayName": "ExecuteAsFile Example",
            "inputConfig": {"fileName": "files/85nave4ld71j"},
            "createTime": "2025-09-07T11:55:07.827892252Z",
            "updateTime": "2025-09-07T11:55:07.827892252Z",
            "batchStats": {"requestCount": "5", "pendingRequestCount": 5, "successfulRequestCount": "many"},
            "state": "BATCH_STATE_PENDING",
            "name": "batches/7h9w4gzuqot3bb3fpd1e2nqcp980iwnmjs7n",
            "somethingNew": [1, 2, 3],
        },
    }));
    assert_eq!(batch.name, "batches/7h9w4gzuqot3bb3fpd1e2nqcp980iwnmjs7n");
    assert_eq!(
        (batch.display_name.as_str(), batch.model.as_str()),
        ("ExecuteAsFile Example", "models/gemini-2.5-flash")
    );
    assert_eq!(batch.input_file.as_deref(), Some("files/85nave4ld71j"));
    assert_eq!(batch.stats, BatchStats { requests: 5, pending: 5, succeeded: 0, failed: 0 });
    assert_eq!(batch.create_time.unwrap().subsec_nanosecond(), 827_892_252);
    assert_eq!((batch.end_time, batch.error), (None, None));
    assert_eq!(batch.raw["metadata"]["somethingNew"], json!([1, 2, 3]));
}

#[tokio::test]
async fn create_sends_the_documented_body() {
    let server = Server::start([Reply::ok(json!({"name": "batches/ID"}))]).await;
    let batch = server.client().create_batch("models/gemini-3.8-flash", "job-1", "files/in").await.unwrap();
    assert_eq!(batch.name, "batches/ID");
    let sent = &server.requests()[0];
    assert_eq!(
        (sent.method.as_str(), sent.path.as_str()),
        ("POST", "/v1beta/models/gemini-3.8-flash:batchGenerateContent")
    );
    assert_eq!(sent.json(), json!({"batch": {"displayName": "job-1", "inputConfig": {"fileName": "files/in"}}}));
}

fn listed(name: &str, created: &str) -> serde_json::Value {
    json!({"name": name, "metadata": {"createTime": created}})
}

#[tokio::test]
async fn batches_since_reads_every_page_without_a_time() {
    let first = json!({"operations": [listed("batches/a", "2026-01-02T00:00:00Z")], "nextPageToken": "p 2"});
    let second = json!({"operations": [listed("batches/b", "2026-01-01T00:00:00Z"), {}], "nextPageToken": "p3"});
    let server = Server::start([Reply::ok(first), Reply::ok(second), Reply::ok("{}")]).await;
    let found = server.client().batches_since(None).await.unwrap();
    let names: Vec<&str> = found.iter().map(|batch| batch.name.as_str()).collect();
    assert_eq!(names, ["batches/a", "batches/b", ""]);
    assert_eq!(server.lines()[1], "GET /v1beta/batches?pageSize=50&pageToken=p+2");
}

#[tokio::test]
async fn batches_since_stops_after_a_page_of_older_batches() {
    let page = |batches: &[(&str, &str)], next: &str| {
        let batches: Vec<_> = batches.iter().map(|(name, created)| listed(name, created)).collect();
        Reply::ok(json!({"operations": batches, "nextPageToken": next}))
    };
    let server = Server::start([
        page(&[("batches/new", "2026-01-02T12:00:00Z")], "2"),
        // The order may be wrong by up to an hour.
        page(&[("batches/old", "2026-01-01T00:00:00Z"), ("batches/almost", "2026-01-02T09:30:00Z")], "3"),
        page(&[("batches/older", "2026-01-01T00:00:00Z")], "4"),
    ])
    .await;
    let since = "2026-01-02T10:00:00Z".parse().unwrap();
    let found = server.client().batches_since(Some(since)).await.unwrap();
    assert_eq!((found.len(), server.requests().len()), (4, 3));
}

#[tokio::test]
async fn batches_since_with_a_failed_page_returns_the_error() {
    let server = Server::start([Reply::ok(json!({"nextPageToken": "2"})), Reply::html(502)]).await;
    let error = server.client().batches_since(None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Retry { after: None });
}

#[tokio::test]
async fn batches_since_stops_at_a_repeated_page_token() {
    let page = json!({"nextPageToken": "again"});
    let server = Server::start([Reply::ok(&page), Reply::ok(&page), Reply::ok(&page)]).await;
    assert!(server.client().batches_since(None).await.unwrap().is_empty());
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn cancel_and_delete_send_one_request_each() {
    let gone = json!({"error": {"code": 404, "status": "NOT_FOUND", "message": "Requested entity was not found."}});
    let server = Server::start([Reply::ok("{}"), Reply::ok(""), Reply::json(404, gone)]).await;
    let client = server.client();
    client.cancel_batch("batches/ID").await.unwrap();
    client.delete_batch("batches/ID").await.unwrap();
    client.delete_batch("batches/ID").await.unwrap();
    assert_eq!(
        server.lines(),
        ["POST /v1beta/batches/ID:cancel", "DELETE /v1beta/batches/ID", "DELETE /v1beta/batches/ID"]
    );
}

#[tokio::test]
async fn get_batch_without_a_name_in_the_reply_keeps_the_requested_name() {
    let server = Server::start([Reply::ok("{}")]).await;
    let batch = server.client().get_batch("batches/ID").await.unwrap();
    assert_eq!((batch.name.as_str(), batch.state), ("batches/ID", BatchState::Unknown(String::new())));
}

/// Any JSON of limited depth.
pub(super) fn any_json() -> impl Strategy<Value = Value> {
    let names = prop_oneof![
        Just("metadata".to_owned()),
        Just("state".to_owned()),
        Just("response".to_owned()),
        Just("error".to_owned()),
        Just("candidates".to_owned()),
        Just("content".to_owned()),
        Just("parts".to_owned()),
        Just("text".to_owned()),
        Just("usageMetadata".to_owned()),
        Just("key".to_owned()),
        ".{0,8}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::hash_map(names.clone(), inner, 0..6).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_parsed_as_a_batch_without_panic(raw in any_json()) {
        let batch = Batch::from_json(raw.clone());
        prop_assert_eq!(batch.raw, raw);
    }
}
