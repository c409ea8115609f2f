//! The stored row of a batch, and its Operation object at a given time.
//!
//! The fields are described in `docs/GEMINI.md`, "Batch operation".

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::faults::Fault;
use super::file::nanos;

/// A batch expires 48 hours after its create (<https://ai.google.dev/gemini-api/docs/batch-api>, read 2026-11-30).
const EXPIRY: SignedDuration = SignedDuration::from_hours(48);

/// The stored row of a batch. Its input and output are files beside the row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BatchRow {
    /// The id without `batches/`.
    pub id: String,
    pub project: String,
    /// The id of the model without `models/`.
    pub model: String,
    pub display_name: Option<String>,
    /// `files/…`; `None` for an inline batch.
    pub input_file: Option<String>,
    pub created: Timestamp,
    pub pending_ms: i64,
    pub running_ms: i64,
    /// Number of requests.
    pub requests: u64,
    /// Tokens of all prompts, for the quota of enqueued tokens.
    pub tokens: u64,
    /// The outcomes of the rows, once the output is written.
    pub written: Option<RowCounts>,
    pub cancelled: Option<Timestamp>,
    /// When a client deleted it. It may run on and count as enqueued, and no call shows it.
    #[serde(default)]
    pub deleted: Option<Timestamp>,
    pub faults: Vec<Fault>,
}

/// The numbers of rows in an output, by outcome.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct RowCounts {
    pub succeeded: u64,
    pub failed: u64,
}

/// The state of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Pending,
    Running,
    Succeeded,
    Failed,
    Cancelled,
    Expired,
}

/// Deviations of the Operation object that faults ask for.
#[derive(Clone, Copy, Debug, Default)]
pub struct ShowOptions {
    /// Shows a state that Google does not document.
    pub unknown_state: bool,
    /// Shows `JOB_STATE_…` in place of `BATCH_STATE_…`.
    pub job_state_prefix: bool,
    /// Leaves `response` out.
    pub hide_response: bool,
    /// Leaves `metadata.output` out.
    pub hide_metadata_output: bool,
    /// Rows that count as successful while the batch runs.
    pub done_rows: u64,
}

impl BatchRow {
    /// Whether the batch has this fault.
    pub fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// The state at `now`. It depends only on time, the written output, a cancel and faults.
    pub fn phase(&self, now: Timestamp) -> Phase {
        if self.cancelled.is_some() && !self.has(Fault::CancelIgnored) {
            return Phase::Cancelled;
        }
        if now < self.started() && now < self.expiry() {
            return Phase::Pending;
        }
        if self.has(Fault::BatchRunsForever) {
            return Phase::Running;
        }
        if self.outlasts_expiry() && now >= self.expiry() {
            return Phase::Expired;
        }
        let fails = self.has(Fault::BatchFails) || self.has(Fault::BatchFailsWithoutError);
        match now >= self.finished() {
            true if fails => Phase::Failed,
            true if self.has(Fault::BatchExpires) => Phase::Expired,
            true if self.written.is_some() => Phase::Succeeded,
            _ if self.has(Fault::NeverRunning) => Phase::Pending,
            _ => Phase::Running,
        }
    }

    /// Whether the batch is in an end state.
    pub fn is_over(&self, now: Timestamp) -> bool {
        !matches!(self.phase(now), Phase::Pending | Phase::Running)
    }

    fn started(&self) -> Timestamp {
        let pending_ms = if self.has(Fault::StuckPending) { i64::MAX } else { self.pending_ms };
        later(self.created, SignedDuration::from_millis(pending_ms))
    }

    fn finished(&self) -> Timestamp {
        later(self.started(), SignedDuration::from_millis(self.running_ms))
    }

    fn expiry(&self) -> Timestamp {
        later(self.created, EXPIRY)
    }

    fn outlasts_expiry(&self) -> bool {
        self.finished() > self.expiry()
    }

    /// The number of rows that are done at `now` if all rows take the same time.
    pub fn rows_due(&self, now: Timestamp) -> u64 {
        let ran_ms = now.duration_since(self.started()).as_millis().max(0);
        let share = i128::from(self.requests) * ran_ms / i128::from(self.running_ms.max(1));
        u64::try_from(share).unwrap_or(u64::MAX).min(self.requests)
    }

    fn ended(&self, phase: Phase) -> Option<Timestamp> {
        match phase {
            Phase::Pending | Phase::Running => None,
            Phase::Cancelled => self.cancelled,
            Phase::Expired => Some(self.expiry().min(self.finished())),
            Phase::Succeeded | Phase::Failed => Some(self.finished()),
        }
    }

    fn updated(&self, phase: Phase) -> Timestamp {
        match phase {
            Phase::Pending => self.created,
            Phase::Running => self.started(),
            _ => self.ended(phase).unwrap_or(self.created),
        }
    }

    /// The Operation object at `now`. `output` of a successful batch is `{"responsesFile": …}` or `{"inlinedResponses": …}`.
    pub fn show(&self, now: Timestamp, output: Option<Value>, options: ShowOptions) -> Value {
        let phase = self.phase(now);
        let name = format!("batches/{}", self.id);
        let mut metadata = json!({
            "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch",
            "name": name,
            "model": format!("models/{}", self.model),
            "createTime": nanos(self.created),
            "updateTime": nanos(self.updated(phase)),
            "batchStats": self.stats(phase, options.done_rows),
            "state": state(phase, options),
        });
        if let Some(display_name) = &self.display_name {
            metadata["displayName"] = json!(display_name);
        }
        if let Some(file) = &self.input_file {
            metadata["inputConfig"] = json!({"fileName": file});
        }
        let Some(ended) = self.ended(phase) else {
            return json!({"name": name, "metadata": metadata});
        };
        metadata["endTime"] = json!(nanos(ended));
        if let Some(output) = output.as_ref().filter(|_| !options.hide_metadata_output) {
            metadata["output"] = output.clone();
        }
        let mut operation = json!({"name": name, "metadata": metadata, "done": true});
        if let Some(mut output) = output.filter(|_| !options.hide_response) {
            output["@type"] =
                json!("type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatchOutput");
            operation["response"] = output;
        }
        if let Some((code, message)) = self.error(phase) {
            operation["error"] = json!({"code": code, "message": message});
        }
        operation
    }

    fn error(&self, phase: Phase) -> Option<(i64, &'static str)> {
        match phase {
            Phase::Failed if self.has(Fault::BatchFailsWithoutError) => None,
            Phase::Failed => Some((13, "Internal error encountered.")),
            Phase::Cancelled => Some((1, "The operation was cancelled.")),
            Phase::Expired => Some((4, "The batch expired before it could be completed.")),
            Phase::Pending | Phase::Running | Phase::Succeeded => None,
        }
    }

    /// `batchStats` without the counters that are zero.
    fn stats(&self, phase: Phase, done_rows: u64) -> Value {
        let written = self.written.unwrap_or_default();
        let (succeeded, failed, pending) = match phase {
            Phase::Succeeded => (written.succeeded, written.failed, 0),
            Phase::Failed | Phase::Expired => (0, self.requests, 0),
            Phase::Pending | Phase::Running | Phase::Cancelled => {
                let done_rows = done_rows.min(self.requests);
                (done_rows, 0, self.requests - done_rows)
            }
        };
        let counters = [
            ("requestCount", self.requests),
            ("successfulRequestCount", succeeded),
            ("failedRequestCount", failed),
            ("pendingRequestCount", pending),
        ];
        counters
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| ((*name).to_owned(), json!(count.to_string())))
            .collect()
    }
}

fn state(phase: Phase, options: ShowOptions) -> String {
    let prefix = if options.job_state_prefix { "JOB_STATE" } else { "BATCH_STATE" };
    if options.unknown_state {
        return format!("{prefix}_CONTEMPLATING");
    }
    let name = match phase {
        Phase::Pending => "PENDING",
        Phase::Running => "RUNNING",
        Phase::Succeeded => "SUCCEEDED",
        Phase::Failed => "FAILED",
        Phase::Cancelled => "CANCELLED",
        Phase::Expired => "EXPIRED",
    };
    format!("{prefix}_{name}")
}

fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.saturating_add(by).unwrap_or(Timestamp::MAX)
}
