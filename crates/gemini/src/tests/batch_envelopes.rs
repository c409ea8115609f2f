//! The Operation object of each state, as `docs/GEMINI.md`, "Batch operation", describes it, and its parsed fields.

use serde_json::{Value, json};

use super::server::{Reply, Server};
use crate::{BatchState, BatchStats};

const TYPE: &str = "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch";
const FILE: Option<&str> = Some("files/batch-ID");

/// An Operation object. `more` is added to its metadata, `rest` to the operation itself.
fn envelope(state: &str, stats: Value, more: &Value, rest: &Value) -> Value {
    let mut metadata = json!({
        "@type": TYPE, "model": "models/gemini-3.5-flash", "displayName": "ocr-003", "inputConfig": {"fileName": "files/85nave4ld71j"},
        "createTime": "2026-08-20T20:08:31.102934871Z", "updateTime": "2026-08-20T20:09:08.551203944Z",
        "batchStats": stats, "state": state, "name": "batches/ID",
    });
    merge(&mut metadata, more);
    let mut operation = json!({"name": "batches/ID", "metadata": metadata});
    merge(&mut operation, rest);
    operation
}

fn merge(object: &mut Value, more: &Value) {
    for (name, value) in more.as_object().unwrap() {
        object[name] = value.clone();
    }
}

fn failed(code: i64, message: &str) -> Value {
    json!({"done": true, "error": {"code": code, "message": message}})
}

const fn counts(requests: u64, pending: u64, succeeded: u64, failed: u64) -> BatchStats {
    BatchStats { requests, succeeded, failed, pending }
}

/// A description, the Operation object, and the expected state, output file, counts and error code.
type Row = (&'static str, Value, BatchState, Option<&'static str>, BatchStats, Option<i64>);

fn table() -> Vec<Row> {
    use BatchState::{Cancelled, Expired, Failed, PartiallySucceeded, Pending, Running, Succeeded};
    let end = json!({"endTime": "2026-08-20T20:10:25.771236412Z"});
    let file = json!({"responsesFile": "files/batch-ID"});
    let with_file = json!({"endTime": "2026-08-20T20:10:25.771236412Z", "output": file});
    let inline = json!({"inlinedResponses": {"inlinedResponses": [
        {"response": {"candidates": []}, "metadata": {"key": "request-1"}},
        {"error": {"code": 3, "message": "…"}, "metadata": {"key": "request-2"}},
    ]}});
    let with_inline = json!({"output": inline, "inputConfig": null});
    let output = |output: &Value| json!({"done": true, "response": output});
    let nine = || json!({"requestCount": "9", "pendingRequestCount": "9"});
    let eight = || json!({"requestCount": "9", "successfulRequestCount": "8", "failedRequestCount": "1"});
    let none = json!({});
    let row = |what, envelope, state, output, counts, code| (what, envelope, state, output, counts, code);
    vec![
        row("PENDING", envelope("BATCH_STATE_PENDING", nine(), &none, &none), Pending, None, counts(9, 9, 0, 0), None),
        row("RUNNING", envelope("BATCH_STATE_RUNNING", nine(), &none, &none), Running, None, counts(9, 9, 0, 0), None),
        row(
            "SUCCEEDED with an output file",
            envelope("BATCH_STATE_SUCCEEDED", eight(), &with_file, &output(&file)),
            Succeeded,
            FILE,
            counts(9, 0, 8, 1),
            None,
        ),
        row(
            "SUCCEEDED with inline responses",
            envelope("BATCH_STATE_SUCCEEDED", eight(), &with_inline, &output(&inline)),
            Succeeded,
            None,
            counts(9, 0, 8, 1),
            None,
        ),
        row(
            "FAILED",
            envelope(
                "BATCH_STATE_FAILED",
                json!({"requestCount": "9", "failedRequestCount": "9"}),
                &end,
                &failed(13, "Internal error encountered."),
            ),
            Failed,
            None,
            counts(9, 0, 0, 9),
            Some(13),
        ),
        row(
            "FAILED without an error",
            envelope("BATCH_STATE_FAILED", nine(), &end, &json!({"done": true})),
            Failed,
            None,
            counts(9, 9, 0, 0),
            None,
        ),
        row(
            "CANCELLED",
            envelope("BATCH_STATE_CANCELLED", nine(), &end, &failed(1, "The operation was cancelled.")),
            Cancelled,
            None,
            counts(9, 9, 0, 0),
            Some(1),
        ),
        row(
            "CANCELLED with another code",
            envelope("BATCH_STATE_CANCELLED", nine(), &end, &failed(13, "")),
            Cancelled,
            None,
            counts(9, 9, 0, 0),
            Some(13),
        ),
        row(
            "CANCELLED without an error",
            envelope("BATCH_STATE_CANCELLED", nine(), &none, &none),
            Cancelled,
            None,
            counts(9, 9, 0, 0),
            None,
        ),
        row(
            "EXPIRED",
            envelope("BATCH_STATE_EXPIRED", nine(), &end, &failed(4, "…")),
            Expired,
            None,
            counts(9, 9, 0, 0),
            Some(4),
        ),
        row(
            "a state with the prefix of the libraries",
            envelope("JOB_STATE_PARTIALLY_SUCCEEDED", eight(), &with_file, &none),
            PartiallySucceeded,
            FILE,
            counts(9, 0, 8, 1),
            None,
        ),
        row(
            "RUNNING with a growing counter, an omitted one and an unknown one",
            envelope(
                "BATCH_STATE_RUNNING",
                json!({"requestCount": "4", "successfulRequestCount": "1", "pendingRequestCount": "3", "completedRequestCount": "1"}),
                &none,
                &none,
            ),
            Running,
            None,
            counts(4, 3, 1, 0),
            None,
        ),
        row(
            "RUNNING without counters",
            envelope("BATCH_STATE_RUNNING", none.clone(), &none, &none),
            Running,
            None,
            counts(0, 0, 0, 0),
            None,
        ),
    ]
}

#[tokio::test]
async fn batch_envelope_of_each_state_is_parsed() {
    for (what, sent, state, output, counts, code) in table() {
        let server = Server::start([Reply::ok(format!("{sent:#}"))]).await;
        let batch = server.client().get_batch("batches/ID").await.unwrap();
        assert_eq!((&batch.state, batch.output_file.as_deref(), batch.stats), (&state, output, counts), "{what}");
        assert_eq!(batch.error.map(|error| error.code), code, "{what}");
        assert_eq!((batch.name.as_str(), batch.display_name.as_str()), ("batches/ID", "ocr-003"), "{what}");
        assert_eq!(batch.create_time.unwrap().subsec_nanosecond(), 102_934_871, "{what}");
        assert_eq!(batch.end_time.is_some(), sent["metadata"].get("endTime").is_some(), "{what}");
        assert_eq!(batch.raw, sent, "{what}: the raw JSON is kept");
    }
}
