//! Creates and polls of batches, with their faults.

use std::time::Duration;

use serde_json::json;

use super::harness::{HOUR, MODEL, TestEmulator, client};
use coldbrew_gemini::{BatchState, ErrorKind, Quota};

#[tokio::test]
async fn create_without_a_reply_has_created_the_batch() {
    for fault in ["create_answers500", "create_hangs_up"] {
        let emulator = TestEmulator::start().await;
        let input = emulator.input(&["one"]).await;
        emulator.once(fault).await;
        let error = emulator.client.create_batch(MODEL, "job", &input.name).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Ambiguous, "{fault}");
        let found = emulator.client.batches_since(None).await.unwrap();
        assert_eq!(found.len(), 1, "{fault}");
        assert_eq!((found[0].display_name.as_str(), found[0].input_file.as_ref()), ("job", Some(&input.name)));
        assert_eq!(emulator.calls("create_batch").await, 1);
    }
}

#[tokio::test]
async fn create_refused_has_created_nothing() {
    let emulator = TestEmulator::start().await;
    let input = emulator.input(&["one"]).await;
    for (fault, kind) in [
        (json!({"fault": "create_quota", "times": 1}), ErrorKind::Quota { which: Quota::Capacity, after: None }),
        (
            json!({"fault": "create_rate_limited", "times": 1, "amount": 31}),
            ErrorKind::Quota { which: Quota::PerMinute, after: Some(Duration::from_secs(31)) },
        ),
        (json!({"fault": "create_line_errors", "times": 1}), ErrorKind::Rejected),
    ] {
        emulator.arm(fault).await;
        assert_eq!(emulator.client.create_batch(MODEL, "job", &input.name).await.unwrap_err().kind, kind);
    }
    assert!(emulator.client.list_batches(None).await.unwrap().batches.is_empty());
}

#[tokio::test]
async fn create_with_a_bad_line_names_it_and_creates_nothing() {
    let emulator = TestEmulator::start().await;
    let good = r#"{"key":"a","request":{"contents":[{"parts":[{"text":"x"}]}]}}"#;
    for (input, message) in [
        (
            format!("{good}\n{{\"custom_id\":\"b\"}}\n[]\n"),
            "Error on line 2: invalid JSON, near column 2: no such field: 'custom_id'\nError on line 3: invalid JSON, near column 1: unexpected character: '['; expected '{'",
        ),
        (
            format!("{good}\n{{\"key\":\"b\",\"request\":{{\"thinking_config\":{{}}}}}}"),
            "Error on line 2: invalid JSON, near column 23: no such field: 'thinking_config'",
        ),
        ("\n\n".to_owned(), "The batch has no requests."),
    ] {
        let file = emulator.upload(&input).await;
        let error = emulator.client.create_batch(MODEL, "job", &file.name).await.unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Rejected, message));
    }
    assert!(emulator.client.list_batches(None).await.unwrap().batches.is_empty());
    let file = emulator.upload(good).await;
    assert_eq!(emulator.client.create_batch(MODEL, "job", &file.name).await.unwrap().stats.requests, 1);
    assert_eq!(
        emulator.client.create_batch("gemini-0.1", "job", &file.name).await.unwrap_err().kind,
        ErrorKind::Rejected
    );
    for status in [404, 403] {
        let error = emulator.client.create_batch(MODEL, "job", "files/none").await.unwrap_err();
        assert_eq!((error.kind, error.http_status), (ErrorKind::NotFound, Some(status)));
        emulator.once("create_file_forbidden").await;
    }
}

#[tokio::test]
async fn create_with_a_used_display_name_and_input_succeeds() {
    let emulator = TestEmulator::start().await;
    let input = emulator.input(&["one"]).await;
    for count in 1..=2 {
        emulator.client.create_batch(MODEL, "job", &input.name).await.unwrap();
        assert_eq!(emulator.client.batches_since(None).await.unwrap().len(), count);
    }
}

#[tokio::test]
async fn create_from_a_file_that_failed_is_refused() {
    let emulator = TestEmulator::start().await;
    emulator.arm(json!({"fault": "file_failed", "times": 1})).await;
    let path = tempfile::NamedTempFile::new().unwrap();
    let spec = coldbrew_gemini::UploadSpec {
        display_name: "in".into(),
        mime_type: "application/jsonl".into(),
        name: Some("files/failed".into()),
    };
    emulator.client.upload_file(path.path(), &spec).await.unwrap_err();
    assert_eq!(emulator.client.create_batch(MODEL, "job", "files/failed").await.unwrap_err().kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn poll_fault_leaves_the_batch_unchanged() {
    let emulator = TestEmulator::start().await;
    let batch = emulator.create(&["one"]).await;
    for (fault, kind) in [
        ("poll_unavailable", ErrorKind::Retry { after: None }),
        ("poll_bad_gateway", ErrorKind::Retry { after: None }),
        ("poll_hangs_up", ErrorKind::Retry { after: None }),
        ("poll_not_found", ErrorKind::NotFound),
    ] {
        emulator.once(fault).await;
        assert_eq!(emulator.client.get_batch(&batch.name).await.unwrap_err().kind, kind, "{fault}");
    }
    emulator.once("unknown_state").await;
    let state = emulator.client.get_batch(&batch.name).await.unwrap().state;
    assert_eq!(state, BatchState::Unknown("BATCH_STATE_CONTEMPLATING".into()));
    emulator.once("job_state_prefix").await;
    let look = emulator.client.get_batch(&batch.name).await.unwrap();
    assert_eq!((look.raw["metadata"]["state"].as_str(), look.state), (Some("JOB_STATE_PENDING"), BatchState::Pending));
    emulator.advance(HOUR + HOUR / 2);
    assert_eq!(emulator.client.get_batch(&batch.name).await.unwrap().stats.succeeded, 0);
    let two = emulator.create(&["one", "two"]).await;
    emulator.advance(HOUR + HOUR / 2);
    emulator.once("growing_successes").await;
    let look = emulator.client.get_batch(&two.name).await.unwrap();
    assert_eq!((look.state, look.stats.succeeded, look.stats.pending), (BatchState::Running, 1, 1));
}

#[tokio::test]
async fn output_file_is_late_or_in_one_place_when_the_fault_is_armed() {
    let emulator = TestEmulator::start().await;
    let batch = emulator.create(&["one"]).await;
    emulator.arm(json!({"fault": "output_late", "times": 2})).await;
    assert_eq!(emulator.finish(&batch).await.output_file, None);
    assert_eq!(emulator.client.get_batch(&batch.name).await.unwrap().output_file, None);
    let output = Some(batch.name.replace("batches/", "files/batch-"));
    for fault in ["output_only_in_response", "output_only_in_metadata"] {
        emulator.once(fault).await;
        let look = emulator.client.get_batch(&batch.name).await.unwrap();
        assert_eq!((look.state, look.output_file.as_ref()), (BatchState::Succeeded, output.as_ref()), "{fault}");
        let in_metadata = look.raw["metadata"].get("output").is_some();
        let in_response = look.raw.get("response").is_some();
        assert_eq!(
            (in_metadata, in_response),
            (fault == "output_only_in_metadata", fault == "output_only_in_response")
        );
    }
}

#[tokio::test]
async fn create_beyond_the_enqueued_tokens_is_refused_until_cancelled_and_deleted_batches_stop_counting() {
    let emulator = TestEmulator::start().await;
    let settings = json!({"pending_ms": 48 * HOUR, "running_ms": 0, "enqueued_tokens_max": 1_000, "cancelled_counts_ms": 3 * HOUR});
    assert_eq!(emulator.call("POST", "_control/settings", Some(settings)).await.0, 200);
    let input = emulator.input(&["one"]).await;
    let create =
        async |model: &str| emulator.client.create_batch(model, "job", &input.name).await.map_err(|error| error.kind);
    let full = Err(ErrorKind::Quota { which: Quota::Capacity, after: None });
    let first = create(MODEL).await.unwrap();
    assert_eq!(create(MODEL).await.map(drop), full);
    create("gemini-3.6-flash").await.unwrap();
    emulator.client.cancel_batch(&first.name).await.unwrap();
    emulator.advance(2 * HOUR);
    assert_eq!(create(MODEL).await.map(drop), full, "it was cancelled two hours ago");
    emulator.client.delete_batch(&first.name).await.unwrap();
    assert_eq!(emulator.client.get_batch(&first.name).await.unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(emulator.client.list_batches(None).await.unwrap().batches.len(), 1);
    assert_eq!(create(MODEL).await.map(drop), full, "a deleted batch counts too");
    emulator.advance(2 * HOUR);
    create(MODEL).await.unwrap();
}

#[tokio::test]
async fn create_beyond_the_number_of_active_batches_is_refused() {
    let emulator = TestEmulator::start().await;
    let settings = json!({"pending_ms": HOUR, "running_ms": HOUR, "batches_max": 1});
    assert_eq!(emulator.call("POST", "_control/settings", Some(settings)).await.0, 200);
    let input = emulator.input(&["one"]).await;
    let create = async || emulator.client.create_batch(MODEL, "job", &input.name).await.map_err(|error| error.kind);
    let first = create().await.unwrap();
    assert_eq!(create().await.map(drop), Err(ErrorKind::Quota { which: Quota::Capacity, after: None }));
    emulator.client.cancel_batch(&first.name).await.unwrap();
    create().await.unwrap();
}

#[tokio::test]
async fn file_or_batch_of_another_key_is_not_found() {
    let emulator = TestEmulator::start().await;
    let batch = emulator.create(&["one"]).await;
    let other = client(&emulator.url, "other");
    assert_eq!(other.get_batch(&batch.name).await.unwrap_err().kind, ErrorKind::NotFound);
    assert!(other.list_batches(None).await.unwrap().batches.is_empty());
    other.delete_batch(&batch.name).await.unwrap();
    assert_eq!(emulator.client.get_batch(&batch.name).await.unwrap().state, BatchState::Pending);
    let file = emulator.upload("{}").await;
    assert_eq!(other.get_file(&file.name).await.unwrap_err().kind, ErrorKind::NotFound);
    assert!(other.list_files(None).await.unwrap().files.is_empty());
    other.delete_file(&file.name).await.unwrap();
    assert_eq!(emulator.client.get_file(&file.name).await.unwrap().name, file.name, "still there");
    assert_eq!(other.create_batch(MODEL, "job", &file.name).await.unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(client(&emulator.url, "invalid").get_batch(&batch.name).await.unwrap_err().kind, ErrorKind::Key);
}
