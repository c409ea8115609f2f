//! Creates a batch, with the faults that a create can have.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::response::Response;
use serde_json::{Value, json};

use super::input::{Input, check_input, link_file, write_inline};
use crate::batch::{BatchRow, ShowOptions};
use crate::caller::Caller;
use crate::emulator::{Emulator, random_id};
use crate::faults::Fault;
use crate::quota;
use crate::reply::{ApiError, drop_connection, ok};
use coldbrew_gemini::lenient;
use coldbrew_gemini::models::Model;

/// Handles `POST models/{model}:batchGenerateContent`. The fields of the body are checked already.
pub(crate) async fn create(
    emulator: &Emulator,
    caller: &Caller,
    model: &Model,
    body: &Value,
) -> Result<Response, ApiError> {
    emulator.count("create_batch");
    let empty = json!({});
    let requested = lenient::member(body, "batch").unwrap_or(&empty);
    let display_name = lenient::string(requested, "displayName");
    let subject = display_name.clone().unwrap_or_default();
    create_faults(emulator, &subject)?;
    let config = lenient::member(requested, "inputConfig").unwrap_or(&empty);
    let id = random_id(36);
    let input_path = emulator.batches.path(&id, "in");
    let input_file = lenient::string(config, "fileName");
    let checked = store_input(emulator, caller, model, config, &input_path).await;
    let input = match checked {
        Ok(input) => input,
        Err(failure) => {
            // The input may not be stored yet.
            let _ = tokio::fs::remove_file(&input_path).await;
            return Err(failure);
        }
    };
    let settings = emulator.settings();
    let batch = BatchRow {
        id: id.clone(),
        project: caller.project.clone(),
        model: model.id.clone(),
        display_name,
        input_file,
        created: emulator.now(),
        pending_ms: settings.pending_ms,
        running_ms: settings.running_ms,
        requests: counted(emulator, &subject, input.requests),
        tokens: input.tokens,
        written: None,
        cancelled: None,
        deleted: None,
        faults: batch_faults(emulator, &subject),
    };
    emulator.batches.put(&id, batch.clone())?;
    emulator.start_batch(&id);
    if emulator.faults.draw(Fault::CreateAnswers500, &subject).is_some() {
        return Err(ApiError::internal());
    }
    if let Some(ms) = emulator.faults.draw(Fault::CreateAnswersLate, &subject) {
        tokio::time::sleep(Duration::from_millis(ms.into())).await;
    }
    if emulator.faults.draw(Fault::CreateHangsUp, &subject).is_some() {
        drop_connection();
    }
    Ok(ok(batch.show(emulator.now(), None, ShowOptions::default())))
}

/// Stores the requests at `path`, and refuses what Google would refuse.
async fn store_input(
    emulator: &Emulator,
    caller: &Caller,
    model: &Model,
    config: &Value,
    path: &Path,
) -> Result<Input, ApiError> {
    match (lenient::string(config, "fileName"), lenient::member(config, "requests")) {
        (Some(name), _) => link_file(emulator, caller, &name, path).await?,
        (None, Some(requests)) => write_inline(requests, path).await?,
        (None, None) => {
            return Err(ApiError::invalid("* BatchGenerateContentRequest.batch.input_config: is not specified\n"));
        }
    }
    let input = check_input(path, model, emulator.faults.happens(Fault::StoreRefused)).await?;
    emulator.unprotected.fetch_add(input.unprotected, Ordering::Relaxed);
    quota::check_enqueued(emulator, caller, &model.id, input.tokens)?;
    Ok(input)
}

/// The number of requests that the reply counts and that will have rows.
fn counted(emulator: &Emulator, subject: &str, requests: u64) -> u64 {
    let fewer = emulator.faults.draw(Fault::CreateCountsFewer, subject).map_or(0, |amount| amount.max(1));
    requests.saturating_sub(fewer.into())
}

fn create_faults(emulator: &Emulator, subject: &str) -> Result<(), ApiError> {
    let draw = |fault| emulator.faults.draw(fault, subject);
    if draw(Fault::CreateQuota).is_some() {
        return Err(quota::capacity());
    }
    if let Some(seconds) = draw(Fault::CreateRateLimited) {
        return Err(quota::per_minute(seconds));
    }
    if draw(Fault::CreateLineErrors).is_some() {
        return Err(ApiError::invalid(
            "Error on line 1: invalid JSON, near column 436: no such field: 'cachedContent'",
        ));
    }
    Ok(())
}

/// Draws the faults of a batch, once at its create.
fn batch_faults(emulator: &Emulator, subject: &str) -> Vec<Fault> {
    const OF_BATCHES: [Fault; 16] = [
        Fault::StuckPending,
        Fault::NeverRunning,
        Fault::BatchFails,
        Fault::BatchFailsWithoutError,
        Fault::CancelIgnored,
        Fault::BatchRunsForever,
        Fault::BatchExpires,
        Fault::OutputShuffled,
        Fault::OutputMissesRows,
        Fault::OutputDoublesRows,
        Fault::OutputKeylessRow,
        Fault::OutputStatusForError,
        Fault::OutputEmpty,
        Fault::OutputCutOff,
        Fault::OutputBlankLines,
        Fault::OutputCrlf,
    ];
    OF_BATCHES.into_iter().filter(|fault| emulator.faults.draw(*fault, subject).is_some()).collect()
}
