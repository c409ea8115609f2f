//! A batch as its JSON describes it: a long-running operation whose state is in `metadata`.
//!
//! The fields are described in `docs/GEMINI.md`, "Batch operation".

use jiff::Timestamp;
use serde_json::Value;

use super::envelope::Status;
use super::lenient;

/// A batch at Google.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// `batches/…`; empty if the JSON has no name.
    pub name: String,
    pub display_name: String,
    /// `models/…`.
    pub model: String,
    pub state: BatchState,
    /// `files/…` of the input; `None` for an inline batch.
    pub input_file: Option<String>,
    /// `files/…` of the results. It can be missing for minutes after success (<https://github.com/tidyverse/ellmer/pull/926>, read
    /// 2026-11-23).
    pub output_file: Option<String>,
    pub stats: BatchStats,
    /// Why the batch failed, was cancelled or expired. Google does not always send it.
    pub error: Option<Status>,
    pub create_time: Option<Timestamp>,
    pub update_time: Option<Timestamp>,
    pub end_time: Option<Timestamp>,
    /// The JSON as it was received.
    pub raw: Value,
}

/// The state of a batch. A batch can succeed although all of its rows fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchState {
    Pending,
    Running,
    Succeeded,
    /// Ended with results for some rows. The library of Google names this state; the Gemini API has not been seen to send it.
    PartiallySucceeded,
    Failed,
    Cancelled,
    Expired,
    /// A state that is not in this list, as it was sent. It counts as still running.
    Unknown(String),
}

/// The numbers of requests in a batch. They show progress and may be late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchStats {
    pub requests: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub pending: u64,
}

/// One page of a list of batches, newest first.
#[derive(Clone, Debug, Default)]
pub struct BatchPage {
    pub batches: Vec<Batch>,
    /// The argument for the next page; `None` on the last page.
    pub next_page_token: Option<String>,
}

impl BatchState {
    /// Whether the state will not change any more.
    pub const fn is_terminal(&self) -> bool {
        !matches!(self, Self::Pending | Self::Running | Self::Unknown(_))
    }

    /// Parses `BATCH_STATE_RUNNING`, `JOB_STATE_RUNNING` and `RUNNING` as the same state.
    fn parse(sent: &str) -> Self {
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
    /// Reads an operation and never fails. Missing fields stay empty. The output is taken from `metadata` or from `response`.
    pub fn from_json(raw: Value) -> Self {
        let empty = Value::Null;
        let metadata = lenient::member(&raw, "metadata").unwrap_or(&empty);
        let response = lenient::member(&raw, "response").unwrap_or(&empty);
        let output = lenient::member(metadata, "output").unwrap_or(&empty);
        let input = lenient::member(metadata, "inputConfig").unwrap_or(&empty);
        let text = |name| lenient::string(metadata, name).unwrap_or_default();
        let error = lenient::member(&raw, "error").map(Status::from_json);
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
    pub(super) fn from_json(answer: &Value) -> Self {
        let operations = lenient::member(answer, "operations").and_then(Value::as_array).cloned().unwrap_or_default();
        Self {
            batches: operations.into_iter().map(Batch::from_json).collect(),
            next_page_token: lenient::string(answer, "nextPageToken"),
        }
    }
}

/// The state in `metadata`. If it is missing or unknown, `done`, `error` and `response` decide.
fn state(raw: &Value, named: &str, error: Option<&Status>) -> BatchState {
    const CANCELLED: i64 = 1;
    let state = BatchState::parse(named);
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
