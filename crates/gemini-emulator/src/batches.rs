//! The handlers for batches: get, list, cancel and delete. `create` creates them, and `input` checks their requests.

mod create;
mod input;

use std::path::Path as FilePath;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

pub(crate) use self::create::create;
pub(crate) use self::input::LINE_BYTES_MAX;
use super::batch::{BatchRow, Phase, ShowOptions};
use super::caller::Caller;
use super::emulator::Emulator;
use super::faults::Fault;
use super::files::page;
use super::reply::{ApiError, RpcCode, drop_connection, html, ok};

type Named = Path<(String, String)>;

/// Whether calls with this key show the batch.
fn is_shown(batch: &BatchRow, caller: &Caller) -> bool {
    batch.project == caller.project && batch.deleted.is_none()
}

fn find(emulator: &Emulator, caller: &Caller, id: &str) -> Result<BatchRow, ApiError> {
    emulator.batches.get(id).filter(|batch| is_shown(batch, caller)).ok_or_else(ApiError::no_entity)
}

pub(crate) async fn get(
    State(emulator): State<Emulator>,
    Path((_, id)): Named,
    caller: Caller,
) -> Result<Response, ApiError> {
    emulator.count("get_batch");
    if let Some(response) = failed_poll(&emulator) {
        return Ok(response);
    }
    let (batch, now) = (find(&emulator, &caller, &id)?, emulator.now());
    Ok(ok(show(&emulator, &batch, now, show_options(&emulator, &batch, now)).await?))
}

fn failed_poll(emulator: &Emulator) -> Option<Response> {
    if emulator.faults.happens(Fault::PollHangsUp) {
        drop_connection();
    }
    if emulator.faults.happens(Fault::PollUnavailable) {
        return Some(ApiError::new(RpcCode::Unavailable, "The service is currently unavailable.").into_response());
    }
    if emulator.faults.happens(Fault::PollBadGateway) {
        return Some(html(StatusCode::BAD_GATEWAY, "Error 502 (Server Error)!!1"));
    }
    emulator.faults.happens(Fault::PollNotFound).then(|| ApiError::no_entity().into_response())
}

fn show_options(emulator: &Emulator, batch: &BatchRow, now: Timestamp) -> ShowOptions {
    let over = batch.is_over(now);
    let late = batch.phase(now) == Phase::Succeeded && emulator.faults.happens(Fault::OutputLate);
    let grows = !over && emulator.faults.happens(Fault::GrowingSuccesses);
    ShowOptions {
        unknown_state: !over && emulator.faults.happens(Fault::UnknownState),
        job_state_prefix: emulator.faults.happens(Fault::JobStatePrefix),
        hide_response: late || (over && emulator.faults.happens(Fault::OutputOnlyInMetadata)),
        hide_metadata_output: late || (over && emulator.faults.happens(Fault::OutputOnlyInResponse)),
        done_rows: if grows { batch.rows_due(now) } else { 0 },
    }
}

async fn show(emulator: &Emulator, batch: &BatchRow, now: Timestamp, options: ShowOptions) -> Result<Value, ApiError> {
    let output = match (batch.phase(now), &batch.input_file) {
        (Phase::Succeeded, Some(_)) => Some(json!({"responsesFile": format!("files/batch-{}", batch.id)})),
        (Phase::Succeeded, None) => Some(inline_output(&emulator.batches.path(&batch.id, "out")).await?),
        _ => None,
    };
    Ok(batch.show(now, output, options))
}

async fn inline_output(path: &FilePath) -> Result<Value, ApiError> {
    let text = tokio::fs::read(path).await?;
    let items: Vec<Value> =
        text.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    Ok(json!({"inlinedResponses": {"inlinedResponses": items}}))
}

pub(crate) async fn list(State(emulator): State<Emulator>, caller: Caller) -> Result<Response, ApiError> {
    emulator.count("list_batches");
    if let Some(response) = failed_poll(&emulator) {
        return Ok(response);
    }
    let batches: Vec<BatchRow> = emulator.batches.all().into_iter().filter(|batch| is_shown(batch, &caller)).collect();
    let key = |batch: &BatchRow| format!("{:030}{}", batch.created.as_nanosecond(), batch.id);
    let page = page(batches, key, caller.page_size(20, 100)?, &caller)?;
    let mut shown = Vec::new();
    for batch in &page.items {
        shown.push(show(&emulator, batch, emulator.now(), ShowOptions::default()).await?);
    }
    Ok(ok(page.wrap("operations", shown)))
}

pub(crate) async fn cancel(
    State(emulator): State<Emulator>,
    Path((_, name)): Named,
    caller: Caller,
) -> Result<Response, ApiError> {
    emulator.count("cancel_batch");
    let id = name.strip_suffix(":cancel").ok_or_else(ApiError::no_entity)?;
    let (batch, now) = (find(&emulator, &caller, id)?, emulator.now());
    if !batch.is_over(now) {
        emulator.batches.update(id, |batch| batch.cancelled = Some(now))?;
    }
    Ok(ok(json!({})))
}

pub(crate) async fn delete(
    State(emulator): State<Emulator>,
    Path((_, id)): Named,
    caller: Caller,
) -> Result<Response, ApiError> {
    emulator.count("delete_batch");
    find(&emulator, &caller, &id)?;
    let now = emulator.now();
    // It may run on, and it still counts as enqueued (<https://github.com/googleapis/python-genai/issues/2495>, read 2026-11-23).
    emulator.batches.update(&id, |batch| batch.deleted = Some(now))?;
    Ok(ok(json!({})))
}
