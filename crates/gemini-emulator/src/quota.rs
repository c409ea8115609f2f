//! The quotas, and the errors with which Google refuses beyond them.
//!
//! The limits are described in `docs/GEMINI.md`, "File limits" and "Enqueued tokens".

use serde_json::{Value, json};

use super::batch::{BatchRow, Phase};
use super::caller::Caller;
use super::emulator::Emulator;
use super::faults::Fault;
use super::file::FileRow;
use super::reply::{ApiError, RpcCode};

/// Refuses a file if the storage of the project is full. `retryDelay` is 2^63 - 1 seconds, as Google sent it.
pub(crate) fn check_storage(emulator: &Emulator, project: &str) -> Result<(), ApiError> {
    let (now, max) = (emulator.now(), emulator.settings().storage_bytes_max);
    let ours = |file: &FileRow| file.project == project && !file.is_expired(now);
    let used: u64 = emulator.files.all().iter().filter(|file| ours(file)).map(|file| file.size_bytes).sum();
    let full = used >= max || emulator.faults.happens(Fault::StorageFull);
    if !full {
        return Ok(());
    }
    let violation = json!({
        "quotaMetric": "generativelanguage.googleapis.com/file_storage_bytes",
        "quotaId": "FileStorageBytesPerProject",
        "quotaValue": max.to_string(),
    });
    Err(exceeded().with(quota_failure(&violation)).with(help()).with(retry_info("9223372036854775807s")))
}

fn help() -> Value {
    json!({
        "@type": "type.googleapis.com/google.rpc.Help",
        "links": [{
            "description": "Learn more about Gemini API quotas",
            "url": "https://ai.google.dev/gemini-api/docs/rate-limits",
        }],
    })
}

fn retry_info(delay: &str) -> Value {
    json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay})
}

fn quota_failure(violation: &Value) -> Value {
    json!({"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]})
}

fn exceeded() -> ApiError {
    let message = "You exceeded your current quota, please check your plan and billing details. For more information on this \
                   error, head to: https://ai.google.dev/gemini-api/docs/rate-limits. To monitor your current usage, head to: \
                   https://ai.dev/rate-limit. ";
    ApiError::new(RpcCode::ResourceExhausted, message)
}

/// The error for too many enqueued tokens or for spending too fast. Google sends only a link to its documentation.
pub(crate) fn capacity() -> ApiError {
    exceeded().with(help())
}

/// The error for too many requests in a minute.
pub(crate) fn per_minute(after_seconds: u32) -> ApiError {
    let violation = json!({
        "quotaMetric": "generativelanguage.googleapis.com/generate_content_paid_tier_requests",
        "quotaId": "GenerateRequestsPerMinutePerProjectPerModel",
        "quotaDimensions": {"location": "global"},
        "quotaValue": "10",
    });
    exceeded().with(quota_failure(&violation)).with(help()).with(retry_info(&format!("{}s", after_seconds.max(1))))
}

/// Refuses a batch if the project has too many active ones, or if it would exceed the enqueued tokens of the project for the model.
pub(crate) fn check_enqueued(emulator: &Emulator, caller: &Caller, model: &str, tokens: u64) -> Result<(), ApiError> {
    let (now, settings) = (emulator.now(), emulator.settings());
    let counts = |batch: &BatchRow| match batch.phase(now) {
        Phase::Pending | Phase::Running => true,
        Phase::Cancelled => batch.cancelled.is_some_and(|cancelled| {
            now.duration_since(cancelled).as_millis() < i128::from(settings.cancelled_counts_ms)
        }),
        _ => false,
    };
    let mut ours = emulator.batches.all();
    ours.retain(|batch| batch.project == caller.project);
    let active = ours.iter().filter(|batch| !batch.is_over(now)).count();
    if active as u64 >= settings.batches_max {
        return Err(capacity());
    }
    let same_model = ours.iter().filter(|batch| batch.model == model && counts(batch));
    let enqueued: u64 = same_model.map(|batch| batch.tokens).sum();
    if enqueued.saturating_add(tokens) > settings.enqueued_tokens_max { Err(capacity()) } else { Ok(()) }
}
