//! `batches`: create, get, list, cancel, delete.

use std::path::Path as FilePath;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufReader, BufWriter};

use super::batch::{BatchRow, Look, Phase};
use super::caller::Caller;
use super::emulator::{Emulator, random_id};
use super::faults::Fault;
use super::files::{self, page};
use super::reply::{Failure, Rpc, hang_up, html, ok};
use super::rows::RowInput;
use super::tokens;
use super::uploads::{help, retry_info};
use crate::gemini::jsonl::{Line, Lines};
use crate::gemini::lenient;
use crate::gemini::models::Model;

type Named = Path<(String, String)>;

/// Lines longer than this are refused.
pub const LINE_BYTES_MAX: usize = 128 << 20;
const LINE_ERRORS_MAX: usize = 20;

/// What a new batch is made of.
struct Input {
    requests: u64,
    tokens: u64,
}

/// `POST models/{model}:batchGenerateContent`, its body checked already.
pub async fn create(emulator: &Emulator, caller: &Caller, model: &Model, body: &Value) -> Result<Response, Failure> {
    emulator.count("create_batch");
    create_faults(emulator)?;
    let empty = json!({});
    let wish = lenient::member(body, "batch").unwrap_or(&empty);
    let config = lenient::member(wish, "inputConfig").unwrap_or(&empty);
    let id = random_id(36);
    let input_path = emulator.batches.path(&id, "in");
    let input_file = lenient::string(config, "fileName");
    match (&input_file, lenient::member(config, "requests")) {
        (Some(name), _) => link_file(emulator, caller, name, &input_path).await?,
        (None, Some(requests)) => write_inline(requests, &input_path).await?,
        (None, None) => return Err(Failure::invalid("* BatchGenerateContentRequest.batch.input_config: is not specified\n")),
    }
    let checked = match check_input(&input_path, model).await {
        Ok(input) => enqueue(emulator, caller, &model.id, &input).map(|()| input),
        Err(failure) => Err(failure),
    };
    let input = match checked {
        Ok(input) => input,
        Err(failure) => {
            tokio::fs::remove_file(&input_path).await?;
            return Err(failure);
        }
    };
    let settings = emulator.settings();
    let batch = BatchRow {
        id: id.clone(),
        project: caller.project.clone(),
        model: model.id.clone(),
        display_name: lenient::string(wish, "displayName"),
        input_file,
        created: emulator.now(),
        pending_ms: settings.pending_ms,
        running_ms: settings.running_ms,
        requests: input.requests,
        tokens: input.tokens,
        written: None,
        cancelled: None,
        faults: batch_faults(emulator),
    };
    emulator.batches.put(&id, batch.clone())?;
    emulator.start_work(&id);
    if emulator.faults.happens(Fault::CreateAnswers500) {
        return Err(Failure::internal());
    }
    if emulator.faults.happens(Fault::CreateHangsUp) {
        hang_up();
    }
    Ok(ok(batch.show(emulator.now(), None, Look::default())))
}

fn create_faults(emulator: &Emulator) -> Result<(), Failure> {
    let quota = || {
        let message = "You exceeded your current quota, please check your plan and billing details. For more information on this \
                       error, head to: https://ai.google.dev/gemini-api/docs/rate-limits. To monitor your current usage, head to: \
                       https://ai.dev/rate-limit. ";
        Failure::new(Rpc::ResourceExhausted, message).with(help())
    };
    if emulator.faults.happens(Fault::CreateQuota) {
        return Err(quota());
    }
    if let Some(seconds) = emulator.faults.draw(Fault::CreateRateLimited) {
        return Err(quota().with(retry_info(&format!("{}s", seconds.max(1)))));
    }
    if emulator.faults.happens(Fault::CreateLineErrors) {
        return Err(Failure::invalid("Error on line 1: invalid JSON, near column 436: no such field: 'cachedContent'"));
    }
    Ok(())
}

/// The faults of a batch are decided once.
fn batch_faults(emulator: &Emulator) -> Vec<Fault> {
    const OF_BATCHES: [Fault; 13] = [
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
    ];
    let mut faults: Vec<Fault> = OF_BATCHES.into_iter().filter(|fault| emulator.faults.happens(*fault)).collect();
    if emulator.faults.happens(Fault::OutputCrlf) {
        faults.push(Fault::OutputCrlf);
    }
    faults
}

/// The batch has its own hold on the bytes: the file may be deleted.
async fn link_file(emulator: &Emulator, caller: &Caller, name: &str, input: &FilePath) -> Result<(), Failure> {
    let id = name.strip_prefix("files/").ok_or_else(Failure::no_entity)?;
    let file = files::find(emulator, &caller.project, id).map_err(|_| Failure::no_entity())?;
    if !file.is_active() {
        let message = format!("The File {id} is not in an ACTIVE state and usage is not allowed.");
        return Err(Failure::new(Rpc::FailedPrecondition, message));
    }
    Ok(tokio::fs::hard_link(emulator.files.path(id, "bin"), input).await?)
}

async fn write_inline(requests: &Value, path: &FilePath) -> Result<(), Failure> {
    let items = lenient::member(requests, "requests").and_then(Value::as_array);
    let mut file = BufWriter::new(File::create(path).await?);
    for item in items.into_iter().flatten() {
        let mut line = serde_json::to_vec(item).map_err(std::io::Error::from)?;
        line.push(b'\n');
        file.write_all(&line).await?;
    }
    Ok(file.flush().await?)
}

/// Google parses all of the input before it answers; a bad line fails the whole create.
async fn check_input(path: &FilePath, model: &Model) -> Result<Input, Failure> {
    let mut lines = Lines::new(BufReader::with_capacity(1 << 20, File::open(path).await?), LINE_BYTES_MAX);
    let mut input = Input { requests: 0, tokens: 0 };
    let mut errors = Vec::new();
    let mut number = 0;
    while let Some(line) = lines.next().await? {
        number += 1;
        let bytes = match line {
            Line::Whole(bytes) | Line::Unterminated(bytes) => bytes,
            Line::TooLong => {
                errors.push(format!("Error on line {number}: the line is too long"));
                continue;
            }
        };
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        match RowInput::read(bytes) {
            Ok(row) => {
                input.requests += 1;
                input.tokens += tokens::of_prompt(&row.request, model).total();
            }
            Err(fault) => errors.push(format!("Error on line {number}: {fault}")),
        }
        if errors.len() >= LINE_ERRORS_MAX {
            break;
        }
    }
    match errors.as_slice() {
        [] if input.requests > 0 => Ok(input),
        [] => Err(Failure::invalid("The batch has no requests.")),
        errors => Err(Failure::invalid(errors.join("\n"))),
    }
}

fn enqueue(emulator: &Emulator, caller: &Caller, model: &str, input: &Input) -> Result<(), Failure> {
    let (now, settings) = (emulator.now(), emulator.settings());
    let counts = |batch: &BatchRow| match batch.phase(now) {
        Phase::Pending | Phase::Running => true,
        Phase::Cancelled => settings.cancelled_count_as_enqueued,
        _ => false,
    };
    let ours = |batch: &BatchRow| batch.project == caller.project && batch.model == model;
    let enqueued: u64 = emulator.batches.all().iter().filter(|batch| ours(batch) && counts(batch)).map(|batch| batch.tokens).sum();
    if enqueued.saturating_add(input.tokens) > settings.enqueued_tokens_max {
        return Err(Failure::new(Rpc::ResourceExhausted, "You exceeded your current quota.").with(help()));
    }
    Ok(())
}

fn find(emulator: &Emulator, caller: &Caller, id: &str) -> Result<BatchRow, Failure> {
    emulator.batches.get(id).filter(|batch| batch.project == caller.project).ok_or_else(Failure::no_entity)
}

pub async fn get(State(emulator): State<Emulator>, Path((_, id)): Named, caller: Caller) -> Result<Response, Failure> {
    emulator.count("get_batch");
    if let Some(response) = poll_fault(&emulator) {
        return Ok(response);
    }
    let batch = find(&emulator, &caller, &id)?;
    if batch.phase(emulator.now()) == Phase::Succeeded && emulator.faults.happens(Fault::OutputLate) {
        let look = Look { hide_response: true, hide_metadata_output: true, ..Look::default() };
        return Ok(ok(batch.show(emulator.now(), None, look)));
    }
    let look = look(&emulator, &batch);
    Ok(ok(show(&emulator, &batch, look).await?))
}

fn poll_fault(emulator: &Emulator) -> Option<Response> {
    if emulator.faults.happens(Fault::PollHangsUp) {
        hang_up();
    }
    if emulator.faults.happens(Fault::PollUnavailable) {
        return Some(Failure::new(Rpc::Unavailable, "The service is currently unavailable.").into_response());
    }
    if emulator.faults.happens(Fault::PollBadGateway) {
        return Some(html(StatusCode::BAD_GATEWAY, "Error 502 (Server Error)!!1"));
    }
    emulator.faults.happens(Fault::PollNotFound).then(|| Failure::no_entity().into_response())
}

fn look(emulator: &Emulator, batch: &BatchRow) -> Look {
    let over = batch.is_over(emulator.now());
    let grows = !over && emulator.faults.happens(Fault::GrowingSuccesses);
    Look {
        unknown_state: !over && emulator.faults.happens(Fault::UnknownState),
        job_state_prefix: emulator.faults.happens(Fault::JobStatePrefix),
        hide_response: over && emulator.faults.happens(Fault::OutputOnlyInMetadata),
        hide_metadata_output: over && emulator.faults.happens(Fault::OutputOnlyInResponse),
        done_rows: if grows { batch.rows_due(emulator.now()) } else { 0 },
    }
}

async fn show(emulator: &Emulator, batch: &BatchRow, look: Look) -> Result<Value, Failure> {
    let output = match (batch.phase(emulator.now()), &batch.input_file) {
        (Phase::Succeeded, Some(_)) => Some(json!({"responsesFile": format!("files/batch-{}", batch.id)})),
        (Phase::Succeeded, None) => Some(inline_output(&emulator.batches.path(&batch.id, "out")).await?),
        _ => None,
    };
    Ok(batch.show(emulator.now(), output, look))
}

async fn inline_output(path: &FilePath) -> Result<Value, Failure> {
    let text = tokio::fs::read(path).await?;
    let items: Vec<Value> = text.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    Ok(json!({"inlinedResponses": {"inlinedResponses": items}}))
}

pub async fn list(State(emulator): State<Emulator>, caller: Caller) -> Result<Response, Failure> {
    emulator.count("list_batches");
    if let Some(response) = poll_fault(&emulator) {
        return Ok(response);
    }
    let batches: Vec<BatchRow> = emulator.batches.all().into_iter().filter(|batch| batch.project == caller.project).collect();
    let key = |batch: &BatchRow| format!("{:030}{}", batch.created.as_nanosecond(), batch.id);
    let page = page(batches, key, caller.page_size(20, 100), &caller)?;
    let mut shown = Vec::new();
    for batch in &page.items {
        shown.push(show(&emulator, batch, Look::default()).await?);
    }
    Ok(ok(page.wrap("operations", shown)))
}

pub async fn cancel(State(emulator): State<Emulator>, Path((_, name)): Named, caller: Caller) -> Result<Response, Failure> {
    emulator.count("cancel_batch");
    let id = name.strip_suffix(":cancel").ok_or_else(Failure::no_entity)?;
    let (batch, now) = (find(&emulator, &caller, id)?, emulator.now());
    if !batch.is_over(now) {
        emulator.batches.update(id, |batch| batch.cancelled = Some(now))?;
    }
    Ok(ok(json!({})))
}

pub async fn delete(State(emulator): State<Emulator>, Path((_, id)): Named, caller: Caller) -> Result<Response, Failure> {
    emulator.count("delete_batch");
    find(&emulator, &caller, &id)?;
    emulator.batches.remove(&id, &["in", "out"]);
    Ok(ok(json!({})))
}
