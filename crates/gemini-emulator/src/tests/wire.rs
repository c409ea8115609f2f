//! Headers, spellings, versions and fields that only plain requests show, because no library reads them.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::Request;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::harness::{MODEL, TestEmulator, config};
use crate::{Emulator, router};

#[tokio::test]
async fn batch_operation_has_the_fields_that_no_library_reads() {
    let emulator = TestEmulator::start().await;
    let batch = emulator.create(&["one", "unreadable"]).await;
    let (_, pending) = emulator.call("GET", &format!("v1beta/{}", batch.name), None).await;
    let metadata = &pending["metadata"];
    assert_eq!(metadata["@type"], "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch");
    assert_eq!(metadata["batchStats"], json!({"requestCount": "2", "pendingRequestCount": "2"}));
    assert_eq!((&pending["name"], &metadata["name"]), (&json!(batch.name), &json!(batch.name)));
    assert!(pending.get("done").is_none() && metadata.get("endTime").is_none() && metadata.get("output").is_none());
    assert_eq!(metadata["createTime"].as_str().unwrap().len(), "2026-11-23T11:29:37.123456789Z".len());
    emulator.finish(&batch).await;
    let (_, done) = emulator.call("GET", &format!("v1alpha/{}", batch.name), None).await;
    let output = json!(batch.name.replace("batches/", "files/batch-"));
    assert_eq!((&done["done"], &done["response"]["responsesFile"]), (&json!(true), &output));
    assert_eq!(done["metadata"]["output"]["responsesFile"], output);
    assert_eq!(
        done["metadata"]["batchStats"],
        json!({"requestCount": "2", "successfulRequestCount": "1", "failedRequestCount": "1"})
    );
}

#[tokio::test]
async fn inline_batch_returns_inline_responses() {
    let emulator = TestEmulator::start().await;
    let request =
        |text: &str| json!({"request": {"contents": [{"parts": [{"text": text}]}]}, "metadata": {"key": text}});
    let body = json!({"batch": {"display_name": "inline", "input_config": {"requests": {"requests": [request("a"), request("b")]}}}});
    let (status, created) = emulator.call("POST", &format!("v1/models/{MODEL}:batchGenerateContent"), Some(body)).await;
    assert_eq!(status, 200, "{created}");
    assert!(created["metadata"].get("inputConfig").is_none());
    let batch = coldbrew_gemini::Batch::from_json(created);
    let done = emulator.finish(&batch).await;
    let answers = &done.raw["metadata"]["output"]["inlinedResponses"]["inlinedResponses"];
    assert_eq!(answers.as_array().unwrap().len(), 2);
    assert_eq!(answers[1]["metadata"]["key"], "b");
    assert_eq!(&done.raw["response"]["inlinedResponses"]["inlinedResponses"], answers);
}

#[tokio::test]
async fn file_has_size_as_string_google_uri_and_hash_of_hex_text() {
    let emulator = TestEmulator::start().await;
    let file = emulator.upload("{}").await;
    let (_, raw) = emulator.call("GET", &format!("v1/{}", file.name), None).await;
    assert_eq!(raw["sizeBytes"], "2");
    assert_eq!(raw["uri"], format!("https://generativelanguage.googleapis.com/v1/{}", file.name));
    let sha256 = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    assert_eq!(file.sha256.as_deref(), Some(sha256));
    assert_eq!(file.name.len(), "files/".len() + 12);
}

#[tokio::test]
async fn json_is_pretty_printed_unless_switched_off() {
    let emulator = TestEmulator::start().await;
    let get = async |path: &str| {
        let request = reqwest::Client::new().get(format!("{}/{path}", emulator.url)).header("x-goog-api-key", "key");
        let response = request.send().await.unwrap();
        let content_type = response.headers()["content-type"].to_str().unwrap().to_owned();
        assert_eq!(response.headers()["vary"], "Origin, X-Origin, Referer");
        (content_type, response.text().await.unwrap())
    };
    let (content_type, pretty) = get("v1/models/gemini-3.8-flash").await;
    assert_eq!(content_type, "application/json; charset=UTF-8");
    assert!(pretty.starts_with("{\n  \""), "{pretty}");
    let (_, compact) = get("v1/models/gemini-3.8-flash?prettyPrint=false").await;
    assert!(compact.starts_with("{\""), "{compact}");
    let (content_type, page) = get("v2/models").await;
    assert!(content_type.starts_with("text/html") && page.contains("Error 404 (Not Found)!!1"), "{page}");
}

#[tokio::test]
async fn unknown_field_is_refused_with_its_path() {
    let emulator = TestEmulator::start().await;
    let generate = format!("v1beta/models/{MODEL}:generateContent");
    let batch = format!("v1beta/models/{MODEL}:batchGenerateContent");
    for (path, body, message) in [
        (&generate, json!({"foo": 1}), "Invalid JSON payload received. Unknown name \"foo\": Cannot find field."),
        (
            &generate,
            json!({"contents": [{"parts": [{"txt": "x"}]}]}),
            "Invalid JSON payload received. Unknown name \"txt\" at 'contents[0].parts[0]': Cannot find field.",
        ),
        (
            &batch,
            json!({"batch": {"inputConfig": {"requests": {"requests": [{"safetySettings": []}]}}}}),
            "Invalid JSON payload received. Unknown name \"safetySettings\" at 'batch.input_config.requests.requests[0]': Cannot find field.",
        ),
    ] {
        let (status, answer) = emulator.call("POST", path, Some(body)).await;
        let error = &answer["error"];
        assert_eq!(
            (status, error["status"].as_str(), error["message"].as_str()),
            (400, Some("INVALID_ARGUMENT"), Some(message))
        );
        assert_eq!(error["details"][0]["@type"], "type.googleapis.com/google.rpc.BadRequest");
    }
}

#[tokio::test]
async fn api_key_is_read_from_header_or_query() {
    let emulator = TestEmulator::start().await;
    let get = async |path: &str| {
        let response = reqwest::get(format!("{}/{path}", emulator.url)).await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    assert_eq!(get("v1beta/files?key=abc").await, (200, json!({})));
    let (status, answer) = get("v1beta/files").await;
    assert_eq!((status, answer["error"]["status"].as_str()), (403, Some("PERMISSION_DENIED")));
    let (status, answer) = get("v1beta/files?key=invalid").await;
    assert_eq!((status, answer["error"]["details"][0]["reason"].as_str()), (400, Some("API_KEY_INVALID")));
}

#[tokio::test]
async fn list_page_is_stable_when_files_are_added() {
    let emulator = TestEmulator::start().await;
    for _ in 0..3 {
        emulator.upload("{}").await;
        emulator.advance(1);
    }
    let (_, all) = emulator.call("GET", "v1/files", None).await;
    assert!(all.get("nextPageToken").is_none());
    let (_, first) = emulator.call("GET", "v1/files?pageSize=2", None).await;
    emulator.upload("{}").await;
    let token = first["nextPageToken"].as_str().unwrap();
    let (_, second) = emulator.call("GET", &format!("v1/files?pageSize=2&pageToken={token}"), None).await;
    let names =
        |page: &Value| page["files"].as_array().unwrap().iter().map(|file| file["name"].clone()).collect::<Vec<_>>();
    assert_eq!([names(&first), names(&second)].concat(), names(&all));
    assert_eq!(emulator.call("GET", "v1/files?pageToken=%21", None).await.0, 400);
}

#[tokio::test]
async fn control_is_served_to_loopback_callers_only_when_enabled() {
    for (control, peer, status) in [
        (true, Some("127.0.0.1:5"), 200),
        (true, Some("[::ffff:127.0.0.1]:5"), 200),
        (true, Some("192.0.2.1:5"), 404),
        (true, None, 404),
        (false, Some("127.0.0.1:5"), 404),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let emulator = Emulator::open(config(folder.path(), control)).await.unwrap();
        let mut request = Request::get("/_control").body(Body::empty()).unwrap();
        if let Some(peer) = peer {
            request.extensions_mut().insert(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
        }
        let response = router(emulator).oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{control} {peer:?}");
    }
}

#[tokio::test]
async fn stream_as_list_wraps_its_error_in_a_list() {
    let emulator = TestEmulator::start().await;
    let body = json!({"contents": [{"parts": [{"text": "a"}]}]});
    for (method, path) in
        [("streamGenerateContent", "/0/error/status"), ("streamGenerateContent?alt=sse", "/error/status")]
    {
        let (status, answer) = emulator.call("POST", &format!("v1/models/gemini-0:{method}"), Some(body.clone())).await;
        assert_eq!((status, answer.pointer(path)), (404, Some(&json!("NOT_FOUND"))), "{answer}");
    }
}

#[tokio::test]
async fn page_size_negative_or_not_a_number_is_refused() {
    let emulator = TestEmulator::start().await;
    for (size, expected) in [("0", 200), ("7", 200), ("5000", 200), ("-1", 400), ("many", 400), ("", 400)] {
        for list in ["files", "batches", "models"] {
            let (status, answer) = emulator.call("GET", &format!("v1beta/{list}?pageSize={size}"), None).await;
            assert_eq!(status, expected, "{list} {size}: {answer}");
        }
    }
}
