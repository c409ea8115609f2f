//! Creates a batch, with the faults that a create can have.

use std::path::Path;
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
    create_faults(emulator)?;
    let empty = json!({});
    let requested = lenient::member(body, "batch").unwrap_or(&empty);
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
        display_name: lenient::string(requested, "displayName"),
        input_file,
        created: emulator.now(),
        pending_ms: settings.pending_ms,
        running_ms: settings.running_ms,
        requests: input.requests,
        tokens: input.tokens,
        written: None,
        cancelled: None,
        deleted: None,
        faults: batch_faults(emulator),
    };
    emulator.batches.put(&id, batch.clone())?;
    emulator.start_batch(&id);
    if emulator.faults.happens(Fault::CreateAnswers500) {
        return Err(ApiError::internal());
    }
    if let Some(ms) = emulator.faults.draw(Fault::CreateAnswersLate) {
        tokio::time::sleep(Duration::from_millis(ms.into())).await;
    }
    if emulator.faults.happens(Fault::CreateHangsUp) {
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
    let input = check_input(path, model).await?;
    quota::check_enqueued(emulator, caller, &model.id, input.tokens)?;
    Ok(input)
}

fn create_faults(emulator: &Emulator) -> Result<(), ApiError> {
    if emulator.faults.happens(Fault::CreateQuota) {
        return Err(quota::capacity());
    }
    if let Some(seconds) = emulator.faults.draw(Fault::CreateRateLimited) {
        return Err(quota::per_minute(seconds));
    }
    if emulator.faults.happens(Fault::CreateLineErrors) {
        return Err(ApiError::invalid(
            "Error on line 1: invalid JSON, near column 436: no such field: 'cachedContent'",
        ));
    }
    Ok(())
}

/// Draws the faults of a batch, once at its create.
fn batch_faults(emulator: &Emulator) -> Vec<Fault> {
    const OF_BATCHES: [Fault; 14] = [
        Fault::StuckPending,
        Fault::NeverRunning,
        Fault::BatchFails,
        Fault::BatchFailsWithoutError,
        Fault::CancelIgnored,
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
    OF_BATCHES.into_iter().filter(|fault| emulator.faults.happens(*fault)).collect()
}
