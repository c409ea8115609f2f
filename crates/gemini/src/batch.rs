//! A batch at Google, as its JSON describes it: a long-running operation whose truth is in `metadata`.

use jiff::Timestamp;
use serde_json::Value;

use super::envelope::Status;
use super::lenient;

/// A batch at Google.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// `batches/…`; empty if the JSON had none.
    pub name: String,
    pub display_name: String,
    /// `models/…`.
    pub model: String,
    pub state: BatchState,
    /// The file it was created from; `None` for an inline batch.
    pub input_file: Option<String>,
    /// The file with the results. Can be missing for a while after success.
    pub output_file: Option<String>,
    pub stats: BatchStats,
    pub error: Option<Status>,
    pub create_time: Option<Timestamp>,
    pub update_time: Option<Timestamp>,
    pub end_time: Option<Timestamp>,
    pub raw: Value,
}

/// How far a batch is. A success says nothing about its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchState {
    Pending,
    Running,
    Succeeded,
    /// Ended with some results.
    PartiallySucceeded,
    Failed,
    Cancelled,
    Expired,
    /// A state nobody has heard of: it is still going on.
    Unknown(String),
}

/// How many requests a batch has, and how they went. Progress only, no promise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchStats {
    pub requests: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub pending: u64,
}

/// Some batches, newest first, and where to go on.
#[derive(Clone, Debug, Default)]
pub struct BatchPage {
    pub batches: Vec<Batch>,
    pub next_page_token: Option<String>,
}

impl BatchState {
    /// Whether it will not change any more.
    pub const fn is_terminal(&self) -> bool {
        !matches!(self, Self::Pending | Self::Running | Self::Unknown(_))
    }

    /// Reads `BATCH_STATE_RUNNING`, `JOB_STATE_RUNNING` and `RUNNING` alike.
    fn read(sent: &str) -> Self {
        let bare = sent.strip_prefix("BATCH_STATE_").or_else(|| sent.strip_prefix("JOB_STATE_")).unwrap_or(sent);
        match bare {
            "PENDING" | "QUEUED" => Self::Pending,
            "RUNNING" => Self::Running,
            "SUCCEEDED" => Self::Succeeded,
            "PARTIALLY_SUCCEEDED" => Self::PartiallySucceeded,
            "FAILED" => Self::Failed,
            "CANCELLED" => Self::Cancelled,
            "EXPIRED" => Self::Expired,
            _ => Self::Unknown(sent.to_owned()),
        }
    }
}

impl Batch {
    /// Reads an operation. Never fails: what is missing stays empty, and what is in two places is taken from either.
    pub fn read(raw: Value) -> Self {
        let empty = Value::Null;
        let metadata = lenient::member(&raw, "metadata").unwrap_or(&empty);
        let response = lenient::member(&raw, "response").unwrap_or(&empty);
        let output = lenient::member(metadata, "output").unwrap_or(&empty);
        let input = lenient::member(metadata, "inputConfig").unwrap_or(&empty);
        let text = |name| lenient::string(metadata, name).unwrap_or_default();
        let error = lenient::member(&raw, "error").map(Status::read);
        Self {
            name: lenient::string(&raw, "name").unwrap_or_else(|| text("name")),
            display_name: text("displayName"),
            model: text("model"),
            state: state(&raw, &text("state"), error.as_ref()),
            input_file: lenient::string(input, "fileName"),
            output_file: lenient::string(output, "responsesFile")
                .or_else(|| lenient::string(response, "responsesFile")),
            stats: stats(lenient::member(metadata, "batchStats").unwrap_or(&empty)),
            error,
            create_time: lenient::time(metadata, "createTime"),
            update_time: lenient::time(metadata, "updateTime"),
            end_time: lenient::time(metadata, "endTime"),
            raw,
        }
    }
}

impl BatchPage {
    pub(super) fn read(answer: &Value) -> Self {
        let operations = lenient::member(answer, "operations").and_then(Value::as_array).cloned().unwrap_or_default();
        Self {
            batches: operations.into_iter().map(Batch::read).collect(),
            next_page_token: lenient::string(answer, "nextPageToken"),
        }
    }
}

/// The state it names; if that says nothing, what the operation itself says.
fn state(raw: &Value, named: &str, error: Option<&Status>) -> BatchState {
    const CANCELLED: i64 = 1;
    let state = BatchState::read(named);
    let done = lenient::member(raw, "done").and_then(Value::as_bool).unwrap_or(false);
    match (state, error) {
        (BatchState::Unknown(_), Some(error)) if done && error.code == CANCELLED => BatchState::Cancelled,
        (BatchState::Unknown(_), Some(_)) if done => BatchState::Failed,
        (BatchState::Unknown(_), None) if done && raw.get("response").is_some() => BatchState::Succeeded,
        (state, _) => state,
    }
}

fn stats(object: &Value) -> BatchStats {
    BatchStats {
        requests: lenient::count(object, "requestCount"),
        succeeded: lenient::count(object, "successfulRequestCount"),
        failed: lenient::count(object, "failedRequestCount"),
        pending: lenient::count(object, "pendingRequestCount"),
    }
}
